/**
 * Shelves (shelves.ts) on a rectangle that is partly blocked. The rows of a shelf are known when it is filled, so the columns that obstacles
 * take in those rows are known too, and each run begins at the first column from which its box is free.
 *
 *     f(i, side) = height that the first i items need, the next shelf being read from that side
 *
 * A shelf begins where the one before ends, or below some obstacle further down. An earlier end of a run never makes a later one end later,
 * and more height left never makes fewer items fit, so within this class (order kept, heights and beginnings from lists) it is exact.
 */
import { type Blocks, layRun, type Placed, runWidth, type Style } from "./blocks.ts";
import type { Box } from "./grid.ts";
import { areasFrom, longestAround, shelfHeights } from "./shelves.ts";

/** Blocked columns from..to-1 of a shelf. */
interface Gap {
  readonly from: number;
  readonly to: number;
}

interface Shelf {
  readonly y: number;
  readonly height: number;
  readonly first: number;
  readonly end: number;
  readonly fromRight: boolean;
}

/** Beginnings of a shelf that are tried: at once, and below the next obstacles. */
const maxBeginnings = 4;

/** Heights that are tried, next to even divisions of the rectangle. */
const maxHeights = 40;

interface Filling {
  readonly blocks: Blocks;
  readonly obstacles: readonly Box[];
  readonly longest: number;
  /** by items on the shelf: column behind the last, and items of its run */
  readonly reach: Float64Array;
  readonly count: Int32Array;
}

/** Packs all items on shelves around obstacles; null when they do not fit. */
export function packShelvesAround(blocks: Blocks, obstacles: readonly Box[]): ((style: Style) => Placed[]) | null {
  const { problem } = blocks;
  const count = problem.items.length;
  const heights = thinned(shelfHeights(problem.height, count), maxHeights);
  const filling: Filling = {
    blocks,
    obstacles,
    longest: Math.min(blocks.longest, longestAround(blocks, heights.length * maxBeginnings * 2)),
    reach: new Float64Array(count + 1),
    count: new Int32Array(count + 1),
  };
  const shelves = shelve(filling, heights);
  return shelves === null ? null : (style) => layOut(filling, shelves, style);
}

const thinned = (values: readonly number[], most: number): number[] =>
  values.length <= most
    ? [...values]
    : Array.from({ length: most }, (_, i) => values[Math.round((i * (values.length - 1)) / (most - 1))] ?? 1);

function shelve(filling: Filling, heights: readonly number[]): readonly Shelf[] | null {
  const { problem } = filling.blocks;
  const count = problem.items.length;
  // state: 2 * items placed + (1 when the next shelf is read from the right)
  const used = new Float64Array(2 * count + 2).fill(Infinity);
  const cameBy: (Shelf | undefined)[] = new Array<Shelf | undefined>(used.length);
  used[0] = 0;
  const bottoms = [...new Set(filling.obstacles.map(({ y, height }) => y + height))].sort((a, b) => a - b);
  const areas = areasFrom(filling.blocks);
  const isHopeless = (state: number, base: number): boolean =>
    (areas[state >> 1] as number) > (problem.height - base) * problem.width || isPassed(used, state, base);
  const tryShelf = (first: number, fromRight: boolean, y: number, height: number): void => {
    const gaps = gapsIn(filling, y, height, fromRight);
    const end = fill(filling, first, height, gaps);
    const state = 2 * end + (fromRight ? 0 : 1);
    if (end === first || y + height >= (used[state] ?? Infinity)) return;
    used[state] = y + height;
    cameBy[state] = { y, height, first, end, fromRight };
  };
  for (let state = 0; state < 2 * count; state++) {
    const base = used[state] ?? Infinity;
    if (base >= problem.height || isHopeless(state, base)) continue;
    const beginnings = [base, ...bottoms.filter((bottom) => bottom > base).slice(0, maxBeginnings - 1)];
    for (const y of beginnings) {
      for (const height of heights) if (y + height <= problem.height) tryShelf(state >> 1, state % 2 === 1, y, height);
      // the last shelf may take all the height that is left
      if (y < problem.height) tryShelf(state >> 1, state % 2 === 1, y, problem.height - y);
    }
  }
  return way(used, cameBy, count, problem.height);
}

