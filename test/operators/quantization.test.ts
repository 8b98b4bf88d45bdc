import { describe, expect, it } from "@jest/globals";
import type { DType } from "../../ir/dtype.ts";
import type { TensorData } from "../../ir/tensor.ts";
import { lowered, loweredTexts, type NodeCase, numbers, ramp, refusal, run, tensor, values } from "./node-case.ts";

const f32 = (...list: readonly number[]): TensorData => tensor([list.length], list);
const scalar = (value: number, dtype: DType = "f32"): TensorData => tensor([], [value], dtype);

describe("QuantizeLinear", () => {
  it("rounds half to even and stays in range", async () => {
    const inputs = [f32(0.5, 1.5, 2.5, -0.5, 1e30, -1e30, 300), scalar(1)];
    expect(await values({ op: "QuantizeLinear", opset: 10, inputs })).toEqual([0, 2, 2, 0, 255, 0, 255]);
    const signed = [...inputs, scalar(10, "i8")];
    expect(await values({ op: "QuantizeLinear", opset: 10, inputs: signed })).toEqual([10, 12, 12, 10, 127, -128, 127]);
  });

  it.each([
    ["u16", 65535],
    ["i16", 32767],
    ["u4", 15],
    ["i4", 7],
    ["u2", 3],
    ["i2", 1],
  ] as const)("to %s", async (dtype, largest) => {
    const [result] = await run({ op: "QuantizeLinear", opset: 25, inputs: [f32(1e9, 1), scalar(1), scalar(0, dtype)] });
    expect(result?.dtype).toBe(dtype);
    expect(numbers(result as TensorData)).toEqual([largest, 1]);
  });

  it("to 8-bit floats, with and without saturation", async () => {
    const inputs = [f32(448, 1e6), scalar(1), scalar(0, "f8e4m3fn")];
    const spec: NodeCase = { op: "QuantizeLinear", opset: 19, inputs };
    expect(await values(spec)).toEqual([0x7e, 0x7e]);
    expect(await values({ ...spec, attributes: { saturate: 0 } })).toEqual([0x7e, 0x7f]);
  });

  it("has one scale per slice of an axis", async () => {
    const inputs = [tensor([2, 2], [10, 10, 10, 10]), f32(1, 5), tensor([2], [1, 0], "u8")];
    expect(await values({ op: "QuantizeLinear", opset: 13, inputs })).toEqual([11, 2, 11, 2]);
    expect(await values({ op: "QuantizeLinear", opset: 13, attributes: { axis: 0 }, inputs })).toEqual([11, 11, 2, 2]);
    expect(await refusal({ op: "QuantizeLinear", opset: 13, inputs: [ramp([2, 3]), f32(1, 5)] })).toContain("WSC3004");
  });

  it("has one scale per block, also where the last one is short", async () => {
    const attributes = { axis: 0, block_size: 2, output_dtype: 3 };
    const whole = [f32(2, 4, 9, 3), f32(2, 3)];
    const [even] = await run({ op: "QuantizeLinear", opset: 21, attributes, inputs: whole });
    expect(even).toMatchObject({ dtype: "i8", elements: Int8Array.of(1, 2, 3, 1) });
    expect(await values({ op: "QuantizeLinear", opset: 21, attributes, inputs: [f32(2, 4, 9), f32(2, 3)] })).toEqual([
      1, 2, 3,
    ]);
    expect(
      await refusal({ op: "QuantizeLinear", opset: 21, attributes, inputs: [f32(1, 2, 3, 4, 5), f32(2, 3)] }),
    ).toContain("WSC3004");
    expect(await refusal({ op: "QuantizeLinear", opset: 19, attributes, inputs: whole })).toContain("WSC3002");
  });
});

