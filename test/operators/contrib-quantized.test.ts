/** Quantized operators of com.microsoft as onnxruntime-web computes them. */
import { describe, expect, it } from "@jest/globals";
import type { DType } from "../../ir/dtype.ts";
import { type TensorData, tensorFrom } from "../../ir/tensor.ts";
import { float, floatList, type NodeSpec } from "../helpers/onnx-builder.ts";
import { refusal } from "./node-case.ts";
import { agree, floats, integers, wholes } from "./oracle-case.ts";

const one = (value: number, dtype: DType = "f32"): TensorData => tensorFrom(dtype, [], [value]);
const bytes = (dtype: "u8" | "i8", seed: number, ...shape: readonly number[]): TensorData =>
  wholes(dtype, seed, dtype === "u8" ? [0, 256] : [-128, 128], ...shape);

describe.each(["u8", "i8"] as const)("of %s", (dtype) => {
  const types = { 0: dtype };
  const parameters = [one(0.5), one(12, dtype), one(0.5), one(31, dtype)];

  it.each<[string, readonly number[], NodeSpec["attributes"]]>([
    ["pads and strides", [1, 3, 6, 5], { kernel_shape: [2, 3], pads: [0, 1, 1, 0], strides: [2, 1] }],
    ["padding that counts", [2, 2, 6, 5], { kernel_shape: [3, 3], pads: [1, 1, 1, 1], count_include_pad: 1 }],
    ["windows over the end", [2, 2, 6, 5], { kernel_shape: [3, 2], ceil_mode: 1, strides: [2, 2] }],
    ["one dim", [2, 3, 9], { kernel_shape: [3], strides: [2] }],
    ["channels last", [1, 6, 5, 3], { kernel_shape: [2, 1], channels_last: 1 }],
  ])("QLinearAveragePool agrees with %s", async (_, shape, attributes) => {
    await agree({
      op: "QLinearAveragePool",
      inputs: [bytes(dtype, 1, ...shape), ...parameters],
      attributes,
      outputs: 1,
      types,
    });
  });

  it.each([0, 1])("QLinearGlobalAveragePool agrees with channels_last %d", async (channels_last) => {
    const inputs = [bytes(dtype, 1, 2, 3, 4, 5), ...parameters];
    await agree({ op: "QLinearGlobalAveragePool", inputs, attributes: { channels_last }, outputs: 1, types });
  });

  it.each<[string, NodeSpec["attributes"]]>([
    ["a window", { kernel_shape: [2, 2] }],
    ["pads and dilations", { kernel_shape: [2, 2], dilations: [2, 2], pads: [1, 0, 1, 1] }],
    ["strides", { kernel_shape: [3, 2], strides: [2, 2], ceil_mode: 1 }],
  ])("NhwcMaxPool agrees with %s", async (_, attributes) => {
    await agree({ op: "NhwcMaxPool", inputs: [bytes(dtype, 1, 1, 6, 5, 3)], attributes, outputs: 1, types });
  });

  it.each<[readonly number[], readonly number[], readonly number[]]>([
    [[5], [2, 5], [2, 5]],
    [
      [2, 1],
      [2, 5],
      [1, 5],
    ],
    [[1], [], [2, 3]],
  ])("QLinearWhere agrees for [%s], [%s] and [%s]", async (condition, x, y) => {
    const inputs = [
      wholes("bool", 3, [0, 2], ...condition),
      bytes(dtype, 1, ...x),
      one(0.05),
      one(20, dtype),
      bytes(dtype, 2, ...y),
      one(0.11),
      one(31, dtype),
      one(0.07),
      one(7, dtype),
    ];
    await agree({ op: "QLinearWhere", inputs, attributes: {}, outputs: 1, types });
  });

  it.each([0, 1])("QLinearConv agrees with channels_last %d", async (channels_last) => {
    const x = bytes(dtype, 1, ...(channels_last === 1 ? [2, 7, 6, 4] : [2, 4, 7, 6]));
    const weights = [bytes("i8", 2, 6, 2, 3, 3), one(0.01), one(0, "i8")];
    const inputs = [
      x,
      one(0.05),
      one(10, dtype),
      ...weights,
      one(2.1),
      one(5, dtype),
      wholes("i32", 4, [-900, 900], 6),
    ];
    const attributes = { channels_last, group: 2, pads: [1, 1, 1, 1], strides: [2, 1] };
    await agree({ op: "QLinearConv", inputs, attributes, outputs: 1, types });
  });
});

describe("DynamicQuantizeLSTM", () => {
  const [steps, batch, width, hidden] = [4, 2, 5, 3];
  const lstm = (
    direction: string,
    more: Readonly<Record<number, TensorData>> = {},
    perColumn = false,
  ): (TensorData | null)[] => {
    const directions = direction === "bidirectional" ? 2 : 1;
    const rows = perColumn ? [directions, 4 * hidden] : [directions];
    const scales = (seed: number): TensorData =>
      tensorFrom(
        "f32",
        rows,
        Array.from(floats(seed, ...rows).elements as Float32Array, (x) => 0.01 + x / 500),
      );
    const zeros = wholes("i8", 9, [0, 1], ...rows);
    const inputs = [
      floats(1, steps, batch, width),
      bytes("i8", 2, directions, width, 4 * hidden),
      bytes("i8", 3, directions, hidden, 4 * hidden),
      ...new Array<null>(5).fill(null),
      scales(4),
      zeros,
      scales(5),
      zeros,
    ];
    return inputs.map((input, i) => more[i] ?? input);
  };
  const states = (d: number): Record<number, TensorData> => ({
    5: floats(7, d, batch, hidden),
    6: floats(8, d, batch, hidden),
  });

  it.each<[string, string, (TensorData | null)[], NodeSpec["attributes"]]>([
    ["a bias", "forward", lstm("forward", { 3: floats(6, 1, 24) }), {}],
    ["scales of columns", "reverse", lstm("reverse", {}, true), {}],
    ["lengths and states", "bidirectional", lstm("bidirectional", { 4: integers([2], 4, 2), ...states(2) }), {}],
    ["lengths backwards", "reverse", lstm("reverse", { 4: integers([2], 1, 3) }), {}],
    ["peepholes and clip", "forward", lstm("forward", { 7: floats(6, 1, 9) }), { clip: float(0.4) }],
    ["one gate for two", "forward", lstm("forward"), { input_forget: 1 }],
    [
      "other activations",
      "forward",
      lstm("forward"),
      {
        activations: ["HardSigmoid", "Affine", "ScaledTanh"],
        activation_alpha: floatList(0.3, 1.2, 0.8),
        activation_beta: floatList(0.4, 0.1, 0.7),
      },
    ],
  ])("agrees with %s", async (_, direction, inputs, attributes) => {
    await agree({
      op: "DynamicQuantizeLSTM",
      inputs,
      attributes: { direction, hidden_size: hidden, ...attributes },
      outputs: 3,
    });
  });

  it("names the input that does not fit, and an unknown activation", async () => {
    const spec = { op: "DynamicQuantizeLSTM", opset: 1, domain: "com.microsoft" };
    expect(await refusal({ ...spec, inputs: lstm("forward", { 3: floats(6, 1, 23) }) })).toMatch(
      /input 3 is \[1,23\], must be \[1,24\]/,
    );
    const attributes = { activations: ["Sigmoid", "Tanh", "Mish"] };
    expect(await refusal({ ...spec, inputs: lstm("forward"), attributes })).toMatch(/no activation "Mish"/);
  });
});
