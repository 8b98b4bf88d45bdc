import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { lowerFabric } from "../../compiler/fabric/lower.ts";
import { wayAround } from "../../compiler/fabric/way-around.ts";
import { randomDefects } from "../../compiler/placement/constraints/random-defects.ts";
import { checkPlacement } from "../../compiler/placement/checker/check.ts";
import { place } from "../../compiler/placement/place.ts";
import { defined } from "../../ir/access.ts";
import { parseFabric } from "../../ir/fabric/parse.ts";
import { printFabric } from "../../ir/fabric/print.ts";
import { forEachCore } from "../../ir/fabric/program.ts";
import { verifyFabric } from "../../ir/fabric/verify.ts";
import { parsePlacementJson, printPlacementJson } from "../../ir/placement-json.ts";
import { parsePlacement, printPlacement } from "../../ir/placement-text.ts";
import { models, placed, randomInputs, run, smallTarget, worstError } from "./placed.ts";

describe("cores that do not work", () => {
  it("are as many as the rate says, the same for a seed, and among those that kernels use", () => {
    const target = smallTarget(100, 100);
    const { deadCores: dead, deadLinks } = randomDefects(target, { rate: 0.01, linkRate: 0.005, seed: 3 });
    expect(deadLinks.length).toBeGreaterThan(60);
    expect(deadLinks.length).toBeLessThan(140);
    expect(dead.length).toBeGreaterThan(60);
    expect(dead.length).toBeLessThan(140);
    expect(randomDefects(target, { rate: 0.01, linkRate: 0.005, seed: 3 })).toEqual({ deadCores: dead, deadLinks });
    expect(randomDefects(target, { rate: 0.01, linkRate: 0, seed: 3 })).toEqual({ deadCores: dead, deadLinks: [] });
    expect(randomDefects(target, { rate: 0.01, linkRate: 0, seed: 4 }).deadCores).not.toEqual(dead);
    for (const [x, y] of dead) expect(x >= 4 && x < 104 && y >= 1 && y < 101).toBe(true);
  });

  it("are placed around and never touched, and the numbers are the reference's", async () => {
    const target = smallTarget(14, 12);
    const model = await placed(models.mlp(), target);
    for (const seed of [1, 2, 3]) {
      const { deadCores } = randomDefects(target, { rate: 0.05, linkRate: 0, seed });
      expect(deadCores.length).toBeGreaterThan(0);
      const placement = await place(model.kernels, target, { constraints: { deadCores } });
      const given = { ...model, placement };
      const program = lowerFabric(given);
      const dead = new Set(deadCores.map(([x, y]) => `${x} ${y}`));
      for (const { cores } of [...program.roles, ...program.routers])
        forEachCore(cores, (x, y) => {
          expect(dead.has(`${x} ${y}`)).toBe(false);
        });
      expect(verifyFabric(program)).toEqual([]);
      const inputs = randomInputs(model.graph, 2);
      expect(worstError(given, inputs, run(program, given, inputs))).toBeLessThan(1e-5);
    }
  });

  it("links among them are placed around, named in the program, and a route over one is refused", async () => {
    const target = smallTarget(14, 12);
    const model = await placed(models.mlp(), target);
    const defects = randomDefects(target, { rate: 0.01, linkRate: 0.03, seed: 5 });
    expect(defects.deadLinks.length).toBeGreaterThan(3);
    const placement = await place(model.kernels, target, { constraints: defects });
    expect(placement.constraints.deadLinks).toHaveLength(defects.deadLinks.length);
    expect(parsePlacement(printPlacement(placement)).constraints).toEqual(placement.constraints);
    expect(parsePlacementJson(printPlacementJson(placement)).constraints).toEqual(placement.constraints);
    expect(checkPlacement(model.kernels, placement, target)).toEqual([]);
    const given = { ...model, placement };
    const program = lowerFabric(given);
    expect(program.target.deadLinks).toEqual(placement.constraints.deadLinks);
    expect(parseFabric(printFabric(program))).toEqual(program);
    expect(verifyFabric(program)).toEqual([]);
    const inputs = randomInputs(model.graph, 2);
    expect(worstError(given, inputs, run(program, given, inputs))).toBeLessThan(1e-5);
    // a link that is in use, said to be dead
    const used = defined(
      program.routers.flatMap(({ cores, positions }) =>
        positions.flatMap(({ to }) =>
          to.includes("east") ? cores.map(({ x, y }) => ({ x, y, side: "east" as const })) : [],
        ),
      )[0],
    );
    const refused = verifyFabric({ ...program, target: { ...program.target, deadLinks: [used] } });
    expect(refused[0]?.message).toMatch(/the link to the east is dead/);
    const { rect } = defined(placement.kernels[0]);
    const isWide = rect.width > 1;
    const within = { x: rect.x, y: rect.y, side: isWide ? ("east" as const) : ("south" as const) };
    const constraints = { ...placement.constraints, deadLinks: [within] };
    expect(
      checkPlacement(model.kernels, { ...placement, constraints }, target).map(({ message }) => message),
    ).toContainEqual(expect.stringContaining("lies on both ends of the dead link"));
  });

  it("are gone around on the shortest way, or named where there is none", () => {
    const rect = { x: 10, y: 2, width: 3, height: 4 };
    const anyDead = fc.array(fc.record({ x: fc.integer({ min: 1, max: 8 }), y: fc.integer({ min: 0, max: 9 }) }), {
      maxLength: 12,
    });
    fc.assert(
      fc.property(anyDead, (dead) => {
        const way = wayAround({ x: 0, y: 4 }, rect, { width: 16, height: 10, dead }, "first");
        expect(way[0]).toEqual({ x: 0, y: 4 });
        const end = defined(way.at(-1));
        expect(end.x === 10 && end.y >= 2 && end.y < 6).toBe(true);
        for (const [index, { x, y }] of way.entries()) {
          expect(dead.some((core) => core.x === x && core.y === y)).toBe(false);
          const next = way[index + 1];
          if (next !== undefined) expect(Math.abs(next.x - x) + Math.abs(next.y - y)).toBe(1);
        }
      }),
      { numRuns: 100 },
    );
    const wall = Array.from({ length: 10 }, (_, y) => ({ x: 5, y }));
    expect(() => wayAround({ x: 0, y: 4 }, rect, { width: 16, height: 10, dead: wall }, "first")).toThrow(
      /layer "first": no way leads from \(0, 4\) at the edge to its cores past the dead routers/,
    );
  });
});
