import { describe, expect, it } from "@jest/globals";
import { courseCycles } from "../../compiler/placement/routing/route-geometry.ts";
import { dojoTile } from "../../compiler/targets/dojo-tile.ts";
import { wse2 } from "../../compiler/targets/wse2.ts";
import { wse3 } from "../../compiler/targets/wse3.ts";
import { crossingCycles, lineCycles } from "../../ir/machine/travel.ts";

describe("a word on its way", () => {
  it("takes the target's hops", () => {
    expect(lineCycles(wse2, "x", 10, 3)).toBe(7);
    expect(lineCycles(wse3, "y", 3, 10)).toBe(14);
  });

  it("takes longer over a seam, in both directions", () => {
    expect(lineCycles(dojoTile, "x", 17, 18)).toBe(200);
    expect(lineCycles(dojoTile, "x", 18, 17)).toBe(200);
    expect(lineCycles(dojoTile, "y", 0, 19)).toBe(19);
    expect(lineCycles(dojoTile, "y", 45, 5)).toBe(38 + 2 * 200);
  });

  it("pays for bends where the machine does", () => {
    const course = { lanes: 1, shape: "xy", fromX: 0, fromY: 0, toX: 5, toY: 4 } as const;
    expect(courseCycles(wse2, course)).toBe(9);
    expect(courseCycles(wse3, course)).toBe(18 + 20);
    expect(courseCycles(wse3, { ...course, toY: 0 })).toBe(10);
  });

  it("crosses a rectangle by both sides", () => {
    expect(crossingCycles(wse2, 4, 6)).toBe(15);
    expect(crossingCycles(wse3, 1, 6)).toBe(14 + 5);
  });
});
