/**
 * A value on its way from the cores that hold it to those that need it: gathered over a tree to where a lane starts, along the lane, and to all
 * cores that need a part of it over another tree. Each core takes one window of the lane's words and drops what it does not need of it.
 */
import { defined, nth } from "../../ir/access.ts";
import type { Core } from "../../ir/placement.ts";
import type { Net } from "./nets.ts";
import { straightWay } from "./program-builder.ts";

/** A core that holds elements of a value, in the order in which it sends them. */
export interface Holder {
  readonly at: Core;
  readonly elements: ArrayLike<number>;
}

/** A core that needs elements: the one at each place of its memory, -1 at places for none. Cores that need the same may share the list. */
export interface Needer {
  readonly at: Core;
  readonly elements: Int32Array;
}

/** Words that a core sends on a net. */
export interface Sending {
  readonly net: Net;
  readonly at: Core;
  readonly elements: ArrayLike<number>;
}

/** Words that a core takes of a net: places in its memory, -1 for those that it drops. */
export interface Receiving {
  readonly net: Net;
  readonly at: Core;
  readonly places: Int32Array;
}

export interface Transfer {
  readonly sendings: readonly Sending[];
  readonly receivings: readonly Receiving[];
}

/** A tree of routers towards a root: for each router those that lie behind it. */
class Tree {
  readonly behind: Map<string, Core[]> = new Map<string, Core[]>();
  readonly known: Set<string> = new Set<string>();

  constructor(root: Core) {
    this.known.add(keyOf(root));
  }

  get routers(): number {
    return this.known.size;
  }

