/**
 * Blocks: runs of consecutive items cut apart by straight lines (a slicing floorplan that keeps the order). For every run of up to `longest`
 * items and one interval T the curve of the smallest boxes is computed exactly, in the manner of Stockmeyer:
 *
 *     heightAt[w]   least height in width w        one above the other:  hA[w] + hB[w]
 *     widthAt[h]    least width in height h        side by side:         wA[h] + wB[h]
 *
 * each minimised over all places to split the run, and each curve then lowered by what the other one knows. Runs of equal classes share a
 * block, so a network of repeated layers costs little.
 */
import type { Box } from "./grid.ts";
import type { Problem } from "../problem.ts";
import { type Staircase, staircases, type Standing } from "./staircase.ts";

/** Stands for "does not fit"; two of them add up to a 16-bit number. */
const never = 32_767;

interface Block {
  /** least height by width 0..W */
  readonly heightAt: Uint16Array;
  /** least width by height 0..H */
  readonly widthAt: Uint16Array;
}

export interface Blocks {
  readonly problem: Problem;
  /** items in a run at most */
  readonly longest: number;
  readonly stairs: readonly Staircase[];
  /** by item * longest + count - 1; undefined where the run would pass the last item */
  readonly runs: readonly (Block | undefined)[];
}

/** Steps of the program per interval; decides how long runs may be. */
const stepBudget = 5e7;

/** Items per run that the budget allows. */
export function longestRun({ items, width, height }: Problem): number {
  const longest = Math.floor(Math.sqrt((2 * stepBudget) / (Math.max(1, items.length) * (width + height))));
  return Math.max(1, Math.min(items.length, longest, 64));
}

/** Computes all blocks for one interval; null when some item has no shape that is fast enough and fits. */
export function blocksOf(problem: Problem, cycles: number): Blocks | null {
  const { items } = problem;
  const stairs = staircases(problem, cycles);
  if (items.some((item) => (stairs[item]?.length ?? 0) === 0)) return null;
  const longest = longestRun(problem);
  const runs = new Array<Block | undefined>(items.length * longest);
  const known = new Map<string, Block>();
  for (let count = 1; count <= longest; count++) {
    for (let first = 0; first + count <= items.length; first++) {
      const key = items.slice(first, first + count).join(",");
      let block = known.get(key);
      if (block === undefined) {
        block =
          count === 1 ? single(problem, stairs[items[first] ?? 0] ?? []) : joined(problem, runs, longest, first, count);
        known.set(key, block);
      }
      runs[first * longest + count - 1] = block;
    }
  }
  return { problem, longest, stairs, runs };
}

const empty = ({ width, height }: Problem): Block => ({
  heightAt: new Uint16Array(width + 1).fill(never),
  widthAt: new Uint16Array(height + 1).fill(never),
});

function single(problem: Problem, stairs: Staircase): Block {
  const block = empty(problem);
  for (const { width, height } of stairs) block.heightAt[width] = height;
  reconcile(block);
  return block;
}

function runOf(runs: readonly (Block | undefined)[], longest: number, first: number, count: number): Block {
  const block = runs[first * longest + count - 1];
  if (block === undefined) throw new Error(`internal: no block of ${count} items from ${first}`);
  return block;
}

function joined(
  problem: Problem,
  runs: readonly (Block | undefined)[],
  longest: number,
  first: number,
  count: number,
): Block {
  const block = empty(problem);
  for (let split = 1; split < count; split++) {
    const a = runOf(runs, longest, first, split);
    const b = runOf(runs, longest, first + split, count - split);
    addCurves(block.heightAt, a.heightAt, b.heightAt, problem.height);
    addCurves(block.widthAt, a.widthAt, b.widthAt, problem.width);
  }
  reconcile(block);
  return block;
}

/** least[i] = min(least[i], a[i] + b[i]) where the sum is within the limit. */
function addCurves(least: Uint16Array, a: Uint16Array, b: Uint16Array, limit: number): void {
  for (let i = 1; i < least.length; i++) {
    const sum = (a[i] as number) + (b[i] as number);
    if (sum <= limit && sum < (least[i] as number)) least[i] = sum;
  }
}

/** Makes both curves fall, and each as low as the other one allows. */
function reconcile({ heightAt, widthAt }: Block): void {
  lowerBy(widthAt, heightAt);
  lowerBy(heightAt, widthAt);
}

/** For every box (i, from[i]): to[from[i]] <= i; then `to` is made to fall. */
function lowerBy(to: Uint16Array, from: Uint16Array): void {
  for (let i = from.length - 1; i >= 1; i--) {
    const at = from[i] as number;
    if (at !== never && i < (to[at] as number)) to[at] = i;
  }
  for (let i = 1; i < to.length; i++) if ((to[i - 1] as number) < (to[i] as number)) to[i] = to[i - 1] as number;
}

