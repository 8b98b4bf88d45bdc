/** Strips: plans that fit, and the wires they claim. */
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
  itemsOf,
  planColumns,
  planStrips,
  type StripPlan,
  type StripProblem,
  tooShort,
} from "../../compiler/placement/arrangement/strips.ts";

/** Items of an area each: as thin as their length allows. */
const thicknessOf = (area: number, width: number): Uint16Array =>
  Uint16Array.from({ length: width + 1 }, (_, length) => (length === 0 ? tooShort : Math.ceil(area / length)));

const problems: fc.Arbitrary<StripProblem> = fc
  .record({
    width: fc.integer({ min: 6, max: 20 }),
    height: fc.integer({ min: 6, max: 20 }),
    areas: fc.array(fc.integer({ min: 2, max: 30 }), { minLength: 1, maxLength: 8 }),
    extra: fc.array(fc.tuple(fc.nat(7), fc.nat(7)), { maxLength: 3 }),
  })
  .map(({ width, height, areas, extra }) => ({
    width,
    height,
    thickness: areas.map((area) => thicknessOf(area, Math.max(width, height))),
    edges: [
      ...areas.slice(1).map((_, at) => ({ from: at, to: at + 1 })),
      ...extra.filter(([a, b]) => a < b && b < areas.length).map(([from, to]) => ({ from, to })),
    ],
  }));

/** Every item once, in some cell. */
function expectComplete(plan: StripPlan, { thickness }: StripProblem): void {
  const items = plan.cells.flatMap((cell) => cell.flatMap(itemsOf));
  expect([...items].sort((a, b) => a - b)).toEqual([...thickness.keys()]);
}

describe("strips", () => {
  it("hold every item once, in no less wire than thin sides ask for", () => {
    fc.assert(
      fc.property(problems, fc.boolean(), (problem, thorough) => {
        for (const plan of [planStrips(problem, thorough), planColumns(problem)]) {
          if (plan === null) continue;
          expectComplete(plan, problem);
          const thinnest = problem.thickness.map((by) => Math.min(...by.subarray(0, problem.width + 1)));
          const floor = problem.edges.reduce((sum, { from, to }) => sum + ((thinnest[from] ?? 0) + (thinnest[to] ?? 0)) / 2, 0);
          // folds may turn an item's other side to its neighbour
          if (plan.cells.every((cell) => cell.length === 1)) expect(plan.wire).toBeGreaterThanOrEqual(floor - 1e-9);
        }
      }),
    ); // prettier-ignore
  });

  it("are one above the other where that fits, at half the sum of their sides", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 6 }), (areas) => {
        const width = 20;
        const thickness = areas.map((area) => thicknessOf(area, width));
        const sides = thickness.map((by) => by[width] as number);
        const height = sides.reduce((sum, side) => sum + side, 0);
        const edges = areas.slice(1).map((_, at) => ({ from: at, to: at + 1 }));
        const plan = planStrips({ width, height, thickness, edges }, true);
        expect(plan).not.toBeNull();
        const wire = edges.reduce((sum, { from, to }) => sum + ((sides[from] ?? 0) + (sides[to] ?? 0)) / 2, 0);
        expect(plan?.wire).toBeLessThanOrEqual(wire);
      }),
    );
  });

  it("are refused where not even the areas fit", () => {
    fc.assert(
      fc.property(problems, (problem) => {
        const least = problem.thickness.reduce(
          (sum, by) => sum + Math.min(...by.subarray(1, problem.width + 1).map((thick, at) => Math.min(60_000, thick * (at + 1)))), 0); // prettier-ignore
        if (least > problem.width * problem.height) expect(planStrips(problem, true)).toBeNull();
      }),
    );
  });
});
