import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { sliceRun } from "../../compiler/frontend/operators/slicing.ts";
import { tensorFrom, type TensorData } from "../../ir/tensor.ts";
import { float } from "../helpers/onnx-builder.ts";
import { lowered, loweredTexts, type NodeCase, numbers, ramp, refusal, run, tensor, values } from "./node-case.ts";

const i64 = (...list: readonly (number | bigint)[]): TensorData => tensorFrom("i64", [list.length], list);
const int64Max = 2n ** 63n - 1n;
const int64Min = -(2n ** 63n);

describe("Slice", () => {
  const slice = (x: TensorData, starts: TensorData, ends: TensorData, ...more: (TensorData | null)[]): NodeCase => ({
    op: "Slice",
    opset: 13,
    inputs: [x, starts, ends, ...more],
    constants: [1, 2, 3, 4],
  });
  const x = ramp([6]);

  it.each([
    [1n, 4n, 1n, [1, 2, 3]],
    [-2n, int64Max, 1n, [4, 5]],
    [int64Min, int64Max, 1n, [0, 1, 2, 3, 4, 5]],
    [-1n, int64Min, -1n, [5, 4, 3, 2, 1, 0]],
    [int64Max, int64Min, -2n, [5, 3, 1]],
    [4n, -6n, -3n, [4, 1]],
    [0n, 6n, 4n, [0, 4]],
    [0n, 6n, int64Max, [0]],
    [4n, 2n, 1n, []],
    [2n, 4n, -1n, []],
    [-9n, -12n, -1n, [0]],
  ])("from %d to %d by %d", async (start, end, step, expected) => {
    expect(await values(slice(x, i64(start), i64(end), i64(0), i64(step)))).toEqual(expected);
  });

  it("agrees with a definition that walks the axis", () => {
    const bound = fc.oneof(fc.bigInt(-12n, 12n), fc.constantFrom(int64Max, int64Min));
    const stride = fc.oneof(fc.bigInt(1n, 4n), fc.bigInt(-4n, -1n), fc.constantFrom(int64Max, int64Min));
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 9 }), bound, bound, stride, (dim, start, end, step) => {
        const size = BigInt(dim);
        const clamp = (value: bigint, low: bigint, high: bigint): bigint =>
          value < low ? low : value > high ? high : value;
        const front = (value: bigint): bigint => (value < 0n ? value + size : value);
        const from = step > 0n ? clamp(front(start), 0n, size) : clamp(front(start), 0n, size - 1n);
        const to = step > 0n ? clamp(front(end), 0n, size) : clamp(front(end), -1n, size - 1n);
        const walked: number[] = [];
        for (let at = from; dim > 0 && (step > 0n ? at < to : at > to); at += step) walked.push(Number(at));
        const run = sliceRun(dim, start, end, step);
        expect(Array.from({ length: run.size }, (_, i) => run.start + i * run.step)).toEqual(walked);
      }),
    );
  });

  it("takes axes in any order, from either end", async () => {
    const matrix = ramp([3, 4]);
    expect(await values(slice(matrix, i64(1, 0), i64(3, 9), i64(-1, 0), i64(1, 2)))).toEqual([1, 2, 9, 10]);
    expect(await values(slice(matrix, i64(1), i64(2)))).toEqual([4, 5, 6, 7]);
    expect(
      await values({
        op: "Slice",
        opset: 9,
        attributes: { starts: [1], ends: [2 ** 40], axes: [1] },
        inputs: [ramp([2, 3])],
      }),
    ).toEqual([1, 2, 4, 5]);
  });

  it("refuses what makes no sense", async () => {
    expect(await refusal(slice(x, i64(0), i64(1), i64(0), i64(0)))).toContain("WSC3006");
    expect(await refusal(slice(x, i64(0), i64(1), i64(1)))).toContain("WSC3006");
    expect(await refusal(slice(x, i64(0, 0), i64(1)))).toContain("WSC3004");
    expect(await refusal(slice(x, i64(0, 0), i64(1, 1), i64(0, 0)))).toContain("twice");
  });
});

