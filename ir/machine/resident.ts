/**
 * Kernels that share one region of cores and run one after the other, weights and states staying where they are: cycles of each, and what the fullest core
 * holds. Between two kernels values are brought into the layout that the next one reads (conversion.ts).
 *
 *     cycles = compute + wait + reduction + stepping + shuffle + start        nothing overlaps, no words come over the border
 *     SRAM   = code of all distinct kernels + weights of all + states of all + the largest working set + stack
 *
 * A working set is what a kernel reads, makes and holds between its stages, and the values that were made before it and are read after it.
 */
import { nth } from "../access.ts";
import { type Kernel, type KernelGraph, type KernelId, wordBytes } from "../kernel-graph.ts";
import { blocksOf, busyCycles, reductionCycles, type Site, siteOf, spreadOf, summedLoops, waitCycles } from "./cost.ts";
import type { Mapping } from "./mapping.ts";
import { ioBytesPerCycle, type Target } from "./target.ts";
import { crossingCycles } from "./travel.ts";
import { nestOf, workOf } from "./work.ts";
import type { RegionSize } from "./conversion.ts";

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
  const compute = busyCycles(site, { ...work, wordsIn: 0, wordsOut: 0 });
  const wait = waitCycles(site, work, (loops) => spreadOf(mapping, loops));
  const spread = spreadOf(mapping, summedLoops(nest));
  const reduction = work.partials === 0 ? 0 : reductionCycles(target, spread, work.partials, mapping.reduce);
  const stepping = site.steps * 2 * crossingCycles(target, height, width);
  const shuffle = (site.shuffledWords / 2 / Math.min(height, width)) * target.link.cyclesPerWord;
  return {
    cycles: Math.ceil(compute + wait + reduction + stepping + shuffle) + target.core.taskCycles,
    code: site.code,
    weights: Math.ceil(work.weightBytes),
    state: Math.ceil(work.stateBytes),
    working: Math.ceil(work.activationBytes - work.stateBytes),
    results: Math.ceil(work.wordsOut * wordBytes),
  };
}

/** Two kernels with equal keys run the same code: they differ in their weights only. */
export const codeKey = ({ dtype, loops, operands, stages }: Kernel, mapping: Mapping): string =>
  JSON.stringify([dtype, loops, operands, stages.map(({ op: _, ...work }) => work), mapping]);

/** What the fullest core of a region holds; mappings by kernel. */
export function regionSram(graph: KernelGraph, target: Target, mappings: readonly Mapping[]): RegionSram {
  const costs = graph.kernels.map((kernel, id) => residentCost(siteOf(target, nestOf(kernel)), nth(mappings, id)));
  return regionSramOf(graph, target, mappings, costs);
}

/** The same where the costs are known. */
export function regionSramOf(
  graph: KernelGraph,
  target: Target,
  mappings: readonly Mapping[],
  costs: readonly ResidentCost[],
): RegionSram {
  const code = new Map(graph.kernels.map((kernel, id) => [codeKey(kernel, nth(mappings, id)), nth(costs, id).code]));
  const sum = (bytes: (cost: ResidentCost) => number): number => costs.reduce((total, cost) => total + bytes(cost), 0);
  return {
    code: [...code.values()].reduce((total, bytes) => total + bytes, 0),
    weights: sum(({ weights }) => weights),
    state: sum(({ state }) => state),
    working: largestWorkingSet(graph, costs),
    stack: target.core.systemBytes,
  };
}

/** A kernel's own working set, with the values that wait for a later reader while it runs. */
function largestWorkingSet({ kernels, edges }: KernelGraph, costs: readonly ResidentCost[]): number {
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