/** Least width of a run in a height; Infinity when it does not fit. */
export function runWidth(blocks: Blocks, first: number, count: number, height: number): number {
  const width = blocks.runs[first * blocks.longest + count - 1]?.widthAt[height] ?? never;
  return width === never ? Infinity : width;
}

/** Least height of a run in a width. */
export function runHeight(blocks: Blocks, first: number, count: number, width: number): number {
  const height = blocks.runs[first * blocks.longest + count - 1]?.heightAt[width] ?? never;
  return height === never ? Infinity : height;
}

/** An item on the rectangle. */
export interface Placed extends Standing {
  readonly x: number;
  readonly y: number;
}

/** The corner of a box at which a run begins (or, as a result, near which it ends). */
export interface Corner {
  readonly right: boolean;
  readonly bottom: boolean;
}

/** Which of the cuts that fit is taken; each gives another floorplan of the same interval. */
export interface Style {
  /** cut runs in the middle rather than one item after the other */
  readonly even: boolean;
  /** stack rather than set side by side */
  readonly stack: boolean;
}

/** All styles, in the order in which they are tried. */
export const styles: readonly Style[] = [
  { even: true, stack: true },
  { even: false, stack: true },
  { even: true, stack: false },
  { even: false, stack: false },
];

interface Cut {
  /** items of the first part */
  readonly split: number;
  /** one above the other, else side by side */
  readonly stacked: boolean;
  /** height or width of the first part */
  readonly size: number;
}

/**
 * Lays a run out in a box that holds it, beginning at a corner; returns the corner near which it ends. The second part of a cut begins where
 * the first one ended, so that items that follow each other lie side by side.
 */
export function layRun(
  blocks: Blocks,
  first: number,
  count: number,
  box: Box,
  begin: Corner,
  style: Style,
  out: Placed[],
): Corner {
  if (count === 1) {
    out[first] = standIn(blocks, first, box, begin);
    return begin;
  }
  const { split, stacked, size } = cutOf(blocks, first, count, box, style);
  const [near, far] = stacked ? halvesAcross(box, size, begin.bottom) : halvesAlong(box, size, begin.right);
  const middle = layRun(blocks, first, split, near, begin, style, out);
  const next = stacked ? { right: middle.right, bottom: begin.bottom } : { right: begin.right, bottom: middle.bottom };
  const end = layRun(blocks, first + split, count - split, far, next, style, out);
  return stacked ? { right: end.right, bottom: !begin.bottom } : { right: !begin.right, bottom: end.bottom };
}

function cutOf(blocks: Blocks, first: number, count: number, box: Box, style: Style): Cut {
  const fitting = (split: number, stacked: boolean): Cut | null => {
    const sizeOf = stacked ? runHeight : runWidth;
    const [across, along] = stacked ? [box.width, box.height] : [box.height, box.width];
    const size = sizeOf(blocks, first, split, across);
    return size + sizeOf(blocks, first + split, count - split, across) <= along ? { split, stacked, size } : null;
  };
  for (const split of splitsOf(count, style.even)) {
    const cut = fitting(split, style.stack) ?? fitting(split, !style.stack);
    if (cut !== null) return cut;
  }
  throw new Error("internal: a run outgrew its box");
}

/** Upper and lower part of a box, the one where the run begins first and `size` high. */
function halvesAcross(box: Box, size: number, fromBottom: boolean): readonly [Box, Box] {
  const rest = box.height - size;
  const near = { ...box, height: size, y: fromBottom ? box.y + rest : box.y };
  const far = { ...box, height: rest, y: fromBottom ? box.y : box.y + size };
  return [near, far];
}

/** Left and right part of a box, the one where the run begins first and `size` wide. */
function halvesAlong(box: Box, size: number, fromRight: boolean): readonly [Box, Box] {
  const rest = box.width - size;
  const near = { ...box, width: size, x: fromRight ? box.x + rest : box.x };
  const far = { ...box, width: rest, x: fromRight ? box.x : box.x + size };
  return [near, far];
}

/** 1..count-1, from the middle outwards or as they come. */
function splitsOf(count: number, even: boolean): number[] {
  const splits = Array.from({ length: count - 1 }, (_, i) => i + 1);
  return even ? splits.sort((a, b) => Math.abs(2 * a - count) - Math.abs(2 * b - count) || a - b) : splits;
}

/** The smallest shape of an item that fits a box, in the corner where the run begins. */
function standIn(blocks: Blocks, item: number, box: Box, corner: Corner): Placed {
  let best: Standing | undefined;
  for (const standing of blocks.stairs[blocks.problem.items[item] ?? 0] ?? []) {
    if (standing.width > box.width) break;
    if (standing.height > box.height) continue;
    if (best === undefined || standing.width * standing.height < best.width * best.height) best = standing;
  }
  if (best === undefined) throw new Error("internal: an item outgrew its box");
  const x = corner.right ? box.x + box.width - best.width : box.x;
  const y = corner.bottom ? box.y + box.height - best.height : box.y;
  return { ...best, x, y };
}