describe("DequantizeLinear", () => {
  it("subtracts 32-bit integers before they become floats", async () => {
    const inputs = [tensor([2], [16777217, 5], "i32"), scalar(0.5), scalar(16777215, "i32")];
    expect(await values({ op: "DequantizeLinear", opset: 10, inputs })).toEqual([1, (5 - 16777215) / 2]);
  });

  it.each([
    ["u8", [0, 255], 128, [-64, 63.5]],
    ["i4", [-8, 7], 1, [-4.5, 3]],
    ["f8e4m3fn", [0x38, 0x40], 0, [0.5, 1]],
  ] as const)("of %s", async (dtype, quantized, zero, expected) => {
    const inputs = [tensor([2], quantized, dtype), scalar(0.5), scalar(zero, dtype)];
    expect(await values({ op: "DequantizeLinear", opset: 21, inputs })).toEqual(expected);
  });

  it("gives the scale's type, or the one that is asked for", async () => {
    const inputs = [tensor([1], [6], "u8"), scalar(0x3800, "f16")];
    expect((await run({ op: "DequantizeLinear", opset: 19, inputs }))[0]).toMatchObject({
      dtype: "f16",
      elements: Uint16Array.of(0x4200),
    });
    const attributes = { output_dtype: 1 };
    expect((await run({ op: "DequantizeLinear", opset: 23, attributes, inputs }))[0]).toMatchObject({
      dtype: "f32",
      elements: Float32Array.of(3),
    });
  });

  it("undoes QuantizeLinear to half a step", async () => {
    const x = ramp([50], 0.37, -9);
    const [scale, zero] = [scalar(0.1), scalar(-3, "i8")];
    const [quantized] = await run({ op: "QuantizeLinear", opset: 13, inputs: [x, scale, zero] });
    const back = await values({ op: "DequantizeLinear", opset: 13, inputs: [quantized as TensorData, scale, zero] });
    for (const [i, value] of numbers(x).entries()) expect(Math.abs((back[i] ?? NaN) - value)).toBeLessThan(0.0501);
  });
});

describe("DynamicQuantizeLinear", () => {
  const dynamic = (...list: readonly number[]): NodeCase => ({
    op: "DynamicQuantizeLinear",
    opset: 11,
    inputs: [f32(...list)],
    outputs: 3,
  });
  it.each([
    [[0, 2.55, 1], [0, 255, 100], 0.01, 0],
    [[-1, 1.55], [0, 255], 0.01, 100],
    [[1, 2.55], [100, 255], 0.01, 0],
    [[0, 0], [0, 0], 1, 0],
  ])("of %j", async (x, expected, step, offset) => {
    const [y, scale, zero] = await run(dynamic(...x));
    expect(numbers(y as TensorData)).toEqual(expected);
    expect(scale?.elements[0]).toBeCloseTo(step, 7);
    expect(zero).toMatchObject({ dtype: "u8", shape: [], elements: Uint8Array.of(offset) });
  });
});

describe("products of quantized tensors", () => {
  it("QLinearMatMul", async () => {
    const a = tensor([1, 2], [3, 5], "u8");
    const b = tensor([2, 1], [4, 8], "u8");
    // (3 - 1) (4 - 2) + (5 - 1) (8 - 2) = 28; 28 * 0.5 * 2 / 4 + 10 = 17
    const inputs = [a, scalar(0.5), scalar(1, "u8"), b, scalar(2), scalar(2, "u8"), scalar(4), scalar(10, "u8")];
    expect(await values({ op: "QLinearMatMul", opset: 10, inputs })).toEqual([17]);
  });

  it("QLinearConv pads with the zero point, has a scale per channel and an integer bias", async () => {
    const x = tensor([1, 1, 1, 3], [2, 3, 4], "u8");
    const w = tensor([2, 1, 1, 2], [1, 1, 1, -1], "i8");
    const bias = tensor([2], [0, 100], "i32");
    const inputs = [
      x,
      scalar(1),
      scalar(1, "u8"),
      w,
      f32(1, 2),
      tensor([2], [0, 0], "i8"),
      scalar(1),
      scalar(0, "u8"),
      bias,
    ];
    const attributes = { pads: [0, 0, 0, 1] };
    // x - 1 = 1 2 3 0
    expect(await values({ op: "QLinearConv", opset: 10, attributes, inputs })).toEqual([3, 5, 3, 198, 198, 206]);
  });
});

