/**
 * Blocks: runs of consecutive items cut apart by straight lines (a slicing floorplan that keeps the order, but within windows of a few items,
 * sets.ts). For every run of up to `longest` items and one interval T the curves of the smallest boxes (curves.ts) are computed exactly, each
 * minimised over all places to split the run. Runs of equal classes share a block, so a network of repeated layers costs little.
 */
import { type Block, emptyBlock, joinInto, never, reconcile, transposed } from "./curves.ts";
import type { Box } from "./grid.ts";
import type { Problem } from "../problem.ts";
import {
  blockOfSet,
  type ItemSet,
  membersOf,
  partsOf,
  type SetBlocks,
  setBlocksOf,
  setOfRun,
  transposedSets,
} from "./sets.ts";
import { type Staircase, staircases, type Standing } from "./staircase.ts";

export interface Blocks {
  readonly problem: Problem;
  /** items in a run at most */
  readonly longest: number;
  readonly stairs: readonly Staircase[];
  readonly sets: SetBlocks;
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
  const sets = setBlocksOf(problem, stairs);
  const runs = new Array<Block | undefined>(items.length * longest);
  const known = new Map<string, Block>();
  for (let count = 1; count <= longest; count++) {
    for (let first = 0; first + count <= items.length; first++) {
      const key = items.slice(first, first + count).join(",");
      let block = known.get(key);
      if (block === undefined) {
        block =
          count <= sets.window
            ? blockOfSet(sets, setOfRun(first, count))
            : joined(problem, runs, longest, first, count);
        known.set(key, block);
      }
      runs[first * longest + count - 1] = block;
    }
  }
  return { problem, longest, stairs, sets, runs };
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
  const block = emptyBlock(problem);
  for (let split = 1; split < count; split++) {
    const a = runOf(runs, longest, first, split);
    const b = runOf(runs, longest, first + split, count - split);
    joinInto(block, a, b, problem);
  }
  reconcile(block);
  return block;
}

/** The same blocks with rows and columns exchanged. */
export function transposedBlocks({ problem, longest, stairs, sets, runs }: Blocks): Blocks {
  return {
    problem: { ...problem, width: problem.height, height: problem.width },
    longest,
    stairs: stairs.map((steps) =>
      steps
        .map(({ width, height, shape, rotated }) => ({ width: height, height: width, shape, rotated: !rotated }))
        .reverse(),
    ),
    sets: transposedSets(sets),
    runs: runs.map((run) => run && transposed(run)),
  };
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

/** Items that are laid out together: a run, or, where they are few, a set. */
type Group =
  | { readonly kind: "run"; readonly first: number; readonly count: number }
  | { readonly kind: "set"; readonly set: ItemSet };

interface Cut {
  readonly parts: Parts;
  /** one above the other, else side by side */
  readonly stacked: boolean;
  /** height or width of the first part */
  readonly size: number;
}

type Parts = readonly [Group, Group];

const groupOf = ({ sets }: Blocks, first: number, count: number): Group =>
  count <= sets.window ? { kind: "set", set: setOfRun(first, count) } : { kind: "run", first, count };

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
  return layGroup(blocks, groupOf(blocks, first, count), box, begin, style, out);
}

function layGroup(blocks: Blocks, group: Group, box: Box, begin: Corner, style: Style, out: Placed[]): Corner {
  const only = onlyItem(group);
  if (only !== null) {
    out[only] = standIn(blocks, only, box, begin);
    return begin;
  }
  const { parts, stacked, size } = cutOf(blocks, group, box, style);
  const [near, far] = stacked ? halvesAcross(box, size, begin.bottom) : halvesAlong(box, size, begin.right);
  const middle = layGroup(blocks, parts[0], near, begin, style, out);
  const next = stacked ? { right: middle.right, bottom: begin.bottom } : { right: begin.right, bottom: middle.bottom };
  const end = layGroup(blocks, parts[1], far, next, style, out);
  return stacked ? { right: end.right, bottom: !begin.bottom } : { right: !begin.right, bottom: end.bottom };
}

function onlyItem(group: Group): number | null {
  if (group.kind === "run") return group.count === 1 ? group.first : null;
  return group.set.mask === 0 ? group.set.first : null;
}

function cutOf(blocks: Blocks, group: Group, box: Box, style: Style): Cut {
  const fitting = (parts: Parts, stacked: boolean): Cut | null => {
    const [across, along] = stacked ? [box.width, box.height] : [box.height, box.width];
    const sizeOf = (part: Group): number => {
      const { heightAt, widthAt } = blockOf(blocks, part);
      return (stacked ? heightAt : widthAt)[across] as number;
    };
    const size = sizeOf(parts[0]);
    return size + sizeOf(parts[1]) <= along ? { parts, stacked, size } : null;
  };
  for (const parts of waysToPart(blocks, group, style)) {
    const cut = fitting(parts, style.stack) ?? fitting(parts, !style.stack);
    if (cut !== null) return cut;
  }
  throw new Error("internal: a run outgrew its box");
}

const blockOf = ({ runs, longest, sets }: Blocks, group: Group): Block =>
  group.kind === "run" ? runOf(runs, longest, group.first, group.count) : blockOfSet(sets, group.set);

/** Parts that keep the order come first. */
function* waysToPart(blocks: Blocks, group: Group, { even }: Style): Generator<Parts> {
  if (group.kind === "run") {
    const { first, count } = group;
    for (const split of splitsOf(count, even))
      yield [groupOf(blocks, first, split), groupOf(blocks, first + split, count - split)];
    return;
  }
  const set = (of: ItemSet): Group => ({ kind: "set", set: of });
  const ways = [...partsOf(group.set)];
  const size = membersOf(group.set).length;
  const isInOrder = ([a, b]: readonly [ItemSet, ItemSet]): boolean => membersOf(a).every((item) => item < b.first);
  const inOrder = ways.filter(isInOrder);
  for (const split of splitsOf(size, even))
    for (const [a, b] of inOrder) if (membersOf(a).length === split) yield [set(a), set(b)];
  for (const way of ways) if (!isInOrder(way)) yield [set(way[0]), set(way[1])];
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