describe("Split", () => {
  const x = ramp([7, 1]);
  const sizes = async (spec: NodeCase): Promise<number[]> => (await run(spec)).map(({ shape }) => shape[0] ?? NaN);

  it("takes sizes as an attribute, then as an input, or a number of pieces", async () => {
    expect(await sizes({ op: "Split", opset: 11, attributes: { split: [2, 5] }, inputs: [x], outputs: 2 })).toEqual([
      2, 5,
    ]);
    expect(await sizes({ op: "Split", opset: 13, inputs: [x, i64(0, 7)], constants: [1], outputs: 2 })).toEqual([0, 7]);
    expect(await sizes({ op: "Split", opset: 18, attributes: { num_outputs: 4 }, inputs: [x], outputs: 4 })).toEqual([
      2, 2, 2, 1,
    ]);
    expect(await sizes({ op: "Split", opset: 13, inputs: [ramp([6])], outputs: 3 })).toEqual([2, 2, 2]);
  });

  it("refuses sizes that do not add up", async () => {
    expect(await refusal({ op: "Split", opset: 13, inputs: [x], outputs: 2 })).toContain("equal pieces");
    expect(await refusal({ op: "Split", opset: 13, inputs: [x, i64(3, 3)], constants: [1], outputs: 2 })).toContain(
      "WSC3004",
    );
    expect(await refusal({ op: "Split", opset: 13, inputs: [x, i64(8, -1)], constants: [1], outputs: 2 })).toContain(
      "WSC3004",
    );
    expect(await refusal({ op: "Split", opset: 13, inputs: [x, i64(3, 4)], constants: [1], outputs: 3 })).toContain(
      "3 outputs",
    );
  });
});

describe("Concat", () => {
  it("joins along an axis", async () => {
    const parts = [ramp([2, 1]), ramp([2, 0]), ramp([2, 2], 1, 10)];
    expect(await values({ op: "Concat", opset: 13, attributes: { axis: -1 }, inputs: parts })).toEqual([
      0, 10, 11, 1, 12, 13,
    ]);
    expect(await refusal({ op: "Concat", opset: 13, attributes: { axis: 0 }, inputs: parts })).toContain("WSC3004");
    expect(await refusal({ op: "Concat", opset: 13, inputs: parts })).toContain("WSC3002");
  });

  it("keeps 64-bit integers and strings", async () => {
    const [big] = await run({
      op: "Concat",
      opset: 13,
      attributes: { axis: 0 },
      inputs: [i64(int64Max), i64(int64Min)],
    });
    expect(big?.elements).toEqual(BigInt64Array.of(int64Max, int64Min));
    const word = (text: string): TensorData => ({ dtype: "string", shape: [1], elements: [text] });
    const [words] = await run({ op: "Concat", opset: 13, attributes: { axis: 0 }, inputs: [word("a"), word("b")] });
    expect(words?.elements).toEqual(["a", "b"]);
  });
});

