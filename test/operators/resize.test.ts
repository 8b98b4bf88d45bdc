import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { cubic, type Kernel, tapsOf } from "../../compiler/frontend/operators/interpolation.ts";
import type { TensorData } from "../../ir/tensor.ts";
import { float, floatList } from "../helpers/onnx-builder.ts";
import { distance, lowered, loweredTexts, type NodeCase, ramp, refusal, run, tensor, values } from "./node-case.ts";

const i64 = (...list: readonly number[]): TensorData => tensor([list.length], list, "i64");
const f32 = (...list: readonly number[]): TensorData => tensor([list.length], list);

const bySizes = (x: TensorData, sizes: readonly number[], attributes: NodeCase["attributes"] = {}): NodeCase => ({
  op: "Resize",
  opset: 19,
  attributes,
  inputs: [x, null, null, i64(...sizes)],
  constants: [3],
});
const byScales = (x: TensorData, scales: readonly number[], attributes: NodeCase["attributes"] = {}): NodeCase => ({
  op: "Resize",
  opset: 19,
  attributes,
  inputs: [x, null, f32(...scales)],
  constants: [2],
});

describe("Resize, nearest", () => {
  const x = tensor([4], [1, 2, 3, 4]);
  it.each([
    ["round_prefer_floor", "half_pixel", [1, 3]],
    ["round_prefer_ceil", "half_pixel", [2, 4]],
    ["floor", "asymmetric", [1, 3]],
    ["ceil", "half_pixel", [2, 4]],
  ])("%s, %s", async (nearest_mode, coordinate_transformation_mode, expected) => {
    expect(await values(bySizes(x, [2], { nearest_mode, coordinate_transformation_mode }))).toEqual(expected);
  });

  it("repeats rows and columns", async () => {
    const [result] = await run(byScales(tensor([1, 1, 2, 2], [1, 2, 3, 4]), [1, 1, 2, 2]));
    expect(result).toMatchObject({ shape: [1, 1, 4, 4] });
    expect(Array.from(result?.elements as Float32Array)).toEqual([1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4]);
  });

  it("takes evenly spaced elements as a slice", async () => {
    const attributes = { coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" };
    const graph = await lowered(byScales(ramp([8, 6]), [0.5, 0.5], attributes));
    expect(graph.ops.map(({ kind }) => kind)).toEqual(["slice", "slice"]);
  });

  it("moves any element type, and leaves axes that keep their size alone", async () => {
    const [text] = await run(bySizes({ dtype: "string", shape: [2], elements: ["a", "b"] }, [4]));
    expect(text?.elements).toEqual(["a", "a", "b", "b"]);
    expect((await lowered(bySizes(ramp([3, 4]), [3, 4]))).ops).toEqual([]);
  });
});

describe("Resize, linear and cubic", () => {
  it.each([
    ["half_pixel", [0, 0.25, 0.75, 1]],
    ["align_corners", [0, 1 / 3, 2 / 3, 1]],
    ["asymmetric", [0, 0.5, 1, 1]],
    ["pytorch_half_pixel", [0, 0.25, 0.75, 1]],
  ])("%s", async (coordinate_transformation_mode, expected) => {
    const result = await values(bySizes(ramp([2]), [4], { mode: "linear", coordinate_transformation_mode }));
    expect(distance(result, expected)).toBeLessThan(1e-6);
  });

  it("averages when it shrinks with antialiasing", async () => {
    const x = tensor([4], [0, 0, 4, 4]);
    expect(await values(bySizes(x, [2], { mode: "linear" }))).toEqual([0, 4]);
    // a tent of width 4 around 0.5 and 2.5: weights 1 3 3 1 (of 7 or 8 inside)
    const smooth = await values(bySizes(x, [2], { mode: "linear", antialias: 1, exclude_outside: 1 }));
    expect(distance(smooth, [4 / 7, 24 / 7])).toBeLessThan(1e-6);
  });

  it("crops, and fills what lies outside", async () => {
    const attributes = {
      mode: "linear",
      coordinate_transformation_mode: "tf_crop_and_resize",
      extrapolation_value: float(-1),
    };
    const inputs = [ramp([5]), f32(0.25, 1.25), null, i64(3)];
    expect(await values({ ...bySizes(ramp([5]), [3], attributes), inputs, constants: [1, 3] })).toEqual([1, 3, -1]);
  });

  it("stretches to the corners of the result, since opset 19 to a length that may be fractional", async () => {
    const at = (opset: number, mode: string, more: NodeCase["inputs"]): Promise<number[]> => {
      const attributes = { mode: "linear", coordinate_transformation_mode: mode };
      return values({ op: "Resize", opset, attributes, inputs: [ramp([4]), ...more], constants: [1, 2] });
    };
    const scales = [null, f32(0.9)];
    expect(await at(18, "align_corners", scales)).toEqual([0, 1.5, 3]);
    expect(distance(await at(19, "align_corners", scales), [0, 3 / 2.6, 6 / 2.6])).toBeLessThan(1e-6);
    const crop = [f32(0.25, 0.75), f32(0.9)];
    expect(await at(18, "tf_crop_and_resize", crop)).toEqual([0.75, 1.5, 2.25]);
    expect(distance(await at(19, "tf_crop_and_resize", crop), [0.75, 0.75 + 1.5 / 2.6, 0.75 + 3 / 2.6])).toBeLessThan(
      1e-6,
    );
  });

  it("leaves an image alone that keeps its size, whatever the scales", async () => {
    for (const mode of ["nearest", "linear"]) {
      const attributes = { mode, coordinate_transformation_mode: "asymmetric" };
      expect(await values(byScales(ramp([2, 3]), [1.4, 1.2], attributes))).toEqual([0, 1, 2, 3, 4, 5]);
    }
  });

  it("keeps the aspect ratio, of some axes", async () => {
    const attributes = (keep_aspect_ratio_policy: string): NodeCase["attributes"] => ({
      mode: "linear",
      axes: [1, 2],
      keep_aspect_ratio_policy,
    });
    const shape = async (policy: string): Promise<readonly number[] | undefined> =>
      (await run(bySizes(ramp([2, 4, 6]), [8, 9], attributes(policy))))[0]?.shape;
    expect(await shape("stretch")).toEqual([2, 8, 9]);
    expect(await shape("not_larger")).toEqual([2, 6, 9]);
    expect(await shape("not_smaller")).toEqual([2, 8, 12]);
  });

  it("gives integers back, rounded towards zero", async () => {
    const [result] = await run(bySizes(tensor([2], [0, 10], "u8"), [4], { mode: "linear" }));
    expect(result).toMatchObject({ dtype: "u8", elements: Uint8Array.of(0, 2, 7, 10) });
  });

  it("weighs with numbers that add up to one", () => {
    const kernels: readonly Kernel[] = [
      { mode: "linear", antialias: true, excludeOutside: false },
      { mode: "cubic", antialias: false, excludeOutside: true, a: -0.5 },
      { mode: "cubic", antialias: true, excludeOutside: false, a: -0.75 },
    ];
    const modes = fc.constantFrom("half_pixel", "align_corners", "asymmetric", "half_pixel_symmetric" as const);
    const size = fc.integer({ min: 1, max: 12 });
    fc.assert(
      fc.property(size, size, modes, fc.constantFrom(...kernels), (input, output, coordinates, kernel) => {
        const axis = { input, output, scale: output / input, length: output, roi: [0, 1] as const, coordinates };
        const { outputs, positions, weights, outside } = tapsOf(axis, kernel);
        expect([outputs, outside.some((flag) => flag !== 0)]).toEqual([output, false]);
        expect(positions.every((list) => list.every((position) => position >= 0 && position < input))).toBe(true);
        for (let x = 0; x < output; x++) {
          expect(weights.reduce((sum, list) => sum + (list[x] ?? NaN), 0)).toBeCloseTo(1, 6);
        }
      }),
    );
  });

  it("interpolates: the cubic kernel is 1 at 0 and 0 at the other integers", () => {
    expect([0, 1, -1, 2, -2, 3].map((x) => cubic(x, -0.75))).toEqual([1, 0, 0, 0, 0, 0]);
  });

  it("chooses the cheaper of a matrix and of gathers, with the same result", async () => {
    const x = ramp([2, 90], 0.01);
    const graph = await lowered(bySizes(x, [2, 180], { mode: "linear" }));
    expect(graph.ops.map(({ kind }) => kind)).toEqual(["gather", "gather", "map"]);
    const small = ramp([2, 9], 0.01);
    expect((await lowered(bySizes(small, [2, 18], { mode: "linear" }))).ops.map(({ kind }) => kind)).toEqual([
      "matmul",
    ]);
    // inside, a ramp stays a ramp
    const wide = await values(bySizes(x, [2, 180], { mode: "linear" }));
    expect(
      distance(
        wide.slice(1, 9),
        Array.from({ length: 8 }, (_, i) => 0.0025 + 0.005 * i),
      ),
    ).toBeLessThan(1e-6);
  });
});

describe("older forms", () => {
  const x = tensor([1, 1, 1, 2], [1, 3]);
  it("Upsample by attribute and by input, Resize-10", async () => {
    const scales = floatList(1, 1, 1, 2);
    expect(await values({ op: "Upsample", opset: 7, attributes: { scales }, inputs: [x] })).toEqual([1, 1, 3, 3]);
    const inputs = [x, f32(1, 1, 1, 2)];
    expect(await values({ op: "Upsample", opset: 9, attributes: { mode: "linear" }, inputs, constants: [1] })).toEqual([
      1, 2, 3, 3,
    ]);
    expect(await values({ op: "Resize", opset: 10, inputs, constants: [1] })).toEqual([1, 1, 3, 3]);
  });

  it("Resize-11 with empty scales", async () => {
    const inputs = [x, f32(), f32(), i64(1, 1, 1, 4)];
    expect(await values({ op: "Resize", opset: 11, inputs, constants: [1, 2, 3] })).toEqual([1, 1, 3, 3]);
  });
});

it("refuses what is not defined", async () => {
  const x = ramp([2]);
  expect(await refusal(bySizes(x, [2, 2]))).toContain("WSC3004");
  expect(await refusal(byScales(x, [0]))).toContain("must be positive");
  expect(await refusal(bySizes(x, [4], { mode: "sinc" }))).toContain("WSC3006");
  expect(await refusal(bySizes(x, [4], { coordinate_transformation_mode: "polar" }))).toContain("WSC3006");
  expect(await refusal(bySizes(x, [2 ** 40]))).toContain("WSC1009");
  expect(await refusal(bySizes(x, [2 ** 28]))).toContain("weights");
  expect(await refusal(bySizes(ramp([0]), [3]))).toContain("no elements");
  expect(await refusal({ op: "Resize", opset: 19, inputs: [x] })).toContain("exactly one");
});

it("lowers to these graphs", async () => {
  const text = await loweredTexts([
    byScales(ramp([1, 1, 2, 2]), [1, 1, 2, 2]),
    bySizes(ramp([1, 1, 3, 2]), [1, 1, 4, 3], { mode: "linear" }),
    bySizes(ramp([1, 40], 1, 0, "f16"), [1, 80], { mode: "linear" }),
  ]);
  expect(text).toMatchGolden("operators/resize.txt");
});
