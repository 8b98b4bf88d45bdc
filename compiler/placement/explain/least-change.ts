/** The least change that makes something work, found by trying. */
import { pack } from "../packing/floorplan.ts";
import { Grid } from "../packing/grid.ts";
import type { Problem } from "../problem.ts";

/**
 * The least factor above 1 at which something works, to 1%; null when it does not up to `most`. `mayTry` is asked before each try: where it says no,
 * the least factor so far that works is given, if any.
 */
export function leastFactor(
  works: (factor: number) => boolean,
  most: number,
  mayTry: () => boolean = () => true,
): number | null {
  let low = 1;
  let high = Math.min(most, 1.1);
  for (;;) {
    if (!mayTry()) return null;
    if (works(high)) break;
    if (high >= most) return null;
    low = high;
    high = Math.min(most, 1 + (high - 1) * 2);
  }
  while (high > low * 1.01 && mayTry()) {
    const middle = (low + high) / 2;
    if (works(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/** Rows at the south side with which everything can be packed at an interval, to 6%; null when twice the fabric is not enough. */
export function rowsToPack(problem: Problem, cycles: number): number | null {
  const works = (rows: number): boolean => pack(higher(problem, rows), cycles) !== null;
  let high = 1;
  while (!works(high)) {
    if (high > problem.height) return null;
    high *= 2;
  }
  let low = high >> 1;
  while (high - low > Math.max(1, high >> 4)) {
    const middle = (low + high) >> 1;
    if (works(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/** The same rectangle with more rows at its south side. */
export function higher(problem: Problem, rows: number): Problem {
  const height = problem.height + rows;
  const { site } = problem;
  if (site === undefined) return { ...problem, height };
  return { ...problem, height, site: { ...site, grid: new Grid(problem.width, height, site.grid.blocked) } };
}
