/** Blocks of items in any order: as small as trying every slicing floorplan finds, and laid out as their curves say. */
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { nth } from "../../ir/access.ts";
import { blocksOf, layRun, type Placed, runHeight, styles } from "../../compiler/placement/packing/blocks.ts";
import { leastWidened, pack, packableWidened, widen } from "../../compiler/placement/packing/floorplan.ts";
import { overlapOf } from "../../compiler/placement/packing/grid.ts";
import { affordableWindow, setOfRun, windowOf } from "../../compiler/placement/packing/sets.ts";
import type { Problem } from "../../compiler/placement/problem.ts";

/** Items with one shape each, which may be turned. */
const problemOf = (sides: readonly (readonly [number, number])[], width: number, height: number): Problem => ({
  width,
  height,
  classes: sides.map(([rows, columns]) => [{ rows, columns, cycles: 1 }]),
  items: [...sides.keys()],
  window: sides.length,
});

const rectangles = fc.array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 })), {
  minLength: 1,
  maxLength: 5,
});

/** Least height in a width over all slicing floorplans, by trying them all. */
function leastHeight(items: readonly (readonly [number, number])[], width: number): number {
  const [only] = items;
  if (items.length === 1 && only !== undefined) {
    const heights = [only, [only[1], only[0]] as const].filter(([, wide]) => wide <= width).map(([high]) => high);
    return Math.min(Infinity, ...heights);
  }
  let least = Infinity;
  for (let mask = 1; mask < (1 << items.length) - 1; mask++) {
    const part = items.filter((_, index) => ((mask >> index) & 1) === 1);
    const rest = items.filter((_, index) => ((mask >> index) & 1) === 0);
    least = Math.min(least, leastHeight(part, width) + leastHeight(rest, width));
    for (let left = 1; left < width; left++)
      least = Math.min(least, Math.max(leastHeight(part, left), leastHeight(rest, width - left)));
  }
  return least;
}

describe("sets of items", () => {
  it("need no more height than any slicing floorplan of them, in any order", () => {
    fc.assert(
      fc.property(rectangles, fc.integer({ min: 1, max: 14 }), (sides, width) => {
        const few = sides.slice(0, 4);
        const blocks = blocksOf(problemOf(few, 14, 40), 1);
        expect(blocks).not.toBeNull();
        if (blocks !== null) expect(runHeight(blocks, 0, few.length, width)).toBe(leastHeight(few, width));
      }),
      { numRuns: 25 },
    );
  });

  it("fill what an order leaves free: two flat items beside a tall one", () => {
    // 0 and 2 stand on each other, 1 beside both; in the order of the flow, three would be 5 wide or 6 high
    const problem = problemOf(
      [
        [2, 2],
        [4, 1],
        [2, 2],
      ],
      3,
      4,
    );
    const blocks = blocksOf(problem, 1);
    expect(blocks).not.toBeNull();
    if (blocks !== null) expect(runHeight(blocks, 0, 3, 3)).toBe(4);
  });

  it("are laid out in the boxes that their curves promise, in every style", () => {
    fc.assert(
      fc.property(rectangles, fc.integer({ min: 9, max: 20 }), (sides, width) => {
        const problem = problemOf(sides, 20, 60);
        const blocks = blocksOf(problem, 1);
        if (blocks === null) throw new Error("no blocks");
        const height = runHeight(blocks, 0, sides.length, width);
        for (const style of styles) {
          const placed: Placed[] = [];
          const box = { x: 3, y: 5, width, height };
          layRun(blocks, 0, sides.length, box, { right: true, bottom: false }, style, placed);
          expect(placed.length).toBe(sides.length);
          for (const [item, spot] of placed.entries()) {
            expect([...nth(sides, item)].sort()).toEqual([spot.width, spot.height].sort());
            expect(overlapOf(spot, box)).toMatchObject({ width: spot.width, height: spot.height });
            for (const other of placed.slice(0, item)) expect(overlapOf(spot, other)).toBeNull();
          }
        }
      }),
      { numRuns: 40 },
    );
  });

  it("have windows that a budget bounds, however many items there are, and wider ones where they are asked for", () => {
    const many = (count: number): Problem => ({
      ...problemOf([[1, 1]], 750, 994),
      items: Array.from({ length: count }, () => 0),
    });
    expect([1, 2, 60, 240, 2_000, 100_000].map((count) => affordableWindow(many(count)))).toEqual([1, 2, 7, 6, 4, 2]);
    expect(windowOf({ ...many(60), window: 8 })).toBe(8);
    expect(setOfRun(4, 3)).toEqual({ first: 4, mask: 0b11 });
  });
});

describe("wider windows", () => {
  it("find a packing that narrower ones do not", () => {
    // they fill the square to the last core, out of order only
    const sides = [
      [2, 3],
      [1, 3],
      [1, 1],
      [3, 1],
      [1, 3],
    ] as const;
    const problem = { ...problemOf(sides, 4, 4), window: 2 };
    expect(pack(problem, 1)).toBeNull();
    const wider = widen(problem, 1);
    expect(wider).toEqual({ ...problem, window: 5 });
    if (wider !== null) expect(pack(wider, 1)).not.toBeNull();
    // there are no windows wider than all five
    expect(widen(problem, 2)).toBeNull();
    expect(packableWidened(problem, 1, { deadline: Infinity })?.cycles).toBe(1);
  });

  it("are searched for the least interval below the one that was reached", () => {
    const times = [1, 2, 3, 4];
    const shapes = (side: number) => times.map((cycles) => ({ rows: side - cycles, columns: 2, cycles }));
    const problem: Problem = { width: 6, height: 5, classes: [shapes(7), shapes(6)], items: [0, 1, 0] };
    const wide = { ...problem, window: 3 };
    const reached = leastWidened(wide, 1, 5, { deadline: Infinity });
    const fitting = times.filter((cycles) => pack(wide, cycles) !== null);
    expect(reached).toBe(fitting[0] ?? null);
    expect(leastWidened(wide, 1, 1, { deadline: Infinity })).toBeNull();
  });
});
