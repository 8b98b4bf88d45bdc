/**
 * The floorplan: items in the order of the data flow, on shelves across the rectangle, each shelf read in the direction opposite to the one
 * before (a snake), so that neighbours in the flow are neighbours on the wafer. A shelf holds stacks side by side; a stack holds a few
 * consecutive items one above the other.
 *
 *     +--------+-----+---------+
 *     |   0    |  1  |    2    |  shelf 0  ->
 *     |        +-----+         |
 *     |        |  3  |   ...   |
 *     +-----+--+-----+---------+
 *     | ... |    5     |   4   |  shelf 1  <-
 *     +-----+----------+-------+
 *
 * For an interval T a dynamic program finds shelves of least total height:
 *
 *     reach(i, H) = items from i on that fit one shelf of height H          (inner program over stacks, least width first)
 *     f(reach(i, H)) = min of f(i) + H                                      f(i): height that the first i items need
 *
 * Placing fewer items never needs more height, so only the farthest reach of each (i, H) matters, and a state that another one passes at
 * equal height is dropped. Within this class of floorplans (order kept, heights from a list) the answer is exact, hence monotone in T.
 */
import type { Problem } from "./problem.ts";
import { lowest, narrowest, type Staircase, type Standing, staircases } from "./staircase.ts";

export interface Stack {
  readonly width: number;
  /** first item and how many */
  readonly first: number;
  readonly count: number;
}

export interface Shelf {
  readonly height: number;
  readonly stacks: readonly Stack[];
}

/** Items in a stack at most. */
const maxStack = 4;

/** Shelf heights to try: even divisions of the rectangle and a grid between them. */
export function shelfHeights(height: number, items: number): number[] {
  const grid = Math.max(24, Math.min(96, Math.floor(40_000 / Math.max(1, items))));
  const heights = new Set<number>();
  for (let k = 1; k <= grid; k++) {
    heights.add(Math.floor(height / k));
    heights.add(Math.floor((height * k) / grid));
  }
  heights.delete(0);
  return [...heights].sort((a, b) => a - b);
}

/** What the dynamic program asks for again and again. */
interface Site {
  readonly problem: Problem;
  readonly stairs: readonly Staircase[];
  /** by item * maxStack + count - 1: the number of the sequence of classes that such a stack has */
  readonly sequences: Int32Array;
  /** by height: least width of each sequence; NaN where not yet asked */
  readonly widths: Map<number, Float64Array>;
  readonly sequenceCount: number;
  /** least width of the shelf in hand up to its k-th item, and the size of that item's stack */
  readonly width: Float64Array;
  readonly stack: Int32Array;
}

function siteOf(problem: Problem, cycles: number): Site {
  const count = problem.items.length;
  const sequences = new Int32Array(count * maxStack);
  const numbers = new Map<string, number>();
  for (let first = 0; first < count; first++) {
    let key = "";
    for (let size = 1; size <= maxStack && first + size <= count; size++) {
      key += `,${problem.items[first + size - 1] ?? 0}`;
      const number = numbers.get(key) ?? numbers.size;
      numbers.set(key, number);
      sequences[first * maxStack + size - 1] = number;
    }
  }
  return {
    problem,
    stairs: staircases(problem, cycles),
    sequences,
    widths: new Map(),
    sequenceCount: numbers.size,
    width: new Float64Array(count + 1),
    stack: new Int32Array(count + 1),
  };
}

/** Shelves for all items with every item at most `cycles`, or null when they do not fit. */
export function shelve(problem: Problem, cycles: number): readonly Shelf[] | null {
  const site = siteOf(problem, cycles);
  const count = problem.items.length;
  if (problem.items.some((item) => (site.stairs[item]?.length ?? 0) === 0)) return null;
  const heights = shelfHeights(problem.height, count);
  const used = new Float64Array(count + 1).fill(Infinity);
  const cameFrom = new Int32Array(count + 1);
  const shelfHeight = new Int32Array(count + 1);
  used[0] = 0;
  for (let first = 0; first < count; first++) {
    const base = used[first] ?? Infinity;
    if (base > problem.height || isPassed(used, first, base)) continue;
    for (const height of heights) {
      if (base + height > problem.height) break;
      const end = fillShelf(site, first, height);
      if (end > first && base + height < (used[end] ?? Infinity)) {
        used[end] = base + height;
        cameFrom[end] = first;
        shelfHeight[end] = height;
      }
      if (end === count) break;
    }
  }
  if ((used[count] ?? Infinity) > problem.height) return null;
  const shelves: Shelf[] = [];
  for (let end = count; end > 0; end = cameFrom[end] ?? 0) {
    const height = shelfHeight[end] ?? 0;
    shelves.push({ height, stacks: stacksOf(site, cameFrom[end] ?? 0, end, height) });
  }
  return shelves.reverse();
}

