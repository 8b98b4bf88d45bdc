import { describe, expect, it } from "@jest/globals";
import type { TensorData } from "../../ir/tensor.ts";
import { loweredTexts, type NodeCase, numbers, ramp, refusal, run, tensor, values } from "./node-case.ts";

const i64 = (...list: readonly number[]): TensorData => tensor([list.length], list, "i64");
const shapeOf = async (spec: NodeCase): Promise<readonly number[] | undefined> => (await run(spec))[0]?.shape;

describe("Reshape", () => {
  const reshape = (shape: readonly number[], to: readonly number[], attributes = {}): NodeCase => ({
    op: "Reshape",
    opset: 14,
    attributes,
    inputs: [ramp(shape), i64(...to)],
    constants: [1],
  });

  it.each([
    [
      [2, 3, 4],
      [4, 2, 3],
      [4, 2, 3],
    ],
    [[2, 3, 4], [-1], [24]],
    [
      [2, 3, 4],
      [0, -1],
      [2, 12],
    ],
    [
      [2, 3, 4],
      [0, 0, 0],
      [2, 3, 4],
    ],
    [
      [2, 3, 4],
      [2, 0, -1, 1],
      [2, 3, 4, 1],
    ],
    [[1], [], []],
    [
      [0, 3],
      [0, 7],
      [0, 7],
    ],
    [
      [0, 3],
      [3, -1],
      [3, 0],
    ],
  ])("%j to %j", async (from, to, result) => {
    expect(await shapeOf(reshape(from, to))).toEqual(result);
  });

  it("takes 0 as it is with allowzero", async () => {
    expect(await shapeOf(reshape([0, 3], [3, 0], { allowzero: 1 }))).toEqual([3, 0]);
    expect(await refusal(reshape([0, 3], [0, -1], { allowzero: 1 }))).toContain("both 0 and -1");
  });

  it("refuses shapes that cannot be", async () => {
    expect(await refusal(reshape([2, 3], [4, -1]))).toContain("no multiple of 4");
    expect(await refusal(reshape([2, 3], [-1, -1]))).toContain("more than one");
    expect(await refusal(reshape([2, 3], [5]))).toContain("WSC3004");
    expect(await refusal(reshape([6], [6, 0]))).toContain("rank 1");
    expect(await refusal(reshape([6], [-2, 3]))).toContain("-2");
    expect(await refusal(reshape([0, 3], [0, -1]))).toContain("could be anything");
  });
});

describe("Flatten, Squeeze and Unsqueeze", () => {
  it.each([
    [0, [1, 24]],
    [1, [2, 12]],
    [-1, [6, 4]],
    [3, [24, 1]],
  ])("Flatten at %d", async (axis, result) => {
    expect(await shapeOf({ op: "Flatten", opset: 13, attributes: { axis }, inputs: [ramp([2, 3, 4])] })).toEqual(
      result,
    );
  });

  it("takes axes as an attribute before opset 13, as an input since", async () => {
    const x = ramp([1, 2, 1, 3]);
    expect(await shapeOf({ op: "Squeeze", opset: 11, attributes: { axes: [0, -2] }, inputs: [x] })).toEqual([2, 3]);
    expect(await shapeOf({ op: "Squeeze", opset: 13, inputs: [x, i64(-2)], constants: [1] })).toEqual([1, 2, 3]);
    for (const inputs of [[x], [x, i64()]]) {
      expect(await shapeOf({ op: "Squeeze", opset: 13, inputs, constants: [1] })).toEqual([2, 3]);
    }
    expect(await shapeOf({ op: "Squeeze", opset: 11, attributes: { axes: [] }, inputs: [x] })).toEqual([2, 3]);
    expect(
      await shapeOf({ op: "Unsqueeze", opset: 11, attributes: { axes: [4, 0] }, inputs: [ramp([2, 3, 4])] }),
    ).toEqual([1, 2, 3, 4, 1]);
    expect(await shapeOf({ op: "Unsqueeze", opset: 13, inputs: [ramp([2]), i64(-1, 0)], constants: [1] })).toEqual([
      1, 2, 1,
    ]);
    expect(await refusal({ op: "Squeeze", opset: 13, attributes: { axes: [0] }, inputs: [x] })).toContain("WSC3002");
    expect(await refusal({ op: "Unsqueeze", opset: 11, inputs: [x] })).toContain("WSC3002");
  });

  it("refuses axes that are long, twice there or not there", async () => {
    const at = (op: string, ...axes: number[]): NodeCase => ({
      op,
      opset: 13,
      inputs: [ramp([1, 2]), i64(...axes)],
      constants: [1],
    });
    expect(await refusal(at("Squeeze", 1))).toContain("not 1");
    expect(await refusal(at("Squeeze", 2))).toContain("WSC3006");
    expect(await refusal(at("Unsqueeze", 0, 0))).toContain("twice");
    expect(await refusal(at("Unsqueeze", 3))).toContain("WSC3006");
  });
});

