import { describe, expect, it } from "@jest/globals";
import { float } from "../helpers/onnx-builder.ts";
import { distance, loweredTexts, type NodeCase, numbers, ramp, refusal, run, tensor, values } from "./node-case.ts";

const mean = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0) / list.length;
const variance = (list: readonly number[]): number => mean(list.map((v) => (v - mean(list)) ** 2));
const normal = (list: readonly number[], epsilon = 1e-5): number[] =>
  list.map((v) => (v - mean(list)) / Math.sqrt(variance(list) + epsilon));

const vector = (...list: readonly number[]): ReturnType<typeof tensor> => tensor([list.length], list);

describe("BatchNormalization", () => {
  const x = tensor([2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8]);
  const parameters = [vector(2, 3), vector(0.5, -1), vector(1, 2), vector(4, 9)] as const;
  const expected = numbers(x).map((v, i) => (i % 4 < 2 ? ((v - 1) / 2) * 2 + 0.5 : ((v - 2) / 3) * 3 - 1));

  it("uses the given statistics per channel", async () => {
    const spec = { op: "BatchNormalization", attributes: { epsilon: float(0) }, inputs: [x, ...parameters] };
    for (const opset of [7, 9, 14, 15]) expect(distance(await values({ ...spec, opset }), expected)).toBeLessThan(1e-6);
  });

  it("takes a parameter per element with spatial = 0", async () => {
    const full = [2, 0.5, 1, 4].map((v) => tensor([2, 2], [v, v, v, v]));
    const attributes = { epsilon: float(0), spatial: 0 };
    const result = await values({ op: "BatchNormalization", opset: 7, attributes, inputs: [x, ...full] });
    expect(distance(result, numbers(x).map((v) => v - 1 + 0.5))).toBeLessThan(1e-6); // prettier-ignore
  });

  it("normalises by the batch and moves the running statistics in training", async () => {
    const attributes = { training_mode: 1, momentum: float(0.75) };
    const spec: NodeCase = { op: "BatchNormalization", opset: 15, attributes, outputs: 3, inputs: [x, ...parameters] };
    const [y, runningMean, runningVariance] = await run(spec);
    const channels = [
      [1, 2, 5, 6],
      [3, 4, 7, 8],
    ];
    const [first, second] = channels.map((list) => normal(list)) as [number[], number[]];
    const scaled = [first.map((v) => v * 2 + 0.5), second.map((v) => v * 3 - 1)] as const;
    const order = [0, 1].flatMap((n) => scaled.flatMap((list) => list.slice(2 * n, 2 * n + 2)));
    expect(distance(numbers(y ?? x), order)).toBeLessThan(1e-5);
    const moved = channels.map((list, c) => 0.75 * (c + 1) + 0.25 * mean(list));
    expect(distance(numbers(runningMean ?? x), moved)).toBeLessThan(1e-6);
    expect(distance(numbers(runningVariance ?? x), channels.map((list, c) => 0.75 * (c + 2) ** 2 + 0.25 * variance(list)))).toBeLessThan(1e-6); // prettier-ignore
  });

  it("folds its parameters when they are constants", async () => {
    const text = await loweredTexts([
      { op: "BatchNormalization", opset: 15, inputs: [x, ...parameters], constants: [1, 2, 3, 4] },
    ]);
    expect(text.match(/= map/g)).toHaveLength(1);
  });

  it("refuses parameters of the wrong length", async () => {
    const inputs = [x, vector(1), ...parameters.slice(1)];
    expect(await refusal({ op: "BatchNormalization", opset: 15, inputs })).toContain("WSC3004");
  });
});

