/**
 * What would help: for each thing that could be changed the least change of it that lets samples follow each other faster. A change is applied
 * to the target or the constraints, and the bound on the interval is computed again under it; for links and colors the same rectangles are
 * routed again.
 */
import type { KernelGraph } from "../../../ir/kernel-graph.ts";
import { type PlacedKernel, type Placement, type PlacementConstraints, unconstrained } from "../../../ir/placement.ts";
import type { Target } from "../../../ir/machine/target.ts";
import { areaCurve, totalAreaAt } from "../sizing/area-bound.ts";
import { pack } from "../packing/floorplan.ts";
import type { Allowance } from "./allowance.ts";
import { higher, leastFactor, rowsToPack } from "./least-change.ts";
import { leastInterval, prepareUnder, type PreparedProblem } from "../prepare.ts";
import { classCounts, coresOf } from "../problem.ts";
import { maxColors, placedKernels, routePlan, type Scene } from "../search.ts";

/** A change and what it was computed to do. */
export interface Change {
  /** what is changed, as `core.sramBytes` */
  readonly what: string;
  readonly from: number;
  /** 0: left out */
  readonly to: number;
  readonly unit: string;
  /** `bound`: cycles that are proven necessary; `interval`: cycles of a placement with the change applied; `cores`: least cores by area */
  readonly measure: "bound" | "interval" | "cores";
  readonly before: number;
  readonly after: number;
}

/** The problem under changed conditions; null when not everything fits. */
function preparedWith(graph: KernelGraph, target: Target, constraints: PlacementConstraints): PreparedProblem | null {
  const prepared = prepareUnder(graph, target, constraints);
  return "kind" in prepared ? null : prepared;
}

/** Proven cycles between samples under changed conditions; those of `base` where not everything fits. */
function boundWith({ scene }: PreparedProblem, bound: number, change: Partial<Scene>): number {
  const { graph, target, constraints } = { ...scene, ...change };
  const prepared = preparedWith(graph, target, constraints);
  return prepared === null ? bound : leastInterval(prepared);
}

/** Resources are made at most so many times larger. */
const mostFactor = 4;

/** One number of a target that can be larger. */
interface Resource {
  readonly what: string;
  readonly unit: string;
  readonly of: (target: Target) => number;
  readonly with: (target: Target, value: number) => Target;
}

const resources: readonly Resource[] = [
  {
    what: "core.sramBytes",
    unit: "bytes",
    of: ({ core }) => core.sramBytes,
    with: (target, value) => ({ ...target, core: { ...target.core, sramBytes: Math.ceil(value) } }),
  },
  {
    what: "words per link and cycle",
    unit: "words per cycle",
    of: ({ link }) => 1 / link.cyclesPerWord,
    with: (target, value) => ({ ...target, link: { ...target.link, cyclesPerWord: 1 / value } }),
  },
  {
    what: "io.bytesPerSecond",
    unit: "bytes per second",
    of: ({ io }) => io.bytesPerSecond,
    with: (target, value) => ({ ...target, io: { ...target.io, bytesPerSecond: value } }),
  },
];

/** Every change that was found to help, the least of its kind. */
export function changesOf(base: PreparedProblem, allowance: Allowance): readonly Change[] {
  const found: (Change | null)[] = [
    moreCores(base, 1),
    moreCores(base, tenth),
    ...resources.map((resource) => moreOf(base, resource, allowance)),
    ...withoutEach(base, allowance),
  ];
  // the least change can be one for a tenth as well
  const isNew = (change: Change, index: number, all: readonly Change[]): boolean =>
    change.what !== all[index - 1]?.what || change.to !== all[index - 1]?.to;
  return found.filter((change) => change !== null).filter(isNew);
}

/** Cores are also counted for a bound that is so many times shorter. */
const tenth = 1.1;

/** The least amount of a resource that lowers the bound. */
function moreOf(base: PreparedProblem, resource: Resource, allowance: Allowance): Change | null {
  const { graph, target, ioCycles } = base.scene;
  const bound = leastInterval(base);
  const from = resource.of(target);
  // the edge helps only where it decides
  if (resource.what === "io.bytesPerSecond" && ioCycles < bound) return null;
  const boundAt = (factor: number): number => boundWith(base, bound, { target: resource.with(target, from * factor) });
  const mayTry = (): boolean => allowance.mayList(graph);
  if (!mayTry() || boundAt(mostFactor) >= bound) return null;
  const factor = leastFactor((one) => boundAt(one) < bound, mostFactor, mayTry);
  if (factor === null) return null;
  const to = resource.of(resource.with(target, from * factor));
  const { what, unit } = resource;
  return { what, from, to, unit, measure: "bound", before: bound, after: boundAt(factor) };
}