describe("com.microsoft", () => {
  const domain = "com.microsoft";
  const q = (...list: readonly number[]): TensorData => tensor([list.length], list, "u8");
  const zero = scalar(0, "u8");

  it("adds and multiplies quantized tensors", async () => {
    const inputs = [q(10, 20), scalar(0.5), scalar(10, "u8"), q(4, 8), scalar(2), zero, scalar(1), scalar(1, "u8")];
    // 0 + 8, 5 + 16; 0 * 8, 5 * 16
    expect(await values({ op: "QLinearAdd", opset: 1, domain, inputs })).toEqual([9, 22]);
    expect(await values({ op: "QLinearMul", opset: 1, domain, inputs })).toEqual([1, 81]);
    expect(await values({ op: "QLinearAdd", opset: 1, domain, inputs: inputs.slice(0, 7) })).toEqual([8, 21]);
  });

  it("adds the zero point of the result before it rounds, halves to even ones", async () => {
    const i8 = (...list: readonly number[]): TensorData => tensor([list.length], list, "i8");
    const [odd, even] = [scalar(3, "i8"), scalar(4, "i8")];
    const halves = [
      i8(1, 3, -1, -3),
      scalar(0.5),
      scalar(0, "i8"),
      i8(0, 0, 0, 0),
      scalar(1),
      scalar(0, "i8"),
      scalar(1),
    ];
    // 0.5, 1.5, -0.5, -1.5 and the zero point
    expect(await values({ op: "QLinearAdd", opset: 1, domain, inputs: [...halves, odd] })).toEqual([4, 4, 2, 2]);
    expect(await values({ op: "QLinearAdd", opset: 1, domain, inputs: [...halves, even] })).toEqual([4, 6, 4, 2]);
    const ones = [...halves.slice(0, 3), i8(1, 1, 1, 1), ...halves.slice(4)];
    expect(await values({ op: "QLinearMul", opset: 1, domain, inputs: [...ones, odd] })).toEqual([4, 4, 2, 2]);
    expect(await values({ op: "QLinearMul", opset: 1, domain, inputs: [...ones, even] })).toEqual([4, 6, 4, 2]);
  });

  it("applies functions of one operand", async () => {
    const inputs = [q(0, 128, 255), scalar(1), scalar(128, "u8"), scalar(0.5), scalar(100, "u8")];
    expect(await values({ op: "QLinearLeakyRelu", opset: 1, domain, inputs })).toEqual([97, 100, 255]);
    expect(
      await values({ op: "QLinearSigmoid", opset: 1, domain, inputs: [...inputs.slice(0, 3), scalar(0.25), zero] }),
    ).toEqual([0, 2, 4]);
  });

  it("pools and joins", async () => {
    const image = tensor([1, 1, 2, 2], [1, 2, 3, 6], "u8");
    expect(
      await values({
        op: "QLinearGlobalAveragePool",
        opset: 1,
        domain,
        inputs: [image, scalar(1), zero, scalar(0.5), zero],
      }),
    ).toEqual([6]);
    const parts = [scalar(1), zero, q(1, 2), scalar(2), zero, q(8), scalar(0.5), zero];
    expect(await values({ op: "QLinearConcat", opset: 1, domain, attributes: { axis: 0 }, inputs: parts })).toEqual([
      2, 4, 4,
    ]);
  });

  it("multiplies matrices of integers, with results in integers or floats", async () => {
    const a = tensor([1, 2], [3, 5], "u8");
    const b = tensor([2, 1], [4, 8], "u8");
    const gemm = [a, scalar(0.5), scalar(1, "u8"), b, scalar(2), scalar(2, "u8"), tensor([1], [2], "i32")];
    // (28 + 2) * 0.5 * 2 = 30
    expect(await values({ op: "QGemm", opset: 1, domain, inputs: gemm })).toEqual([30]);
    expect(await values({ op: "QGemm", opset: 1, domain, inputs: [...gemm, scalar(4), scalar(10, "u8")] })).toEqual([
      18,
    ]);
    const toFloat = [a, b, scalar(0.5), scalar(2), scalar(1, "u8"), scalar(2, "u8"), f32(0.25)];
    expect(await values({ op: "MatMulIntegerToFloat", opset: 1, domain, inputs: toFloat })).toEqual([28.25]);
    const dynamic = [tensor([1, 2], [0, 2.55]), b, scalar(2), scalar(2, "u8")];
    expect((await values({ op: "DynamicQuantizeMatMul", opset: 1, domain, inputs: dynamic }))[0]).toBeCloseTo(30.6, 4);
  });
});

it("lowers to these graphs", async () => {
  const text = await loweredTexts([
    { op: "QuantizeLinear", opset: 13, inputs: [ramp([2, 3]), f32(1, 2, 3), tensor([3], [0, 0, 1], "u8")] },
    {
      op: "DequantizeLinear",
      opset: 21,
      attributes: { axis: 1, block_size: 2 },
      inputs: [tensor([1, 4], [1, 2, 3, 4], "i4"), ramp([1, 2], 1, 1, "f16")],
    },
    { op: "DynamicQuantizeLinear", opset: 11, inputs: [ramp([4])], outputs: 3 },
    {
      op: "QLinearMatMul",
      opset: 21,
      inputs: [
        ramp([2, 3], 1, 0, "i8"),
        scalar(1),
        scalar(0, "i8"),
        ramp([3, 2], 1, 0, "i8"),
        scalar(1),
        scalar(0, "i8"),
        scalar(2),
        scalar(0, "i8"),
      ],
    },
  ]);
  expect(text).toMatchGolden("operators/quantization.txt");
  const graph = await lowered({ op: "QuantizeLinear", opset: 13, inputs: [ramp([2]), scalar(1)] });
  expect(graph.ops.map(({ kind }) => kind)).toEqual(["map"]);
});
