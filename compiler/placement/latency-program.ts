/**
 * Least latency as a linear program, over one point (area, latency) per useful variant:
 *
 *     x[k,v]   share of kernel k that takes variant v       sum over v of x[k,v] = 1
 *     s[k]     cycle in which kernel k may begin            s[j] >= s[k] + sum of latency[k,v] x[k,v] + passage   for every edge k -> j
 *              s[k] >= entry                                where an input of the model leads to k
 *     L        >= s[k] + sum of latency[k,v] x[k,v] + exit  minimised; exit where k makes an output of the model
 *     sum of area[k,v] x[k,v] <= cores
 *
 * A relaxation needs only the variants on the lower convex hull of (area, latency), so its optimum is a proven bound at any size. Small
 * programs are solved with x whole, over all variants that no other beats. Passage, entry and exit are what words need of any placement
 * (ir/machine/passage.ts).
 */
import { nth } from "../../ir/access.ts";
import type { KernelGraph } from "../../ir/kernel-graph.ts";
import type { VariantList } from "../kernels/family.ts";
import type { LinearProgram, Row, Solver, Term, Variable } from "../solver/linear-program.ts";
import { leastEntryCycles, leastExitCycles, leastPassageCycles } from "../../ir/machine/passage.ts";
import type { Target } from "../../ir/machine/target.ts";
import { edgeWordsOf } from "./certificate.ts";
import { coresOf } from "./problem.ts";
import type { Task } from "./task.ts";

/** A variant as the program sees it. */
interface Point {
  readonly area: number;
  readonly latency: number;
}

export interface LatencyPlan {
  /** no placement has less; proven */
  readonly bound: number;
  /** by item: latency that it takes in the best plan, or null where the program had no answer */
  readonly budgets: readonly number[] | null;
}

/** Variables up to which the program is solved with whole variants. */
const maxWhole = 400;

/** Cycles that words are on their way at least: between two kernels, to those that read inputs, and from those that make outputs. */
interface Ways {
  readonly passage: number;
  readonly entry: (kernel: number) => number;
  readonly exit: (kernel: number) => number;
}

function waysOf(graph: KernelGraph, target: Target): Ways {
  const { inward, outward } = edgeWordsOf(graph);
  const readers = new Set(graph.inputs.map(({ kernel }) => kernel));
  const makers = new Set(graph.outputs.map(({ kernel }) => kernel));
  return {
    passage: leastPassageCycles(target),
    entry: (kernel) => (readers.has(kernel) ? leastEntryCycles(target, inward) : 0),
    exit: (kernel) => (makers.has(kernel) ? leastExitCycles(target, outward) : 0),
  };
}

/** Variants that no other beats in area and latency, the smallest first. */
function pointsOf(list: VariantList): readonly Point[] {
  const all = list.candidates.map(({ rows, columns }, index) => ({
    area: rows * columns,
    latency: list.describe(index).latency,
  }));
  all.sort((a, b) => a.area - b.area || a.latency - b.latency);
  const kept: Point[] = [];
  for (const point of all) if (point.latency < (kept.at(-1)?.latency ?? Infinity)) kept.push(point);
  return kept;
}

/** The lower convex hull of points that fall. */
function hullOf(points: readonly Point[]): readonly Point[] {
  const hull: Point[] = [];
  for (const point of points) {
    while (hull.length >= 2 && isAbove(hull.at(-2) as Point, hull.at(-1) as Point, point)) hull.pop();
    hull.push(point);
  }
  return hull;
}

const isAbove = (a: Point, b: Point, c: Point): boolean =>
  (b.latency - a.latency) * (c.area - a.area) >= (c.latency - a.latency) * (b.area - a.area);

/** Finds the bound and, item by item, the latencies of a best plan. */
export function planLatency(
  graph: KernelGraph,
  target: Target,
  task: Task,
  solver: Solver,
  timeLimitSeconds: number,
): LatencyPlan {
  const ways = waysOf(graph, target);
  const known = new Map<VariantList, readonly Point[]>();
  const points = task.lists.map((list) => {
    const found = known.get(list) ?? pointsOf(list);
    known.set(list, found);
    return found;
  });
  const fixed = new Map(task.held.map(({ kernel, list, variant }) => [kernel, list.describe(variant).latency]));
  const leastAlone = longestPath(
    graph,
    ways,
    (kernel) => fixed.get(kernel) ?? points[task.ids.indexOf(kernel)]?.at(-1)?.latency ?? 0,
  );
  const hulls = new Map([...known.values()].map((list) => [list, hullOf(list)]));
  const relaxed = solve(
    graph,
    ways,
    task,
    points.map((list) => hulls.get(list) ?? []),
    fixed,
    solver,
    false,
    timeLimitSeconds,
  );
  const bound = Math.max(leastAlone, relaxed?.bound ?? 0);
  if (points.reduce((sum, list) => sum + list.length, 0) > maxWhole)
    return { bound, budgets: relaxed?.budgets ?? null };
  const whole = solve(graph, ways, task, points, fixed, solver, true, timeLimitSeconds);
  return { bound: Math.max(bound, whole?.bound ?? 0), budgets: whole?.budgets ?? relaxed?.budgets ?? null };
}