describe("Transpose, Expand and Tile", () => {
  it("reverses the axes unless told otherwise", async () => {
    expect(await shapeOf({ op: "Transpose", opset: 13, inputs: [ramp([2, 3, 4])] })).toEqual([4, 3, 2]);
    expect(await values({ op: "Transpose", opset: 13, attributes: { perm: [1, 0] }, inputs: [ramp([2, 2])] })).toEqual([
      0, 2, 1, 3,
    ]);
    expect(
      await refusal({ op: "Transpose", opset: 13, attributes: { perm: [0, 0] }, inputs: [ramp([2, 2])] }),
    ).toContain("WSC3006");
    expect(
      await refusal({ op: "Transpose", opset: 13, attributes: { perm: [0, 2] }, inputs: [ramp([2, 2])] }),
    ).toContain("WSC3006");
  });

  it("expands both ways", async () => {
    const expand = (shape: readonly number[], to: readonly number[]): NodeCase => ({
      op: "Expand",
      opset: 13,
      inputs: [ramp(shape), i64(...to)],
      constants: [1],
    });
    expect(await shapeOf(expand([3, 1], [2, 1, 4]))).toEqual([2, 3, 4]);
    expect(await values(expand([2, 1], [2]))).toEqual([0, 0, 1, 1]);
    expect(await shapeOf(expand([3, 1], [0]))).toEqual([3, 0]);
    expect(await refusal(expand([3], [2]))).toContain("does not broadcast");
    expect(await refusal(expand([1], [2 ** 33]))).toContain("WSC1009");
  });

  it("tiles", async () => {
    const tile = (shape: readonly number[], repeats: readonly number[]): NodeCase => ({
      op: "Tile",
      opset: 13,
      inputs: [ramp(shape), i64(...repeats)],
      constants: [1],
    });
    expect(await values(tile([2], [3]))).toEqual([0, 1, 0, 1, 0, 1]);
    expect(await values(tile([2, 2], [1, 2]))).toEqual([0, 1, 0, 1, 2, 3, 2, 3]);
    expect(await shapeOf(tile([2, 2], [0, 1]))).toEqual([0, 2]);
    expect(await refusal(tile([2, 2], [2]))).toContain("1 repeats");
    expect(await refusal(tile([2], [-1]))).toContain("WSC3004");
  });

  it("moves strings, too", async () => {
    const [result] = await run({
      op: "Transpose",
      opset: 13,
      inputs: [{ dtype: "string", shape: [1, 2], elements: ["a", "b"] }],
    });
    expect(result).toMatchObject({ shape: [2, 1], elements: ["a", "b"] });
  });
});

