/** Many thin edges into one kernel: they take turns in a few lanes. */
import { describe, expect, it } from "@jest/globals";
import { checkPlacement } from "../../compiler/placement/checker/check.ts";
import { place } from "../../compiler/placement/place.ts";
import { laneOf, type Placement, placementVersion } from "../../ir/placement.ts";
import { parsePlacementJson, printPlacementJson } from "../../ir/placement-json.ts";
import { parsePlacement, printPlacement } from "../../ir/placement-text.ts";
import type { KernelGraph } from "../../ir/kernel-graph.ts";
import type { Target } from "../../ir/machine/target.ts";
import { elementwiseSketch, graphOf, joinSketch, smallTarget } from "./instances.ts";

/** `count` layers, all read by one that joins what they make. */
function fan(count: number): KernelGraph {
  const branches = Array.from({ length: count }, () => elementwiseSketch(12));
  const join = joinSketch(branches.map(() => 12));
  return graphOf(
    [...branches, join],
    branches.map((_, from) => [from, count] as const),
  );
}

const lanesOf = ({ routes }: Placement): ReadonlySet<string> => new Set(routes.map(laneOf));

describe("shared lanes", () => {
  it.each([60, 200])("bring %i values to one layer, more than a router has colors", async (count) => {
    const graph = fan(count);
    const target = smallTarget(120, 100);
    const placement = await place(graph, target);
    expect(checkPlacement(graph, placement, target)).toEqual([]);
    expect(placement.routes.every(({ turn }) => turn !== undefined)).toBe(true);
    expect(lanesOf(placement).size).toBeLessThan(count / 2);
    expect(placement.certificate.linkCycles).toBeLessThanOrEqual(placement.certificate.objective);
  });

  it("take turns in the order of the reader's operands", async () => {
    const placement = await place(fan(60), smallTarget(120, 100));
    for (const lane of lanesOf(placement)) {
      const members = placement.routes.filter((route) => laneOf(route) === lane);
      members.sort((a, b) => (a.turn ?? 0) - (b.turn ?? 0));
      expect(members.map(({ turn }) => turn)).toEqual([...members.keys()]);
      expect(members.map(({ edge }) => edge)).toEqual(members.map(({ edge }) => edge).sort((a, b) => a - b));
    }
  });

  it("print, parse back, and stay where an earlier placement had them", async () => {
    const graph = fan(40);
    const target = smallTarget(80, 60);
    const placement = await place(graph, target);
    expect(parsePlacement(printPlacement(placement))).toEqual(placement);
    const text = printPlacementJson(placement);
    expect(parsePlacementJson(text)).toEqual(placement);
    expect(printPlacementJson(await place(graph, target, { from: parsePlacementJson(text) }))).toBe(text);
  });

  it("are not for routers that cannot switch: too many values are refused, with the colors that would do", async () => {
    const target = smallTarget(120, 100);
    const { switchPositions: _none, ...colors } = target.colors;
    const rigid: Target = { ...target, colors };
    await expect(place(fan(200), rigid)).rejects.toThrow(/colors for routes, all taken by/);
  });
});

describe("an earlier version of a placement", () => {
  it("is refused by name", async () => {
    const text = printPlacementJson(await place(fan(3), smallTarget(40, 40)));
    const before = text.replace(`"version": ${placementVersion}`, `"version": ${placementVersion - 1}`);
    expect(() => parsePlacementJson(before)).toThrow(`version ${placementVersion}, which this wsc`);
  });
});
