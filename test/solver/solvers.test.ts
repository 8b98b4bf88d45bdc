import { beforeAll, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { isFeasible, type LinearProgram, objectiveAt, type Solver } from "../../compiler/solver/linear-program.ts";
import { printLp } from "../../compiler/solver/lp-text.ts";
import { loadSolver } from "../../compiler/solver/solvers.ts";
import { lpReader } from "../helpers/lp-reader.ts";

const integer = (cost: number, upper: number): LinearProgram["variables"][number] => ({
  lower: 0,
  upper,
  integer: true,
  cost,
});
const row = (coefficients: readonly number[], lower: number, upper: number): LinearProgram["rows"][number] => ({
  terms: coefficients.map((coefficient, variable) => ({ variable, coefficient })),
  lower,
  upper,
});

/** Least -(5a + 4b) with 6a + 4b <= 24, a + 2b <= 6: the relaxation gives (3, 1.5), integers (4, 0). */
const textbook: LinearProgram = {
  variables: [integer(-5, Infinity), integer(-4, Infinity)],
  rows: [row([6, 4], -Infinity, 24), row([1, 2], -Infinity, 6)],
};

let solvers: readonly Solver[] = [];
beforeAll(async () => {
  solvers = [await loadSolver("glpk"), await loadSolver("highs")];
});

/** Tries every point; programs here have few variables with small bounds. */
function bruteForce(program: LinearProgram): number | null {
  let best: number | null = null;
  const visit = (values: number[]): void => {
    const variable = program.variables[values.length];
    if (variable === undefined) {
      const objective = objectiveAt(program, values);
      if (isFeasible(program, values) && (best === null || objective < best)) best = objective;
      return;
    }
    for (let value = variable.lower; value <= variable.upper; value++) visit([...values, value]);
  };
  visit([]);
  return best;
}

describe("solvers", () => {
  it("agree on a textbook program and say that it is proven", () => {
    for (const solver of solvers) {
      const solution = solver.solve(textbook);
      expect(solution).toEqual({ status: "optimal", values: [4, 0], objective: -20, bound: -20 });
    }
  });

  it("prove infeasibility", () => {
    const program: LinearProgram = { variables: [integer(1, 3)], rows: [row([2], 3, 3)] };
    for (const solver of solvers) expect(solver.solve(program).status).toBe("infeasible");
  });

  it("name themselves with a version", () => {
    expect(solvers.map(({ name }) => name)).toEqual([
      expect.stringMatching(/^GLPK 5\.\d/),
      expect.stringMatching(/^HiGHS 1\.\d/),
    ]);
  });

  it("solve programs without rows or without variables", () => {
    for (const solver of solvers) {
      expect(solver.solve({ variables: [integer(2, 5)], rows: [] }).objective).toBe(0);
      expect(solver.solve({ variables: [], rows: [] }).status).toBe("optimal");
    }
  });

  it("refuse a variable that stands twice in a row", () => {
    const program: LinearProgram = {
      variables: [integer(1, 1)],
      rows: [{ terms: [{ variable: 0, coefficient: 1 }, { variable: 0, coefficient: 2 }], lower: 0, upper: 1 }], // prettier-ignore
    };
    for (const solver of solvers) expect(() => solver.solve(program)).toThrow("internal:");
  });

  it("find what trying every point finds", () => {
    const coefficient = fc.integer({ min: -5, max: 5 });
    const programs = fc.integer({ min: 1, max: 4 }).chain((count) =>
      fc.record({
        variables: fc.array(fc.record({ cost: coefficient, upper: fc.integer({ min: 0, max: 4 }) }), { minLength: count, maxLength: count }), // prettier-ignore
        rows: fc.array(
          fc.record({
            coefficients: fc.array(coefficient, { minLength: count, maxLength: count }),
            upper: fc.integer({ min: -6, max: 12 }),
          }),
          { maxLength: 4 },
        ),
      }),
    );
    fc.assert(
      fc.property(programs, ({ variables, rows }) => {
        const program: LinearProgram = {
          variables: variables.map(({ cost, upper }) => integer(cost, upper)),
          rows: rows.map(({ coefficients, upper }) => row(coefficients, -Infinity, upper)),
        };
        const expected = bruteForce(program);
        for (const solver of solvers) {
          const solution = solver.solve(program);
          if (expected === null) expect(solution.status).toBe("infeasible");
          else expect([solution.status, solution.objective]).toEqual(["optimal", expect.closeTo(expected, 6)]);
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe("LP text", () => {
  it("is read by HiGHS to the same optimum", async () => {
    const read = (await lpReader()).solve(printLp(textbook, { comments: ["a textbook program"] }), {
      output_flag: false,
    });
    expect([read.Status, read.ObjectiveValue]).toEqual(["Optimal", -20]);
    expect(read.Columns["x0"]?.Primal).toBeCloseTo(4);
    expect(read.Columns["x1"]?.Primal).toBeCloseTo(0);
  });

  it("prints bounds, ranges and integers", () => {
    const program: LinearProgram = {
      variables: [integer(1, 3), { lower: -Infinity, upper: Infinity, integer: false, cost: -2.5 }],
      rows: [row([1, -1], -2, 4), row([0, 1], 1, 1)],
    };
    const text = printLp(program, { describe: (variable) => `variable ${variable}` });
    expect(text).toMatchGolden("solver/small.lp");
  });
});
