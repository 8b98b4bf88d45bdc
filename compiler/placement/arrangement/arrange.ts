/**
 * The search for an arrangement. Its stages follow one another in a fixed order, whatever time there is, so more time never makes the result
 * worse; the best so far is kept.
 *
 *     scan       strips at limits of cycles that grow by 2%, up to where cycles alone cost more than the best found
 *     refine     strips, folded in more ways, at limits close to the best ones
 *     anneal     slicing trees, in rounds that start from the best, or from another good plan, at different temperatures
 */
import { seededRandom } from "../../random.ts";
import { Annealing, type Schedule, type Tuned } from "./anneal.ts";
import { type Arrangement, type ArrangementProblem, type ClassShapes, costOf } from "./arrangement.ts";
import { type CostBound, costBound, wireBoundAt } from "./cost-bound.ts";
import { type Part, treeOf } from "./slicing-tree.ts";
import {
  itemsOf,
  planColumns,
  planStrips,
  type StripCell,
  type StripPlan,
  type StripProblem,
  tooShort,
} from "./strips.ts";

export interface ArrangeOptions {
  /** annealing ends after so many steps, or so many units of work (anneal.ts); either is the same on every machine */
  readonly steps?: number;
  readonly work?: number;
  readonly seed: number;
  /** milliseconds since the epoch after which the best found is taken */
  readonly deadline: number;
  /** true when an arrangement is known to be the best there is */
  readonly isOptimal?: (arrangement: Arrangement, bound: CostBound) => boolean;
  readonly onBetter?: (stage: ArrangeStage, cost: number) => void;
}

export type ArrangeStage = "strips" | "anneal";

export interface Arranged {
  readonly arrangement: Arrangement;
  readonly bound: CostBound;
  /** annealing steps done */
  readonly steps: number;
  readonly endedBy: SearchEnd;
}

/** What ended a search: nothing better is possible, the steps or the work are done, or the deadline. Only the last depends on the machine. */
export type SearchEnd = "proof" | "effort" | "clock";

/** Why there is no arrangement: the smallest shapes do not fit by area, or none was found. */
export type NotArranged = "area" | "packing";

/** Growth of the limit from one plan to the next: while looking around, and around what was found. */
const coarse = 1.02;
const fine = 1.004;
const fineReach = 4;

/** Limits are scanned up to this multiple of the least when nothing fits before. */
const farthest = 64;

/** Plans, besides the best, that annealing starts from now and then. */
const otherStarts = 2;

/** Temperatures of the rounds in turn, as shares of the cost; every round ends at `cold`. */
const temperatures = [0.001, 0.003, 0.0003] as const;
const cold = 1e-5;

/** Steps of a round per item, at first; every fourth round doubles them up to a limit. */
const roundSteps = 2_000;
const longestRound = 16;

/** A plan of strips with the limit it was made for. */
interface Plan {
  readonly limit: number;
  readonly cost: number;
  readonly part: Part;
}

/** Searches for the arrangement of least cost. */
export function arrange(problem: ArrangementProblem, options: ArrangeOptions): Arranged | NotArranged {
  const bound = costBound(problem);
  if (bound === null) return "area";
  const annealing = new Annealing(problem);
  const plans = plansOf(problem, bound, options);
  const starts = plans.flatMap(({ part, limit }) => annealing.start(treeOf(part, problem.items.length), limit) ?? []);
  const [first] = starts.sort((a, b) => a.cost - b.cost);
  if (first === undefined) return "packing";
  options.onBetter?.("strips", first.cost);
  const { best, ...counts } = annealRounds(problem, annealing, starts, bound, options);
  return { arrangement: annealing.arrangement(best), bound, ...counts };
}

function annealRounds(
  problem: ArrangementProblem,
  annealing: Annealing,
  starts: readonly Tuned[],
  bound: CostBound,
  options: ArrangeOptions,
): { readonly best: Tuned } & Pick<Arranged, "steps" | "endedBy"> {
  let best = starts[0] as Tuned;
  let steps = 0;
  const isOptimal = options.isOptimal ?? (({ cost }) => cost <= bound.cost);
  let proven = isOptimal(annealing.arrangement(best), bound);
  const { steps: mostSteps = Infinity, work: mostWork = Infinity, deadline } = options;
  const isOpen = (): boolean => steps < mostSteps && annealing.work < mostWork && Date.now() < deadline;
  for (let round = 0; !proven && isOpen(); round++) {
    const schedule = scheduleOf(problem, round);
    const other = round % 4 === 3 ? starts[1 + ((round >> 2) % Math.max(1, starts.length - 1))] : undefined;
    const start = other ?? best;
    annealing.start(start.shape, start.limit);
    const found = annealing.run(
      schedule,
      { steps: mostSteps - steps, work: mostWork - annealing.work, deadline },
      seededRandom(options.seed * 1_000_003 + round),
    );
    steps += schedule.steps;
    if (found === null || found.cost >= best.cost) continue;
    best = found;
    proven = isOptimal(annealing.arrangement(best), bound);
    options.onBetter?.("anneal", best.cost);
  }
  return { best, steps, endedBy: proven ? "proof" : Date.now() >= deadline ? "clock" : "effort" };
}

