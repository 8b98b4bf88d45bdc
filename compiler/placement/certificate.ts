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
  routeMovedBy,
} from "../../ir/placement.ts";
import { ioBytesPerCycle, type Target } from "../../ir/machine/target.ts";
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
  const latencyCycles = slowestCopy(claims) + ioCycles;
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

/** Cycles per sample that the wafer's edge needs for the model's inputs and outputs and for what host ops exchange. */
export function ioCyclesOf(graph: KernelGraph, target: Target): number {
  const words = wordsByName(graph.inputs) + wordsByName(graph.outputs);
  return Math.ceil((words * wordBytes) / ioBytesPerCycle(target));
}

/** A value crosses the edge once, however many kernels read it. */
function wordsByName(ports: readonly KernelPort[]): number {
  const words = new Map<string, number>();
  for (const port of ports) words.set(port.name, Math.max(words.get(port.name) ?? 0, port.words));
  return [...words.values()].reduce((sum, count) => sum + count, 0);
}

/** Cycles of the longest way through the kernels and routes. Kernels stand in topological order. */
export function latencyOf(
  graph: KernelGraph,
  target: Target,
  kernels: readonly PlacedKernel[],
  routing: Routing,
): number {
  const start = new Float64Array(kernels.length);
  const edgesOf = new Map<KernelId, number[]>();
  for (const [index, { from }] of graph.edges.entries()) edgesOf.set(from, [...(edgesOf.get(from) ?? []), index]);
  let last = 0;
  for (const { kernel, variant } of kernels) {
    const end = (start[kernel] ?? 0) + variant.latency;
    last = Math.max(last, end);
    for (const index of edgesOf.get(kernel) ?? []) {
      const route = routing.routes[index];
      if (route === undefined) continue;
      start[route.to] = Math.max(start[route.to] ?? 0, end + courseCycles(target, route));
    }
  }
  return last;
}

/** Latency of the slowest copy: they differ where the mesh has seams. */
function slowestCopy({ graph, target, kernels, routing, copies }: Claims): number {
  const differing = target.link.seams === undefined ? 1 : copies.count;
  let most = 0;
  for (let copy = 0; copy < differing; copy++) {
    const routes = routing.routes.map((route) => routeMovedBy(route, copyOffset(copies, copy)));
    most = Math.max(most, latencyOf(graph, target, kernels, { ...routing, routes }));
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
