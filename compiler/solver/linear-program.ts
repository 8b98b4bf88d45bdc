/**
 * Linear and integer programs as plain data, and what a solver answers. Variables and rows are numbered; names exist only in written models.
 */

export interface Variable {
  readonly lower: number;
  /** Infinity for none */
  readonly upper: number;
  readonly integer: boolean;
  /** coefficient in the objective, which is minimised */
  readonly cost: number;
}

export interface Term {
  readonly variable: number;
  readonly coefficient: number;
}

/** lower <= sum of terms <= upper; either may be infinite. */
export interface Row {
  readonly terms: readonly Term[];
  readonly lower: number;
  readonly upper: number;
}

/** Minimise the sum of cost * variable subject to the rows. */
export interface LinearProgram {
  readonly variables: readonly Variable[];
  readonly rows: readonly Row[];
}

/**
 * - `optimal`: the values are proven best; `bound` equals `objective`
 * - `feasible`: values are legal, a limit ended the search; `bound` is what is proven, or null when the solver does not say
 * - `infeasible`, `unbounded`: proven
 * - `undecided`: a limit ended the search with nothing in hand
 */
export type SolveStatus = "optimal" | "feasible" | "infeasible" | "unbounded" | "undecided";

export interface Solution {
  readonly status: SolveStatus;
  /** by variable; empty unless there are values */
  readonly values: readonly number[];
  readonly objective: number | null;
  readonly bound: number | null;
}

export interface SolveOptions {
  readonly timeLimitSeconds?: number;
  /** branch-and-bound nodes; adapters without such a limit ignore it */
  readonly nodeLimit?: number;
  /** relative gap at which the search may stop; 0 proves */
  readonly gap?: number;
}

/** An adapter. Deterministic: one program gives one answer, unless a time limit ends the search. */
export interface Solver {
  /** with version, for certificates */
  readonly name: string;
  readonly solve: (program: LinearProgram, options?: SolveOptions) => Solution;
}

/** Refuses what solvers abort on: numbers that are none, a variable twice in a row, indices out of range. */
export function checkProgram(program: LinearProgram): void {
  for (const [index, { lower, upper, cost }] of program.variables.entries()) {
    if (Number.isNaN(lower) || Number.isNaN(upper) || !Number.isFinite(cost)) {
      throw new Error(`internal: variable ${index} of a linear program has no proper bounds or cost`);
    }
  }
  for (const [index, row] of program.rows.entries()) checkRow(program, row, index);
}

function checkRow(program: LinearProgram, row: Row, index: number): void {
  const seen = new Set<number>();
  for (const { variable, coefficient } of row.terms) {
    if (variable < 0 || variable >= program.variables.length || seen.has(variable) || !Number.isFinite(coefficient)) {
      throw new Error(`internal: row ${index} of a linear program is malformed at variable ${variable}`);
    }
    seen.add(variable);
  }
}

/** Value of the objective at a point. */
export function objectiveAt(program: LinearProgram, values: readonly number[]): number {
  return program.variables.reduce((sum, { cost }, index) => sum + cost * (values[index] ?? 0), 0);
}

/** True when a point satisfies bounds, integrality and rows within `tolerance`, relative to the size of each row. */
export function isFeasible(program: LinearProgram, values: readonly number[], tolerance = 1e-6): boolean {
  const inside = (value: number, lower: number, upper: number, size: number): boolean =>
    value >= lower - tolerance * size && value <= upper + tolerance * size;
  const variablesFit = program.variables.every(({ lower, upper, integer }, index) => {
    const value = values[index] ?? 0;
    if (integer && Math.abs(value - Math.round(value)) > tolerance) return false;
    return inside(value, lower, upper, 1 + Math.abs(value));
  });
  return (
    variablesFit &&
    program.rows.every(({ terms, lower, upper }) => {
      let sum = 0;
      let size = 1;
      for (const { variable, coefficient } of terms) {
        const part = coefficient * (values[variable] ?? 0);
        sum += part;
        size += Math.abs(part);
      }
      return inside(sum, lower, upper, size);
    })
  );
}

/** The values that a solver means: integers rounded, no negative zeros. */
export const roundIntegers = (program: LinearProgram, values: readonly number[]): number[] =>
  program.variables.map(({ integer }, index) => {
    const value = values[index] ?? 0;
    return (integer ? Math.round(value) : value) + 0;
  });

/** The answer to a program without variables, which solvers do not agree on. */
export function solutionOfNothing(program: LinearProgram): Solution {
  const holds = program.rows.every(({ lower, upper }) => lower <= 0 && upper >= 0);
  return holds
    ? { status: "optimal", values: [], objective: 0, bound: 0 }
    : { status: "infeasible", values: [], objective: null, bound: null };
}
