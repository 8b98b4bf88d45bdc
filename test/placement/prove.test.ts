/** Floorplan programs and proofs against all floorplans of tiny problems. */
import { beforeAll, describe, expect, it, jest } from "@jest/globals";
import fc from "fast-check";
import {
  type Arrangement,
  type ArrangementProblem,
  type ClassShapes,
} from "../../compiler/placement/arrangement/arrangement.ts";
import { costBound } from "../../compiler/placement/arrangement/cost-bound.ts";
import { floorplanProgram } from "../../compiler/placement/arrangement/floorplan-program.ts";
import { floorplanText } from "../../compiler/placement/arrangement/floorplan-text.ts";
import { provenCost } from "../../compiler/placement/arrangement/prove.ts";
import { wireBound } from "../../compiler/placement/arrangement/wire-bound.ts";
import type { Solver } from "../../compiler/solver/linear-program.ts";
import { loadSolver } from "../../compiler/solver/solvers.ts";
import { optimumOf } from "../helpers/lp-reader.ts";

interface Shape { readonly width: number; readonly height: number; readonly cycles: number } // prettier-ignore

interface Tiny {
  readonly width: number;
  readonly height: number;
  /** even sides, so that every floorplan on half cores has one as good on whole cores */
  readonly classes: readonly (readonly Shape[])[];
  readonly wires: readonly { readonly from: number; readonly to: number }[];
  readonly timeWeight: number;
  readonly wireWeight: number;
}

const shape = fc.record({
  width: fc.constantFrom(2, 4),
  height: fc.constantFrom(2, 4, 6),
  cycles: fc.integer({ min: 1, max: 9 }),
});

const tinies: fc.Arbitrary<Tiny> = fc
  .record({
    width: fc.constantFrom(6, 7, 8),
    height: fc.constantFrom(6, 8),
    classes: fc.array(fc.array(shape, { minLength: 1, maxLength: 3 }), { minLength: 2, maxLength: 4 }),
    pairs: fc.array(fc.tuple(fc.nat(3), fc.nat(3)), { maxLength: 5 }),
    timeWeight: fc.constantFrom(1, 4),
    wireWeight: fc.constantFrom(0, 1, 3),
  })
  .map(({ pairs, ...rest }) => ({
    ...rest,
    wires: pairs
      .filter(([from, to]) => from !== to && Math.max(from, to) < rest.classes.length)
      .map(([from, to]) => ({ from, to })),
  }));

/** Shapes of at most so many cycles that no other beats, by width. */
function cornersOf(shapes: readonly Shape[], cycles: number): ClassShapes {
  const kept = shapes
    .filter((one) => one.cycles <= cycles)
    .sort((a, b) => a.width - b.width || a.height - b.height || a.cycles - b.cycles)
    .filter((one, index, all) => all.slice(0, index).every(({ height }) => height > one.height));
  return {
    count: kept.length,
    widths: Uint16Array.from(kept, ({ width }) => width),
    heights: Uint16Array.from(kept, ({ height }) => height),
    cycles: Float64Array.from(kept, (one) => one.cycles),
  };
}

const problemOf = (tiny: Tiny): ArrangementProblem => ({
  ...tiny,
  items: [...tiny.classes.keys()],
  order: [...tiny.classes.keys()],
  shapesAt: (cycles) => tiny.classes.map((shapes) => cornersOf(shapes, cycles)),
});

interface Spot extends Shape { readonly x: number; readonly y: number } // prettier-ignore

const apart = (a: Spot, b: Spot): number =>
  Math.abs(a.x + a.width / 2 - b.x - b.width / 2) + Math.abs(a.y + a.height / 2 - b.y - b.height / 2);

/** Least cost of all floorplans on whole cores; Infinity when there is none. */
function leastCost({ width, height, classes, wires, timeWeight, wireWeight }: Tiny): number {
  let best = Infinity;
  const visit = (placed: readonly Spot[], wire: number, cycles: number): void => {
    if (timeWeight * cycles + wireWeight * wire >= best) return;
    const shapes = classes[placed.length];
    if (shapes === undefined) {
      best = timeWeight * cycles + wireWeight * wire;
      return;
    }
    for (const one of shapes)
      for (let x = 0; x + one.width <= width; x++)
        for (let y = 0; y + one.height <= height; y++) {
          const spot = { ...one, x, y };
          if (placed.some((o) => x < o.x + o.width && o.x < x + one.width && y < o.y + o.height && o.y < y + one.height)) continue; // prettier-ignore
          const more = wires
            .filter(({ from, to }) => Math.max(from, to) === placed.length)
            .reduce((sum, { from, to }) => sum + apart(spot, placed[Math.min(from, to)] as Spot), 0);
          visit([...placed, spot], wire + more, Math.max(cycles, one.cycles));
        }
  };
  visit([], 0, 0);
  return best;
}

