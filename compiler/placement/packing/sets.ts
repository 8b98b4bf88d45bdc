/**
 * Sets of a few items that stand near each other in the flow, cut apart in any order: small layers fill what large ones leave, which runs that
 * keep the order cannot. For every set within a window of consecutive items the curves of its smallest boxes are exact over all slicing
 * floorplans:
 *
 *     block(S) = min over all ways to part S into A and B of A beside B, A above B
 *
 * A set is written as its first item and a mask: bit i stands for item first + 1 + i.
 */
import { nth } from "../../../ir/access.ts";
import type { Problem } from "../problem.ts";
import { type Block, emptyBlock, joinInto, reconcile, singleBlock, transposed } from "./curves.ts";
import type { Staircase } from "./staircase.ts";

/** A set of items within a window. */
export interface ItemSet {
  readonly first: number;
  readonly mask: number;
}

export interface SetBlocks {
  /** consecutive items among which sets are formed */
  readonly window: number;
  /** by first item * 2^(window - 1) + mask; undefined where a set would pass the last item */
  readonly blocks: readonly (Block | undefined)[];
}

/** Steps of the program per interval; decides how wide the window may be. */
const stepBudget = 1.2e8;

const widestWindow = 7;

/** Ways to part all sets of a window that hold its first item. */
const partings = (window: number): number => 3 ** (window - 1) - 2 ** (window - 1);

/** Items in a window: as many as are asked for, or so few that the order is kept, which keeps wires short. */
export const windowOf = ({ items, window = 2 }: Problem): number => Math.min(window, items.length);

/** Items in a window that the budget allows. */
export function affordableWindow({ items, width, height }: Problem): number {
  const steps = Math.max(1, items.length) * (width + height);
  let window = Math.min(2, items.length);
  while (window < Math.min(widestWindow, items.length) && partings(window + 1) * steps <= stepBudget) window++;
  return window;
}

/** Steps that computing the blocks of all sets takes at most: curves that are added, point by point. */
export const packingSteps = (problem: Problem): number =>
  problem.items.length * (problem.width + problem.height) * partings(windowOf(problem));

/** Computes the blocks of all sets; every item has a staircase. */
export function setBlocksOf(problem: Problem, stairs: readonly Staircase[]): SetBlocks {
  const { items } = problem;
  const window = windowOf(problem);
  const masks = 1 << Math.max(0, window - 1);
  const blocks = new Array<Block | undefined>(items.length * masks);
  const known = new Map<string, Block>();
  const sets: SetBlocks = { window, blocks };
  for (let first = items.length - 1; first >= 0; first--) {
    for (let mask = 0; mask < masks; mask++) {
      const set = { first, mask };
      const members = membersOf(set);
      if (members.some((item) => item >= items.length)) continue;
      // sets of equal classes share a block, whatever their order
      const classes = members.map((item) => nth(items, item)).sort((a, b) => a - b);
      const key = classes.join(" ");
      const block =
        known.get(key) ??
        (mask === 0 ? singleBlock(problem, nth(stairs, nth(items, first))) : joined(problem, sets, set));
      known.set(key, block);
      blocks[first * masks + mask] = block;
    }
  }
  return sets;
}

function joined(problem: Problem, sets: SetBlocks, set: ItemSet): Block {
  const block = emptyBlock(problem);
  for (const [a, b] of partsOf(set)) joinInto(block, blockOfSet(sets, a), blockOfSet(sets, b), problem);
  reconcile(block);
  return block;
}

/** All ways to part a set in two, the part with the first item first. */
export function* partsOf({ first, mask }: ItemSet): Generator<readonly [ItemSet, ItemSet]> {
  for (let other = mask; other > 0; other = (other - 1) & mask) {
    const lowest = 31 - Math.clz32(other & -other);
    yield [
      { first, mask: mask ^ other },
      { first: first + 1 + lowest, mask: other >> (lowest + 1) },
    ];
  }
}

/** Items of a set, ascending. */
export function membersOf({ first, mask }: ItemSet): readonly number[] {
  const members = [first];
  for (let bit = 0; mask >> bit > 0; bit++) if (((mask >> bit) & 1) === 1) members.push(first + 1 + bit);
  return members;
}

export function blockOfSet({ window, blocks }: SetBlocks, { first, mask }: ItemSet): Block {
  const block = blocks[first * (1 << Math.max(0, window - 1)) + mask];
  if (block === undefined) throw new Error(`internal: no block of the items ${membersOf({ first, mask }).join(", ")}`);
  return block;
}

/** The set of consecutive items, at most a window of them. */
export const setOfRun = (first: number, count: number): ItemSet => ({ first, mask: (1 << (count - 1)) - 1 });

export const transposedSets = ({ window, blocks }: SetBlocks): SetBlocks => ({
  window,
  blocks: blocks.map((block) => block && transposed(block)),
});