describe("operators that rearrange", () => {
  it("moves depth to space and back", async () => {
    const x = ramp([1, 4, 1, 2]);
    const depth = (mode: string): NodeCase => ({
      op: "DepthToSpace",
      opset: 13,
      attributes: { blocksize: 2, mode },
      inputs: [x],
    });
    expect(await values(depth("DCR"))).toEqual([0, 2, 1, 3, 4, 6, 5, 7]);
    const two = ramp([1, 8, 1, 1]);
    expect(
      await values({ op: "DepthToSpace", opset: 13, attributes: { blocksize: 2, mode: "DCR" }, inputs: [two] }),
    ).toEqual([0, 2, 4, 6, 1, 3, 5, 7]);
    expect(
      await values({ op: "DepthToSpace", opset: 13, attributes: { blocksize: 2, mode: "CRD" }, inputs: [two] }),
    ).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    const [back] = await run({
      op: "SpaceToDepth",
      opset: 13,
      attributes: { blocksize: 2 },
      inputs: [ramp([1, 1, 2, 4])],
    });
    expect(back).toMatchObject({ shape: [1, 4, 1, 2], elements: Float32Array.of(0, 2, 1, 3, 4, 6, 5, 7) });
    for (const mode of ["DCR", "CRD"]) {
      const attributes = { blocksize: 2, mode };
      const [image] = await run({ op: "DepthToSpace", opset: 28, attributes, inputs: [ramp([1, 8, 2, 1])] });
      expect(await values({ op: "SpaceToDepth", opset: 28, attributes, inputs: [image ?? x] })).toEqual(
        numbers(ramp([16])),
      );
    }
    expect(await refusal(depth("XYZ"))).toContain("WSC3006");
    expect(await refusal({ ...depth("DCR"), inputs: [ramp([1, 3, 1, 2])] })).toContain("WSC3004");
  });

  it.each([
    [1, 0, [1, 2, 3, 0, 5, 6]],
    [1, 1, [0, 2, 3, 0, 0, 6]],
    [0, 0, [1, 0, 0, 4, 5, 0]],
    [0, -1, [0, 0, 0, 4, 0, 0]],
    [1, -5, [1, 2, 3, 4, 5, 6]],
    [1, 2 ** 40, [0, 0, 0, 0, 0, 0]],
    [0, 2, [1, 2, 3, 4, 5, 6]],
  ])("Trilu, upper %d, k %d", async (upper, k, expected) => {
    const inputs = [ramp([2, 3], 1, 1), tensor([], [k], "i64")];
    for (const constants of [[], [1]]) {
      expect(await values({ op: "Trilu", opset: 14, attributes: { upper }, inputs, constants })).toEqual(expected);
    }
  });

  it("reverses the beginnings of sequences", async () => {
    const x = ramp([4, 2]);
    const lengths = i64(3, 1);
    expect(await values({ op: "ReverseSequence", opset: 10, inputs: [x, lengths] })).toEqual([4, 1, 2, 3, 0, 5, 6, 7]);
    const attributes = { batch_axis: 0, time_axis: 1 };
    expect(await values({ op: "ReverseSequence", opset: 10, attributes, inputs: [ramp([2, 4]), lengths] })).toEqual([
      2, 1, 0, 3, 4, 5, 6, 7,
    ]);
    expect(
      await refusal({ op: "ReverseSequence", opset: 10, attributes: { time_axis: 1 }, inputs: [x, lengths] }),
    ).toContain("WSC3006");
  });

  it("adds overlapping blocks", async () => {
    const col2Im = (shape: readonly number[], attributes = {}): NodeCase => ({
      op: "Col2Im",
      opset: 18,
      attributes,
      inputs: [ramp(shape, 0, 1), i64(3, 3), i64(2, 2)],
      constants: [1, 2],
    });
    // how many 2 x 2 blocks reach each pixel
    expect(await values(col2Im([1, 4, 4]))).toEqual([1, 2, 1, 2, 4, 2, 1, 2, 1]);
    expect(await values(col2Im([1, 4, 1], { dilations: [2, 2] }))).toEqual([1, 0, 1, 0, 0, 0, 1, 0, 1]);
    expect(await values(col2Im([1, 4, 16], { pads: [1, 1, 1, 1] }))).toEqual(new Array(9).fill(4));
    expect(await refusal(col2Im([1, 4, 5]))).toContain("WSC3004");
  });
});

it("lowers to these graphs", async () => {
  const text = await loweredTexts([
    { op: "Tile", opset: 13, inputs: [ramp([2, 3]), i64(1, 2)], constants: [1] },
    { op: "Trilu", opset: 14, inputs: [ramp([2, 3])] },
    { op: "DepthToSpace", opset: 13, attributes: { blocksize: 2 }, inputs: [ramp([1, 4, 2, 2])] },
    { op: "ReverseSequence", opset: 10, inputs: [ramp([4, 2, 3]), i64(3, 1)] },
    { op: "Col2Im", opset: 18, inputs: [ramp([1, 4, 2]), i64(2, 3), i64(2, 2)], constants: [1, 2] },
  ]);
  expect(text).toMatchGolden("operators/shapes.txt");
});
