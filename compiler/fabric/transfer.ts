/**
 * A value on its way from the cores that hold it to those that need it: gathered over a tree to where a lane starts, along the lane, and to all
 * cores that need a part of it over another tree. Each core takes one window of the lane's words and drops what it does not need of it.
 */
import { nth } from "../../ir/access.ts";
import type { Core } from "../../ir/placement.ts";
import type { Net } from "./nets.ts";
import { placesOf } from "./places.ts";
import { keyOf } from "./program-builder.ts";

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

/** Words that a core takes of a net. */
export interface Receiving {
  readonly net: Net;
  readonly at: Core;
  readonly words: number;
  /** places in its memory, -1 for words that it drops; made when asked for: most ways are only tried */
  readonly places: () => Int32Array;
}

export interface Transfer {
  readonly sendings: readonly Sending[];
  readonly receivings: readonly Receiving[];
}

/** Ways from a root to cores: first along its column, or first along its row. */
type Shape = "column" | "row";

const noRouters: readonly number[] = [];

/** A tree of routers around a root. They have numbers, each a greater one than the router before it; the root has 0. */
class Tree {
  readonly routers: Core[];
  /** the router before each */
  readonly before: number[] = [-1];
  /** those behind it; none stands for most */
  readonly #behind: (number[] | undefined)[] = [undefined];
  readonly #shape: Shape;
  readonly #numberOf: Map<number, number>;

  constructor(root: Core, shape: Shape) {
    this.routers = [root];
    this.#shape = shape;
    this.#numberOf = new Map([[keyOf(root), 0]]);
  }

  numberOf(core: Core): number | undefined {
    return this.#numberOf.get(keyOf(core));
  }

  /** Adds the way to a core, as far as it is new: there is but one way to each router, so that all before a known one is known. */
  add(core: Core): void {
    const fresh: Core[] = [];
    let before = this.numberOf(core);
    for (let at = core; before === undefined; before = this.numberOf(at)) {
      fresh.push(at);
      at = this.#towardsRoot(at);
    }
    for (let index = fresh.length - 1; index >= 0; index--) {
      const router = fresh[index] as Core;
      const number = this.routers.length;
      this.routers.push(router);
      this.before.push(before);
      this.#behind.push(undefined);
      const known = this.#behind[before];
      if (known === undefined) this.#behind[before] = [number];
      else known.push(number);
      this.#numberOf.set(keyOf(router), number);
      before = number;
    }
  }

  /** Routers behind one, in the order in which they were found. */
  behind(router: number): readonly number[] {
    return this.#behind[router] ?? noRouters;
  }

  #towardsRoot({ x, y }: Core): Core {
    const root = nth(this.routers, 0);
    const isAlongRow = this.#shape === "column" ? x !== root.x : y === root.y;
    return isAlongRow ? { x: x + Math.sign(root.x - x), y } : { x, y: y + Math.sign(root.y - y) };
  }
}

/** Words over the busiest link of a tree, with those that go over it already. */
type Busiest = (tree: Tree) => number;

/**
 * The tree from a root to some cores whose ways all begin along its column, or all along its row: the one whose busiest link is less busy; of
 * equals that with fewer routers.
 */
function treeTo(root: Core, cores: readonly Core[], busiest: Busiest): Tree {
  const treeOf = (shape: Shape): { readonly tree: Tree; readonly words: number } => {
    const tree = new Tree(root, shape);
    for (const core of cores) tree.add(core);
    return { tree, words: busiest(tree) };
  };
  const [first, second] = [treeOf("column"), treeOf("row")];
  const isSecond = second.words - first.words || second.tree.routers.length - first.tree.routers.length;
  return (isSecond < 0 ? second : first).tree;
}

/** Lays the net that takes the elements of the holders to a router; gives them in the order in which they pass it. */
export function gatherTo(
  net: Net,
  root: Core,
  holders: readonly Holder[],
): { readonly order: Int32Array; readonly sendings: Sending[] } {
  const own = new Map<number, Holder>();
  for (const holder of holders) if (holder.elements.length > 0) own.set(keyOf(holder.at), holder);
  const total = holders.reduce((sum, { elements }) => sum + elements.length, 0);
  const busiest: Busiest = ({ routers, before }) => {
    const words = routers.map((core) => own.get(keyOf(core))?.elements.length ?? 0);
    let most = total;
    for (let router = routers.length - 1; router > 0; router--) {
      const passed = nth(words, router);
      const next = nth(before, router);
      most = Math.max(most, passed + net.traffic.over(nth(routers, router), nth(routers, next)));
      words[next] = nth(words, next) + passed;
    }
    return most;
  };
  const tree = treeTo(
    root,
    Array.from(own.values(), ({ at }) => at),
    busiest,
  );
  const order = new Int32Array(total);
  let ordered = 0;
  const sendings: Sending[] = [];
  const visit = (router: number): number => {
    const core = nth(tree.routers, router);
    let words = 0;
    const holder = own.get(keyOf(core));
    if (holder !== undefined) {
      net.input(core, "ramp", holder.elements.length);
      order.set(holder.elements, ordered);
      ordered += holder.elements.length;
      sendings.push({ net, at: holder.at, elements: holder.elements });
      words = holder.elements.length;
    }
    for (const next of tree.behind(router)) {
      const passed = visit(next);
      net.link(nth(tree.routers, next), core, passed);
      words += passed;
    }
    return words;
  };
  visit(0);
  return { order: order.subarray(0, ordered), sendings };
}