/** Follows the states back from the one that holds all items. */
function way(
  used: Float64Array,
  cameBy: readonly (Shelf | undefined)[],
  count: number,
  height: number,
): readonly Shelf[] | null {
  let state = (used[2 * count] ?? Infinity) <= (used[2 * count + 1] ?? Infinity) ? 2 * count : 2 * count + 1;
  if ((used[state] ?? Infinity) > height) return null;
  const shelves: Shelf[] = [];
  for (let shelf = cameBy[state]; shelf !== undefined; shelf = cameBy[state]) {
    shelves.push(shelf);
    state = 2 * shelf.first + (shelf.fromRight ? 1 : 0);
  }
  return shelves.reverse();
}

/** True when some state of the same side holds more items at no more height. */
function isPassed(used: Float64Array, state: number, base: number): boolean {
  for (let later = state + 2; later < used.length; later += 2) if ((used[later] ?? Infinity) <= base) return true;
  return false;
}

/** Blocked columns of the rows y..y+height-1, counted from the side that the shelf is read from. */
function gapsIn({ blocks, obstacles }: Filling, y: number, height: number, fromRight: boolean): readonly Gap[] {
  const { width } = blocks.problem;
  const inRows = obstacles.filter((box) => box.y < y + height && y < box.y + box.height);
  const gaps = inRows.map((box) =>
    fromRight ? { from: width - box.x - box.width, to: width - box.x } : { from: box.x, to: box.x + box.width },
  );
  gaps.sort((a, b) => a.from - b.from);
  const merged: { from: number; to: number }[] = [];
  for (const { from, to } of gaps) {
    const last = merged.at(-1);
    if (last !== undefined && from <= last.to) last.to = Math.max(last.to, to);
    else merged.push({ from, to });
  }
  return merged;
}

/** First column from `from` on where `width` columns are free. */
function firstFree(gaps: readonly Gap[], from: number, width: number): number {
  let at = from;
  for (const gap of gaps) {
    if (gap.to <= at) continue;
    if (gap.from >= at + width) return at;
    at = gap.to;
  }
  return at;
}

/** Fills the buffers for a shelf; returns the item behind the last that fits. */
function fill(filling: Filling, first: number, height: number, gaps: readonly Gap[]): number {
  const { blocks, longest, reach, count } = filling;
  const { problem } = blocks;
  const { length } = problem.items;
  reach[0] = 0;
  for (let item = first; item < length; item++) {
    const k = item - first + 1;
    let least = Infinity;
    for (let size = Math.min(longest, k); size >= 1; size--) {
      const width = runWidth(blocks, item - size + 1, size, height);
      const begin = reach[k - size] as number;
      if (begin + width >= least) continue;
      const end = firstFree(gaps, begin, width) + width;
      if (end >= least) continue;
      least = end;
      count[k] = size;
    }
    if (least > problem.width) return item;
    reach[k] = least;
  }
  return length;
}

function layOut(filling: Filling, shelves: readonly Shelf[], style: Style): Placed[] {
  const { blocks } = filling;
  const placed = new Array<Placed>(blocks.problem.items.length);
  for (const { y, height, first, end, fromRight } of shelves) {
    const gaps = gapsIn(filling, y, height, fromRight);
    fill(filling, first, height, gaps);
    const sizes: number[] = [];
    for (let item = end; item > first; item -= sizes.at(-1) ?? 1) sizes.push(filling.count[item - first] ?? 1);
    let bottom = false;
    let item = first;
    for (const size of sizes.reverse()) {
      const width = runWidth(blocks, item, size, height);
      const begin = firstFree(gaps, filling.reach[item - first] ?? 0, width);
      const box = { x: fromRight ? blocks.problem.width - begin - width : begin, y, width, height };
      bottom = layRun(blocks, item, size, box, { right: fromRight, bottom }, style, placed).bottom;
      item += size;
    }
  }
  return placed;
}