describe("Pad", () => {
  const pad = (mode: string, pads: readonly number[], more: Partial<NodeCase> = {}): NodeCase => ({
    op: "Pad",
    opset: 19,
    attributes: { mode },
    inputs: [ramp([3], 1, 1), i64(...pads)],
    constants: [1],
    ...more,
  });

  it.each([
    ["constant", [1, 2], [0, 1, 2, 3, 0, 0]],
    ["edge", [1, 2], [1, 1, 2, 3, 3, 3]],
    ["reflect", [2, 1], [3, 2, 1, 2, 3, 2]],
    ["wrap", [1, 5], [3, 1, 2, 3, 1, 2, 3, 1, 2]],
    ["constant", [-1, 1], [2, 3, 0]],
    ["edge", [-2, 2], [3, 3, 3]],
    ["constant", [-1, -1], [2]],
  ] as const)("%s %j", async (mode, pads, expected) => {
    expect(await values(pad(mode, pads))).toEqual(expected);
  });

  // numpy: y = numpy.pad(numpy.arange(6.).reshape(2, 3), ((20, 30), (25, 15)), mode); (y.ravel() * numpy.arange(1, y.size + 1)).sum()
  it.each([
    ["reflect", 6266364],
    ["wrap", 6383052],
    ["edge", 8220500],
  ] as const)("%s, many times around", async (mode, sum) => {
    const spec = pad(mode, [20, 25, 30, 15], { inputs: [ramp([2, 3]), i64(20, 25, 30, 15)] });
    const [y] = await run(spec);
    expect(y?.shape).toEqual([52, 43]);
    expect(y && numbers(y).reduce((total, value, i) => total + value * (i + 1), 0)).toBe(sum);
    const kinds = (await lowered(spec)).ops.map(({ kind }) => kind);
    expect(kinds).toEqual(mode === "edge" ? ["pad"] : ["gather", "gather"]);
  });

  it("takes a value and axes", async () => {
    const inputs = [ramp([1, 2]), i64(1, 1), tensor([], [9]), i64(-1)];
    expect(await values(pad("constant", [], { inputs, constants: [1, 3] }))).toEqual([9, 0, 1, 9]);
    expect(
      await values({ op: "Pad", opset: 7, attributes: { pads: [1, 0], value: float(4) }, inputs: [ramp([2])] }),
    ).toEqual([4, 0, 1]);
    const one = [ramp([2], 1, 0, "i64"), i64(0, 1), tensor([1], [-3], "i64")];
    expect(await values(pad("constant", [], { inputs: one }))).toEqual([0, 1, -3]);
  });

  it("refuses what it cannot do", async () => {
    expect(await refusal(pad("mirror", [1, 1]))).toContain("WSC3006");
    expect(await refusal(pad("constant", [1]))).toContain("WSC3004");
    expect(await refusal(pad("constant", [-2, -2]))).toContain("take away");
    expect(await refusal(pad("constant", [2 ** 40, 0]))).toContain("WSC1009");
    expect(await refusal(pad("edge", [1, 1], { inputs: [ramp([0]), i64(1, 1)] }))).toContain("WSC3004");
  });

  it("cuts and fills around the centre", async () => {
    const frame = (shape: readonly number[], to: number): NodeCase => ({
      op: "CenterCropPad",
      opset: 18,
      attributes: { axes: [0] },
      inputs: [ramp(shape, 1, 1), i64(to)],
      constants: [1],
    });
    expect(await values(frame([5], 2))).toEqual([2, 3]);
    expect(await values(frame([4], 1))).toEqual([2]);
    expect(await values(frame([2], 5))).toEqual([0, 1, 2, 0, 0]);
  });
});

describe("selections", () => {
  const x = tensor([2, 3], [0, 1, 2, 0, 0, 3]);

  it("Compress, by a constant and by a computed condition", async () => {
    const condition = tensor([3], [1, 0, 1], "bool");
    for (const constants of [[], [1]]) {
      const spec: NodeCase = { op: "Compress", opset: 11, attributes: { axis: 1 }, inputs: [x, condition], constants };
      expect(await values(spec)).toEqual([0, 2, 0, 3]);
    }
    expect(await values({ op: "Compress", opset: 11, inputs: [x, condition], constants: [1] })).toEqual([0, 2]);
  });

  it("NonZero, of a constant and of a computed tensor", async () => {
    for (const constants of [[], [0]]) {
      const [found] = await run({ op: "NonZero", opset: 13, inputs: [x], constants });
      expect(found).toMatchObject({ shape: [2, 3], elements: BigInt64Array.of(0n, 0n, 1n, 1n, 2n, 2n) });
    }
  });

  it("Unique", async () => {
    const [kept, first, inverse, counts] = await run({
      op: "Unique",
      opset: 11,
      attributes: { sorted: 0 },
      inputs: [tensor([4], [2, 1, 2, 3])],
      outputs: 4,
    });
    expect(kept?.elements).toEqual(Float32Array.of(2, 1, 3));
    expect([first, inverse, counts].map((value) => Array.from(value?.elements as BigInt64Array, Number))).toEqual([
      [0, 1, 3],
      [0, 1, 0, 2],
      [2, 1, 1],
    ]);
  });
});

it("lowers to these graphs", async () => {
  const text = await loweredTexts([
    {
      op: "Slice",
      opset: 13,
      inputs: [ramp([4, 5]), i64(-1, 0), i64(int64Min, int64Max), i64(0, 1), i64(-2, 3)],
      constants: [1, 2, 3, 4],
    },
    { op: "Split", opset: 18, attributes: { num_outputs: 2, axis: 1 }, inputs: [ramp([2, 5])], outputs: 2 },
    { op: "Pad", opset: 18, attributes: { mode: "reflect" }, inputs: [ramp([4, 5]), i64(-1, 2, 1, 0)], constants: [1] },
    { op: "Pad", opset: 18, inputs: [ramp([2], 1, 0, "f16"), i64(1, 0)], constants: [1] },
    { op: "NonZero", opset: 13, inputs: [ramp([2, 2])] },
  ]);
  expect(text).toMatchGolden("operators/slices.txt");
});
