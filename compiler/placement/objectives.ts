/**
 * What a placement can be asked to have the least of. Each objective has a bound of its own, and orders of merit under which the one engine
 * packs: a kernel's variants carry a cost instead of their cycles, 1000 being what the bound takes them to need, and the least common cost
 * at which everything can be packed is looked for.
 */
import type { KernelGraph } from "../../ir/kernel-graph.ts";
import type { Target } from "../../ir/machine/target.ts";
import { type PlacementObjective, rectangleCores } from "../../ir/placement.ts";
import type { VariantList } from "../kernels/family.ts";
import type { Solver } from "../solver/linear-program.ts";
import type { Candidate } from "./search.ts";
import { planLatency } from "./latency-program.ts";
import type { Task } from "./task.ts";
import { costVariants } from "./variant-lists.ts";
import { wireBound } from "./wires.ts";

/** What a candidate has of the objective. */
export const valueOf: Readonly<Record<PlacementObjective, (candidate: Candidate) => number>> = {
  throughput: ({ interval }) => interval,
  latency: ({ latency }) => latency,
  cores: ({ cores }) => cores,
  wire: ({ wireLength }) => wireLength,
};

/** Less of the objective first, then a shorter interval, then shorter wires. */
export const betterBy =
  (objective: PlacementObjective) =>
  (a: Candidate, b: Candidate): boolean => {
    const difference = valueOf[objective](a) - valueOf[objective](b);
    if (difference !== 0) return difference < 0;
    return a.interval < b.interval || (a.interval === b.interval && a.wireLength < b.wireLength);
  };

/** Cost of a variant that needs no more than the bound allows it. */
export const usualCost = 1000;

/** A bound, and the variants by item under each order of merit. */
export interface Approach {
  readonly bound: number;
  readonly orders: readonly (readonly VariantList[])[];
}

export interface ApproachOptions {
  readonly graph: KernelGraph;
  readonly task: Task;
  readonly target: Target;
  readonly solver: Solver;
  readonly timeLimitSeconds: number;
}

/** Bound and orders of merit of each objective but throughput, for which cycles themselves are the order. */
export const approaches: Readonly<Record<Exclude<PlacementObjective, "throughput">, (o: ApproachOptions) => Approach>> =
  {
    latency: ({ graph, target, task, solver, timeLimitSeconds }) => {
      const { bound, budgets } = planLatency(graph, target, task, solver, timeLimitSeconds);
      return { bound, orders: budgets === null ? [] : [byLatency(task, budgets)] };
    },
    cores: ({ task }) => {
      const least = task.lists.reduce((sum, list) => sum + leastOf(list, area), 0);
      const held = rectangleCores(task.held);
      return { bound: least + held, orders: [byMeasure(task, area)] };
    },
    wire: ({ graph, task }) => ({
      bound: wireBound(graph, task),
      orders: [byMeasure(task, shortSide), byMeasure(task, perimeter), byMeasure(task, area)],
    }),
  };

interface Sides {
  readonly rows: number;
  readonly columns: number;
}

const area = ({ rows, columns }: Sides): number => rows * columns;
const shortSide = ({ rows, columns }: Sides): number => Math.min(rows, columns);
const perimeter = ({ rows, columns }: Sides): number => rows + columns;

const leastOf = (list: VariantList, measure: (sides: Sides) => number): number =>
  list.candidates.reduce((least, candidate) => Math.min(least, measure(candidate)), Infinity);

/** Cost in proportion to a measure of the sides, the least being the usual cost. */
function byMeasure(task: Task, measure: (sides: Sides) => number): readonly VariantList[] {
  const known = new Map<VariantList, VariantList>();
  return task.lists.map((list) => {
    const least = leastOf(list, measure);
    const costed = known.get(list) ?? costVariants(list, (c) => Math.ceil((usualCost * measure(c)) / least));
    known.set(list, costed);
    return costed;
  });
}

/** Digits of a budget that count, so that equal kernels with nearly equal budgets stay one class. */
const budgetDigits = 3;

/** Cost in proportion to latency, each item's budget being the usual cost. */
function byLatency(task: Task, budgets: readonly number[]): readonly VariantList[] {
  const known = new Map<VariantList, Map<number, VariantList>>();
  return task.lists.map((list, item) => {
    const budget = Math.max(1, Number((budgets[item] ?? 1).toPrecision(budgetDigits)));
    const byBudget = known.get(list) ?? new Map<number, VariantList>();
    known.set(list, byBudget);
    const costed =
      byBudget.get(budget) ??
      costVariants(list, (_, variant) => Math.ceil((usualCost * variant().latency) / budget - 1e-6));
    byBudget.set(budget, costed);
    return costed;
  });
}
