/**
 * Kernel graph -> a chain of wafers, by the search for contiguous splits (ideals.ts, contiguous.ts).
 *
 * For an interval T a kernel needs the cores of its smallest variant of at most T cycles, and a wafer's edge can move so many words. So the
 * question for T is one of splits: cores are the size that a device holds, cycles of its edge are its load, and the load must stay within T.
 * The least T for which there is a chain is found by bisection; every T that failed is proven to be too short, as long as all ideals were listed.
 */
import { type KernelGraph, type KernelId, wordBytes } from "../../ir/kernel-graph.ts";
import type { VariantList } from "../kernels/family.ts";
import { mergeVariants, variantTable } from "../kernels/library.ts";
import { areaAt, areaBound, type AreaCurve, areaCurve } from "../placement/sizing/area-bound.ts";
import { problemOf } from "../placement/variants.ts";
import { ioBytesPerCycle, type Target, usableRect } from "../../ir/machine/target.ts";
import { type Chain, chainBelow, stepOfBlocks } from "./contiguous.ts";
import { hypergraphOf, type Net } from "./hypergraph.ts";
import { enumerateIdeals } from "./ideals.ts";
import { type BlockOrder, coarsen } from "./order.ts";

/** What is cut, and onto what. */
export interface WaferProblem {
  readonly graph: KernelGraph;
  readonly target: Target;
  readonly wafers: number;
  /** by kernel */
  readonly lists: readonly VariantList[];
  /** by kernel: least cores over time */
  readonly curves: readonly AreaCurve[];
  /** cores of a wafer */
  readonly cores: number;
}

export interface WaferCut {
  /** by wafer, in the order of data: its kernels, ascending */
  readonly groups: readonly (readonly KernelId[])[];
  /** interval for which the cut was made */
  readonly cycles: number;
  /** no chain of wafers is faster; 0 where nothing is proven by this cut */
  readonly bound: number;
}

/** Ideals that are listed at most, and kernels beyond which neighbours are merged before. */
const maxIdeals = 4_000;
const maxBlocks = 2_000;

/** Intervals within this ratio are not told apart. */
const tolerance = 0.001;

/** Lists variants, coarse ones of all speeds and fine ones around the interval that the cores of all wafers together allow. */
export function waferProblem(graph: KernelGraph, target: Target, wafers: number): WaferProblem {
  const { width, height } = usableRect(target);
  const coarse = withLists({ graph, target, wafers, cores: width * height }, variantTable(graph, target));
  return withFineVariants(coarse, coarse.lists.some(isEmpty) ? null : sharedAreaBound(coarse));
}

const isEmpty = ({ candidates }: VariantList): boolean => candidates.length === 0;

/** The same problem with more variants around an interval, in cycles; null: of all speeds. */
export function withFineVariants(problem: WaferProblem, around: number | null): WaferProblem {
  const window = around === null ? { least: 0, most: Infinity } : { least: around * 0.7, most: around * 1.5 };
  const fine = variantTable(problem.graph, problem.target, window);
  const merged = new Map<VariantList, VariantList>();
  const lists = problem.lists.map((list, id) => {
    const known = merged.get(list) ?? mergeVariants(list, fine[id] ?? list);
    merged.set(list, known);
    return known;
  });
  return withLists(problem, lists);
}

function withLists(site: Omit<WaferProblem, "lists" | "curves">, lists: readonly VariantList[]): WaferProblem {
  const curveOf = new Map<VariantList, AreaCurve>();
  const curves = lists.map((list) => {
    const curve = curveOf.get(list) ?? areaCurve(list.candidates);
    curveOf.set(list, curve);
    return curve;
  });
  return { ...site, lists, curves };
}

/** Least interval that the cores of all wafers together allow; null where they hold the model at no speed. */
export function sharedAreaBound({ graph, target, wafers, lists }: WaferProblem): number | null {
  const problem = problemOf(graph, target, lists);
  return areaBound({ ...problem, height: problem.height * wafers });
}