describe("LayerNormalization", () => {
  const x = ramp([2, 2, 3], 0.5, -1);
  it("normalises from the axis on and tells its statistics", async () => {
    const inputs = [x, tensor([3], [1, 2, 3]), tensor([3], [0, 1, 2])];
    const [y, means, deviations] = await run({ op: "LayerNormalization", opset: 17, outputs: 3, inputs });
    const parts = [0, 3, 6, 9].map((at) => numbers(x).slice(at, at + 3));
    const expected = parts.flatMap((part) => normal(part).map((v, i) => v * (i + 1) + i));
    expect(distance(numbers(y ?? x), expected)).toBeLessThan(1e-5);
    expect(means?.shape).toEqual([2, 2, 1]);
    expect(distance(numbers(means ?? x), parts.map(mean))).toBeLessThan(1e-6);
    expect(distance(numbers(deviations ?? x), parts.map((part) => 1 / Math.sqrt(variance(part) + 1e-5)))).toBeLessThan(1e-5); // prettier-ignore
  });

  it("gives the scale's type, and onnxruntime's form by the root mean square tells its factor", async () => {
    const scale = tensor([3], [0x3c00, 0x3c00, 0x3c00], "f16");
    const [y] = await run({ op: "LayerNormalization", opset: 12, inputs: [x, scale] });
    expect(y?.dtype).toBe("f16");
    const simple: NodeCase = {
      op: "SimplifiedLayerNormalization",
      opset: 12,
      outputs: 2,
      inputs: [vector(1, 2, 2), vector(1, 1, 1)],
    };
    const [normalized, factor] = await run({ ...simple, attributes: { epsilon: float(0) } });
    const root = Math.sqrt(3);
    expect(distance(numbers(normalized ?? x), [1 / root, 2 / root, 2 / root])).toBeLessThan(1e-6);
    expect(distance(numbers(factor ?? x), [1 / root])).toBeLessThan(1e-6);
  });

  it("does without a bias, over several axes", async () => {
    const inputs = [x, ramp([2, 3], 0, 1)];
    const result = await values({ op: "LayerNormalization", opset: 17, attributes: { axis: 1 }, inputs });
    expect(distance(result, [0, 6].flatMap((at) => normal(numbers(x).slice(at, at + 6))))).toBeLessThan(1e-5); // prettier-ignore
  });
});

describe("other normalisations", () => {
  it("InstanceNormalization is over each channel's image", async () => {
    const inputs = [tensor([1, 2, 3], [1, 2, 6, 3, 3, 9]), vector(1, 10), vector(0, 5)];
    const expected = [...normal([1, 2, 6]), ...normal([3, 3, 9]).map((v) => v * 10 + 5)];
    expect(distance(await values({ op: "InstanceNormalization", opset: 22, inputs }), expected)).toBeLessThan(1e-5);
  });

  it("GroupNormalization scales per group in opset 18, per channel from 21 on", async () => {
    const x = ramp([1, 4, 2], 1);
    const attributes = { num_groups: 2 };
    const groups = [normal([0, 1, 2, 3]), normal([4, 5, 6, 7])];
    const byGroup = await values({ op: "GroupNormalization", opset: 18, attributes, inputs: [x, vector(1, 2), vector(0, 1)] }); // prettier-ignore
    expect(distance(byGroup, groups.flatMap((list, g) => list.map((v) => v * (g + 1) + g)))).toBeLessThan(1e-5); // prettier-ignore
    const byChannel = await values({ op: "GroupNormalization", opset: 21, attributes, inputs: [x, vector(1, 2, 3, 4), vector(0, 0, 0, 1)] }); // prettier-ignore
    const expected = groups.flat().map((v, i) => v * (Math.floor(i / 2) + 1) + (i < 6 ? 0 : 1));
    expect(distance(byChannel, expected)).toBeLessThan(1e-5);
  });

  it("RMSNormalization leaves the mean in", async () => {
    const inputs = [tensor([1, 2], [3, 4]), vector(1, 2)];
    const root = Math.sqrt(12.5 + 1e-5);
    const result = await values({ op: "RMSNormalization", opset: 23, inputs });
    expect(distance(result, [3 / root, 8 / root])).toBeLessThan(1e-6);
  });

  it("MeanVarianceNormalization and LpNormalization keep constant and zero inputs at zero", async () => {
    const flat = tensor([1, 1, 1, 3], [2, 2, 2]);
    expect(await values({ op: "MeanVarianceNormalization", opset: 13, inputs: [flat] })).toEqual([0, 0, 0]);
    const zero = [tensor([2, 2], [0, 0, 3, 4])];
    expect(distance(await values({ op: "LpNormalization", opset: 22, inputs: zero }), [0, 0, 0.6, 0.8])).toBeLessThan(
      1e-6,
    );
  });

  it("LRN sums over neighbouring channels", async () => {
    const x = tensor([1, 4, 1, 1], [1, 2, 3, 4]);
    const attributes = { size: 3, alpha: float(3), beta: float(0.5), bias: float(2) };
    const squares = [1 + 4, 1 + 4 + 9, 4 + 9 + 16, 9 + 16];
    const result = await values({ op: "LRN", opset: 13, attributes, inputs: [x] });
    expect(distance(result, squares.map((sum, i) => (i + 1) / Math.sqrt(2 + sum)))).toBeLessThan(1e-6); // prettier-ignore
  });
});

