import { describe, expect, it } from "@jest/globals";
import type { TensorData } from "../../ir/tensor.ts";
import { float } from "../helpers/onnx-builder.ts";
import { distance, loweredTexts, type NodeCase, numbers, ramp, refusal, run, tensor, values } from "./node-case.ts";

const i64 = (...list: readonly number[]): TensorData => tensor([list.length], list, "i64");

describe("GridSample", () => {
  const x = tensor([1, 1, 2, 2], [1, 2, 3, 4]);
  const at = (points: readonly (readonly [number, number])[], attributes: NodeCase["attributes"] = {}): NodeCase => ({
    op: "GridSample",
    opset: 20,
    attributes,
    inputs: [x, tensor([1, 1, points.length, 2], points.flat())],
  });

  it("reads the centres of the corners, x first", async () => {
    const corners = [
      [-0.5, -0.5],
      [0.5, -0.5],
      [-0.5, 0.5],
      [0.5, 0.5],
    ] as const;
    expect(await values(at(corners))).toEqual([1, 2, 3, 4]);
    expect(
      await values(
        at(
          [
            [-1, -1],
            [1, -1],
          ],
          { align_corners: 1 },
        ),
      ),
    ).toEqual([1, 2]);
  });

  it.each([
    ["linear", "zeros", [2.5, 0.25, 0]],
    ["linear", "border", [2.5, 1, 2]],
    ["linear", "reflection", [2.5, 1, 1]],
    ["nearest", "zeros", [1, 1, 0]],
    ["nearest", "border", [1, 1, 2]],
  ] as const)("%s between the elements, %s beyond", async (mode, padding_mode, expected) => {
    expect(
      await values(
        at(
          [
            [0, 0],
            [-1, -1],
            [2.5, -0.5],
          ],
          { mode, padding_mode },
        ),
      ),
    ).toEqual(expected);
  });

  it("weighs 16 neighbours in mode cubic, of which border padding makes a constant", async () => {
    const flat = {
      ...at(
        [
          [0.1, -0.3],
          [0.7, 0.2],
        ],
        { mode: "cubic", padding_mode: "border" },
      ),
      inputs: [ramp([1, 2, 4, 4], 0, 3), tensor([1, 1, 2, 2], [0.1, -0.3, 0.7, 0.2])],
    };
    expect(distance(await values(flat), [3, 3, 3, 3])).toBeLessThan(1e-6);
  });

  it("samples volumes, and survives a NaN in the grid", async () => {
    const volume = ramp([1, 1, 2, 2, 2]);
    const grid = tensor([1, 1, 1, 2, 3], [0.5, 0.5, 0.5, 0, 0, 0]);
    expect(await values({ op: "GridSample", opset: 20, inputs: [volume, grid] })).toEqual([7, 3.5]);
    const [result] = await values(at([[NaN, 0]]));
    expect(result === 0 || Number.isNaN(result)).toBe(true);
  });

  it("refuses what does not fit", async () => {
    expect(await refusal(at([[0, 0]], { mode: "sinc" }))).toContain("WSC3006");
    expect(await refusal(at([[0, 0]], { padding_mode: "mirror" }))).toContain("WSC3006");
    expect(await refusal({ ...at([]), inputs: [x, ramp([2, 1, 1, 2])] })).toContain("WSC3004");
  });
});

describe("GridSample over an axis of one element", () => {
  it.each(["zeros", "border", "reflection"])("reads that element with padding %s", async (padding_mode) => {
    const grid = tensor([1, 1, 2, 2], [-1, 0, 1, 0]);
    const attributes = { mode: "nearest", padding_mode, align_corners: 1 };
    const inputs = [tensor([1, 1, 1, 2], [5, 7]), grid];
    expect(await values({ op: "GridSample", opset: 20, attributes, inputs })).toEqual([5, 7]);
  });

  it("refuses elements that are no numbers", async () => {
    const inputs = [tensor([1, 1, 1, 2], [1, 0], "bool"), tensor([1, 1, 1, 2], [0, 0])];
    expect(await refusal({ op: "GridSample", opset: 20, inputs })).toContain("WSC3005");
  });
});

describe("AffineGrid", () => {
  it("spans the output from -1 to 1", async () => {
    const identity = tensor([1, 2, 3], [1, 0, 0, 0, 1, 0]);
    const spec: NodeCase = { op: "AffineGrid", opset: 20, inputs: [identity, i64(1, 1, 2, 2)], constants: [1] };
    expect(await values(spec)).toEqual([-0.5, -0.5, 0.5, -0.5, -0.5, 0.5, 0.5, 0.5]);
    expect(await values({ ...spec, attributes: { align_corners: 1 } })).toEqual([-1, -1, 1, -1, -1, 1, 1, 1]);
    expect(await refusal({ ...spec, inputs: [identity, i64(2, 1, 2, 2)] })).toContain("WSC3004");
  });
});

