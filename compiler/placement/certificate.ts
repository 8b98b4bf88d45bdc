/** What a placement achieves and what is proven about it. */
import { type KernelGraph, type KernelId, type KernelPort, wordBytes } from "../../ir/kernel-graph.ts";
import {
  type Bottleneck,
  type Certificate,
  type Copies,
  copyOffset,
  doubleCentre,
  type Movement,
  type PlacedKernel,
  type PlacementObjective,
  rectangleCores,
  rectMovedBy,
  routeMovedBy,
} from "../../ir/placement.ts";
import { ioBytesPerCycle, type Target } from "../../ir/machine/target.ts";
import { defined, nth } from "../../ir/access.ts";
import { entryCycles, exitCycles, passageCycles, type Place } from "../../ir/machine/passage.ts";
import { courseCycles } from "./routing/route-geometry.ts";
import { fullestOf } from "./routing/fullest.ts";
import type { Routing } from "./routing/routes.ts";

export interface Claims {
  readonly graph: KernelGraph;
  readonly target: Target;
  readonly kernels: readonly PlacedKernel[];
  readonly routing: Routing;
  readonly copies: Copies;
  /** interval that sizing proved to be the least */
  readonly bound: number;
  readonly solver: string;
  readonly seed: number;
  readonly objective: PlacementObjective;
  /** proven bound of the objective; that of the interval for throughput */
  readonly goalBound: number;
  readonly movement: Movement | null;
}

/** Draws up the certificate. */
export function certify(claims: Claims): Certificate {
  const { graph, target, kernels, routing, copies, bound, solver, seed, movement } = claims;
  const slowest = slowestOf(kernels);
  const kernelCycles = slowest === null ? 0 : (kernels[slowest]?.variant.cycles ?? 0);
  const linkCycles = linkCyclesOf(routing, target);
  const ioCycles = ioCyclesOf(graph, target);
  const [kernelShare, linkShare] = [kernelCycles / copies.count, linkCycles / copies.count];
  const objective = Math.max(1 / copies.count, kernelShare, linkShare, ioCycles);
  const latencyCycles = slowestCopy(claims);
  const wireLength = wireLengthOf(graph, kernels);
  const interval = proof(objective, Math.max(1 / copies.count, bound, ioCycles));
  const values: Readonly<Record<Exclude<PlacementObjective, "throughput">, number>> = {
    latency: latencyCycles,
    cores: rectangleCores(kernels),
    wire: wireLength,
  };
  const kind = claims.objective;
  return {
    objective,
    ...interval,
    solver,
    seed,
    bottleneck: bottleneckOf(objective, kernelShare, linkShare),
    slowest,
    kernelCycles,
    linkCycles,
    ioCycles,
    latencyCycles,
    wireLength,
    goal:
      kind === "throughput"
        ? { kind, value: objective, ...interval }
        : { kind, value: values[kind], ...proof(values[kind], claims.goalBound) },
    ...fullestOf(graph, target, kernels, routing.routes),
    movement,
  };
}

/** A value against what is proven; bounds within rounding above it are the value itself. */
export function proof(value: number, bound: number): Pick<Certificate, "bound" | "gap" | "status"> {
  const proven = Math.min(value, bound);
  return {
    bound: proven,
    gap: value === 0 ? 0 : (value - proven) / value,
    status: value === proven ? "optimal" : "feasible",
  };
}

/** Cycles per sample of the fullest link; loads are sums of fractions, so a hair above a whole number is that number. */
export const linkCyclesOf = (routing: Routing, target: Target): number =>
  Math.max(0, Math.ceil(routing.fullestLink * target.link.cyclesPerWord - 1e-3));

function bottleneckOf(objective: number, kernelCycles: number, linkCycles: number): Bottleneck {
  if (kernelCycles >= objective) return "kernel";
  return linkCycles >= objective ? "link" : "io";
}

function slowestOf(kernels: readonly PlacedKernel[]): KernelId | null {
  let slowest: PlacedKernel | null = null;
  for (const kernel of kernels)
    if (slowest === null || kernel.variant.cycles > slowest.variant.cycles) slowest = kernel;
  return slowest?.kernel ?? null;
}

/** Words over the wafer's edge, each way, of the model's inputs and outputs and of what host ops exchange. */
export const edgeWordsOf = (graph: KernelGraph): { readonly inward: number; readonly outward: number } => ({
  inward: wordsByName(graph.inputs),
  outward: wordsByName(graph.outputs),
});

