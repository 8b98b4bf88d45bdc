import { describe, expect, it } from "@jest/globals";
import { lowerFabric } from "../../compiler/fabric/lower.ts";
import { wse3 } from "../../compiler/targets/wse3.ts";
import type { Target } from "../../ir/machine/target.ts";
import { timesOf } from "../../runtime/simulator/steady.ts";
import { type Layering, models, placed, randomInputs, run, smallTarget, tensor } from "../fabric/placed.ts";
import { f32, type ModelSpec, node } from "../helpers/onnx-builder.ts";

/** One op, or a few, of an input of some shape. */
const spec = (
  inputs: readonly number[],
  outputs: readonly number[],
  nodes: ModelSpec["nodes"],
  initializers: NonNullable<ModelSpec["initializers"]> = {},
): ModelSpec => ({
  opset: 13,
  inputs: { x: f32(...inputs) },
  outputs: { y: f32(...outputs) },
  initializers,
  nodes,
});

const layer = (name: number, from: string, to: string): ModelSpec["nodes"] => [
  node("Gemm", [from, `w${name}`, `b${name}`], [`h${name}`]),
  node("Relu", [`h${name}`], [to]),
];

const small3: Target = { ...wse3, fabric: { width: 17, height: 10 } };

const lenet = spec(
  [1, 1, 28, 28],
  [1, 10],
  [
    node("Conv", ["x", "w1", "b1"], ["c1"]),
    node("Relu", ["c1"], ["r1"]),
    node("MaxPool", ["r1"], ["p1"], { kernel_shape: [2, 2], strides: [2, 2] }),
    node("Conv", ["p1", "w2", "b2"], ["c2"]),
    node("Relu", ["c2"], ["r2"]),
    node("MaxPool", ["r2"], ["p2"], { kernel_shape: [2, 2], strides: [2, 2] }),
    node("Flatten", ["p2"], ["f"]),
    node("Gemm", ["f", "w3", "b3"], ["h3"]),
    node("Relu", ["h3"], ["r3"]),
    node("Gemm", ["r3", "w4", "b4"], ["h4"]),
    node("Relu", ["h4"], ["r4"]),
    node("Gemm", ["r4", "w5", "b5"], ["h5"]),
    node("Softmax", ["h5"], ["y"]),
  ],
  {
    w1: tensor(6, 1, 5, 5),
    b1: tensor(6),
    w2: tensor(16, 6, 5, 5),
    b2: tensor(16),
    w3: tensor(256, 120),
    b3: tensor(120),
    w4: tensor(120, 84),
    b4: tensor(84),
    w5: tensor(84, 10),
    b5: tensor(10),
  },
);

/** As `wsc compile` makes layers of them. */
const fused: readonly (readonly [name: string, model: ModelSpec, target: Target])[] = [
  ["mlp", models.mlp(), smallTarget(10, 8)],
  ["convolution, pool and product", models.convolution(), smallTarget(12, 8)],
  ["residual and mean", models.residual(), smallTarget(6, 6)],
  ["LeNet", lenet, smallTarget(40, 30)],
];

const cases: readonly (readonly [name: string, model: ModelSpec, target: Target])[] = [
  ["mlp on wse2", models.mlp(), smallTarget(10, 8)],
  ["mlp on wse3", models.mlp(), small3],
  [
    "mlp of three layers",
    spec(
      [1, 256],
      [1, 10],
      [...layer(1, "x", "r1"), ...layer(2, "r1", "r2"), node("Gemm", ["r2", "w3", "b3"], ["y"])],
      {
        w1: tensor(256, 128),
        b1: tensor(128),
        w2: tensor(128, 64),
        b2: tensor(64),
        w3: tensor(64, 10),
        b3: tensor(10),
      },
    ),
    smallTarget(24, 20),
  ],
  [
    "product of matrices",
    spec([16, 32], [16, 24], [node("MatMul", ["x", "w"], ["y"])], { w: tensor(32, 24) }),
    smallTarget(8, 8),
  ],
  [
    "convolution",
    spec(
      [1, 4, 12, 12],
      [1, 8, 12, 12],
      [node("Conv", ["x", "w", "b"], ["h"], { pads: [1, 1, 1, 1] }), node("Relu", ["h"], ["y"])],
      { w: tensor(8, 4, 3, 3), b: tensor(8) },
    ),
    smallTarget(8, 8),
  ],
  ["convolution, pool and product", models.convolution(), smallTarget(12, 8)],
  [
    "pool",
    spec([1, 4, 16, 16], [1, 4, 8, 8], [node("MaxPool", ["x"], ["y"], { kernel_shape: [2, 2], strides: [2, 2] })]),
    smallTarget(6, 6),
  ],
  ["sum of all", spec([16, 64], [1, 1], [node("ReduceSum", ["x"], ["y"], { keepdims: 1 })]), smallTarget(6, 6)],
  ["elementwise", spec([16, 64], [16, 64], [node("Tanh", ["x"], ["y"])]), smallTarget(6, 6)],
  [
    "transpose",
    spec(
      [16, 32],
      [32, 16],
      [node("Relu", ["x"], ["h"]), node("Transpose", ["h"], ["t"], { perm: [1, 0] }), node("Tanh", ["t"], ["y"])],
    ),
    smallTarget(6, 6),
  ],
  ["residual and mean", models.residual(), smallTarget(6, 6)],
];

const samples = 20;

const shareOf = (simulated: number, certified: number): number => simulated / certified - 1;

/** Interval in the steady state, and latency of a sample alone, as shares above the certificate's; cycles, so that no clock decides. */
async function compared(
  model: ModelSpec,
  target: Target,
  layering: Layering = "ops",
): Promise<{ interval: number; latency: number }> {
  const given = await placed(model, target, layering);
  const program = lowerFabric(given);
  const inputs = randomInputs(given.graph, samples);
  const { objective, latencyCycles } = given.placement.certificate;
  const { interval } = timesOf(run(program, given, inputs).samples);
  const { latency } = timesOf(run(program, given, inputs.slice(0, 1)).samples);
  return { interval: shareOf(interval, objective), latency: shareOf(latency, latencyCycles) };
}

describe("a run word by word against the certificate", () => {
  it.each(cases)("%s: interval within 5 %%, latency within 10 %%", async (_name, model, target) => {
    const { interval, latency } = await compared(model, target);
    expect(Math.abs(interval)).toBeLessThanOrEqual(0.05);
    expect(Math.abs(latency)).toBeLessThanOrEqual(0.1);
  });

  it.each(fused)("%s, fused: interval within 5 %%, latency within 10 %%", async (_name, model, target) => {
    const { interval, latency } = await compared(model, target, "fused");
    expect(Math.abs(interval)).toBeLessThanOrEqual(0.05);
    expect(Math.abs(latency)).toBeLessThanOrEqual(0.1);
  });
});
