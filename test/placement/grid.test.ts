import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { clusterOf, membersOf } from "../../compiler/placement/packing/clusters.ts";
import { type Box, Grid, overlapOf, partsOf, touches } from "../../compiler/placement/packing/grid.ts";
import { without } from "../../compiler/placement/packing/free-rectangles.ts";
import { staircaseOf } from "../../compiler/placement/packing/staircase.ts";
import { boxesOf, type Course, detoursBetween, legsOf, walk } from "../../compiler/placement/routing/route-geometry.ts";

const side = 9;
const boxes: fc.Arbitrary<readonly Box[]> = fc.array(
  fc.record({
    x: fc.nat(side - 1),
    y: fc.nat(side - 1),
    width: fc.integer({ min: 1, max: 4 }),
    height: fc.integer({ min: 1, max: 4 }),
  }),
  { maxLength: 6 },
);

/** Every box of a small rectangle. */
function* allBoxes(): Generator<Box> {
  for (let x = 0; x < side; x++)
    for (let y = 0; y < side; y++)
      for (let width = 1; x + width <= side; width++)
        for (let height = 1; y + height <= side; height++) yield { x, y, width, height };
}

const isFree = (blocked: readonly Box[], box: Box): boolean => blocked.every((one) => overlapOf(one, box) === null);
const key = ({ x, y, width, height }: Box): string => `${x} ${y} ${width} ${height}`;

/** Free boxes that no other free box holds, by trying all. */
function maximal(blocked: readonly Box[]): string[] {
  const free = [...allBoxes()].filter((box) => isFree(blocked, box));
  const grown = (b: Box): Box[] => [
    { ...b, x: b.x - 1, width: b.width + 1 },
    { ...b, width: b.width + 1 },
    { ...b, y: b.y - 1, height: b.height + 1 },
    { ...b, height: b.height + 1 },
  ];
  const known = new Set(free.map(key));
  return free.filter((box) => !grown(box).some((larger) => known.has(key(larger)))).map(key).sort(); // prettier-ignore
}

describe("Grid", () => {
  it("knows which boxes are free, how many cores, and all largest free boxes", () => {
    fc.assert(
      fc.property(boxes, (blocked) => {
        const grid = new Grid(side, side, blocked);
        expect([...allBoxes()].filter((box) => grid.isFree(box) !== isFree(blocked, box))).toEqual([]);
        const cores = [...allBoxes()].filter(({ width, height }) => width * height === 1);
        expect(grid.free).toBe(cores.filter((core) => isFree(blocked, core)).length);
        expect(grid.largestBoxes().map(key).sort()).toEqual(maximal(blocked)); // prettier-ignore
      }),
      { numRuns: 15, seed: 3 },
    );
  });

  it("keeps largest free boxes when one is taken", () => {
    fc.assert(
      fc.property(boxes, fc.nat(), (blocked, choice) => {
        const free = new Grid(side, side, blocked).largestBoxes();
        if (free.length === 0) return;
        const taken = free[choice % free.length] as Box;
        expect(without(free, taken).map(key).sort()).toEqual(maximal([...blocked, taken])); // prettier-ignore
      }),
      { numRuns: 25, seed: 4 },
    );
  });
});

describe("clusters", () => {
  it("hang together, do not overlap and fit their boxes", () => {
    const shape = fc.record({ rows: fc.integer({ min: 1, max: 6 }), columns: fc.integer({ min: 1, max: 6 }), cycles: fc.constant(1) }); // prettier-ignore
    fc.assert(
      fc.property(
        fc.array(fc.array(shape, { minLength: 1, maxLength: 4 }), { minLength: 2, maxLength: 5 }),
        (kinds) => {
          // prettier-ignore
          const cluster = clusterOf(
          kinds.map((shapes) => staircaseOf(shapes, 1, 20, 20)),
          20,
          20,
        );
          for (const [index, { rows, columns }] of cluster.shapes.entries()) {
            for (const rotated of [false, true]) {
              const [width, height] = rotated ? [rows, columns] : [columns, rows];
              const members = membersOf(cluster, { x: 3, y: 5, width, height, shape: index, rotated });
              expect(members).toHaveLength(kinds.length);
              expect(partsOf(members)).toBe(1);
              for (const [i, member] of members.entries()) {
                const { rows: r = 0, columns: c = 0 } = kinds[i]?.[member.shape] ?? {};
                expect([member.width, member.height]).toEqual(member.rotated ? [r, c] : [c, r]);
                expect(overlapOf(member, { x: 3, y: 5, width, height })).toEqual({ x: member.x, y: member.y, width: member.width, height: member.height }); // prettier-ignore
                for (const other of members.slice(i + 1)) expect(overlapOf(member, other)).toBeNull();
              }
            }
          }
        },
      ),
      { numRuns: 30, seed: 5 },
    );
  });

  it("tells touching from meeting at a corner", () => {
    const box = { x: 2, y: 2, width: 2, height: 2 };
    expect(touches(box, { x: 4, y: 3, width: 1, height: 5 })).toBe(true);
    expect(touches(box, { x: 4, y: 4, width: 1, height: 1 })).toBe(false);
    expect(touches(box, { x: 5, y: 2, width: 1, height: 1 })).toBe(false);
  });
});

describe("courses with two bends", () => {
  const rect = fc.record({
    x: fc.nat(20),
    y: fc.nat(20),
    width: fc.integer({ min: 1, max: 8 }),
    height: fc.integer({ min: 1, max: 8 }),
  });

  it("run from producer to consumer without two lanes on one router, inside the boxes of their legs", () => {
    fc.assert(
      fc.property(rect, rect, fc.integer({ min: 1, max: 4 }), (from, to, lanes) => {
        if (overlapOf(from, to) !== null) return;
        const bounds = { x: 0, y: 0, width: 32, height: 32 };
        for (const course of detoursBetween(from, to, lanes, 2, bounds)) checkCourse(course, from, to);
      }),
      { numRuns: 40, seed: 6 },
    );
  });

  function checkCourse(course: Course, from: Box, to: Box): void {
    const seen = new Set<string>();
    const inside = (box: Box, x: number, y: number): boolean => overlapOf(box, { x, y, width: 1, height: 1 }) !== null;
    const legs = boxesOf(course);
    let steps = 0;
    let outside = 0;
    walk(course, (x, y) => {
      steps++;
      seen.add(`${x} ${y}`);
      if (!legs.some((box) => inside(box, x, y))) outside++;
    });
    expect([seen.size, outside]).toEqual([steps, 0]);
    for (let lane = 0; lane < course.lanes; lane++) {
      const own = legsOf(course, lane);
      const first = own[0] as (typeof own)[number];
      expect(inside(from, first.x, first.y)).toBe(true);
    }
    expect(inside(to, course.toX, course.toY)).toBe(true);
  }
});