/** Cycles per sample that the wafer's edge needs for the model's inputs and outputs and for what host ops exchange. */
export function ioCyclesOf(graph: KernelGraph, target: Target): number {
  const { inward, outward } = edgeWordsOf(graph);
  const words = inward + outward;
  return Math.ceil((words * wordBytes) / ioBytesPerCycle(target));
}

/** A value crosses the edge once, however many kernels read it. */
function wordsByName(ports: readonly KernelPort[]): number {
  const words = new Map<string, number>();
  for (const port of ports) words.set(port.name, Math.max(words.get(port.name) ?? 0, port.words));
  return [...words.values()].reduce((sum, count) => sum + count, 0);
}

/** Cycles of the longest way of a sample through the wafer that it has to itself: in over the edge, through kernels and routes, out over the edge. */
export const latencyOf = (
  graph: KernelGraph,
  target: Target,
  kernels: readonly PlacedKernel[],
  routing: Pick<Routing, "routes">,
): number => passageOf(graph, target, kernels, routing).last;

/** When a sample that has the wafer to itself reaches each kernel (all its operands are there), and when its last word is out over the edge. */
export interface SamplePassage {
  readonly start: Float64Array;
  readonly last: number;
}

/** How a sample passes kernels, which stand in topological order, and routes. */
export function passageOf(
  graph: KernelGraph,
  target: Target,
  kernels: readonly PlacedKernel[],
  routing: Pick<Routing, "routes">,
): SamplePassage {
  const places = kernels.map((placed): Place => ({ kernel: nth(graph.kernels, placed.kernel), placed }));
  const placeOf = new Map(places.map((place) => [place.kernel.id, place]));
  const start = new Float64Array(kernels.length);
  const delay = (kernel: KernelId, cycles: number): void => {
    start[kernel] = Math.max(nth(start, kernel), cycles);
  };
  const edge = edgeWordsOf(graph);
  for (const { kernel, operands, words } of graph.inputs) {
    const place = defined(placeOf.get(kernel));
    for (const operand of operands) delay(kernel, entryCycles(target, place, operand, words, edge.inward));
  }
  const leaving = new Map<KernelId, number>();
  for (const { kernel, result, words } of graph.outputs) {
    const cycles = exitCycles(target, defined(placeOf.get(kernel)), result, words, edge.outward);
    leaving.set(kernel, Math.max(leaving.get(kernel) ?? 0, cycles));
  }
  const edgesOf = new Map<KernelId, number[]>();
  for (const [index, { from }] of graph.edges.entries()) edgesOf.set(from, [...(edgesOf.get(from) ?? []), index]);
  let last = 0;
  for (const from of places) {
    const { id } = from.kernel;
    const { latency } = from.placed.variant;
    const end = nth(start, id) + latency;
    last = Math.max(last, end + (leaving.get(id) ?? 0));
    for (const index of edgesOf.get(id) ?? []) {
      const route = routing.routes[index];
      if (route === undefined) continue;
      const { result, operands, words } = nth(graph.edges, index);
      const way = { words, lanes: route.lanes, travel: courseCycles(target, route) };
      const to = defined(placeOf.get(route.to));
      delay(route.to, end + passageCycles(target, from, result, to, operands, way));
    }
  }
  return { start, last };
}

/** Latency of the slowest copy: copies lie nearer to the edge and farther away. */
function slowestCopy({ graph, target, kernels, routing, copies }: Claims): number {
  let most = 0;
  for (let copy = 0; copy < copies.count; copy++) {
    const offset = copyOffset(copies, copy);
    const routes = routing.routes.map((route) => routeMovedBy(route, offset));
    const moved = kernels.map((placed) => ({ ...placed, rect: rectMovedBy(placed.rect, offset) }));
    most = Math.max(most, latencyOf(graph, target, moved, { ...routing, routes }));
  }
  return most;
}

/** Sum of the L1 distances between the centres of connected kernels. */
export function wireLengthOf(graph: KernelGraph, kernels: readonly PlacedKernel[]): number {
  let doubled = 0;
  for (const { from, to } of graph.edges) {
    const a = doubleCentre((kernels[from] as PlacedKernel).rect);
    const b = doubleCentre((kernels[to] as PlacedKernel).rect);
    doubled += Math.abs(a.x - b.x) + Math.abs(a.y - b.y);
  }
  return doubled / 2;
}