describe("regions", () => {
  const x = ramp([1, 1, 4, 4]);
  const align = (
    box: readonly number[],
    attributes: NodeCase["attributes"] = {},
    more: Partial<NodeCase> = {},
  ): NodeCase => ({
    op: "RoiAlign",
    opset: 16,
    attributes: { output_height: 2, output_width: 2, sampling_ratio: 1, ...attributes },
    inputs: [
      x,
      tensor([box.length / 4, 4], box),
      tensor([box.length / 4], new Array<number>(box.length / 4).fill(0), "i64"),
    ],
    ...more,
  });

  it("RoiAlign averages sample points", async () => {
    // bins of 2 x 2 elements, sampled in their middle; half a pixel is taken off
    expect(await values(align([0, 0, 4, 4]))).toEqual([2.5, 4.5, 10.5, 12.5]);
    expect(await values(align([0, 0, 8, 8], { spatial_scale: float(0.5) }))).toEqual([2.5, 4.5, 10.5, 12.5]);
    expect(await values(align([0, 0, 4, 4], { coordinate_transformation_mode: "output_half_pixel" }))).toEqual([
      5, 7, 13, 15,
    ]);
    expect(await values(align([100, 100, 104, 104]))).toEqual([0, 0, 0, 0]);
  });

  it("RoiAlign takes as many points as a bin has elements, box by box", async () => {
    const boxes = [0, 0, 4, 4, 0, 0, 2, 2, 0.5, 0.5, 3.5, 3.5];
    const [result] = await run(align(boxes, { sampling_ratio: 0 }, { constants: [1] }));
    expect(result?.shape).toEqual([3, 1, 2, 2]);
    // on a plane any number of points inside averages to the value in the middle of the bin
    expect(distance(numbers(result as TensorData).slice(8), [3.75, 5.25, 9.75, 11.25])).toBeLessThan(1e-5);
  });

  it("RoiAlign takes the largest weighted neighbour in mode max", async () => {
    expect(await values(align([0.5, 0.5, 2.5, 2.5], { mode: "max", output_height: 1, output_width: 1 }))).toEqual([5]);
    expect(await refusal(align([0, 0, 1, 1], { mode: "median" }))).toContain("WSC3006");
    expect(await refusal(align([0, 0, 1, 1], { sampling_ratio: -1 }))).toContain("WSC3006");
  });

  it("MaxRoiPool", async () => {
    const attributes = { pooled_shape: [2, 2] };
    const pool = (...roi: readonly number[]): NodeCase => ({
      op: "MaxRoiPool",
      opset: 7,
      attributes,
      inputs: [x, tensor([1, 5], [0, ...roi])],
    });
    expect(await values(pool(0, 0, 3, 3))).toEqual([5, 7, 13, 15]);
    expect(await values(pool(1, 1, 2, 2))).toEqual([5, 6, 9, 10]);
    expect(await values(pool(9, 9, 9, 9))).toEqual([0, 0, 0, 0]);
  });

  it("NonMaxSuppression keeps the best of overlapping boxes", async () => {
    const boxes = tensor([1, 3, 4], [0, 0, 1, 1, 0, 0.1, 1, 1.1, 0, 10, 1, 11]);
    const scores = tensor([1, 1, 3], [0.9, 0.75, 0.6]);
    const inputs = [boxes, scores, i64(3), tensor([1], [0.5])];
    const [kept] = await run({ op: "NonMaxSuppression", opset: 11, inputs });
    expect(kept).toMatchObject({ shape: [2, 3], elements: BigInt64Array.of(0n, 0n, 0n, 0n, 0n, 2n) });
    expect(await values({ op: "NonMaxSuppression", opset: 11, inputs: [...inputs, tensor([1], [0.7])] })).toEqual([
      0, 0, 0,
    ]);
    expect((await run({ op: "NonMaxSuppression", opset: 11, inputs: [boxes, scores] }))[0]?.shape).toEqual([0, 3]);
  });
});

it("lowers to these graphs", async () => {
  const text = await loweredTexts([
    {
      op: "GridSample",
      opset: 16,
      attributes: { padding_mode: "border" },
      inputs: [ramp([1, 3, 4, 5]), ramp([1, 2, 2, 2])],
    },
    {
      op: "GridSample",
      opset: 20,
      attributes: { mode: "nearest", padding_mode: "reflection", align_corners: 1 },
      inputs: [ramp([1, 3, 4]), ramp([1, 2, 1])],
    },
    { op: "AffineGrid", opset: 20, inputs: [ramp([2, 2, 3]), i64(2, 1, 2, 2)], constants: [1] },
    { op: "NonMaxSuppression", opset: 11, inputs: [ramp([1, 3, 4]), ramp([1, 1, 3]), i64(2)] },
  ]);
  expect(text).toMatchGolden("operators/sampling.txt");
});
