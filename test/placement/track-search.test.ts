/** Ways of bundles between random rectangles, on fabrics that others have filled in part. */
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { Fabric } from "../../compiler/placement/routing/fabric.ts";
import { boxesOf, type Course, walk } from "../../compiler/placement/routing/route-geometry.ts";
import { searchTracks } from "../../compiler/placement/routing/track-search.ts";
import { loosePackings } from "../../compiler/placement/packing/loose.ts";
import { overlapOf } from "../../compiler/placement/packing/grid.ts";
import type { Rect } from "../../ir/placement.ts";

const side = 60;
const limit = 100;

const rects: fc.Arbitrary<Rect> = fc.record({
  x: fc.nat(side - 12),
  y: fc.nat(side - 12),
  width: fc.integer({ min: 1, max: 12 }),
  height: fc.integer({ min: 1, max: 12 }),
});

const isIn = ({ x, y, width, height }: Rect, [px, py]: readonly [number, number]): boolean =>
  px >= x && px < x + width && py >= y && py < y + height;

/** The cores of a course, lane by lane. */
function lanesOf(course: Course): readonly (readonly [number, number])[][] {
  const lanes: [number, number][][] = [[]];
  walk(course, (x, y, direction) => {
    lanes.at(-1)?.push([x, y]);
    if (direction < 0) lanes.push([]);
  });
  return lanes.slice(0, -1);
}

const search = (fabric: Fabric, from: Rect, to: Rect, lanes: number, others: readonly Rect[]): Course | null =>
  searchTracks(fabric, {
    from,
    to,
    lanes,
    prices: { words: 60, limit, perLink: 1e-6, history: new Float32Array(fabric.links), blocking: 0b111 },
    rects: others,
    bounds: { x: 0, y: 0, width: side, height: side },
  });

describe("a way over tracks", () => {
  it("leads from the one rectangle to the other, each lane by itself", () => {
    let found = 0;
    fc.assert(
      fc.property(
        rects,
        rects,
        fc.integer({ min: 1, max: 6 }),
        fc.array(rects, { maxLength: 5 }),
        (from, to, lanes, others) => {
          fc.pre(overlapOf(from, to) === null);
          const course = search(new Fabric(side, side), from, to, lanes, others);
          if (course === null) return;
          const boxes = boxesOf(course);
          fc.pre(boxes.every((box, leg) => boxes.slice(leg + 2).every((later) => overlapOf(box, later) === null)));
          found++;
          const ways = lanesOf(course);
          expect(ways.length).toBe(lanes);
          for (const way of ways) {
            expect(isIn(from, way[0] ?? [-1, -1])).toBe(true);
            expect(isIn(to, way.at(-1) ?? [-1, -1])).toBe(true);
          }
          const cores = ways.flat().map(([x, y]) => `${x} ${y}`);
          expect(new Set(cores).size).toBe(cores.length);
        },
      ),
      { numRuns: 300, seed: 5 },
    );
    expect(found).toBeGreaterThan(100);
  });

  it("keeps clear of links that are full, however long the way around is", () => {
    const from: Rect = { x: 5, y: 20, width: 4, height: 4 };
    const to: Rect = { x: 50, y: 20, width: 4, height: 4 };
    const fabric = new Fabric(side, side);
    // a wall of full links, eastward, in rows 5 to 44
    fabric.claim({ lanes: 40, shape: "horizontal", fromX: 30, fromY: 5, toX: 31, toY: 5 }, 3, 90);
    const course = search(fabric, from, to, 4, []);
    expect(course).not.toBeNull();
    expect(fabric.survey(course as Course, limit - 60).overload).toBe(0);
  });
});

describe("loose packings", () => {
  it("leave room between items, and give each a shape that it has", () => {
    const shapes = [
      { rows: 6, columns: 4, cycles: 10 },
      { rows: 4, columns: 4, cycles: 15 },
    ];
    const problem = { width: 60, height: 60, classes: [shapes], items: [0, 0, 0, 0, 0, 0] };
    const plans = [...loosePackings(problem, 15)];
    expect(plans.length).toBeGreaterThan(0);
    for (const plan of plans) {
      for (const [index, box] of plan.entries()) {
        expect([24, 16]).toContain(box.width * box.height);
        for (const other of plan.slice(index + 1)) expect(overlapOf(box, other)).toBeNull();
      }
    }
    const [widest = []] = plans;
    const margin = ({ x, y, width, height }: Rect): Rect => ({
      x: x - 1,
      y: y - 1,
      width: width + 2,
      height: height + 2,
    });
    for (const [index, box] of widest.entries())
      for (const other of widest.slice(index + 1)) expect(overlapOf(margin(box), other)).toBeNull();
  });
});
