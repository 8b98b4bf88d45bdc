/**
 * Kernel graph + target -> placement:
 *
 *     variants   every kernel lists how it can be cut                                     (variants.ts, compiler/kernels)
 *     sizing     an integer program proves the least interval that the area allows         (sizing.ts)
 *     floorplan  the least interval at which the rectangles can be packed                  (floorplan.ts)
 *     routes     lanes and a color for every edge, for several packings of that interval    (routes.ts)
 *
 * The interval is that of the slowest kernel, or of the fullest link or the wafer's edge where those are slower; of all packings that were
 * routed the one with the least interval, then the shortest wires, is taken. While links decide, packings with somewhat slower kernels, which
 * have more room to choose from, are tried too. What does not fit is a diagnostic with figures (no-fit.ts).
 */
import { fail } from "../../ir/diagnostic.ts";
import type { KernelGraph } from "../../ir/kernel-graph.ts";
import { type PlacedKernel, type Placement, placementVersion, type Rect } from "../../ir/placement.ts";
import type { VariantList } from "../kernels/family.ts";
import { loadSolver, type SolverChoice } from "../solver/solvers.ts";
import { clockHz, routeColors, type Target, usableRect } from "../targets/target.ts";
import type { Placed } from "./blocks.ts";
import { certify, ioCyclesOf, linkCyclesOf, wireLengthOf } from "./certificate.ts";
import { floorplansAt, leastPackable } from "./floorplan.ts";
import { noColors, noPacking, noRoom, noVariant } from "./no-fit.ts";
import { routeEdges, type RoutingFailure, type Routing } from "./routes.ts";
import { sizeLayers } from "./sizing.ts";
import { problemOf, tunedVariants } from "./variants.ts";
import type { Problem } from "./problem.ts";

export const placementObjectives = ["throughput"] as const;

export type PlacementObjective = (typeof placementObjectives)[number];

/** Which step runs, for progress bars. */
export type PlaceStep = "variants" | "sizing" | "floorplan" | "routes";

export interface PlaceOptions {
  readonly objective?: PlacementObjective;
  /** seconds after which the best found is taken; results then depend on the machine */
  readonly timeLimitSeconds?: number;
  readonly solver?: SolverChoice;
  /** recorded in the certificate; no step draws lots yet */
  readonly seed?: number;
  /** variants of every kernel; default: the kernel library */
  readonly variants?: readonly VariantList[];
  readonly onProgress?: (step: PlaceStep, detail: string) => void;
}

const defaultTimeLimit = 60;

/** Intervals within this ratio of each other count as equal in the search for a packing, which takes longer for many layers. */
const packingTolerance = (layers: number): number => (layers <= 500 ? 0.001 : 0.004);

/** How much slower than the fastest packing kernels may be made to relieve links. */
const relaxations = [1, 1.01, 1.02, 1.04, 1.07, 1.11, 1.16, 1.25, 1.4];

/** Packings that are routed at most. */
const maxRoutings = 12;

/** Places every kernel, or throws a WscError with WSC5002 that says what does not fit. */
export async function place(graph: KernelGraph, target: Target, options: PlaceOptions = {}): Promise<Placement> {
  const deadline = Date.now() + (options.timeLimitSeconds ?? defaultTimeLimit) * 1000;
  const progress = options.onProgress ?? (() => undefined);
  const solver = await loadSolver(options.solver);
  progress("variants", `${graph.kernels.length} kernels`);
  // nothing is gained by kernels that are faster than the edge of the wafer
  const ioCycles = ioCyclesOf(graph, target);
  const lists = options.variants ?? tunedVariants(graph, target, ioCycles);
  const homeless = lists.findIndex(({ candidates }) => candidates.length === 0);
  if (homeless >= 0) throw noVariant(graph, target, homeless);
  const problem = problemOf(graph, target, lists);
  progress("sizing", `${problem.classes.length} distinct kernels`);
  const sizing = sizeLayers(problem, solver, Math.max(1, (deadline - Date.now()) / 2000));
  if (sizing === null) throw noRoom(graph, target, problem);
  const fastest = leastPackable(problem, Math.max(sizing.cycles, ioCycles), {
    tolerance: packingTolerance(graph.kernels.length),
    deadline,
    onTry: (cycles, fits) => {
      progress("floorplan", `${cycles} cycles ${fits ? "fit" : "do not fit"}`);
    },
  });
  if (fastest === null) throw noPacking(graph, target, problem);
  const site: Site = { graph, target, lists, ioCycles };
  const { kernels, routing } = bestRouted(site, problem, fastest, deadline, progress);
  const seed = options.seed ?? 0;
  const certificate = certify({ graph, target, kernels, routing, bound: sizing.cycles, solver: solver.name, seed });
  return {
    version: placementVersion,
    model: graph.name,
    target: {
      name: target.name,
      width: target.fabric.width,
      height: target.fabric.height,
      usable: usableRect(target),
      sramBytes: target.core.sramBytes,
      clockHz: clockHz(target),
    },
    kernels,
    routes: routing.routes,
    certificate,
  };
}

