import { describe, expect, it } from "@jest/globals";
import { lowerFabric } from "../../compiler/fabric/lower.ts";
import { parseFabric } from "../../ir/fabric/parse.ts";
import { printFabric } from "../../ir/fabric/print.ts";
import { verifyFabric } from "../../ir/fabric/verify.ts";
import { WscError } from "../../ir/diagnostic.ts";
import type { PlacedKernel, Route } from "../../ir/placement.ts";
import { models, placed, randomInputs, run, smallTarget, worstError } from "./placed.ts";
import "../helpers/golden.ts";

const samples = 3;

describe.each([
  ["mlp", smallTarget(10, 8)],
  ["convolution", smallTarget(12, 8)],
  ["residual", smallTarget(6, 6)],
] as const)("a placed %s", (name, target) => {
  it("is a legal program whose run gives the reference's numbers, with stalls as without", async () => {
    const model = await placed(models[name](), target);
    const program = lowerFabric(model);
    expect(verifyFabric(program)).toEqual([]);
    const inputs = randomInputs(model.graph, samples);
    const calm = run(program, model, inputs);
    expect(worstError(model, inputs, calm)).toBeLessThan(1e-5);
    const stalled = run(program, model, inputs, 7);
    expect(stalled.outputs).toEqual(calm.outputs);
    expect(stalled.cycles).toBeGreaterThanOrEqual(calm.cycles);
    // words enter and leave sample after sample
    expect(calm.samples.map(({ lastOut }) => lastOut)).toEqual(
      calm.samples.map(({ lastOut }) => lastOut).toSorted((a, b) => a - b),
    );
  });

  it("prints, and parses back to the same program", async () => {
    const program = lowerFabric(await placed(models[name](), target));
    const text = printFabric(program);
    expect(parseFabric(text)).toEqual(program);
  });
});

describe("two products on six cores each", () => {
  /** Inner loops over two rows, columns of the products over the columns. */
  const fixed = (kernel: PlacedKernel, x: number, columns: number): PlacedKernel => ({
    ...kernel,
    rect: { x, y: 1, width: columns, height: 2 },
    rotated: false,
    variant: {
      ...kernel.variant,
      mapping: {
        height: 2,
        width: columns,
        rows: [{ loop: "k", pieces: 2 }],
        columns: [{ loop: "n", pieces: columns }],
        reduce: "chain",
      },
    },
  });

  it("read like this, and give the reference's numbers", async () => {
    const model = await placed(models.mlp(), smallTarget(10, 8));
    const [first, second] = model.placement.kernels.map((kernel, index) => fixed(kernel, 4 + 3 * index, 3));
    const route: Route = {
      edge: 0,
      from: 0,
      to: 1,
      color: 6,
      lanes: 1,
      shape: "horizontal",
      fromX: 6,
      fromY: 1,
      toX: 7,
      toY: 1,
    };
    const kernels = [first as PlacedKernel, second as PlacedKernel];
    const given = { ...model, placement: { ...model.placement, kernels, routes: [route] } };
    const program = lowerFabric(given);
    expect(verifyFabric(program)).toEqual([]);
    expect(printFabric({ ...program, loads: program.loads.slice(0, 4) })).toMatchGolden("fabric/mlp.fabric");
    const inputs = randomInputs(model.graph, 2);
    expect(worstError(given, inputs, run(program, given, inputs))).toBeLessThan(1e-5);
  });
});

describe("sums of several cores", () => {
  it.each(["chain", "star", "two-phase", "tree"] as const)("as a %s give the reference's numbers", async (reduce) => {
    const model = await placed(models.mlp(), smallTarget(10, 8));
    const kernels = model.placement.kernels.map((kernel) => ({
      ...kernel,
      variant: { ...kernel.variant, mapping: { ...kernel.variant.mapping, reduce } },
    }));
    const given = { ...model, placement: { ...model.placement, kernels } };
    const program = lowerFabric(given);
    expect(verifyFabric(program)).toEqual([]);
    const inputs = randomInputs(model.graph, samples);
    expect(worstError(given, inputs, run(program, given, inputs))).toBeLessThan(1e-5);
    // the root of a star takes the words of all others in one instruction
    const repeated = program.roles.some(({ tasks }) =>
      tasks.some(({ steps }) => steps.some((step) => step.kind === "reduce" && step.own.strides[0] === 0)),
    );
    expect(repeated).toBe(reduce === "star");
  });
});

describe("what has no fabric program", () => {
  it("is refused by its name", async () => {
    const model = await placed(models.cumulative(), smallTarget(4, 4));
    expect(() => lowerFabric(model)).toThrow(WscError);
    expect(() => lowerFabric(model)).toThrow(/WSC5007: layer "sums": cumulative has no fabric program/);
  });
});
