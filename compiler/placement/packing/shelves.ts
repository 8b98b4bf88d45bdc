/**
 * The floorplan: items in the order of the data flow, on shelves across the rectangle, each shelf read in the direction opposite to the one
 * before (a snake), so that neighbours in the flow are neighbours on the wafer. A shelf holds blocks side by side (blocks.ts).
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
 *     reach(i, H) = items from i on that fit one shelf of height H          (inner program over blocks, least width first)
 *     f(reach(i, H)) = min of f(i) + H                                      f(i): height that the first i items need
 *
 * Placing fewer items never needs more height, so only the farthest reach of each (i, H) matters, and a state that another one passes at
 * equal height is dropped, as is one whose remaining items have not even the area. Within this class of floorplans (order kept, heights from a list) the answer is exact, hence monotone in T.
 */
import { type Blocks, layRun, type Placed, runHeight, runWidth, type Style } from "./blocks.ts";

interface Run {
  readonly width: number;
  /** first item and how many */
  readonly first: number;
  readonly count: number;
}

interface Shelf {
  readonly height: number;
  readonly runs: readonly Run[];
}

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

/** Steps that filling shelves may take per interval; decides how long runs on a shelf may be where there are many items. */
const stepBudget = 3e7;

/** Items per shelf that the budget reckons with. */
const usualShelf = 60;

/** Items per shelf at most: a tall shelf could hold hundreds of small ones, which several low shelves hold as well. */
const mostOnShelf = (items: number): number => Math.max(160, Math.ceil(items / 12));

/** Items per run on a shelf when every item may begin so many shelves. */
export function longestAround({ problem, longest }: Blocks, shelves: number): number {
  const { length } = problem.items;
  const affordable = Math.floor(stepBudget / (length * shelves * Math.min(length, usualShelf)));
  return Math.max(4, Math.min(longest, affordable));
}

/** Buffers of the inner program: least width of the shelf in hand up to its k-th item, and the size of that item's block. */
interface Filling {
  readonly blocks: Blocks;
  readonly longest: number;
  readonly width: Int32Array;
  readonly count: Int32Array;
  /** by height: width of every run of up to `longest` items, gathered so that they lie together in memory */
  readonly widths: Map<number, Int32Array>;
}

/** Stands for a width that nothing has; sums of a shelf's runs stay exact. */
const tooWide = 1 << 22;

/** Widths of all runs at a height, by last item * longest + count - 1. */
function widthsAt({ blocks, longest, widths }: Filling, height: number): Int32Array {
  const known = widths.get(height);
  if (known !== undefined) return known;
  const { length } = blocks.problem.items;
  const gathered = new Int32Array(length * longest).fill(tooWide);
  for (let last = 0; last < length; last++) {
    for (let size = 1; size <= Math.min(longest, last + 1); size++) {
      gathered[last * longest + size - 1] = Math.min(tooWide, runWidth(blocks, last - size + 1, size, height));
    }
  }
  widths.set(height, gathered);
  return gathered;
}

/** Cores that the items from each one on need at least. */
export function areasFrom({ problem, stairs }: Blocks): Float64Array {
  const least = stairs.map((steps) =>
    steps.reduce((area, { width, height }) => Math.min(area, width * height), Infinity),
  );
  const areas = new Float64Array(problem.items.length + 1);
  for (let item = problem.items.length - 1; item >= 0; item--) {
    areas[item] = (areas[item + 1] as number) + (least[problem.items[item] ?? -1] ?? 0);
  }
  return areas;
}

/** Packs all items on shelves, once per style; null when they do not fit. */
export function packShelves(blocks: Blocks): ((style: Style) => Placed[]) | null {
  const shelves = shelve(blocks);
  return shelves === null ? null : (style) => layOut(blocks, shelves, style);
}