describe("proofs of small floorplans", () => {
  let solver: Solver;
  beforeAll(async () => {
    solver = await loadSolver("highs");
  });

  it("end at the cost of the best of all floorplans, which they find", () => {
    fc.assert(
      fc.property(tinies, (tiny) => {
        const problem = problemOf(tiny);
        const bound = costBound(problem);
        const best = leastCost(tiny);
        if (bound === null) {
          expect(best).toBe(Infinity);
          return;
        }
        expect(bound.cost).toBeLessThanOrEqual(best + 1e-9);
        const known = Math.min(best, 1e4) * 1.5 + 1;
        let found = known;
        const offer = ({ cost }: Arrangement): number => (found = Math.min(found, cost));
        const proven = provenCost(problem, bound, known, { solver, deadline: Date.now() + 60_000, offer });
        if (best === Infinity) {
          expect(found).toBe(known);
          return;
        }
        expect(proven).toBeCloseTo(best, 6);
        expect(found).toBeCloseTo(best, 6);
      }),
      { numRuns: 30 },
    );
  });

  it("give bounds that hold when there is little time or none", () => {
    fc.assert(
      fc.property(tinies, fc.constantFrom(0, 5, 20, 60), (tiny, milliseconds) => {
        const problem = problemOf(tiny);
        const bound = costBound(problem);
        if (bound === null) return;
        const best = leastCost(tiny);
        const proven = provenCost(problem, bound, 1e6, {
          solver,
          deadline: Date.now() + milliseconds,
          offer: ({ cost }) => cost,
        });
        expect(proven).toBeLessThanOrEqual(best + 1e-9);
      }),
      { numRuns: 60 },
    );
  });

  it("give a bound when time ends with a program that has no solution", () => {
    const shapes = [{ width: 4, height: 4, cycles: 2 }, { width: 2, height: 2, cycles: 9 }]; // prettier-ignore
    const problem = problemOf({
      width: 8,
      height: 6,
      classes: [shapes, shapes],
      wires: [],
      timeWeight: 1,
      wireWeight: 0,
    });
    const now = jest.spyOn(Date, "now").mockReturnValue(0);
    const late: Solver = {
      name: "late",
      solve: () => {
        now.mockReturnValue(2_000);
        return { status: "infeasible", values: [], objective: null, bound: null };
      },
    };
    const bound = { cost: 2, limit: 2, cycles: 2 };
    const proven = provenCost(problem, bound, 9, { solver: late, deadline: 1_000, offer: ({ cost }) => cost });
    now.mockRestore();
    expect(proven).toBe(9);
  });

  it("are written as programs whose optimum is that cost", async () => {
    const tiny: Tiny = {
      width: 8,
      height: 6,
      classes: [
        [{ width: 2, height: 4, cycles: 9 }, { width: 4, height: 4, cycles: 5 }],
        [{ width: 4, height: 2, cycles: 6 }, { width: 4, height: 6, cycles: 3 }],
        [{ width: 2, height: 2, cycles: 7 }, { width: 2, height: 6, cycles: 4 }],
      ],
      wires: [{ from: 0, to: 1 }, { from: 1, to: 2 }, { from: 0, to: 2 }],
      timeWeight: 2,
      wireWeight: 1,
    }; // prettier-ignore
    const best = leastCost(tiny);
    const text = floorplanText(problemOf(tiny), {
      title: "tiny",
      names: ["a", "b", "c"],
      leastCycles: 1,
      mostCycles: 9,
    });
    expect(text).toMatchGolden("placement/floorplan.lp");
    expect(await optimumOf(text)).toBeCloseTo(best, 6);
  });

  it("say which program is infeasible", () => {
    const items = [[{ width: 4, height: 4, cycles: 1 }], [{ width: 4, height: 4, cycles: 1 }]];
    const { program } = floorplanProgram({ width: 7, height: 7, items, wires: [], timeWeight: 1, wireWeight: 0 });
    expect(solver.solve(program).status).toBe("infeasible");
  });
});

describe("the bound on wires", () => {
  it("counts a triangle once, and wires that repeat each", () => {
    const wires = [{ from: 0, to: 1 }, { from: 1, to: 2 }, { from: 2, to: 0 }, { from: 0, to: 1 }, { from: 1, to: 1 }]; // prettier-ignore
    expect(wireBound(wires, [2, 4, 6])).toBe(3 + 5 + 4 + 3 + 2);
    expect(wireBound([], [])).toBe(0);
  });
});