interface Site {
  readonly graph: KernelGraph;
  readonly target: Target;
  readonly lists: readonly VariantList[];
  readonly ioCycles: number;
}

/** A packing with its routes. */
interface Candidate {
  readonly kernels: readonly PlacedKernel[];
  readonly routing: Routing;
  readonly interval: number;
  readonly wireLength: number;
}

/** Routes packings, from the fastest on, until links no longer decide; throws when none can be routed. */
function bestRouted(
  site: Site,
  problem: Problem,
  fastest: number,
  deadline: number,
  progress: NonNullable<PlaceOptions["onProgress"]>,
): Candidate {
  let best: Candidate | null = null;
  let failure: RoutingFailure | null = null;
  let routings = 0;
  for (const plan of plansFrom(problem, fastest, () => best?.interval ?? Infinity)) {
    if (best !== null && (routings >= maxRoutings || Date.now() > deadline)) break;
    routings++;
    const result = routePlan(site, plan);
    if ("x" in result) {
      failure = result;
      continue;
    }
    progress("routes", `${result.interval} cycles`);
    if (best === null || isBetter(result, best)) best = result;
  }
  if (best !== null) return best;
  if (failure === null) throw new Error("internal: a packing was found and lost");
  throw noColors(site.graph, site.target, routeColorsOf(site.target).length, failure);
}

/** Packings at ever slower intervals, while one of the next interval could still be better than the best. */
function* plansFrom(problem: Problem, fastest: number, reached: () => number): Generator<readonly Placed[]> {
  for (const relaxation of relaxations) {
    const cycles = Math.floor(fastest * relaxation);
    if (reached() <= cycles) return;
    for (const styled of floorplansAt(problem, cycles)) {
      // all styles of a packing, for the sake of wires; another packing only while links decide
      yield* styled;
      if (reached() <= cycles) return;
    }
  }
}

const isBetter = (a: Candidate, b: Candidate): boolean =>
  a.interval < b.interval || (a.interval === b.interval && a.wireLength < b.wireLength);

function routePlan(site: Site, plan: readonly Placed[]): Candidate | RoutingFailure {
  const { graph, target } = site;
  const kernels = placedKernels(site, plan);
  const slowest = kernels.reduce((most, { variant }) => Math.max(most, variant.cycles), site.ioCycles);
  const routing = routeEdges({
    width: target.fabric.width,
    height: target.fabric.height,
    edges: graph.edges,
    rects: kernels.map(({ rect }) => rect),
    ports: kernels.map(({ variant }) => variant.ports),
    colors: routeColorsOf(target),
    wordsPerCycle: target.link.wordsPerCycle,
    interval: slowest,
  });
  if (!("routes" in routing)) return routing;
  const interval = Math.max(slowest, linkCyclesOf(routing, target));
  return { kernels, routing, interval, wireLength: wireLengthOf(graph, kernels) };
}

function placedKernels({ graph, target, lists }: Site, plan: readonly Placed[]): PlacedKernel[] {
  const origin = usableRect(target);
  return graph.kernels.map(({ id, name, family }) => {
    const placed = plan[id];
    const list = lists[id];
    if (placed === undefined || list === undefined) throw new Error(`internal: kernel ${id} has no place`);
    const { x, y, width, height, shape, rotated } = placed;
    const rect: Rect = { x: origin.x + x, y: origin.y + y, width, height };
    return { kernel: id, name, family, rect, rotated, variant: list.describe(shape) };
  });
}

/** Colors that the router's books can hold. */
const maxColors = 32;

function routeColorsOf(target: Target): number[] {
  const colors = routeColors(target).filter((color) => color < maxColors);
  if (colors.length === 0) throw fail("WSC5001", `target ${target.name} has no color below ${maxColors} for routes`);
  return colors;
}
