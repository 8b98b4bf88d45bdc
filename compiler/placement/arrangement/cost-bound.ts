/**
 * What no arrangement can beat. Two facts hold for any limit T of cycles: the least areas of all items at T must fit the rectangle, and connected
 * items stand apart by what their thinnest sides m(T) ask for (wire-bound.ts):
 *
 *     cost >= min over T >= T_area of   time weight * T + wire weight * wire bound(m(T))
 *
 * Both fall in steps as T grows, so the minimum is found exactly by halving ranges of T: a range costs at least its lower end with the wires of
 * its upper end, and a range over which no curve changes holds no other cost than its lower end's.
 */
import type { ArrangementProblem, ClassShapes } from "./arrangement.ts";
import { wireBound } from "./wire-bound.ts";

export interface CostBound {
  readonly cost: number;
  /** limit of cycles at which the bound is reached: where to look first */
  readonly limit: number;
  /** least cycles at which the areas fit */
  readonly cycles: number;
}

/** Cycles beyond which no shape is asked for. */
const mostCycles = 2 ** 52;

/** Ranges narrower than this share of their end hold one time. */
const narrow = 1e-9;

/** Ranges looked at before the bound is taken as it is; it holds all the same. */
const mostRanges = 4_000;

/** The bound, or null when not even the smallest shapes fit. */
export function costBound(problem: ArrangementProblem): CostBound | null {
  const cycles = leastCycles(problem);
  return cycles === null ? null : { cycles, ...leastCost(problem, cycles) };
}

/** Least cycles at which every item has a shape and the areas fit; null when none. */
export function leastCycles(problem: ArrangementProblem): number | null {
  const room = problem.width * problem.height;
  const fits = (limit: number): boolean => areaAt(problem, limit) <= room;
  let high = 1;
  while (!fits(high)) {
    high *= 2;
    if (high > mostCycles) return null;
  }
  let low = fits(high / 2) ? 0 : high / 2;
  while (high - low > narrow * high) {
    const middle = (low + high) / 2;
    if (fits(middle)) high = middle;
    else low = middle;
  }
  return slowestAbove(problem.shapesAt(high), low) ?? high;
}

/** Sum of the least areas; Infinity when some class has no shape. */
export function areaAt(problem: ArrangementProblem, limit: number): number {
  const areas = problem.shapesAt(limit).map((shapes) => leastOf(shapes, (width, height) => width * height));
  return problem.items.reduce((sum, kind) => sum + (areas[kind] ?? Infinity), 0);
}

/** Least wire length that shapes of at most so many cycles allow. */
export function wireBoundAt(problem: ArrangementProblem, limit: number): number {
  return wireBound(problem.wires, thinSides(problem, limit));
}

/** The thinnest side of any shape of at most so many cycles, by item; Infinity where there is none. */
export function thinSides(problem: ArrangementProblem, limit: number): number[] {
  const sides = problem.shapesAt(limit).map((shapes) => leastOf(shapes, Math.min));
  return problem.items.map((kind) => sides[kind] ?? Infinity);
}

function leastOf({ widths, heights, count }: ClassShapes, measure: (width: number, height: number) => number): number {
  let least = Infinity;
  for (let corner = 0; corner < count; corner++) {
    least = Math.min(least, measure(widths[corner] as number, heights[corner] as number));
  }
  return least;
}

/** Cycles of the slowest corner above a limit; null when there is none. */
export function slowestAbove(classes: readonly ClassShapes[], above: number): number | null {
  let slowest = above;
  for (const { cycles, count } of classes) {
    for (let corner = 0; corner < count; corner++) slowest = Math.max(slowest, cycles[corner] as number);
  }
  return slowest > above ? slowest : null;
}

/** Limits above `low` up to `high`, and what any of them costs at least. */
interface Range {
  readonly low: number;
  readonly high: number;
  readonly wireHigh: number;
  readonly cost: number;
}

function leastCost(problem: ArrangementProblem, cycles: number): Pick<CostBound, "cost" | "limit"> {
  const { timeWeight, wireWeight } = problem;
  const wireAt = (limit: number): number => wireBoundAt(problem, limit);
  let known = timeWeight * cycles + wireWeight * wireAt(cycles);
  let limit = cycles;
  const range = (low: number, high: number, wireHigh: number): Range => ({
    low,
    high,
    wireHigh,
    cost: timeWeight * low + wireWeight * wireHigh,
  });
  const far = timeWeight > 0 ? Math.min(mostCycles, known / timeWeight) : mostCycles;
  let open = far > cycles ? [range(cycles, far, wireAt(far))] : [];
  for (let looked = 0; looked < mostRanges && open.length > 0; looked++) {
    open = open.filter(({ cost }) => cost < known).sort((a, b) => b.cost - a.cost);
    const first = open.pop();
    if (first === undefined) break;
    const { low, high, wireHigh } = first;
    if (wireAt(low) === wireHigh) continue;
    if (high - low <= narrow * high) {
      const slowest = slowestAbove(problem.shapesAt(high), low) ?? high;
      const cost = timeWeight * slowest + wireWeight * wireHigh;
      if (cost < known) [known, limit] = [cost, slowest];
      continue;
    }
    // far ranges span many orders of size
    const middle = high > 4 * low ? Math.sqrt(low * high) : (low + high) / 2;
    open.push(range(low, middle, wireAt(middle)), range(middle, high, wireHigh));
  }
  return { cost: open.reduce((least, { cost }) => Math.min(least, cost), known), limit };
}
