/** Packings with their routes: from a task and an order of merit to the best placement that was found. */
import type { KernelGraph } from "../../ir/kernel-graph.ts";
import {
  type PlacedKernel,
  type Placement,
  type PlacementConstraints,
  type Rect,
  rectangleCores,
} from "../../ir/placement.ts";
import { routeColors, switchPositionsOf, type Target, usableRect } from "../../ir/machine/target.ts";
import { fail } from "../../ir/diagnostic.ts";
import type { Placed } from "./packing/blocks.ts";
import { latencyOf, linkCyclesOf, wireLengthOf } from "./certificate.ts";
import { keptRoutes } from "./hold.ts";
import { floorplansAt } from "./packing/floorplan.ts";
import { loosePackings } from "./packing/loose.ts";
import { routeEdges, type RoutingFailure, type Routing } from "./routing/routes.ts";
import type { Task } from "./task.ts";

/** What every step of the search needs to know. */
export interface Scene {
  readonly graph: KernelGraph;
  readonly target: Target;
  readonly constraints: PlacementConstraints;
  /** cycles that the wafer's edge takes */
  readonly ioCycles: number;
  /** an earlier placement, whose routes stay where their kernels do */
  readonly old?: Placement;
}

/** A packing with its routes. */
export interface Candidate {
  readonly kernels: readonly PlacedKernel[];
  readonly routing: Routing;
  readonly interval: number;
  readonly latency: number;
  readonly cores: number;
  readonly wireLength: number;
}

/** How much slower than the fastest packing kernels may be made to relieve links. */
const relaxations = [1, 1.01, 1.02, 1.04, 1.07, 1.11, 1.16, 1.25, 1.4];

/** Packings that are routed at most. */
export const maxRoutings = 12;

/** The best of several candidates by some measure, and why the last one failed that could not be routed. */
export class Selection {
  readonly #better: (a: Candidate, b: Candidate) => boolean;
  readonly #onBest: ((best: Candidate) => void) | null;
  best: Candidate | null = null;
  failure: RoutingFailure | null = null;
  /** interval of the fastest candidate that was too slow for `--max-interval` */
  tooSlow: number | null = null;
  routed = 0;

  constructor(better: (a: Candidate, b: Candidate) => boolean, onBest: ((best: Candidate) => void) | null = null) {
    this.#better = better;
    this.#onBest = onBest;
  }

  /** Routes a plan and keeps it if it is the best; null when it cannot be routed or is too slow. */
  offer(scene: Scene, kernels: readonly PlacedKernel[]): Candidate | null {
    this.routed++;
    const result = routePlan(scene, kernels);
    if ("x" in result) {
      this.failure = result;
      return null;
    }
    if (result.interval > (scene.constraints.maxInterval ?? Infinity)) {
      this.tooSlow = Math.min(this.tooSlow ?? Infinity, result.interval);
      return null;
    }
    if (this.best === null || this.#better(result, this.best)) {
      this.best = result;
      this.#onBest?.(result);
    }
    return result;
  }
}

/** Packings at ever slower intervals, while one of the next interval could still be better than what was reached. */
export function* plansFrom(task: Task, fastest: number, reached: () => number): Generator<readonly Placed[]> {
  for (const relaxation of relaxations) {
    const cycles = Math.floor(fastest * relaxation);
    if (reached() <= cycles) return;
    let isFirst = relaxation === 1;
    for (const styled of floorplansAt(task.problem, cycles)) {
      // all styles of a packing, for the sake of wires; another packing only while links decide
      for (const plan of styled) {
        yield plan;
        if (!isFirst || reached() <= cycles) continue;
        isFirst = false;
        yield* whileAbove(cycles, reached, loosePackings(task.problem, cycles));
        if (reached() <= cycles) return;
      }
      if (reached() <= cycles) return;
    }
  }
}

function* whileAbove<T>(cycles: number, reached: () => number, plans: Iterable<T>): Generator<T> {
  for (const plan of plans) {
    yield plan;
    if (reached() <= cycles) return;
  }
}

/** Routes the edges of placed kernels. */
export function routePlan(scene: Scene, kernels: readonly PlacedKernel[]): Candidate | RoutingFailure {
  const { graph, target, ioCycles, constraints } = scene;
  const slowest = kernels.reduce((most, { variant }) => Math.max(most, variant.cycles), ioCycles);
  const routing = routeEdges({
    width: target.fabric.width,
    height: target.fabric.height,
    edges: graph.edges,
    operandOrder: graph.edges.map(({ to, operands }) =>
      (graph.kernels[to]?.operands ?? []).findIndex(({ name }) => name === operands[0]),
    ),
    switchPositions: switchPositionsOf(target),
    rects: kernels.map(({ rect }) => rect),
    ports: kernels.map(({ variant }) => variant.ports),
    colors: routeColorsOf(target),
    cyclesPerWord: target.link.cyclesPerWord,
    interval: slowest,
    dead: constraints.deadCores,
    kept: scene.old === undefined ? new Map() : keptRoutes(graph, scene.old, kernels),
  });
  if (!("routes" in routing)) return routing;
  return {
    kernels,
    routing,
    interval: Math.max(slowest, linkCyclesOf(routing, target)),
    latency: latencyOf(graph, target, kernels, routing),
    cores: rectangleCores(kernels),
    wireLength: wireLengthOf(graph, kernels),
  };
}

/** A plan of the task's items, and the kernels that were settled before, as placed kernels of the fabric. */
export function placedKernels({ graph, target }: Scene, task: Task, plan: readonly Placed[]): readonly PlacedKernel[] {
  const origin = usableRect(target);
  const placed = new Array<PlacedKernel | undefined>(graph.kernels.length);
  const put = (kernel: number, rect: Rect, rotated: boolean, variant: PlacedKernel["variant"]): void => {
    const { name = "", family = "generic" } = graph.kernels[kernel] ?? {};
    placed[kernel] = { kernel, name, family, rect, rotated, variant };
  };
  for (const { kernel, rect, rotated, list, variant } of task.held) put(kernel, rect, rotated, list.describe(variant));
  for (const [item, kernel] of task.ids.entries()) {
    const place = plan[item];
    const list = task.lists[item];
    if (place === undefined || list === undefined) throw new Error(`internal: kernel ${kernel} has no place`);
    const { x, y, width, height, shape, rotated } = place;
    put(kernel, { x: origin.x + x, y: origin.y + y, width, height }, rotated, list.describe(shape));
  }
  return placed.map((kernel, id) => {
    if (kernel === undefined) throw new Error(`internal: kernel ${id} has no place`);
    return kernel;
  });
}

/** Colors that the router's books can hold. */
export const maxColors = 32;

/** The colors that routes may use. */
export function routeColorsOf(target: Target): number[] {
  const colors = routeColors(target).filter((color) => color < maxColors);
  if (colors.length === 0) throw fail("WSC5001", `target ${target.name} has no color below ${maxColors} for routes`);
  return colors;
}
