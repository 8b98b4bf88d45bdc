/**
 * Sizing as an integer program. For an interval T, with classes of equal items so that the program stays small:
 *
 *     x[c,v]  items of class c that take shape v (integer >= 0), over the shapes of at most T that no other beats in area and perimeter
 *     sum over v of x[c,v] = items of class c                     for every class
 *     sum of area[c,v] * x[c,v] <= cores of the rectangle
 *     minimise  sum of perimeter[c,v] * x[c,v]                    squarer items mean shorter wires
 *
 * The least T for which it is feasible is found by bisection over the finite set of times (libraries.md: formulated so, GLPK proves in
 * milliseconds what a program with a variable for T does not in minutes). The result is proven: no interval below it fits.
 */
import type { LinearProgram, Row, Solver, Term, Variable } from "../../solver/linear-program.ts";
import { areaBound, areaCurve, leastThat } from "./area-bound.ts";
import { classCounts, coresOf, distinctTimes, type Problem, type Shape, shapesWithin } from "../problem.ts";

export interface Sizing {
  /** least interval that fits by area, proven */
  readonly cycles: number;
  readonly solver: string;
  /** integer programs solved */
  readonly solves: number;
}

/** One variable of the program: a class and one of its shapes. */
export interface SizingVariable {
  readonly class: number;
  readonly shape: Shape;
}

export interface SizingProgram {
  readonly program: LinearProgram;
  readonly variables: readonly SizingVariable[];
}

/** Shapes per class in the program at most; more would not change feasibility. */
const shapesPerClass = 8;

/** Shapes of at most T that no other beats in both area and half perimeter, the smallest first. */
export function efficientShapes(shapes: readonly Shape[], time: number): Shape[] {
  const within = shapes.slice(0, shapesWithin(shapes, time));
  const area = (s: Shape): number => s.rows * s.columns;
  const side = (s: Shape): number => s.rows + s.columns;
  within.sort((a, b) => area(a) - area(b) || side(a) - side(b) || a.cycles - b.cycles);
  const kept: Shape[] = [];
  for (const shape of within) {
    const last = kept.at(-1);
    if (last === undefined || side(shape) < side(last)) kept.push(shape);
    if (kept.length === shapesPerClass) break;
  }
  return kept;
}

/** Writes the program for one interval. A class that has no shape fast enough makes it infeasible. */
export function sizingProgram(problem: Problem, time: number): SizingProgram {
  const counts = classCounts(problem);
  const variables: SizingVariable[] = [];
  const rows: Row[] = [];
  const areas: Term[] = [];
  for (const [index, shapes] of problem.classes.entries()) {
    const count = counts[index] ?? 0;
    if (count === 0) continue;
    const terms: Term[] = [];
    for (const shape of efficientShapes(shapes, time)) {
      terms.push({ variable: variables.length, coefficient: 1 });
      areas.push({ variable: variables.length, coefficient: shape.rows * shape.columns });
      variables.push({ class: index, shape });
    }
    rows.push({ terms, lower: count, upper: count });
  }
  rows.push({ terms: areas, lower: 0, upper: coresOf(problem) });
  return { program: { variables: variables.map((v) => columnOf(v, counts)), rows }, variables };
}

const columnOf = ({ class: index, shape }: SizingVariable, counts: readonly number[]): Variable => ({
  lower: 0,
  upper: counts[index] ?? 0,
  integer: true,
  cost: shape.rows + shape.columns,
});

/** Relative gap at which the tie-break between equally fast sizings may stop; feasibility itself is always decided. */
const wireGap = 0.05;

/** Finds the least interval that fits by area; null when none does. */
export function sizeLayers(problem: Problem, solver: Solver, timeLimitSeconds: number): Sizing | null {
  if (problem.items.length === 0) return { cycles: 0, solver: solver.name, solves: 0 };
  const oracle = areaBound(problem);
  const deadline = Date.now() + timeLimitSeconds * 1000;
  let solves = 0;
  const feasible = (time: number): boolean => {
    const { program } = sizingProgram(problem, time);
    if (program.rows.some(({ terms, lower }) => terms.length === 0 && lower > 0)) return false;
    solves++;
    const limit = Math.max(1, (deadline - Date.now()) / 1000);
    const { status } = solver.solve(program, { gap: wireGap, timeLimitSeconds: limit });
    // an undecided call is answered by the oracle, which is exact here
    return status === "undecided" ? oracle !== null && time >= oracle : status !== "infeasible";
  };
  const cycles = leastThat(searchRange(problem, oracle), feasible);
  if (cycles !== oracle) throw new Error(`internal: sizing gives ${cycles}, its oracle ${oracle}`);
  return cycles === null ? null : { cycles, solver: solver.name, solves };
}

/** Times that the bisection needs to look at: those at which some class's least area changes. */
function searchRange(problem: Problem, oracle: number | null): number[] {
  if (oracle === null) return distinctTimes(problem).slice(-1);
  const times = new Set<number>();
  for (const shapes of problem.classes) for (const time of areaCurve(shapes).times) times.add(time);
  return [...times].sort((a, b) => a - b);
}