/** Cores that make an interval possible by area that is so many times shorter (1: the next shorter one); null when other things bind. */
function moreCores(base: PreparedProblem, times: number): Change | null {
  const { problem } = base.task;
  const bound = leastInterval(base);
  const curves = problem.classes.map(areaCurve);
  const floor = Math.max(1, base.scene.ioCycles, base.pinnedCycles);
  const goal = times === 1 ? bound - 1 : bound / times;
  const reached = curves.flatMap((curve) => curve.times).reduce((most, time) => (time <= goal ? Math.max(most, time) : most), 0); // prettier-ignore
  if (reached < floor) return null;
  const have = coresOf(problem);
  const needed = totalAreaAt(curves, classCounts(problem), reached);
  if (!Number.isFinite(needed) || needed <= have) return null;
  return { what: "usable cores", from: have, to: needed, unit: "cores", measure: "bound", before: bound, after: reached }; // prettier-ignore
}

/** Rows of cores with which rectangles can be arranged at the bound, and what that comes to with their routes. */
export function rowsForBound({ certificate }: Placement, base: PreparedProblem): Change | null {
  const { task } = base;
  const { target } = base.scene;
  const bound = leastInterval(base);
  const { objective, kernelCycles } = certificate;
  if (bound >= objective || kernelCycles < objective || task.problem.items.length > mostToPack) return null;
  const rows = rowsToPack(task.problem, bound);
  const plan = rows === null ? null : pack(higher(task.problem, rows), bound);
  if (rows === null || plan === null) return null;
  const from = target.fabric.height;
  const larger = { ...target, fabric: { ...target.fabric, height: from + rows } };
  const scene: Scene = { ...base.scene, target: larger };
  const routed = routePlan(scene, placedKernels(scene, task, plan));
  if ("x" in routed || routed.interval >= objective) return null;
  return { what: "fabric.height", from, to: from + rows, unit: "rows", measure: "interval", before: objective, after: routed.interval }; // prettier-ignore
}

/** Items up to which packing again is quick. */
export const mostToPack = 500;

/** The bound without each kind of constraint. */
function withoutEach(base: PreparedProblem, allowance: Allowance): readonly (Change | null)[] {
  const { graph, constraints } = base.scene;
  const bound = leastInterval(base);
  const kinds: readonly (readonly [string, number, Partial<PlacementConstraints>])[] = [
    ["pins", constraints.pins.length, { pins: unconstrained.pins }],
    ["keep-out areas", constraints.keepOut.length, { keepOut: unconstrained.keepOut }],
    ["dead cores", constraints.deadCores.length, { deadCores: unconstrained.deadCores, deadLinks: [] }],
  ];
  return kinds.map(([what, from, change]) => {
    if (from === 0 || !allowance.mayList(graph)) return null;
    const after = boundWith(base, bound, { constraints: { ...constraints, ...change } });
    return after < bound ? { what, from, to: 0, unit: what, measure: "bound", before: bound, after } : null;
  });
}

/** Rectangles that links or colors keep from the speed of their kernels. */
export interface Jam {
  readonly graph: KernelGraph;
  readonly target: Target;
  readonly constraints: PlacementConstraints;
  readonly ioCycles: number;
  readonly kernels: readonly PlacedKernel[];
  /** cycles between samples that were reached instead */
  readonly interval: number;
}

/** Words per link and cycle, and colors per router, with which such rectangles, routed again, are faster. */
export function changesForRoutes(jam: Jam, allowance: Allowance): readonly Change[] {
  const { target, interval } = jam;
  const after = (changed: Target): number => {
    const routed = routePlan({ ...jam, target: changed }, jam.kernels);
    return "routing" in routed ? routed.interval : Infinity;
  };
  const { link, colors } = target;
  const widened = (factor: number): Target => ({
    ...target,
    link: { ...link, cyclesPerWord: link.cyclesPerWord / factor },
  });
  const colored = (perRouter: number): Target => ({ ...target, colors: { ...colors, perRouter } });
  const found: Change[] = [];
  const told = { measure: "interval", before: interval } as const;
  const mayTry = (): boolean => allowance.mayRoute(jam.graph);
  const factor = leastFactor((one) => after(widened(one)) < interval, 4 * mostFactor, mayTry);
  if (factor !== null) {
    const [from, to] = [1 / link.cyclesPerWord, factor / link.cyclesPerWord];
    found.push({
      what: "words per link and cycle",
      from,
      to,
      unit: "words per cycle",
      ...told,
      after: after(widened(factor)),
    });
  }
  for (let to = colors.perRouter + 1; to <= maxColors && mayTry(); to++) {
    const reached = after(colored(to));
    if (reached >= interval) continue;
    found.push({ what: "colors.perRouter", from: colors.perRouter, to, unit: "colors", ...told, after: reached });
    break;
  }
  return found;
}
