/** Constants that bring a law nearest to measurements: least squares of relative errors, for laws that are linear in their constants. */

export type Constants<Name extends string> = Readonly<Record<Name, number>>;

/** A measured figure and what the law says for it. */
export interface Observation<Name extends string> {
  readonly measured: number;
  readonly predict: (constants: Constants<Name>) => number;
}

/** The constants by name. Needs at least as many observations as constants, and that no constant does what another one does. */
export function fitConstants<Name extends string>(
  names: readonly Name[],
  observations: readonly Observation<Name>[],
): Constants<Name> {
  const only = (chosen: Name | null): Constants<Name> =>
    Object.fromEntries(names.map((name) => [name, name === chosen ? 1 : 0])) as Record<Name, number>;
  const rows = observations.map(({ measured, predict }) => {
    const base = predict(only(null));
    return {
      slopes: names.map((name) => (predict(only(name)) - base) / measured),
      rest: (measured - base) / measured,
    };
  });
  const sum = (term: (row: (typeof rows)[number]) => number): number =>
    rows.reduce((total, row) => total + term(row), 0);
  const matrix = names.map((_, i) => [
    ...names.map((__, j) => sum(({ slopes }) => (slopes[i] as number) * (slopes[j] as number))),
    sum(({ slopes, rest }) => (slopes[i] as number) * rest),
  ]);
  const solution = solve(matrix);
  return Object.fromEntries(names.map((name, index) => [name, solution[index]])) as Record<Name, number>;
}

/** Solves a small positive definite system, its right-hand side in the last column. */
function solve(matrix: number[][]): readonly number[] {
  const size = matrix.length;
  for (const [pivot, row] of matrix.entries()) {
    for (const below of matrix.slice(pivot + 1)) {
      const factor = (below[pivot] as number) / (row[pivot] as number);
      for (let column = pivot; column <= size; column++) {
        below[column] = (below[column] as number) - factor * (row[column] as number);
      }
    }
  }
  const solution = new Array<number>(size).fill(0);
  for (let index = size - 1; index >= 0; index--) {
    const row = matrix[index] as number[];
    const known = solution
      .slice(index + 1)
      .reduce((total, value, after) => total + value * (row[index + 1 + after] as number), 0);
    solution[index] = ((row[size] as number) - known) / (row[index] as number);
  }
  if (!solution.every(Number.isFinite)) throw new Error("internal: the constants are not determined");
  return solution;
}