/** The least interval for which a chain of wafers is found when `share` of every wafer's cores can be used; null where there is none. */
export function cutOverWafers(
  problem: WaferProblem,
  share: number,
  least: number,
  isOver: () => boolean,
): WaferCut | null {
  const slowest = Math.max(least, edgeCycles(problem), ...problem.curves.map(({ times }) => times.at(-1) ?? 0));
  const at = (cycles: number): Found | null => chainAt(problem, cycles, share, isOver);
  let low = least * (1 - tolerance);
  let high = least;
  let proven = 0;
  let found = at(high);
  const failed = (cycles: number, complete: boolean): void => {
    low = cycles;
    if (complete && !isOver()) proven = Math.max(proven, cycles);
  };
  for (let ratio = 1.02; found?.chain == null; ratio = ratio ** 1.5) {
    if (found === null || high >= slowest) return null;
    failed(high, found.complete);
    high = Math.min(slowest, high * ratio);
    found = at(high);
  }
  while (high > low * (1 + tolerance) && high > least && !isOver()) {
    const middle = Math.sqrt(low * high);
    const next = at(middle);
    if (next?.chain == null) failed(middle, next?.complete ?? false);
    else {
      high = middle;
      found = next;
    }
  }
  if (found.chain === null) throw new Error("internal: a cut was found and lost");
  return { groups: groupsOf(found.order, found.chain, found.steps), cycles: high, bound: share < 1 ? 0 : proven };
}

interface Found {
  readonly chain: Chain | null;
  readonly order: BlockOrder;
  /** by block: its step of the chain */
  readonly steps: Int32Array;
  /** all chains were considered */
  readonly complete: boolean;
}

/** A chain for an interval; null when time is over. */
function chainAt(problem: WaferProblem, cycles: number, share: number, isOver: () => boolean): Found | null {
  const { wafers, cores } = problem;
  const exact = orderAt(problem, cycles);
  const order = exact.graph.items > maxBlocks ? coarsen(exact, maxBlocks) : exact;
  const nowhere = { chain: null, order, steps: new Int32Array(), complete: true };
  if (exact.graph.size.some((size) => size > cores * share)) return nowhere;
  const ideals = enumerateIdeals(order, maxIdeals);
  const complete = ideals.complete && order === exact;
  const machine = { accelerators: wafers, cpus: 0, sizeLimit: cores * share };
  const chain = chainBelow(order.graph, machine, ideals, cycles * (1 + 1e-12), isOver);
  if (chain === "over") return null;
  if (chain === null) return { ...nowhere, complete };
  return { chain, order, steps: stepOfBlocks(ideals, order.graph.items, chain), complete };
}

/** Kernels as blocks: cores as size, cycles of the edge for what the host sends and takes as work, for what wafers exchange as nets. */
function orderAt({ graph, target, curves }: WaferProblem, cycles: number): BlockOrder {
  const items = graph.kernels.length;
  const perWord = wordBytes / ioBytesPerCycle(target);
  const work = new Float64Array(items);
  for (const { kernel, words } of hostPorts(graph)) work[kernel] = (work[kernel] ?? 0) + words * perWord;
  const before = Array.from({ length: items }, () => new Set<number>());
  const nets = new Map<number, { readonly pins: number[]; readonly cost: number }>();
  for (const { from, to, words, stream } of graph.edges) {
    before[to]?.add(from);
    const known = nets.get(stream);
    if (known === undefined) nets.set(stream, { pins: [from, to], cost: words * perWord });
    else known.pins.push(to);
  }
  const size = Float64Array.from(curves, (curve) => areaAt(curve, cycles));
  const amounts = { work, cpuWork: new Float64Array(items), size, supported: new Uint8Array(items).fill(1) };
  return {
    blockOf: Int32Array.from({ length: items }, (_, id) => id),
    graph: hypergraphOf(amounts, nets.values() satisfies Iterable<Net>),
    before: before.map((set) => Int32Array.from(set).sort()),
  };
}

/** A model input that several kernels read counts at the first of them: at least one wafer takes it in. */
function hostPorts({ inputs, outputs }: KernelGraph): { readonly kernel: KernelId; readonly words: number }[] {
  const seen = new Set<string>();
  const first = inputs.filter(({ name }) => !seen.has(name) && seen.add(name));
  return [...first, ...outputs];
}

/** Cycles for everything that could ever cross one wafer's edge. */
function edgeCycles({ graph, target }: WaferProblem): number {
  const ports = [...graph.inputs, ...graph.outputs, ...graph.edges, ...graph.edges];
  return ports.reduce((sum, { words }) => sum + words, 0) * (wordBytes / ioBytesPerCycle(target));
}

function groupsOf({ blockOf }: BlockOrder, chain: Chain, steps: Int32Array): KernelId[][] {
  const groups: KernelId[][] = chain.steps.map(() => []);
  for (const [kernel, block] of blockOf.entries()) groups[steps[block] ?? 0]?.push(kernel);
  return groups.filter((group) => group.length > 0);
}
