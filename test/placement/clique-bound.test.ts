/** The bound on wires among items that are all connected: never above what rectangles have, and above what their triangles say. */
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { cliquesOf, squaresSum } from "../../compiler/placement/arrangement/clique-bound.ts";
import { trianglesOf, type Wire, wireBound } from "../../compiler/placement/arrangement/wire-bound.ts";
import { nth } from "../../ir/access.ts";

const complete = (count: number, first = 0): Wire[] =>
  Array.from({ length: count }, (_, a) => a).flatMap((a) =>
    Array.from({ length: a }, (_, b) => ({ from: first + b, to: first + a })),
  );

/** Sums of the L1 distances in compact sets of n points of a grid, n = 1 to 12 ("towns": Demaine, Fekete, Rote and others, 2011). */
const towns = [0, 1, 4, 8, 16, 25, 38, 54, 72, 96, 124, 152];

interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Disjoint rectangles: a box that is cut again and again. */
const cutBoxes: fc.Arbitrary<readonly Rectangle[]> = fc
  .array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 9 }), fc.boolean()), { minLength: 5, maxLength: 11 })
  .map((cuts) => {
    const boxes: Rectangle[] = [{ x: 0, y: 0, width: 100, height: 80 }];
    for (const [pick, tenths, across] of cuts) {
      const box = nth(boxes, pick % boxes.length);
      const { x, y, width, height } = box;
      const part = across ? (height * tenths) / 10 : (width * tenths) / 10;
      boxes.splice(boxes.indexOf(box), 1);
      if (across) boxes.push({ ...box, height: part }, { ...box, y: y + part, height: height - part });
      else boxes.push({ ...box, width: part }, { ...box, x: x + part, width: width - part });
    }
    return boxes;
  });

describe("cliques", () => {
  it("of unit squares need no more than the best towns, and more than triangles from six on", () => {
    for (const [index, cost] of towns.entries()) {
      const n = index + 1;
      expect(squaresSum(n)).toBeLessThanOrEqual(cost);
      if (n < 6) continue;
      const wires = complete(n);
      const byTriangles = wires.length + trianglesOf(wires).length;
      expect(squaresSum(n)).toBeGreaterThan(byTriangles);
      const ones = Array.from({ length: n }, () => 1);
      expect(wireBound(wires, ones)).toBeCloseTo(squaresSum(n), 9);
    }
  });

  it("never bound more than disjoint rectangles have", () => {
    fc.assert(
      fc.property(cutBoxes, (boxes) => {
        const wires = complete(boxes.length);
        const centre = (index: number): readonly [number, number] => {
          const { x, y, width, height } = nth(boxes, index);
          return [x + width / 2, y + height / 2];
        };
        const length = wires.reduce((sum, { from, to }) => {
          const [[ax, ay], [bx, by]] = [centre(from), centre(to)];
          return sum + Math.abs(ax - bx) + Math.abs(ay - by);
        }, 0);
        const thin = boxes.map(({ width, height }) => Math.min(width, height));
        expect(wireBound(wires, thin)).toBeLessThanOrEqual(length * (1 + 1e-12));
      }),
      { numRuns: 300 },
    );
  });

  it("are found among other wires and share none", () => {
    const wires = [...complete(7), { from: 6, to: 7 }, ...complete(6, 7), { from: 12, to: 13 }];
    const { cliques, rest } = cliquesOf(wires);
    expect(cliques.map((clique) => [...clique].sort((a, b) => a - b))).toEqual([
      [0, 1, 2, 3, 4, 5, 6],
      [7, 8, 9, 10, 11, 12],
    ]);
    expect(rest).toEqual([
      { from: 6, to: 7 },
      { from: 12, to: 13 },
    ]);
    const thin = Array.from({ length: 14 }, () => 2);
    expect(wireBound(wires, thin)).toBeCloseTo(2 * (squaresSum(7) + squaresSum(6)) + 4, 9);
  });

  it("bound nothing where an item has no shape", () => {
    expect(wireBound(complete(8), [1, 1, 1, 1, 1, 1, 1, Infinity])).toBe(Infinity);
  });
});