/** Longest way through the graph when every kernel takes some cycles. Kernels stand in topological order. */
function longestPath(graph: KernelGraph, ways: Ways, latencyOf: (kernel: number) => number): number {
  const start = new Float64Array(graph.kernels.length);
  const readers = new Map<number, number[]>();
  for (const { from, to } of graph.edges) readers.set(from, [...(readers.get(from) ?? []), to]);
  let last = 0;
  for (const { id } of graph.kernels) {
    const end = Math.max(nth(start, id), ways.entry(id)) + latencyOf(id);
    last = Math.max(last, end + ways.exit(id));
    for (const to of readers.get(id) ?? []) start[to] = Math.max(nth(start, to), end + ways.passage);
  }
  return last;
}

/** Rounding that an optimum may be off by, as a share. */
const tolerance = 1e-6;

function solve(
  graph: KernelGraph,
  ways: Ways,
  task: Task,
  points: readonly (readonly Point[])[],
  fixed: ReadonlyMap<number, number>,
  solver: Solver,
  whole: boolean,
  timeLimitSeconds: number,
): { readonly bound: number; readonly budgets: readonly number[] } | null {
  const { program, first } = latencyProgram(graph, ways, task, points, fixed, whole);
  const solution = solver.solve(program, { timeLimitSeconds: Math.max(1, timeLimitSeconds) });
  if (solution.values.length === 0) return null;
  const budgets = points.map((list, item) =>
    list.reduce((sum, { latency }, index) => sum + latency * (solution.values[(first[item] ?? 0) + index] ?? 0), 0),
  );
  const bound = solution.status === "optimal" ? (solution.objective ?? 0) : (solution.bound ?? 0);
  return { bound: Math.floor(bound * (1 - tolerance)), budgets };
}

function latencyProgram(
  graph: KernelGraph,
  ways: Ways,
  task: Task,
  points: readonly (readonly Point[])[],
  fixed: ReadonlyMap<number, number>,
  whole: boolean,
): { readonly program: LinearProgram; readonly first: readonly number[] } {
  const kernels = graph.kernels.length;
  // variables: L, the starts, then the shares
  const variables: Variable[] = [{ lower: 0, upper: Infinity, integer: false, cost: 1 }];
  for (let kernel = 0; kernel < kernels; kernel++) {
    variables.push({ lower: ways.entry(kernel), upper: Infinity, integer: false, cost: 0 });
  }
  const rows: Row[] = [];
  const areas: Term[] = [];
  const first: number[] = [];
  const latencies = new Map<number, readonly Term[]>();
  for (const [item, list] of points.entries()) {
    first.push(variables.length);
    const shares = list.map((point) => {
      const variable = variables.length;
      variables.push({ lower: 0, upper: 1, integer: whole, cost: 0 });
      areas.push({ variable, coefficient: point.area });
      return { variable, point };
    });
    rows.push({ terms: shares.map(({ variable }) => ({ variable, coefficient: 1 })), lower: 1, upper: 1 });
    latencies.set(task.ids[item] ?? 0, shares.map(({ variable, point }) => ({ variable, coefficient: -point.latency }))); // prettier-ignore
  }
  // after - start of `kernel` - its latency >= hop
  const follows = (after: number, kernel: number, hop: number): Row => ({
    terms: [
      { variable: after, coefficient: 1 },
      { variable: 1 + kernel, coefficient: -1 },
      ...(latencies.get(kernel) ?? []),
    ],
    lower: hop + (fixed.get(kernel) ?? 0),
    upper: Infinity,
  });
  for (let kernel = 0; kernel < kernels; kernel++) rows.push(follows(0, kernel, ways.exit(kernel)));
  const pairs = new Map(graph.edges.map(({ from, to }) => [`${from} ${to}`, [from, to] as const]));
  for (const [from, to] of pairs.values()) rows.push(follows(1 + to, from, ways.passage));
  if (areas.length > 0) rows.push({ terms: areas, lower: 0, upper: coresOf(task.problem) });
  return { program: { variables, rows }, first };
}