/** True when some state holds more items at no more height. */
function isPassed(used: Float64Array, first: number, base: number): boolean {
  for (let later = first + 1; later < used.length; later++) if ((used[later] ?? Infinity) <= base) return true;
  return false;
}

/** Fills `site.width` and `site.stack` for a shelf that starts at `first`; returns the item behind the last that fits. */
function fillShelf(site: Site, first: number, height: number): number {
  const { problem, width, stack } = site;
  const { length } = problem.items;
  width[0] = 0;
  for (let item = first; item < length; item++) {
    const k = item - first + 1;
    let least = Infinity;
    for (let size = 1; size <= Math.min(maxStack, k); size++) {
      const own = stackWidth(site, item - size + 1, size, height);
      if (own === Infinity) break;
      const total = (width[k - size] ?? Infinity) + own;
      if (total >= least) continue;
      least = total;
      stack[k] = size;
    }
    if (least > problem.width) return item;
    width[k] = least;
  }
  return length;
}

function stacksOf(site: Site, first: number, end: number, height: number): Stack[] {
  fillShelf(site, first, height);
  const stacks: Stack[] = [];
  for (let item = end; item > first;) {
    const count = site.stack[item - first] ?? 1;
    stacks.push({ width: stackWidth(site, item - count, count, height), first: item - count, count });
    item -= count;
  }
  return stacks.reverse();
}

/** Least width of a stack of consecutive items within a height; Infinity when they cannot stand on each other. */
function stackWidth(site: Site, first: number, count: number, height: number): number {
  let widths = site.widths.get(height);
  if (widths === undefined) {
    widths = new Float64Array(site.sequenceCount).fill(NaN);
    site.widths.set(height, widths);
  }
  const sequence = site.sequences[first * maxStack + count - 1] ?? 0;
  const known = widths[sequence] ?? NaN;
  if (!Number.isNaN(known)) return known;
  return (widths[sequence] = computeStackWidth(site, first, count, height));
}

function computeStackWidth(site: Site, first: number, count: number, height: number): number {
  const stairs = Array.from({ length: count }, (_, i) => site.stairs[site.problem.items[first + i] ?? 0] ?? []);
  if (count === 1) return narrowest(stairs[0] ?? [], height)?.width ?? Infinity;
  const heightAt = (width: number): number =>
    stairs.reduce((sum, steps) => sum + (lowest(steps, width)?.height ?? Infinity), 0);
  if (heightAt(site.problem.width) > height) return Infinity;
  let low = 1;
  let high = site.problem.width;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (heightAt(middle) <= height) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** An item on the rectangle. */
export interface Placed extends Standing {
  readonly x: number;
  readonly y: number;
}

/** Lays the shelves out from the top, turning at each end. */
export function layOut(problem: Problem, cycles: number, shelves: readonly Shelf[]): Placed[] {
  const stairs = staircases(problem, cycles);
  const placed = new Array<Placed>(problem.items.length);
  let y = 0;
  for (const [index, shelf] of shelves.entries()) {
    let offset = 0;
    for (const { width, first, count } of shelf.stacks) {
      const x = index % 2 === 0 ? offset : problem.width - offset - width;
      let top = y;
      for (let item = first; item < first + count; item++) {
        const standing = standingIn(
          stairs[problem.items[item] ?? 0] ?? [],
          width,
          count === 1 ? shelf.height : Infinity,
        );
        placed[item] = { ...standing, x: index % 2 === 0 ? x : x + width - standing.width, y: top };
        top += standing.height;
      }
      offset += width;
    }
    y += shelf.height;
  }
  return placed;
}

/** What an item takes in its stack: the smallest that fits where it stands alone, the lowest in company. */
function standingIn(stairs: Staircase, width: number, height: number): Standing {
  let best: Standing | undefined = lowest(stairs, width);
  if (height !== Infinity) {
    for (const standing of stairs) {
      if (standing.width > width) break;
      if (standing.height > height) continue;
      if (best === undefined || standing.width * standing.height < best.width * best.height) best = standing;
    }
  }
  if (best === undefined) throw new Error("internal: an item outgrew its shelf");
  return best;
}
