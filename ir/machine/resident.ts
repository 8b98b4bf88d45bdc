/**
 * Kernels that share one region of cores and run one after the other, weights and states staying where they are: cycles of each, and what the fullest core
 * holds. Between two kernels values are brought into the layout that the next one reads (conversion.ts).
 *
 *     cycles = compute + wait + reduction + stepping + shuffle + start + products * productOverhead     nothing overlaps, no words come over the border
 *     SRAM   = code of all forms of loops + weights of all + states of all + the largest working set + stack
 *
 * Kernels that share code run loops of a form with their own sizes (code.ts), which are the mapped loops of the programs that were measured; cores agree over
 * trees with roots in the middle, as those programs do; and what stands between their products is that of layer-cycles.ts. A working set is what a kernel reads,
 * makes and holds between its stages, and the values that were made before it and are read after it.
 */
import { nth } from "../access.ts";
import { type Kernel, type KernelGraph, type KernelId, wordBytes } from "../kernel-graph.ts";
import { codeBytesOf } from "./code.ts";
import { reduceCycles, treeAllReduceCycles } from "./collectives.ts";
import {
  blocksOf,
  busyCycles,
  reductionCycles,
  type Site,
  type Spread,
  spreadOf,
  summedLoops,
  waitCycles,
} from "./cost.ts";
import { productOverhead } from "./layer-cycles.ts";
import type { Mapping } from "./mapping.ts";
import { mappedVectorStart, withVectorStartup } from "./products.ts";
import type { WaitingCopy } from "./region-moves.ts";
import type { RegionSize } from "./spread.ts";
import { ioBytesPerCycle, type Target } from "./target.ts";
import { crossingCycles } from "./travel.ts";
import { workOf } from "./work.ts";

/** What a kernel takes of a region that it shares; bytes are those of the fullest core. */
export interface ResidentCost {
  readonly cycles: number;
  readonly code: number;
  readonly weights: number;
  readonly state: number;
  /** what it reads, makes and holds while it runs */
  readonly working: number;
  /** what of it later kernels may read */
  readonly results: number;
}

/** Bytes of the fullest core of a region by what they hold. */
export interface RegionSram {
  readonly code: number;
  readonly weights: number;
  readonly state: number;
  readonly working: number;
  readonly stack: number;
}

export const regionCategories = ["code", "weights", "state", "working", "stack"] as const;

export const regionBytes = ({ code, weights, state, working, stack }: RegionSram): number =>
  code + weights + state + working + stack;

/** What a mapping of a kernel costs on a region that it shares. */
export function residentCost(site: Site, mapping: Mapping): ResidentCost {
  const { target, nest } = site;
  const { extents, pieces } = blocksOf(nest, mapping);
  const work = workOf(nest, extents, pieces);
  const { height, width } = mapping;
  const mapped = { ...site, target: withVectorStartup(target, mappedVectorStart) };
  const compute = busyCycles(mapped, { ...work, wordsIn: 0, wordsOut: 0 });
  const wait = waitCycles(site, work, (loops) => spreadOf(mapping, loops), treeAllReduceCycles);
  const spread = spreadOf(mapping, summedLoops(nest));
  const reduction = work.partials === 0 ? 0 : sumCycles(target, spread, work.partials, mapping.reduce);
  const products = nest.kernel.stages.filter(({ kind }) => kind === "matmul").length;
  const stepping = site.steps * 2 * crossingCycles(target, height, width);
  const shuffle = (site.shuffledWords / 2 / Math.min(height, width)) * target.link.cyclesPerWord;
  return {
    cycles:
      Math.ceil(compute + wait + reduction + stepping + shuffle + products * productOverhead) + target.core.taskCycles,
    code: site.code,
    weights: Math.ceil(work.weightBytes),
    state: Math.ceil(work.stateBytes),
    working: Math.ceil(work.activationBytes - work.stateBytes),
    results: Math.ceil(work.wordsOut * wordBytes),
  };
}

/** Cycles of a sum over both sides; how a tree for all cores begins is in its product's overhead. */
const sumCycles = (target: Target, spread: Spread, words: number, pattern: Mapping["reduce"]): number =>
  pattern === "mesh"
    ? reduceCycles(pattern, { target, cores: spread.columns, words }) +
      reduceCycles(pattern, { target, cores: spread.rows, words })
    : reductionCycles(target, spread, words, pattern);

/** Two kernels with equal keys run the same code: they differ in their weights only. */
export const codeKey = ({ dtype, loops, operands, stages }: Kernel, mapping: Mapping): string =>
  JSON.stringify([dtype, loops, operands, stages.map(({ op: _, ...work }) => work), mapping]);

/** What the fullest core of a region holds; mappings and costs by kernel. */
export function regionSramOf(
  graph: KernelGraph,
  target: Target,
  mappings: readonly Mapping[],
  costs: readonly ResidentCost[],
  copies: readonly WaitingCopy[],
): RegionSram {
  const distinct = new Map(graph.kernels.map((kernel, id) => [codeKey(kernel, nth(mappings, id)), kernel]));
  const sum = (bytes: (cost: ResidentCost) => number): number => costs.reduce((total, cost) => total + bytes(cost), 0);
  return {
    code: codeBytesOf(target, [...distinct.values()]),
    weights: sum(({ weights }) => weights),
    state: sum(({ state }) => state),
    working: largestWorkingSet(graph, costs, copies),
    stack: target.core.systemBytes,
  };
}

/** A kernel's own working set, with the values that wait for a later reader while it runs. */
function largestWorkingSet(
  { kernels, edges }: KernelGraph,
  costs: readonly ResidentCost[],
  copies: readonly WaitingCopy[],
): number {
  const lastReader = new Map<KernelId, KernelId>();
  for (const { from, to } of edges) lastReader.set(from, Math.max(lastReader.get(from) ?? 0, to));
  // bytes that begin to wait behind their maker, and end before their last reader
  const change = new Array<number>(kernels.length + 1).fill(0);
  for (const [from, to] of lastReader) {
    if (to <= from + 1) continue;
    const { results } = nth(costs, from);
    change[from + 1] = nth(change, from + 1) + results;
    change[to] = nth(change, to) - results;
  }
  // a copy is an operand of its first reader and of its last
  for (const { first, last, bytes } of copies) {
    if (last <= first + 1) continue;
    change[first + 1] = nth(change, first + 1) + bytes;
    change[last] = nth(change, last) - bytes;
  }
  let waiting = 0;
  return costs.reduce((most, { working }, id) => {
    waiting += nth(change, id);
    return Math.max(most, working + waiting);
  }, 0);
}

/** Cycles in which what enters and leaves the wafer passes its edge, and the border of the region where that is slower. */
export function regionEdgeCycles(target: Target, words: number, { width, height }: RegionSize): number {
  const overEdge = (words * wordBytes) / ioBytesPerCycle(target);
  const overBorder = (words / Math.min(width, height)) * target.link.cyclesPerWord;
  return Math.ceil(Math.max(overEdge, overBorder));
}

/** Cycles of the ways into the region and out of it. */
export const regionTravel = (target: Target, { width, height }: RegionSize): number =>
  2 * crossingCycles(target, height, width);
