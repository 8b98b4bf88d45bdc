/** Machines side by side, the law of GPUs against its measurements, and what fleets add up to. */
import { describe, expect, it } from "@jest/globals";
import { readFileSync } from "node:fs";
import { compare } from "../../compiler/planner/compare/compare.ts";
import { usualPlan } from "../../compiler/planner/plan/plan-data.ts";
import { planFleet, runScenario, scenarios } from "../../compiler/planner/fleet/fleet.ts";
import { denseGroups, expertGroups, fitLaw, fitOf, measuredRows } from "../../compiler/planner/gpus/fit.ts";
import { denseLaw, expertLaw, secondsBy, termNames } from "../../compiler/planner/gpus/law.ts";
import { namedModel } from "../../compiler/planner/models/named/index.ts";
import { sharedPath } from "../helpers/shared.ts";

const table = sharedPath("bench/gpu-serving/measured.csv");
const measured = table === null ? describe.skip : describe;

measured("the law of GPUs", () => {
  const csv = table === null ? "" : readFileSync(table, "utf8");
  const dense = measuredRows(csv, false);

  it.each([
    ["dense models", denseLaw, dense, denseGroups],
    ["models with experts", expertLaw, measuredRows(csv, true), expertGroups],
  ] as const)("for %s is what its rows give, and so are the errors that it states", (_, law, rows, groups) => {
    const { constants, errors } = fitOf(rows, groups);
    for (const name of termNames) expect(law.constants[name] / constants[name]).toBeCloseTo(1, 3);
    for (const name of ["inSample", "leftOut", "largeBatches"] as const)
      expect(errors[name]).toBeCloseTo(law.meanError[name], 2);
  });

  it("is within 10 % of dense rows, and within 12 % of every dense model that was left out", () => {
    const { rows, errors, models } = fitOf(dense, denseGroups);
    expect(rows).toBeGreaterThan(300);
    expect(errors.inSample).toBeLessThan(0.1);
    expect([...models.keys()].toSorted()).toEqual(["llama3.1-70b", "llama3.1-8b", "qwen3-32b"]);
    for (const { error } of models.values()) expect(error).toBeLessThan(0.12);
  });

  it("gives back the constants that rows were made with", () => {
    const constants = { weights: 1.1, cache: 1.4, layer: 60e-6, exchange: 3, work: 1.5 };
    const made = dense.map((row) => ({ ...row, seconds: secondsBy(constants, row.terms) }));
    const found = fitLaw(made, denseGroups);
    for (const name of termNames) expect(found[name] / constants[name]).toBeCloseTo(1, 6);
  });

  it("is 2 to 5 times slower than a roofline alone", () => {
    const ratios = dense
      .filter(({ isLarge }) => !isLarge)
      .map(({ terms, seconds }) => seconds / (terms.weights + terms.cache))
      .toSorted((a, b) => a - b);
    const median = ratios[ratios.length >> 1] ?? Number.NaN;
    expect(median).toBeGreaterThan(2);
    expect(median).toBeLessThan(5);
  });
});

describe("a comparison", () => {
  it("has published figures with errors, and machines that are only sums", async () => {
    const machines = ["wse3", "h100x8", "h100", "frontier", "dojo-exapod"];
    const rows = await compare(namedModel("llama3.1-70b"), { ...usualPlan, machines });
    expect(rows.map(({ machine }) => machine)).toEqual(machines);
    const [wafers, gpus, one, frontier, dojo] = rows;
    expect(Math.abs(wafers?.published?.error ?? 1)).toBeLessThan(0.5);
    expect(Math.abs(gpus?.published?.error ?? 1)).toBeLessThan(0.25);
    expect(one?.note).toMatch(/\d+ bytes more than each GPU has/);
    expect([frontier?.tokensPerSecondPerUser, dojo?.validated]).toEqual([null, false]);
  });

  it("refuses unknown machines together, each with the nearest name", async () => {
    const wrong = compare(namedModel("llama3.1-8b"), { ...usualPlan, machines: ["wse9", "h100x9"] });
    await expect(wrong).rejects.toThrow(/wse9[^]*h100x9/);
  });
});

describe("a fleet", () => {
  const fleet = { machine: "wse3", context: null, weights: "fp16" } as const;
  const power = (watts: number) => ({ kind: "power", watts }) as const;

  it("of 750 MW has 32,608 systems, 27,173 at a PUE of 1.2", async () => {
    const config = namedModel("llama3.1-8b");
    expect((await planFleet(config, { ...fleet, budget: power(750e6), pue: 1 })).systems).toBe(32_608);
    const { systems, copies, users } = await planFleet(config, { ...fleet, budget: power(750e6), pue: 1.2 });
    expect([systems, copies]).toEqual([27_173, 27_173]);
    expect(users % copies).toBe(0);
  });

  it("of so many systems has them, whatever power they take", async () => {
    const found = await planFleet(namedModel("llama3.1-8b"), {
      ...fleet,
      budget: { kind: "systems", systems: 7 },
      pue: 1.2,
    });
    expect([found.systems, found.copies]).toEqual([7, 7]);
  });

  it("that is too small for a copy is refused", async () => {
    const small = { ...fleet, budget: power(60e3), pue: 1 };
    await expect(planFleet(namedModel("llama3.1-70b"), small)).rejects.toThrow("WSC5002");
  });

  it.each(scenarios.map(({ name }) => name))("%s has figures beside the published ones", async (name) => {
    const { scenario, fleet: found } = await runScenario(name, 1);
    expect(found.copies).toBeGreaterThan(0);
    expect(found.tokensPerSecond).toBeGreaterThanOrEqual(found.tokensPerSecondPerUser);
    expect(scenario.published.length).toBeGreaterThan(0);
  });
});
