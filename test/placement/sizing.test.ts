import { beforeAll, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { areaBound } from "../../compiler/placement/sizing/area-bound.ts";
import { leastPackable, pack } from "../../compiler/placement/packing/floorplan.ts";
import type { Problem, Shape } from "../../compiler/placement/problem.ts";
import { sizeLayers, sizingProgram } from "../../compiler/placement/sizing/sizing.ts";
import { printLp } from "../../compiler/solver/lp-text.ts";
import type { Solver } from "../../compiler/solver/linear-program.ts";
import { loadSolver } from "../../compiler/solver/solvers.ts";

let glpk: Solver;
let highs: Solver;
beforeAll(async () => {
  glpk = await loadSolver("glpk");
  highs = await loadSolver("highs");
});

const shapes: fc.Arbitrary<readonly Shape[]> = fc
  .array(
    fc.record({
      rows: fc.integer({ min: 1, max: 6 }),
      columns: fc.integer({ min: 1, max: 6 }),
      cycles: fc.integer({ min: 1, max: 30 }),
    }),
    { minLength: 1, maxLength: 4 },
  )
  .map((list) => list.sort((a, b) => a.cycles - b.cycles));

const problems: fc.Arbitrary<Problem> = fc
  .record({
    width: fc.integer({ min: 3, max: 10 }),
    height: fc.integer({ min: 3, max: 10 }),
    classes: fc.array(shapes, { minLength: 1, maxLength: 3 }),
  })
  .chain((base) =>
    fc.array(fc.nat(base.classes.length - 1), { minLength: 1, maxLength: 5 }).map((items) => ({ ...base, items })),
  );

/** Least slowest shape over every choice of shapes whose areas fit; null when none do. */
function bruteForce(problem: Problem): number | null {
  let best: number | null = null;
  const visit = (item: number, area: number, slowest: number): void => {
    if (area > problem.width * problem.height || (best !== null && slowest >= best)) return;
    const shapesOf = problem.classes[problem.items[item] ?? -1];
    if (shapesOf === undefined) {
      best = slowest;
      return;
    }
    for (const { rows, columns, cycles } of shapesOf) visit(item + 1, area + rows * columns, Math.max(slowest, cycles));
  };
  visit(0, 0, 0);
  return best;
}

describe("sizing", () => {
  it("finds what trying every choice finds, by integer program and by oracle", () => {
    let feasible = 0;
    fc.assert(
      fc.property(problems, (problem) => {
        const expected = bruteForce(problem);
        if (expected !== null) feasible++;
        expect(areaBound(problem)).toBe(expected);
        expect(sizeLayers(problem, glpk, 10)?.cycles ?? null).toBe(expected);
      }),
      { numRuns: 150 },
    );
    expect(feasible).toBeGreaterThan(30);
  });

  it("calls the solver", () => {
    const problem: Problem = {
      width: 4,
      height: 4,
      classes: [[{ rows: 4, columns: 4, cycles: 10 }, { rows: 2, columns: 4, cycles: 20 }, { rows: 2, columns: 2, cycles: 40 }]], // prettier-ignore
      items: [0, 0, 0],
    };
    const calls: number[] = [];
    const counting: Solver = {
      ...glpk,
      solve: (program, options) => (calls.push(program.rows.length), glpk.solve(program, options)),
    };
    expect(sizeLayers(problem, counting, 10)).toEqual({ cycles: 40, solver: glpk.name, solves: 2 });
    expect(calls).toEqual([2, 2]);
  });

  it("writes its program as LP text that HiGHS reads to the same optimum", async () => {
    const { default: load } = (await import("highs")) as unknown as {
      default: () => Promise<{ solve: (text: string, options: object) => { Status: string; ObjectiveValue: number } }>;
    };
    const reader = await load();
    let compared = 0;
    fc.assert(
      fc.property(problems, fc.integer({ min: 1, max: 30 }), (problem, time) => {
        const { program } = sizingProgram(problem, time);
        // text without variables has nothing to read
        if (program.variables.length === 0) return;
        const solved = highs.solve(program);
        const read = reader.solve(printLp(program), { output_flag: false });
        if (solved.status === "infeasible") {
          expect(read.Status).toBe("Infeasible");
          return;
        }
        compared++;
        expect([read.Status, read.ObjectiveValue]).toEqual(["Optimal", expect.closeTo(solved.objective ?? NaN, 6)]);
      }),
      { numRuns: 60 },
    );
    expect(compared).toBeGreaterThan(5);
  });
});

describe("floorplan", () => {
  const area = ({ width, height }: { width: number; height: number }): number => width * height;

  it("packs without overlap, inside the rectangle, with shapes fast enough", () => {
    let packed = 0;
    fc.assert(
      fc.property(problems, fc.integer({ min: 1, max: 30 }), (problem, time) => {
        const placed = pack(problem, time);
        if (placed === null) return;
        packed++;
        expect(placed.length).toBe(problem.items.length);
        const cells = new Set<string>();
        for (const [item, { x, y, width, height, shape, rotated }] of placed.entries()) {
          const taken = problem.classes[problem.items[item] ?? -1]?.[shape];
          expect(taken?.cycles).toBeLessThanOrEqual(time);
          expect(rotated ? [taken?.columns, taken?.rows] : [taken?.rows, taken?.columns]).toEqual([height, width]);
          expect(x >= 0 && y >= 0 && x + width <= problem.width && y + height <= problem.height).toBe(true);
          for (let i = 0; i < width; i++) for (let j = 0; j < height; j++) cells.add(`${x + i} ${y + j}`);
        }
        expect(cells.size).toBe(placed.reduce((sum, rect) => sum + area(rect), 0));
      }),
      { numRuns: 200 },
    );
    expect(packed).toBeGreaterThan(30);
  });

  it("never beats the bound of sizing", () => {
    fc.assert(
      fc.property(problems, (problem) => {
        const bound = areaBound(problem);
        if (bound === null) return;
        const found = leastPackable(problem, bound, { tolerance: 0, deadline: Infinity });
        if (found === null) return;
        expect(found).toBeGreaterThanOrEqual(bound);
        expect(pack(problem, found)).not.toBeNull();
      }),
      { numRuns: 60 },
    );
  });

  it("fills a rectangle completely where shapes allow it", () => {
    const strip = (rows: number): Shape => ({ rows, columns: 16 / rows, cycles: 5 });
    const problem: Problem = { width: 8, height: 8, classes: [[strip(1), strip(2), strip(4)]], items: [0, 0, 0, 0] };
    expect(pack(problem, 5)).not.toBeNull();
  });
});
