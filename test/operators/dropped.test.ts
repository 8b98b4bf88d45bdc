/** Operators of early opsets, as onnxruntime runs them. */
import { describe, expect, it } from "@jest/globals";
import { float, floatList } from "../helpers/onnx-builder.ts";
import { distance, type NodeCase, numbers, ramp, refusal, run, tensor, values } from "./node-case.ts";

const points = [-2, -0.5, 0, 1, 3];
const x = tensor([points.length], points);
const factors = { alpha: float(2), beta: float(0.5) };

describe("functions of one operand", () => {
  it.each<[string, NonNullable<NodeCase["attributes"]>, (v: number) => number]>([
    ["Affine", factors, (v) => 2 * v + 0.5],
    ["Affine", {}, (v) => v],
    ["Scale", { scale: float(3) }, (v) => 3 * v],
    ["ScaledTanh", factors, (v) => 2 * Math.tanh(0.5 * v)],
    ["ParametricSoftplus", factors, (v) => 2 * Math.log1p(Math.exp(0.5 * v))],
    ["ThresholdedRelu", {}, (v) => (v > 1 ? v : 0)],
  ])("%s %j", async (op, attributes, reference) => {
    for (const opset of [7, 9]) {
      expect(distance(await values({ op, opset, attributes, inputs: [x] }), points.map(reference))).toBeLessThan(1e-6);
    }
  });

  it("have no factors by default where onnxruntime has none", async () => {
    expect(await refusal({ op: "ScaledTanh", opset: 8, inputs: [x] })).toContain('"alpha" is missing');
  });

  it("are computed in f32 and rounded once for f16", async () => {
    const [result] = await run({ op: "Affine", opset: 8, attributes: factors, inputs: [tensor([1], [0x3c00], "f16")] });
    expect(result).toMatchObject({ dtype: "f16", elements: Uint16Array.of(0x4100) });
  });
});

describe("operators on images", () => {
  const image = ramp([1, 2, 3, 4]);

  it("ImageScaler adds a bias to each channel", async () => {
    const attributes = { scale: float(0.5), bias: floatList(1, -1) };
    const expected = numbers(image).map((v, i) => 0.5 * v + (i < 12 ? 1 : -1));
    expect(await values({ op: "ImageScaler", opset: 8, attributes, inputs: [image] })).toEqual(expected);
    const one = { bias: floatList(1) };
    expect(await refusal({ op: "ImageScaler", opset: 8, attributes: one, inputs: [image] })).toContain("2 channels");
    expect(await refusal({ op: "ImageScaler", opset: 8, attributes, inputs: [ramp([2, 2, 3])] })).toContain("WSC3004");
  });

  it("Crop cuts a border, or a size at a corner", async () => {
    const crop = (attributes: NonNullable<NodeCase["attributes"]>): NodeCase => ({
      op: "Crop",
      opset: 7,
      attributes,
      inputs: [image],
    });
    expect(await values(crop({ border: [1, 1, 2, 0] }))).toEqual([5, 9, 17, 21]);
    expect(await values(crop({ border: [1, 2, 9, 9], scale: [1, 2] }))).toEqual([9, 10, 21, 22]);
    expect(await values(crop({ border: [0, 0, 0, 0] }))).toEqual(numbers(image));
    expect(await refusal(crop({ border: [1, 1] }))).toContain("WSC3006");
    expect(await refusal(crop({ border: [0, 0, 0, 0], scale: [1] }))).toContain("WSC3006");
    expect(await refusal(crop({ border: [0, 2, 0, 2] }))).toContain("WSC3004");
    expect(await refusal(crop({ border: [-1, 0, 0, 0] }))).toContain("WSC3004");
    expect(await refusal(crop({ border: [2, 0, 0, 0], scale: [3, 3] }))).toContain("WSC3004");
  });
});

describe("older versions of operators that stayed", () => {
  const i64 = (...list: readonly number[]): ReturnType<typeof tensor> => tensor([list.length], list, "i64");

  it("DynamicSlice takes its bounds from inputs before Slice does", async () => {
    const inputs = [ramp([3, 4]), i64(1, -3), i64(3, -1), i64(0, 1)];
    const constants = [1, 2, 3];
    expect(await values({ op: "DynamicSlice", opset: 9, inputs, constants })).toEqual([5, 6, 9, 10]);
    expect(await values({ op: "DynamicSlice", opset: 9, inputs: inputs.slice(0, 3), constants: [1, 2] })).toEqual([
      5, 6, 9, 10,
    ]);
  });

  it("Reshape takes its shape from an attribute before opset 5", async () => {
    const [result] = await run({ op: "Reshape", opset: 4, attributes: { shape: [0, -1] }, inputs: [ramp([2, 3, 2])] });
    expect(result?.shape).toEqual([2, 6]);
  });

  it("MeanVarianceNormalization goes across channels on demand, and may keep the variance", async () => {
    const two = tensor([1, 2, 1, 2], [1, 3, 5, 11]);
    const of = (attributes: NonNullable<NodeCase["attributes"]>): Promise<number[]> =>
      values({ op: "MeanVarianceNormalization", opset: 8, attributes, inputs: [two] });
    expect(distance(await of({}), [-1, 1, -1, 1])).toBeLessThan(1e-6);
    expect(await of({ normalize_variance: 0 })).toEqual([-1, 1, -3, 3]);
    expect(await of({ across_channels: 1, normalize_variance: 0 })).toEqual([-4, -2, 0, 6]);
    const deviation = Math.sqrt((16 + 4 + 36) / 4);
    expect(
      distance(
        await of({ across_channels: 1 }),
        [-4, -2, 0, 6].map((v) => v / deviation),
      ),
    ).toBeLessThan(1e-6);
    expect(
      await refusal({ op: "MeanVarianceNormalization", opset: 9, attributes: { across_channels: 1 }, inputs: [two] }),
    ).toContain("WSC3002");
  });
});
