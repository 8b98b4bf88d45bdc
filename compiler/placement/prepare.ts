/**
 * What a placement is searched for in: constraints by kernel, variants within the limit on the interval, pinned kernels settled, and the items
 * that remain. The placer, the explanation and `--emit ilp` take one and the same prepared problem.
 */
import type { KernelGraph, KernelId } from "../../ir/kernel-graph.ts";
import type { PlacementConstraints, PlacementObjective } from "../../ir/placement.ts";
import type { Target } from "../../ir/machine/target.ts";
import type { VariantList } from "../kernels/family.ts";
import { ioCyclesOf } from "./certificate.ts";
import { checkPins } from "./constraints/conflicts.ts";
import { type ConstraintRequest, resolveConstraints } from "./constraints/constraints.ts";
import { unfitError } from "./explain/no-fit.ts";
import {
  fastFirst,
  holdPins,
  listAsBefore,
  type ListAsBefore,
  type ListInside,
  smallFirst,
  thinFirst,
} from "./hold.ts";
import type { Scene } from "./search.ts";
import { areaBound } from "./sizing/area-bound.ts";
import { type Held, type Preference, type Task, taskOf, variantsInside } from "./task.ts";
import type { Unfit } from "./unfit.ts";
import { costVariants, filterVariants, mapLists } from "./variant-lists.ts";
import { tunedVariants } from "./variants.ts";

export interface PreparedProblem {
  readonly scene: Scene;
  readonly objective: PlacementObjective;
  /** variants by kernel, those within the limit */
  readonly lists: readonly VariantList[];
  readonly listInside: ListInside;
  readonly asBefore: ListAsBefore;
  /** kernels that are pinned to a rectangle */
  readonly pinned: readonly Held[];
  /** cycles of the slowest of them, each at its fastest in its rectangle */
  readonly pinnedCycles: number;
  /** the items that constraints leave */
  readonly task: Task;
  /** least cycles at which these fit by area */
  readonly areaCycles: number;
}

/** What the problem depends on besides graph, target and constraints. */
export interface ProblemOptions {
  readonly objective?: PlacementObjective;
  /** variants of every kernel; default: the kernel library */
  readonly variants?: readonly VariantList[];
  /** seconds for all of the search; half of them may go into listing variants, then fewer are listed. Default: no limit */
  readonly timeLimitSeconds?: number;
}

export interface PrepareOptions extends ProblemOptions {
  readonly constraints?: ConstraintRequest;
}

/** Which variant a settled kernel takes under an objective; for latency, candidates carry latency as their cycles. */
const preferences: Readonly<Record<PlacementObjective, Preference>> = {
  throughput: fastFirst,
  latency: fastFirst,
  cores: smallFirst,
  wire: thinFirst,
};

/** The share of a time limit that listing variants may take. */
const listingShare = 0.5;

/** Prepares a graph for a target, or throws a WscError: WSC5002 says what does not fit, WSC5005 which constraint is not valid. */
export function prepare(graph: KernelGraph, target: Target, options: PrepareOptions = {}): PreparedProblem {
  const constraints = resolveConstraints(graph, target, options.constraints ?? {});
  checkPins(graph, constraints);
  const prepared = prepareUnder(graph, target, constraints, options);
  if ("kind" in prepared) throw unfitError(prepared);
  return prepared;
}

/** The same for constraints that are resolved already; what does not fit is returned. */
export function prepareUnder(
  graph: KernelGraph,
  target: Target,
  constraints: PlacementConstraints,
  { objective = "throughput", variants, timeLimitSeconds = Infinity }: ProblemOptions = {},
): PreparedProblem | Unfit {
  const listUntil = Date.now() + timeLimitSeconds * 1000 * listingShare;
  // nothing is gained by kernels that are faster than the edge of the wafer
  const ioCycles = ioCyclesOf(graph, target);
  const scene: Scene = { graph, target, constraints, ioCycles };
  const all = variants ?? tunedVariants(graph, target, ioCycles, () => Date.now() > listUntil);
  const homeless = emptyOf(all);
  if (homeless.length > 0) return { kind: "memory", scene, kernels: homeless };
  const limit = constraints.maxInterval ?? Infinity;
  if (ioCycles > limit) return { kind: "edge", scene };
  const within = (list: VariantList): VariantList => filterVariants(list, ({ cycles }) => cycles <= limit);
  const lists = mapLists(all, within);
  const late = emptyOf(lists);
  if (late.length > 0) {
    const least = late.map((id) => all[id]?.candidates[0]?.cycles ?? Infinity);
    return { kind: "limit", scene, kernels: late, least };
  }
  const merit = (list: VariantList): VariantList =>
    objective === "latency" ? costVariants(list, (_, variant) => variant().latency) : list;
  const listInside: ListInside = (kernel, rect) =>
    merit(within(variants?.[kernel] ?? variantsInside(graph, target, kernel, rect)));
  const known = listAsBefore(graph, target);
  const asBefore: ListAsBefore = (kernel, before) => merit(within(known(kernel, before)));
  const pinned = holdPins(constraints, listInside, preferences[objective]);
  if ("unfit" in pinned) return { kind: "place", scene, kernels: pinned.unfit };
  const task = taskOf(graph, target, lists, constraints, pinned);
  if ("homeless" in task) return { kind: "place", scene, kernels: task.homeless };
  const areaCycles = areaBound(task.problem);
  if (areaCycles === null) return { kind: "area", scene, task };
  const pinnedCycles = pinned.reduce((most, held) => Math.max(most, leastCycles(held)), 0);
  return { scene, objective, lists, listInside, asBefore, pinned, pinnedCycles, task, areaCycles };
}

/** Kernels without variants, ascending. */
const emptyOf = (lists: readonly VariantList[]): readonly KernelId[] =>
  lists.flatMap(({ candidates }, id) => (candidates.length === 0 ? [id] : []));

/** Cycles of the fastest variant that fits where a kernel is pinned. */
const leastCycles = ({ list }: Held): number =>
  list.candidates.reduce((least, _, index) => Math.min(least, list.describe(index).cycles), Infinity);

/** Cycles between samples that nothing goes below: by area, by the wafer's edge, and by pins. */
export const leastInterval = ({ areaCycles, scene, pinnedCycles }: PreparedProblem): number =>
  Math.max(1, areaCycles, scene.ioCycles, pinnedCycles);
