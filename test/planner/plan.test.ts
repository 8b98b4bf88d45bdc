/** Plans of the named models: wafers, speeds beside published ones, what is refused, and what the recount finds. */
import { describe, expect, it } from "@jest/globals";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { findSystem } from "../../compiler/planner/machines/systems.ts";
import { namedModel } from "../../compiler/planner/models/named/index.ts";
import { planProblems } from "../../compiler/planner/plan/check.ts";
import { planModel } from "../../compiler/planner/plan/plan.ts";
import { type Plan, type PlanOptions, usualPlan } from "../../compiler/planner/plan/plan-data.ts";
import { parseSweep, sweep } from "../../compiler/planner/plan/sweep.ts";
import { planTraining } from "../../compiler/planner/plan/train.ts";
import type { WaferLoad } from "../../compiler/planner/plan/wafers.ts";
import { escapeHtml } from "../../compiler/report/text.ts";
import { wsc } from "../cli/run-cli.ts";

const usual: PlanOptions = { ...usualPlan, system: await findSystem("wse3") };
const plan = (name: string, more: Partial<PlanOptions> = {}): Plan =>
  planModel(namedModel(name), { ...usual, ...more });

/**
 * Wafers with whole layers, and with split ones: 36.63 GB a wafer. GPT-3 and Gopher are planned for their own 2,048 tokens, at which they need
 * 10 and 16; with 4,096, which they do not have, it would be 11 and 17.
 */
const wafers: readonly (readonly [string, number, number])[] = [
  ["llama3.1-8b", 1, 1],
  ["llama3.1-70b", 4, 4],
  ["llama3.1-405b", 26, 23],
  ["mistral-large-2", 7, 7],
  ["grok-1", 22, 18],
  ["gpt3-175b", 11, 10],
  ["gopher-280b", 16, 16],
  ["gpt-oss-120b", 8, 7],
  ["gpt-neox-20b", 2, 2],
  ["dalle-12b", 1, 1],
];

describe("wafers of a model", () => {
  it.each(wafers)("%s takes %d, or %d with split layers", (name, whole, split) => {
    expect([plan(name).wafers, plan(name, { splitLayers: true }).wafers]).toEqual([whole, split]);
  });

  it("are fewer for narrow weights, and for experts that are dealt out", () => {
    expect(plan("gpt-oss-120b", { weights: "mxfp4" }).wafers).toBe(2);
    expect(plan("switch-c", { splitLayers: true }).wafers).toBe(86);
    expect(plan("switch-xxl", { splitLayers: true }).wafers).toBe(22);
  });

  it("are proven to be the fewest, and one fewer is refused by what is missing", () => {
    const { wafers: needed, wafersBound } = plan("llama3.1-70b");
    expect(wafersBound).toBe(needed);
    expect(() => plan("llama3.1-70b", { wafers: needed - 1 })).toThrow(
      /does not fit on 3 wafers of wse3: \d+ bytes are missing/,
    );
  });

  it("hold the longest context, and not one token more", () => {
    const { longestContext } = plan("llama3.1-70b");
    // 21 layers leave 8,108 tokens by their matrices alone; norms and a token's values take ten of them
    expect(longestContext).toBe(8098);
    expect(plan("llama3.1-70b", { context: longestContext, wafers: 4 }).wafers).toBe(4);
    expect(() => plan("llama3.1-70b", { context: longestContext + 1, wafers: 4 })).toThrow("WSC5002");
  });

  it("are copies where there are more", () => {
    const [one, many] = [plan("llama3.1-70b"), plan("llama3.1-70b", { wafers: 9 })];
    expect(many.replicas).toBe(2);
    expect(many.decodeInAll / one.decodeInAll).toBeCloseTo(2);
  });
});

