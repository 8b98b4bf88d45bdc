/** Machines side by side, the law of GPUs against its measurements, and what fleets add up to. */
import { describe, expect, it } from "@jest/globals";
import { readFileSync } from "node:fs";
import { compare } from "../../compiler/planner/compare/compare.ts";
import { usualPlan } from "../../compiler/planner/plan/plan-data.ts";
import { planFleet, runScenario, scenarios } from "../../compiler/planner/fleet/fleet.ts";
import { fitLaw, leftOut, meanError, measuredRows } from "../../compiler/planner/gpus/fit.ts";
import { denseLaw, expertLaw } from "../../compiler/planner/gpus/law.ts";
import { namedModel } from "../../compiler/planner/models/named/index.ts";
import { sharedPath } from "../helpers/shared.ts";

const table = sharedPath("bench/gpu-serving/measured.csv");
const measured = table === null ? describe.skip : describe;

measured("the law of GPUs", () => {
  const csv = table === null ? "" : readFileSync(table, "utf8");
  const dense = measuredRows(csv, false);

  it("is what its rows give", () => {
    for (const [law, rows] of [
      [denseLaw, dense],
      [expertLaw, measuredRows(csv, true)],
    ] as const) {
      const again = fitLaw(rows);
      for (const name of ["memory", "layer", "prompt"] as const) expect(law[name] / again[name]).toBeCloseTo(1, 3);
      expect(meanError(law, rows)).toBeCloseTo(law.meanError.inSample, 2);
    }
  });

  it("is within 10 % of dense rows, and of models left out within 12 % over all rows", () => {
    expect(dense.length).toBeGreaterThan(300);
    expect(meanError(denseLaw, dense)).toBeLessThan(0.1);
    const out = [...leftOut(dense).values()];
    expect(out.reduce((sum, { rows, error }) => sum + rows * error, 0) / dense.length).toBeLessThan(0.12);
    for (const { rows, error } of out.filter((each) => each.rows > 10))
      expect([rows > 0, error < 0.12]).toEqual([true, true]);
  });

  it("is 2 to 5 times slower than a roofline alone", () => {
    const ratios = dense.map(({ terms, seconds }) => seconds / terms.memory).toSorted((a, b) => a - b);
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
  const fleet = { machine: "wse3", systems: null, context: null, weights: "fp16" } as const;

  it("of 750 MW has 32,608 systems, 27,173 at a PUE of 1.2", async () => {
    const config = namedModel("llama3.1-8b");
    expect((await planFleet(config, { ...fleet, watts: 750e6, pue: 1 })).systems).toBe(32_608);
    const { systems, copies, users } = await planFleet(config, { ...fleet, watts: 750e6, pue: 1.2 });
    expect([systems, copies]).toEqual([27_173, 27_173]);
    expect(users % copies).toBe(0);
  });

  it("that is too small for a copy is refused", async () => {
    await expect(planFleet(namedModel("llama3.1-70b"), { ...fleet, watts: 60e3, pue: 1 })).rejects.toThrow("WSC5002");
  });

  it.each(scenarios.map(({ name }) => name))("%s has figures beside the published ones", async (name) => {
    const { scenario, fleet: found } = await runScenario(name, 1);
    expect(found.copies).toBeGreaterThan(0);
    expect(found.tokensPerSecond).toBeGreaterThanOrEqual(found.tokensPerSecondPerUser);
    expect(scenario.published.length).toBeGreaterThan(0);
  });
});