  /** Adds a way from the root outward, as far as it is new. */
  add(way: readonly Core[]): void {
    for (let index = 1; index < way.length; index++) {
      const core = nth(way, index);
      const key = keyOf(core);
      if (this.known.has(key)) continue;
      this.known.add(key);
      const before = keyOf(nth(way, index - 1));
      const known = this.behind.get(before);
      if (known === undefined) this.behind.set(before, [core]);
      else known.push(core);
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

/** Along the root's row, then up or down the column. */
const rowFirst = (root: Core, { x, y }: Core): Core[] => [
  ...straightWay(root, { x, y: root.y }),
  ...straightWay({ x, y: root.y }, { x, y }).slice(1),
];

/** Words over the busiest link of a tree, with those that go over it already. */
type Busiest = (tree: Tree) => number;

/**
 * The tree from a root to some cores whose ways all begin along its column, or all along its row: the one whose busiest link is less busy; of
 * equals that with fewer routers.
 */
function treeTo(root: Core, cores: readonly Core[], busiest: Busiest): Tree {
  const [byColumn, byRow] = [columnFirst, rowFirst].map((way) => {
    const tree = new Tree(root);
    for (const core of cores) tree.add(way(root, core));
    return { tree, words: busiest(tree) };
  });
  const [first, second] = [defined(byColumn), defined(byRow)];
  const isSecond = second.words - first.words || second.tree.routers - first.tree.routers;
  return (isSecond < 0 ? second : first).tree;
}

/** Lays the net that takes the elements of the holders to a router; gives them in the order in which they pass it. */
export function gatherTo(
  net: Net,
  root: Core,
  holders: readonly Holder[],
): { readonly order: number[]; readonly sendings: Sending[] } {
  const own = new Map<string, Holder>();
  for (const holder of holders) if (holder.elements.length > 0) own.set(keyOf(holder.at), holder);
  const total = holders.reduce((sum, { elements }) => sum + elements.length, 0);
  const busiest: Busiest = (tree) => {
    let most = total;
    const behind = (core: Core): number => {
      let words = own.get(keyOf(core))?.elements.length ?? 0;
      for (const next of tree.after(core)) {
        const passed = behind(next);
        most = Math.max(most, passed + net.traffic.over(next, core));
        words += passed;
      }
      return words;
    };
    behind(root);
    return most;
  };
  const tree = treeTo(
    root,
    [...own.values()].map(({ at }) => at),
    busiest,
  );
  const order: number[] = [];
  const sendings: Sending[] = [];
  const visit = (core: Core): number => {
    let words = 0;
    const holder = own.get(keyOf(core));
    if (holder !== undefined) {
      net.input(core, "ramp", holder.elements.length);
      for (let index = 0; index < holder.elements.length; index++) order.push(nth(holder.elements as number[], index));
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

/** The words of a lane that a core takes: of every `period` those from `begin` on that `places` has room for, over and over; -1 for what it drops. */
interface Window {
  readonly begin: number;
  readonly count: number;
  readonly period: number;
  readonly places: Int32Array;
}

/** Lays the net on along a way, and from its end to all cores that need some of the words. */
export function giveFrom(
  net: Net,
  way: readonly Core[],
  order: readonly number[],
  needers: readonly Needer[],
): Receiving[] {
  for (let index = 1; index < way.length; index++) net.link(nth(way, index - 1), nth(way, index), order.length);
  const root = nth(way, way.length - 1);
  const receivings: Receiving[] = [];
  const windowOf = windows(order);
  for (const { at, elements } of needers) {
    const window = windowOf(elements);
    if (window === null) continue;
    const { begin, count, period, places } = window;
    net.output(at, "ramp");
    net.filter(at, begin, count, period);
    receivings.push({ net, at, places });
  }
  const busiest: Busiest = (tree) => {
    let most = 0;
    const visit = (core: Core): void => {
      for (const next of tree.after(core)) {
        most = Math.max(most, net.traffic.over(core, next));
        visit(next);
      }
    };
    visit(root);
    return order.length + most;
  };
  const tree = treeTo(
    root,
    receivings.map(({ at }) => at),
    busiest,
  );
  const visit = (core: Core): void => {
    for (const next of tree.after(core)) {
      net.link(core, next, order.length);
      visit(next);
    }
  };
  visit(root);
  return receivings;
}

/** From the words of a lane to the window that holds some elements; lists that many cores share are looked through once. */
function windows(order: readonly number[]): (elements: Int32Array) => Window | null {
  const wordOf = new Map<number, number>();
  for (const [word, element] of order.entries()) wordOf.set(element, word);
  const periods = divisorsOf(order.length);
  const known = new Map<Int32Array, Window | null>();
  return (elements) => {
    const found = known.get(elements);
    if (found !== undefined) return found;
    const placeOf = new Map<number, number>();
    for (const [place, element] of elements.entries()) {
      const word = element < 0 ? undefined : wordOf.get(element);
      if (word !== undefined) placeOf.set(word, place);
    }
    const window = placeOf.size === 0 ? null : tightest(order.length, periods, placeOf);
    known.set(elements, window);
    return window;
  };
}

/** Of the periods the one whose windows let the fewest words through; of equals the longest. */
function tightest(words: number, periods: readonly number[], placeOf: ReadonlyMap<number, number>): Window {
  let best = { begin: 0, count: words, period: words };
  for (const period of periods) {
    let [begin, end] = [period, 0];
    for (const word of placeOf.keys()) {
      const rest = word % period;
      if (rest < begin) begin = rest;
      if (rest >= end) end = rest + 1;
    }
    if ((words / period) * (end - begin) < (words / best.period) * best.count)
      best = { begin, count: end - begin, period };
  }
  const { begin, count, period } = best;
  const places = new Int32Array((words / period) * count).fill(-1);
  for (const [word, place] of placeOf) places[Math.floor(word / period) * count + (word % period) - begin] = place;
  return { ...best, places };
}

/** Divisors, the greatest first. */
function divisorsOf(number: number): number[] {
  const small: number[] = [];
  for (let divisor = 1; divisor * divisor <= number; divisor++) if (number % divisor === 0) small.push(divisor);
  const large = small.flatMap((divisor) => (divisor * divisor === number ? [] : [number / divisor]));
  return [...large, ...small.toReversed()];
}