describe("speeds", () => {
  it.each([
    ["llama3.1-8b", 1800],
    ["llama3.1-70b", 450],
  ])("of %s are within a factor of 2 of the published %d tokens/s", (name, published) => {
    const { decodePerUser } = plan(name);
    expect(Math.max(decodePerUser / published, published / decodePerUser)).toBeLessThan(2);
  });

  it("say what binds, and how every figure is known", () => {
    const { limit, basis, ...rest } = plan("llama3.1-70b");
    expect(limit.sentence).toMatch(/^sums over the region takes \d+ % of a token's time, then /);
    const figures = Object.entries(rest).filter(([, value]) => typeof value === "number");
    expect(figures.map(([name]) => name).filter((name) => !(name in basis))).toEqual([]);
  });

  it("rise with speculation and fall with the context", () => {
    const base = plan("llama3.1-70b").decodePerUser;
    expect(plan("llama3.1-70b", { speculative: { tokens: 4, acceptance: 0.8 } }).decodePerUser).toBeGreaterThan(base);
    expect(plan("llama3.1-70b", { context: 8000 }).decodePerUser).toBeLessThan(base);
  });

  it("are those of the edge where weights stream", () => {
    const { mode, wafers: used, stream, limit } = plan("gpt-neox-20b", { mode: "stream" });
    expect([mode, used, limit.binds]).toEqual(["stream", 1, "weights through the edge"]);
    expect(stream?.passSeconds).toBeCloseTo(41.1e9 / 150e9, 2);
  });

  it("of many sequences at once are greater in all and smaller for each", () => {
    const [one, many] = [plan("llama3.1-8b"), plan("llama3.1-8b", { objective: "throughput", users: 20 })];
    expect(many.decodeInAll).toBeGreaterThan(5 * one.decodeInAll);
    expect(many.decodePerUser).toBeLessThanOrEqual(one.decodePerUser);
  });
});

it("a training step moves weights in twice and gradients out once", () => {
  const step = planTraining(namedModel("gpt-neox-20b"), { system: usual.system, wafers: 1, context: null, batch: 1 });
  expect(step.bytesIn).toBe(2 * step.bytesOut);
  expect(step.edgeSeconds).toBeCloseTo(2 * 0.274, 2);
  expect(step.stepSeconds).toBe(Math.max(step.edgeSeconds, step.computeSeconds));
});

it("a sweep has a point for every combination, with the refused ones", () => {
  const points = sweep(
    namedModel("llama3.1-70b"),
    { ...usual, wafers: 4 },
    parseSweep("context=1024..9216/4096,weights=fp16:int8"),
  );
  expect(points.map(({ context, weights, plan: found }) => [context, weights, found?.wafers ?? null])).toEqual([
    [1024, "fp16", 4],
    [5120, "fp16", 4],
    [9216, "fp16", null],
    [1024, "int8", 2],
    [5120, "int8", 3],
    [9216, "int8", 3],
  ]);
});

describe("the recount", () => {
  const layers = [
    { name: "a", weights: 6, cache: 1, experts: 0 },
    { name: "b", weights: 4, cache: 1, experts: 4 },
  ];
  const wafer = (parts: WaferLoad["layers"], weights: number): WaferLoad => ({
    layers: parts,
    weights,
    cache: 1,
    values: 0,
  });
  const whole = (name: string, experts: number) => ({
    name,
    share: 1,
    experts: experts === 0 ? null : ([0, experts] as const),
  });

  it("takes what is whole and in order", () => {
    expect(planProblems(layers, [wafer([whole("a", 0)], 6), wafer([whole("b", 4)], 4)], 8)).toEqual([]);
  });

  it("finds what is over, missing, twice or out of order", () => {
    const found = (wafers: readonly WaferLoad[], capacity = 8): string =>
      planProblems(layers, wafers, capacity).join("; ");
    expect(found([wafer([whole("a", 0)], 6), wafer([whole("b", 4)], 4)], 6)).toContain("wafer 1 is 1 bytes over");
    expect(found([wafer([whole("b", 4)], 4), wafer([whole("a", 0)], 6)])).toContain("not those of the model");
    expect(found([wafer([whole("a", 0), { name: "b", share: 1, experts: [0, 3] }], 7)])).toContain("experts of b");
    expect(found([wafer([whole("a", 0)], 6), wafer([{ name: "b", share: 0.5, experts: [0, 4] }], 4)])).toContain(
      "0.5 times",
    );
  });
});

describe("wsc plan", () => {
  it("gives JSON with the figures at the top", async () => {
    const { code, stdout } = await wsc(["plan", "llama3.1-8b", "--json"]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      wafers: 1,
      mode: "resident",
      validated: true,
      basis: { wafers: "derived" },
    });
  });

  it("refuses an unknown machine and a context beyond the model's", async () => {
    const machine = await wsc(["plan", "llama3.1-8b", "--target", "dojo-exapot"]);
    expect([machine.code, machine.stderr]).toEqual([1, expect.stringContaining('did you mean "dojo-exapod"?')]);
    const context = await wsc(["plan", "gpt3-175b", "--context", "4096"]);
    expect([context.code, context.stderr]).toEqual([1, expect.stringContaining("WSC1011")]);
  });

  it("says of machines that nobody measured that they are not validated", async () => {
    const { stdout } = await wsc(["plan", "llama3.1-8b", "--target", "dojo-exapod"]);
    expect(stdout).toContain("not validated");
  });

  it("draws a page that loads nothing, with every wafer and what it holds", async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "wsc-plan-"));
    const file = path.join(folder, "plan.html");
    const { code } = await wsc(["plan", "gpt-oss-120b", "--target", "wse3", "-o", file]);
    const html = readFileSync(file, "utf8");
    rmSync(folder, { recursive: true });
    expect(code).toBe(0);
    expect(html).toContain("default-src 'none'");
    const { wafers, waferLoads, waferBytes: capacity, limit } = plan("gpt-oss-120b");
    const data = /<script type="application\/json" id="data">([^]*?)<\/script>/.exec(html)?.[1] ?? "";
    const [report] = JSON.parse(data) as [{ wafers: { held: { bytes: number }[] }[] }];
    expect(report.wafers).toHaveLength(wafers);
    for (const { held } of report.wafers) expect(held.reduce((sum, { bytes }) => sum + bytes, 0)).toBeGreaterThan(0);
    expect(html).toContain(escapeHtml(limit.sentence));
    for (const { weights, cache, values } of waferLoads) expect(weights + cache + values).toBeLessThanOrEqual(capacity);
  });
});
