/**
 * Kernel graph + target -> placement, in four steps:
 *
 *     variants   every kernel lists how it can be cut                                     (compiler/kernels)
 *     sizing     an integer program proves the least interval that the area allows         (sizing.ts)
 *     floorplan  rectangles are packed at the least interval for which that succeeds       (floorplan.ts)
 *     routes     every edge gets lanes and a color                                         (routes.ts)
 *
 * The interval is that of the slowest kernel, or of the fullest link or the wafer's edge where those are slower. What does not fit is a
 * diagnostic with figures (no-fit.ts).
 */
import { fail } from "../../ir/diagnostic.ts";
import type { KernelGraph } from "../../ir/kernel-graph.ts";
import { type PlacedKernel, type Placement, placementVersion, type Rect } from "../../ir/placement.ts";
import type { VariantList } from "../kernels/family.ts";
import { variantTable } from "../kernels/library.ts";
import { loadSolver, type SolverChoice } from "../solver/solvers.ts";
import { clockHz, routeColors, type Target, usableRect } from "../targets/target.ts";
import { certify, ioCyclesOf } from "./certificate.ts";
import { floorplan, type Floorplan } from "./floorplan.ts";
import { noColors, noPacking, noRoom, noVariant } from "./no-fit.ts";
import type { Problem } from "./problem.ts";
import { routeEdges, type Routing } from "./routes.ts";
import { sizeLayers } from "./sizing.ts";

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

/** Intervals within this ratio of each other count as equal in the search for a packing. */
const packingTolerance = 0.001;

/** Places every kernel, or throws a WscError with WSC5002 that says what does not fit. */
export async function place(graph: KernelGraph, target: Target, options: PlaceOptions = {}): Promise<Placement> {
  const deadline = Date.now() + (options.timeLimitSeconds ?? defaultTimeLimit) * 1000;
  const progress = options.onProgress ?? (() => undefined);
  const solver = await loadSolver(options.solver);
  progress("variants", `${graph.kernels.length} kernels`);
  const lists = options.variants ?? variantTable(graph, target);
  const problem = problemOf(graph, target, lists);
  progress("sizing", `${problem.classes.length} distinct kernels`);
  const sizing = sizeLayers(problem, solver, Math.max(1, (deadline - Date.now()) / 2000));
  if (sizing === null) throw noRoom(graph, target, problem);
  // nothing is gained by kernels that are faster than the edge of the wafer
  const ioCycles = ioCyclesOf(graph, target);
  const plan = floorplan(problem, Math.max(sizing.cycles, ioCycles), {
    tolerance: packingTolerance,
    deadline,
    onTry: (cycles, fits) => {
      progress("floorplan", `${cycles} cycles ${fits ? "fit" : "do not fit"}`);
    },
  });
  if (plan === null) throw noPacking(graph, target, problem);
  const kernels = placedKernels(graph, target, lists, plan);
  progress("routes", `${graph.edges.length} edges`);
  const interval = Math.max(plan.cycles, ioCycles);
  const routing = route(graph, target, kernels, interval);
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

/** The engine's view: kernels with one variant list become one class. Throws for kernels that no core can hold. */
export function problemOf(graph: KernelGraph, target: Target, lists: readonly VariantList[]): Problem {
  const { width, height } = usableRect(target);
  const classes: VariantList["candidates"][] = [];
  const numbers = new Map<VariantList, number>();
  const items = lists.map((list, kernel) => {
    if (list.candidates.length === 0) throw noVariant(graph, target, kernel);
    const known = numbers.get(list);
    if (known !== undefined) return known;
    numbers.set(list, classes.length);
    classes.push(list.candidates);
    return classes.length - 1;
  });
  return { width, height, classes, items };
}

function placedKernels(
  graph: KernelGraph,
  target: Target,
  lists: readonly VariantList[],
  plan: Floorplan,
): PlacedKernel[] {
  const origin = usableRect(target);
  return graph.kernels.map(({ id, name, family }) => {
    const placed = plan.placed[id];
    const list = lists[id];
    if (placed === undefined || list === undefined) throw new Error(`internal: kernel ${id} has no place`);
    const { x, y, width, height, shape, rotated } = placed;
    const rect: Rect = { x: origin.x + x, y: origin.y + y, width, height };
    return { kernel: id, name, family, rect, rotated, variant: list.describe(shape) };
  });
}

/** Colors that one machine word can count. */
const maxColors = 32;

function route(graph: KernelGraph, target: Target, kernels: readonly PlacedKernel[], interval: number): Routing {
  const colors = routeColors(target).filter((color) => color < maxColors);
  if (colors.length === 0 && graph.edges.length > 0) {
    throw fail("WSC5001", `target ${target.name} has no color below ${maxColors} for routes`);
  }
  const result = routeEdges({
    width: target.fabric.width,
    height: target.fabric.height,
    edges: graph.edges,
    rects: kernels.map(({ rect }) => rect),
    ports: kernels.map(({ variant }) => variant.ports),
    colors,
    wordsPerCycle: target.link.wordsPerCycle,
    interval,
  });
  if (!("routes" in result)) throw noColors(graph, target, colors.length, result);
  return result;
}
