import { describe, expect, it } from "@jest/globals";
import { tensorFrom } from "../../ir/tensor.ts";
import { float, floatList } from "../helpers/onnx-builder.ts";
import { lowered, loweredTexts, type NodeCase, ramp, refusal, run, tensor, values } from "./node-case.ts";

const i64 = (...list: readonly number[]): ReturnType<typeof tensor> => tensor([list.length], list, "i64");
const scalar = (value: number, dtype: "f32" | "i64" | "f16" = "i64"): ReturnType<typeof tensor> =>
  tensor([], [value], dtype);

describe("Constant", () => {
  it.each([
    ["value", tensorFrom("i32", [2], [1, 2]), "i32", [2], [1, 2]],
    ["value_int", 7, "i64", [], [7]],
    ["value_ints", [7, 8], "i64", [2], [7, 8]],
    ["value_float", float(0.5), "f32", [], [0.5]],
    ["value_floats", floatList(0.5, 2), "f32", [2], [0.5, 2]],
  ] as const)("%s", async (name, value, dtype, shape, elements) => {
    const [result] = await run({ op: "Constant", opset: 13, attributes: { [name]: value }, inputs: [] });
    expect(result).toMatchObject({ dtype, shape });
    expect(Array.from(result?.elements as ArrayLike<number>, Number)).toEqual(elements);
  });

  it("keeps strings and integers beyond 2^53", async () => {
    const [text] = await run({ op: "Constant", opset: 13, attributes: { value_strings: ["a", "b"] }, inputs: [] });
    expect(text?.elements).toEqual(["a", "b"]);
    const [big] = await run({ op: "Constant", opset: 13, attributes: { value_int: 2n ** 63n - 1n }, inputs: [] });
    expect(big?.elements[0]).toBe(2n ** 63n - 1n);
  });

  it("has exactly one value", async () => {
    expect(await refusal({ op: "Constant", opset: 13, attributes: {}, inputs: [] })).toContain("exactly one value");
    const attributes = { value_int: 1, value_float: float(1) };
    expect(await refusal({ op: "Constant", opset: 13, attributes, inputs: [] })).toContain("this one has 2");
    expect(await refusal({ op: "Constant", opset: 11, attributes: { value_int: 1 }, inputs: [] })).toContain("WSC3002");
  });
});

describe("ConstantOfShape", () => {
  const of = (shape: readonly number[], more: Partial<NodeCase> = {}): NodeCase => ({
    op: "ConstantOfShape",
    opset: 9,
    inputs: [i64(...shape)],
    constants: [0],
    ...more,
  });

  it("is zero unless told otherwise", async () => {
    expect(await values(of([2, 2]))).toEqual([0, 0, 0, 0]);
    const attributes = { value: tensor([1], [7], "i64") };
    const [sevens] = await run(of([3], { attributes }));
    expect(sevens).toMatchObject({ dtype: "i64", elements: BigInt64Array.of(7n, 7n, 7n) });
    expect((await run(of([])))[0]?.shape).toEqual([]);
    expect((await run(of([0, 3])))[0]?.shape).toEqual([0, 3]);
  });

  it("refuses what cannot exist, before it takes the memory", async () => {
    expect(await refusal(of([65536, 65536]))).toContain("WSC1009");
    expect(await refusal(of([2 ** 40, 2 ** 40, 2 ** 40]))).toContain("WSC1009");
    expect(await refusal(of([2, -1]))).toContain("WSC3004");
  });
});

describe("Shape and Size", () => {
  const x = ramp([2, 3, 4]);
  it.each([
    [{}, [2, 3, 4]],
    [{ start: 1 }, [3, 4]],
    [{ start: -1 }, [4]],
    [{ end: -1 }, [2, 3]],
    [{ start: 1, end: 2 }, [3]],
    [{ start: 2, end: 1 }, []],
    [{ start: -10, end: 10 }, [2, 3, 4]],
  ])("Shape %j", async (attributes, shape) => {
    expect(await values({ op: "Shape", opset: 15, attributes, inputs: [x] })).toEqual(shape);
  });

  it("counts elements", async () => {
    expect(await values({ op: "Size", opset: 13, inputs: [x] })).toEqual([24]);
    expect(await values({ op: "Size", opset: 13, inputs: [tensor([], [1])] })).toEqual([1]);
  });

  it("knows start and end from opset 15 on", async () => {
    expect(await refusal({ op: "Shape", opset: 13, attributes: { start: 1 }, inputs: [x] })).toContain("WSC3002");
  });
});