describe("contributed normalisations", () => {
  const domain = "com.microsoft";
  it("SkipLayerNormalization normalises a sum and gives it, too", async () => {
    const [x, skip, bias] = [tensor([1, 3], [1, 2, 3]), tensor([1, 3], [0, 1, 5]), vector(1, 1, 1)];
    const inputs = [x, skip, vector(1, 2, 3), vector(0, 0, 1), bias];
    const [y, , , sum] = await run({ op: "SkipLayerNormalization", domain, opset: 1, outputs: 4, inputs });
    expect(numbers(sum ?? x)).toEqual([2, 4, 9]);
    const expected = normal([2, 4, 9], 1e-12).map((v, i) => v * (i + 1) + (i === 2 ? 1 : 0));
    expect(distance(numbers(y ?? x), expected)).toBeLessThan(1e-5);
  });

  it("gelu comes with a bias and as its approximation", async () => {
    const [x, bias] = [tensor([2], [1, -2]), tensor([2], [0.5, 0.25])];
    const tanhGelu = (v: number): number => 0.5 * v * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v ** 3)));
    const expected = [1.5, -1.75].map(tanhGelu);
    expect(distance(await values({ op: "FastGelu", domain, opset: 1, inputs: [x, bias] }), expected)).toBeLessThan(
      1e-6,
    );
    expect(distance(await values({ op: "BiasGelu", domain, opset: 1, inputs: [x, bias] }), expected)).toBeLessThan(
      1e-3,
    );
  });

  it("FusedMatMul swaps and scales", async () => {
    const attributes = { alpha: float(2), transA: 1 };
    const inputs = [tensor([2, 1], [1, 2]), tensor([2, 1], [3, 4])];
    expect(await values({ op: "FusedMatMul", domain, opset: 1, attributes, inputs })).toEqual([22]);
  });
});

it("lowers normalisations to normalize and maps", async () => {
  const image = ramp([1, 4, 2]);
  const four = (offset: number): ReturnType<typeof tensor> => ramp([4], 1, offset);
  const cases: readonly NodeCase[] = [
    { op: "BatchNormalization", opset: 15, attributes: { epsilon: float(0) }, inputs: [image, four(1), four(0), four(0), ramp([4], 0, 4)], constants: [1, 2, 3, 4] },
    { op: "InstanceNormalization", opset: 22, inputs: [image, four(1), four(0)], constants: [1, 2] },
    { op: "GroupNormalization", opset: 21, attributes: { num_groups: 2 }, inputs: [image, four(1), four(0)], constants: [1, 2] },
    { op: "LayerNormalization", opset: 17, inputs: [image, ramp([2])], constants: [1] },
    { op: "LayerNormalization", opset: 17, inputs: [tensor([1, 1], [0x3c00], "f16"), tensor([1], [0x3c00], "f16")] },
    { op: "RMSNormalization", opset: 23, inputs: [image, ramp([2])], constants: [1] },
    { op: "SkipSimplifiedLayerNormalization", domain: "com.microsoft", opset: 1, inputs: [image, image, ramp([2])], constants: [2] },
  ]; // prettier-ignore
  expect(await loweredTexts(cases)).toMatchGolden("operators/normalizations.txt");
});
