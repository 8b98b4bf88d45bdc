/**
 * A value on its way from the cores that hold it to those that need it: gathered over a tree to where a lane starts, along the lane, and to all
 * cores that need a part of it over another tree. Each core takes one window of the lane's words and drops what it does not need of it.
 */
import type { Core } from "../../ir/placement.ts";
import type { Net } from "./nets.ts";
import { straightWay } from "./program-builder.ts";

/** A core that holds elements, in the order in which it sends them. */
export interface Holder {
  readonly at: Core;
  readonly elements: readonly number[];
}

/** A core that needs elements, with the place of each in its memory. */
export interface Needer {
  readonly at: Core;
  readonly places: ReadonlyMap<number, number>;
}

/** Words that a core sends on a net. */
export interface Sending {
  readonly net: Net;
  readonly at: Core;
  readonly elements: readonly number[];
}

/** Words that a core takes of a net: places in its memory, -1 for those that it drops. */
export interface Receiving {
  readonly net: Net;
  readonly at: Core;
  readonly places: readonly number[];
}

export interface Transfer {
  readonly sendings: readonly Sending[];
  readonly receivings: readonly Receiving[];
}

/** A tree of routers towards a root: for each router those that lie behind it. */
class Tree {
  readonly behind = new Map<string, Core[]>();
  readonly known = new Set<string>();

  constructor(root: Core) {
    this.known.add(keyOf(root));
  }

  /** Adds a way from the root outward, as far as it is new. */
  add(way: readonly Core[]): void {
    for (let index = 1; index < way.length; index++) {
      const core = way[index] as Core;
      const key = keyOf(core);
      if (this.known.has(key)) continue;
      this.known.add(key);
      const before = keyOf(way[index - 1] as Core);
      this.behind.set(before, [...(this.behind.get(before) ?? []), core]);
    }
  }

  after(core: Core): readonly Core[] {
    return this.behind.get(keyOf(core)) ?? [];
  }
}

export const keyOf = ({ x, y }: Core): string => `${x} ${y}`;

/** Up or down the root's column, then along the row. */
const columnFirst = (root: Core, { x, y }: Core): Core[] => [
  ...straightWay(root, { x: root.x, y }),
  ...straightWay({ x: root.x, y }, { x, y }).slice(1),
];

/** Lays the net that takes the elements of the holders to a router; gives them in the order in which they pass it. */
export function gatherTo(
  net: Net,
  root: Core,
  holders: readonly Holder[],
): { readonly order: number[]; readonly sendings: Sending[] } {
  const tree = new Tree(root);
  const own = new Map<string, Holder>();
  for (const holder of holders) {
    if (holder.elements.length === 0) continue;
    tree.add(columnFirst(root, holder.at));
    own.set(keyOf(holder.at), holder);
  }
  const order: number[] = [];
  const sendings: Sending[] = [];
  const visit = (core: Core): number => {
    let words = 0;
    const holder = own.get(keyOf(core));
    if (holder !== undefined) {
      net.input(core, "ramp", holder.elements.length);
      for (const element of holder.elements) order.push(element);
      sendings.push({ net, at: holder.at, elements: holder.elements });
      words = holder.elements.length;
    }
    for (const next of tree.after(core)) {
      const passed = visit(next);
      net.link(next, core, passed);
      words += passed;
    }
    return words;
  };
  visit(root);
  return { order, sendings };
}

/** Lays the net on along a way, and from its end to all cores that need some of the words. */
export function giveFrom(
  net: Net,
  way: readonly Core[],
  order: readonly number[],
  needers: readonly Needer[],
): Receiving[] {
  for (let index = 1; index < way.length; index++) net.link(way[index - 1] as Core, way[index] as Core, order.length);
  const root = way.at(-1) as Core;
  const tree = new Tree(root);
  const receivings: Receiving[] = [];
  for (const { at, places } of needers) {
    let begin = -1;
    let end = -1;
    for (const [word, element] of order.entries()) {
      if (!places.has(element)) continue;
      if (begin < 0) begin = word;
      end = word + 1;
    }
    if (begin < 0) continue;
    tree.add(columnFirst(root, at));
    net.output(at, "ramp");
    net.filter(at, begin, end - begin, order.length);
    receivings.push({ net, at, places: order.slice(begin, end).map((element) => places.get(element) ?? -1) });
  }
  const visit = (core: Core): void => {
    for (const next of tree.after(core)) {
      net.link(core, next, order.length);
      visit(next);
    }
  };
  visit(root);
  return receivings;
}