/** The words of a lane that a core takes: of every `period` so many from `begin` on, over and over. */
interface Window extends Pick<Receiving, "words" | "places"> {
  readonly begin: number;
  readonly count: number;
  readonly period: number;
}

/** Lays the net on along a way, and from its end to all cores that need some of the words. */
export function giveFrom(
  net: Net,
  way: readonly Core[],
  order: ArrayLike<number>,
  needers: readonly Needer[],
): Receiving[] {
  for (let index = 1; index < way.length; index++) net.link(nth(way, index - 1), nth(way, index), order.length);
  const root = nth(way, way.length - 1);
  const receivings: Receiving[] = [];
  const windowOf = windows(order);
  for (const { at, elements } of needers) {
    const window = windowOf(elements);
    if (window === null) continue;
    const { begin, count, period, words, places } = window;
    net.output(at, "ramp");
    net.filter(at, begin, count, period);
    receivings.push({ net, at, words, places });
  }
  const busiest: Busiest = ({ routers, before }) => {
    let most = 0;
    for (let router = 1; router < routers.length; router++)
      most = Math.max(most, net.traffic.over(nth(routers, nth(before, router)), nth(routers, router)));
    return order.length + most;
  };
  const tree = treeTo(
    root,
    receivings.map(({ at }) => at),
    busiest,
  );
  const visit = (router: number): void => {
    for (const next of tree.behind(router)) {
      net.link(nth(tree.routers, router), nth(tree.routers, next), order.length);
      visit(next);
    }
  };
  visit(0);
  return receivings;
}

/** From the words of a lane to the window that holds some elements; lists that many cores share are looked through once. */
function windows(order: ArrayLike<number>): (elements: Int32Array) => Window | null {
  const wordOf = placesOf(order);
  const periods = divisorsOf(order.length);
  const known = new Map<Int32Array, Window | null>();
  let scratch = new Int32Array(0);
  return (elements) => {
    const found = known.get(elements);
    if (found !== undefined) return found;
    if (scratch.length < 2 * elements.length) scratch = new Int32Array(2 * elements.length);
    let count = 0;
    for (let place = 0; place < elements.length; place++) {
      const word = wordOf(elements[place] as number);
      if (word < 0) continue;
      scratch[count] = word;
      scratch[elements.length + count++] = place;
    }
    const words = scratch.slice(0, count);
    const places = scratch.slice(elements.length, elements.length + count);
    const window = count === 0 ? null : tightest(order.length, periods, { words, places });
    known.set(elements, window);
    return window;
  };
}

/** Of the periods the one whose windows let the fewest words through; of equals the longest. */
function tightest(
  all: number,
  periods: readonly number[],
  { words, places }: { readonly words: Int32Array; readonly places: Int32Array },
): Window {
  let best = { begin: 0, count: all, period: all };
  let least = all;
  for (const period of periods) {
    let [begin, end] = [period, 0];
    const times = all / period;
    // a window that is too wide already becomes no narrower
    for (let index = 0; index < words.length && times * (end - begin) < least; index++) {
      const rest = (words[index] as number) % period;
      if (rest < begin) begin = rest;
      if (rest >= end) end = rest + 1;
    }
    if (times * (end - begin) >= least) continue;
    best = { begin, count: end - begin, period };
    least = times * (end - begin);
  }
  const { begin, count, period } = best;
  const taken = (all / period) * count;
  let made: Int32Array | null = null;
  return {
    ...best,
    words: taken,
    places: () => {
      if (made !== null) return made;
      made = new Int32Array(taken).fill(-1);
      for (const [index, word] of words.entries())
        made[Math.floor(word / period) * count + (word % period) - begin] = places[index] as number;
      return made;
    },
  };
}

/** Divisors, the greatest first. */
function divisorsOf(number: number): number[] {
  const small: number[] = [];
  for (let divisor = 1; divisor * divisor <= number; divisor++) if (number % divisor === 0) small.push(divisor);
  const large = small.flatMap((divisor) => (divisor * divisor === number ? [] : [number / divisor]));
  return [...large, ...small.toReversed()];
}