describe("Range", () => {
  const range = (inputs: NodeCase["inputs"]): NodeCase => ({ op: "Range", opset: 11, inputs, constants: [0, 1, 2] });
  it.each([
    [[1, 10, 3], "i64", [1, 4, 7]],
    [[10, -3, -4], "i64", [10, 6, 2, -2]],
    [[3, 3, 1], "i64", []],
    [[3, 10, -1], "i64", []],
    [[0, 1, 0.25], "f32", [0, 0.25, 0.5, 0.75]],
  ] as const)("of %j in %s", async (bounds, dtype, expected) => {
    expect(await values(range(bounds.map((bound) => tensor([], [bound], dtype))))).toEqual(expected);
  });

  it("is exact at the end of i64", async () => {
    const limit = 2n ** 63n - 1n;
    const at = (value: bigint): ReturnType<typeof tensor> => tensorFrom("i64", [], [value]);
    const [result] = await run(range([at(limit - 3n), at(limit), at(2n)]));
    expect(result?.elements).toEqual(BigInt64Array.of(limit - 3n, limit - 1n));
  });

  it("reads half floats as the numbers they stand for", async () => {
    // 1, 4 and 1.5 in f16
    const inputs = [0x3c00, 0x4400, 0x3e00].map((bits) => tensor([], [bits], "f16"));
    const [result] = await run(range(inputs));
    expect(result).toMatchObject({ dtype: "f16", shape: [2], elements: Uint16Array.of(0x3c00, 0x4100) });
  });

  it("refuses a step of 0 and absurd lengths", async () => {
    expect(await refusal(range([scalar(0), scalar(5), scalar(0)]))).toContain("WSC3004");
    expect(await refusal(range([scalar(0), scalar(2 ** 50), scalar(1)]))).toContain("WSC1009");
  });

  it("is put off when a bound is computed", async () => {
    const graph = await lowered({
      op: "Range",
      opset: 11,
      inputs: [scalar(0), scalar(5), scalar(1)],
      constants: [0, 2],
    });
    expect(graph.ops.map(({ kind }) => kind)).toEqual(["deferred"]);
  });
});

describe("EyeLike", () => {
  it("puts ones on a diagonal", async () => {
    const x = ramp([2, 3]);
    expect(await values({ op: "EyeLike", opset: 9, inputs: [x] })).toEqual([1, 0, 0, 0, 1, 0]);
    expect(await values({ op: "EyeLike", opset: 9, attributes: { k: 1 }, inputs: [x] })).toEqual([0, 1, 0, 0, 0, 1]);
    expect(await values({ op: "EyeLike", opset: 9, attributes: { k: -1 }, inputs: [x] })).toEqual([0, 0, 0, 1, 0, 0]);
    expect(await values({ op: "EyeLike", opset: 9, attributes: { k: 9 }, inputs: [x] })).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it("takes matrices and element types that exist", async () => {
    expect(await refusal({ op: "EyeLike", opset: 9, inputs: [ramp([2])] })).toContain("WSC3004");
    expect(await refusal({ op: "EyeLike", opset: 9, attributes: { dtype: 99 }, inputs: [ramp([2, 2])] })).toContain(
      "WSC3006",
    );
  });
});

describe("OneHot", () => {
  const hot = (indices: ReturnType<typeof tensor>, more: Partial<NodeCase> = {}): NodeCase => ({
    op: "OneHot",
    opset: 11,
    inputs: [indices, scalar(3), tensor([2], [-1, 5])],
    constants: [1],
    ...more,
  });

  it("counts negative indices from the end and leaves those out of range off", async () => {
    expect(await values(hot(i64(0, -1, 3, -4)))).toEqual([5, -1, -1, -1, -1, 5, -1, -1, -1, -1, -1, -1]);
  });

  it("puts the classes on any axis", async () => {
    const [result] = await run(hot(i64(0, 2), { attributes: { axis: 0 } }));
    expect(result?.shape).toEqual([3, 2]);
    expect(Array.from(result?.elements as Float32Array)).toEqual([5, -1, -1, -1, -1, 5]);
  });

  it("takes a depth in any number type, but a positive one", async () => {
    const inputs = [i64(1), tensor([1], [2], "f32"), tensor([2], [0, 1])];
    expect(await values(hot(i64(1), { inputs }))).toEqual([0, 1]);
    expect(await refusal(hot(i64(1), { inputs: [i64(1), scalar(-2), tensor([2], [0, 1])] }))).toContain("WSC3004");
  });
});

describe("random operators", () => {
  const attributes = { shape: [64], seed: float(3) };
  it("repeat with a seed, and stay in their range", async () => {
    const spec: NodeCase = {
      op: "RandomUniform",
      opset: 11,
      attributes: { ...attributes, low: float(2), high: float(3) },
      inputs: [],
    };
    const first = await values(spec);
    expect(await values(spec)).toEqual(first);
    expect(Math.min(...first)).toBeGreaterThanOrEqual(2);
    expect(Math.max(...first)).toBeLessThan(3);
    expect(new Set(first).size).toBeGreaterThan(32);
  });

  it("take shape and type from an input", async () => {
    const [noise] = await run({ op: "RandomNormalLike", opset: 11, inputs: [ramp([2, 5])] });
    expect(noise).toMatchObject({ dtype: "f32", shape: [2, 5] });
    const [coins] = await run({
      op: "Bernoulli",
      opset: 15,
      attributes: { dtype: 9 },
      inputs: [tensor([4], [0, 1, 0, 1])],
    });
    expect(coins).toMatchObject({ dtype: "bool", elements: Uint8Array.of(0, 1, 0, 1) });
    const [drawn] = await run({
      op: "Multinomial",
      opset: 7,
      attributes: { sample_size: 5 },
      inputs: [tensor([1, 2], [-1e9, 0])],
    });
    expect(drawn).toMatchObject({ dtype: "i32", shape: [1, 5], elements: Int32Array.of(1, 1, 1, 1, 1) });
  });
});

it("lowers to these graphs", async () => {
  const text = await loweredTexts([
    { op: "ConstantOfShape", opset: 9, inputs: [i64(9000, 3000)], constants: [0] },
    { op: "OneHot", opset: 11, inputs: [i64(0, 1), scalar(3), tensor([2], [0, 1])], constants: [1] },
    { op: "RandomUniform", opset: 11, attributes: { shape: [2, 2] }, inputs: [] },
  ]);
  expect(text).toMatchGolden("operators/constants.txt");
});
