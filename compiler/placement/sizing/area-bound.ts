/**
 * The combinatorial bound on the interval: for a time T every item needs at least its smallest shape of at most T; the least T whose areas
 * add up to at most the rectangle is a bound that no placement can beat. It is exact for sizing alone (area is the only thing items share),
 * which makes it the oracle that the integer program is checked against.
 */
import { classCounts, coresOf, distinctTimes, type Problem, type Shape } from "../problem.ts";

/** Least area of each class by time: `areas[i]` holds from `times[i]` on. */
export interface AreaCurve {
  readonly times: readonly number[];
  readonly areas: readonly number[];
}

/** The falling staircase of least area over time. */
export function areaCurve(shapes: readonly Shape[]): AreaCurve {
  const times: number[] = [];
  const areas: number[] = [];
  let least = Infinity;
  for (const { rows, columns, cycles } of shapes) {
    const area = rows * columns;
    if (area >= least) continue;
    least = area;
    if (times.at(-1) === cycles) areas[areas.length - 1] = area;
    else {
      times.push(cycles);
      areas.push(area);
    }
  }
  return { times, areas };
}

/** Least area at a time; Infinity before the fastest shape. */
export function areaAt({ times, areas }: AreaCurve, time: number): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] ?? Infinity) <= time) low = middle + 1;
    else high = middle;
  }
  return low === 0 ? Infinity : (areas[low - 1] ?? Infinity);
}

/** Sum over all items of the least area at a time. */
export function totalAreaAt(curves: readonly AreaCurve[], counts: readonly number[], time: number): number {
  return curves.reduce((sum, curve, index) => {
    const count = counts[index] ?? 0;
    return count === 0 ? sum : sum + count * areaAt(curve, time);
  }, 0);
}

/** The least time whose areas fit, or null when even the smallest shapes do not. */
export function areaBound(problem: Problem): number | null {
  if (problem.items.length === 0) return 0;
  const curves = problem.classes.map(areaCurve);
  const counts = classCounts(problem);
  const times = distinctTimes(problem);
  const fits = (time: number): boolean => totalAreaAt(curves, counts, time) <= coresOf(problem);
  return leastThat(times, fits);
}

/** First of ascending values for which a monotone predicate holds; null when none. */
export function leastThat(values: readonly number[], holds: (value: number) => boolean): number | null {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(values[middle] ?? Infinity)) high = middle;
    else low = middle + 1;
  }
  return values[low] ?? null;
}