function shelve(blocks: Blocks): readonly Shelf[] | null {
  const { problem } = blocks;
  const count = problem.items.length;
  const heights = shelfHeights(problem.height, count);
  const filling: Filling = {
    blocks,
    longest: Math.min(blocks.longest, longestAround(blocks, heights.length)),
    width: new Int32Array(count + 1),
    count: new Int32Array(count + 1),
    widths: new Map(),
  };
  const used = new Float64Array(count + 1).fill(Infinity);
  const cameFrom = new Int32Array(count + 1);
  const shelfHeight = new Int32Array(count + 1);
  used[0] = 0;
  const areas = areasFrom(blocks);
  const isHopeless = (first: number, base: number): boolean =>
    (areas[first] as number) > (problem.height - base) * problem.width || isPassed(used, first, base);
  const reachFrom = (first: number, height: number): void => {
    const end = fillShelf(filling, first, height);
    const total = (used[first] ?? Infinity) + height;
    if (end === first || total >= (used[end] ?? Infinity)) return;
    used[end] = total;
    cameFrom[end] = first;
    shelfHeight[end] = height;
  };
  for (let first = 0; first < count; first++) {
    const base = used[first] ?? Infinity;
    if (base > problem.height || isHopeless(first, base)) continue;
    for (const height of heights) if (base + height <= problem.height) reachFrom(first, height);
    // the last shelf may take all the height that is left
    if (base < problem.height) reachFrom(first, problem.height - base);
  }
  if ((used[count] ?? Infinity) > problem.height) return null;
  const shelves: Shelf[] = [];
  for (let end = count; end > 0; end = cameFrom[end] ?? 0) {
    const height = shelfHeight[end] ?? 0;
    shelves.push({ height, runs: runsOf(filling, cameFrom[end] ?? 0, end, height) });
  }
  return shelves.reverse();
}

/** True when some state holds more items at no more height. */
function isPassed(used: Float64Array, first: number, base: number): boolean {
  for (let later = first + 1; later < used.length; later++) if ((used[later] ?? Infinity) <= base) return true;
  return false;
}

/** Fills the buffers for a shelf that starts at `first`; returns the item behind the last that fits. */
function fillShelf(filling: Filling, first: number, height: number): number {
  const { blocks, longest, width, count } = filling;
  const { problem } = blocks;
  const { length } = problem.items;
  const runs = widthsAt(filling, height);
  const end = Math.min(length, first + mostOnShelf(length));
  width[0] = 0;
  for (let item = first; item < end; item++) {
    const k = item - first + 1;
    const before = item * longest - 1;
    let least = tooWide;
    let best = 1;
    for (let size = Math.min(longest, k); size >= 1; size--) {
      const total = (width[k - size] as number) + (runs[before + size] as number);
      if (total >= least) continue;
      least = total;
      best = size;
    }
    if (least > problem.width) return item;
    width[k] = least;
    count[k] = best;
  }
  return end;
}

function runsOf(filling: Filling, first: number, end: number, height: number): Run[] {
  fillShelf(filling, first, height);
  const runs: Run[] = [];
  for (let item = end; item > first;) {
    const count = filling.count[item - first] ?? 1;
    runs.push({ width: runWidth(filling.blocks, item - count, count, height), first: item - count, count });
    item -= count;
  }
  return runs.reverse();
}

function layOut(blocks: Blocks, shelves: readonly Shelf[], style: Style): Placed[] {
  const { problem } = blocks;
  const placed = new Array<Placed>(problem.items.length);
  let y = 0;
  for (const [index, { height, runs }] of shelves.entries()) {
    const right = index % 2 === 1;
    let bottom = false;
    let offset = 0;
    for (const { width, first, count } of runs) {
      const box = { x: right ? problem.width - offset - width : offset, y, width, height };
      bottom = layRun(blocks, first, count, box, { right, bottom }, style, placed).bottom;
      offset += width;
    }
    y += height;
  }
  return placed;
}

/** All items as one block, where runs may be that long; null when they do not fit or are too many. */
export function packWhole(blocks: Blocks): ((style: Style) => Placed[]) | null {
  const { problem, longest } = blocks;
  const count = problem.items.length;
  if (longest < count || (count > 0 && runHeight(blocks, 0, count, problem.width) > problem.height)) return null;
  const box = { x: 0, y: 0, width: problem.width, height: problem.height };
  return (style) => {
    const placed = new Array<Placed>(count);
    if (count > 0) layRun(blocks, 0, count, box, { right: false, bottom: false }, style, placed);
    return placed;
  };
}