function scheduleOf({ items }: ArrangementProblem, round: number): Schedule {
  const steps = roundSteps * items.length * Math.min(longestRound, 2 ** (round >> 2));
  return { steps, hot: temperatures[round % temperatures.length] as number, cold };
}

/** Plans of strips, the cheapest first, at most one for limits that are close to each other. */
function plansOf(problem: ArrangementProblem, bound: CostBound, options: ArrangeOptions): Plan[] {
  const plans: Plan[] = [];
  const cheapest = (): number => plans.reduce((least, { cost }) => Math.min(least, cost), Infinity);
  const late = (): boolean => plans.length > 0 && Date.now() > options.deadline;
  const { timeWeight } = problem;
  plans.push(...plansAt(problem, bound.limit, true));
  for (let limit = bound.cycles; limit <= bound.cycles * farthest || plans.length === 0; limit *= coarse) {
    if (timeWeight * limit >= cheapest() || late() || limit > 2 ** 52) break;
    if (costOf(problem, limit, wireBoundAt(problem, limit)) < cheapest()) plans.push(...plansAt(problem, limit, false));
    // without a plan even far off, larger steps
    if (plans.length === 0 && limit > bound.cycles * 4) limit *= 1.5;
  }
  const centres = apart(plans).slice(0, 2);
  for (const { limit } of centres) {
    for (let step = -fineReach; step <= fineReach && !late(); step++) {
      const close = limit * fine ** step;
      if (close >= bound.cycles) plans.push(...plansAt(problem, close, true));
    }
  }
  return apart(plans).slice(0, 1 + otherStarts);
}

/** The cheapest first, without those that are within half a step of a cheaper one. */
function apart(plans: readonly Plan[]): Plan[] {
  const kept: Plan[] = [];
  for (const plan of [...plans].sort((a, b) => a.cost - b.cost || a.limit - b.limit)) {
    if (kept.every(({ limit }) => Math.abs(Math.log(limit / plan.limit)) > Math.log(coarse) / 2)) kept.push(plan);
  }
  return kept;
}

/** Plans at one limit: strips along either side of the rectangle. */
function plansAt(problem: ArrangementProblem, limit: number, thorough: boolean): Plan[] {
  const shapes = problem.shapesAt(limit);
  if (problem.items.some((kind) => (shapes[kind]?.count ?? 0) === 0)) return [];
  const square = problem.width === problem.height;
  return (square ? [false] : [false, true]).flatMap((turned) => {
    const strips = stripProblem(problem, shapes, turned);
    return [planStrips(strips, thorough), planColumns(strips)].flatMap((plan) =>
      plan === null ? [] : [{ limit, cost: costOf(problem, limit, plan.wire), part: partOf(problem, plan, turned) }],
    );
  });
}

/** Strips run along x, or along y when turned. */
function stripProblem(problem: ArrangementProblem, shapes: readonly ClassShapes[], turned: boolean): StripProblem {
  const [width, height] = turned ? [problem.height, problem.width] : [problem.width, problem.height];
  const position = new Int32Array(problem.items.length);
  for (const [at, item] of problem.order.entries()) position[item] = at;
  const byClass = shapes.map((curve) => thicknessOf(curve, width, turned));
  return {
    width,
    height,
    thickness: problem.order.map((item) => byClass[problem.items[item] as number] as Uint16Array),
    edges: problem.wires.map(({ from, to }) => ({ from: position[from] as number, to: position[to] as number })),
  };
}

function thicknessOf({ widths, heights, count }: ClassShapes, longest: number, turned: boolean): Uint16Array {
  const thickness = new Uint16Array(longest + 1).fill(tooShort);
  for (let corner = 0; corner < count; corner++) {
    const [length, thick] = turned
      ? [heights[corner] as number, widths[corner] as number]
      : [widths[corner] as number, heights[corner] as number];
    thickness[length] = Math.min(thickness[length] as number, thick);
  }
  for (let length = 1; length <= longest; length++) {
    thickness[length] = Math.min(thickness[length] as number, thickness[length - 1] as number);
  }
  return thickness;
}

function partOf(problem: ArrangementProblem, { cells }: StripPlan, turned: boolean): Part {
  const cellPart = (cell: StripCell): Part => ({
    stacked: turned,
    parts: cell.map((column) => ({
      stacked: !turned,
      parts: itemsOf(column).map((at) => problem.order[at] as number),
    })),
  });
  return { stacked: !turned, parts: cells.map(cellPart) };
}
