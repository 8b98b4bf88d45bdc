/** Operators that onnxruntime's optimizer writes, as onnxruntime-web computes them. */
import { describe, expect, it } from "@jest/globals";
import type { TensorData } from "../../ir/tensor.ts";
import { float, floatList, type NodeSpec } from "../helpers/onnx-builder.ts";
import { refusal } from "./node-case.ts";
import { agree, floats, integers, type OracleCase, results } from "./oracle-case.ts";

type Attributes = NodeSpec["attributes"];

describe("FusedConv", () => {
  const [x, w, b] = [floats(1, 1, 3, 7, 7), floats(2, 4, 3, 3, 3), floats(3, 4)];
  const z = floats(4, 1, 4, 5, 5);

  it.each<[string, readonly (TensorData | null)[], Attributes]>([
    ["no activation", [x, w, b], {}],
    ["Relu", [x, w, b], { activation: "Relu" }],
    ["Relu behind a sum", [x, w, b, z], { activation: "Relu" }],
    ["a sum alone", [x, w, b, z], {}],
    ["Clip", [x, w, b], { activation: "Clip", activation_params: floatList(-0.5, 0.75) }],
    ["LeakyRelu", [x, w, null], { activation: "LeakyRelu", activation_params: floatList(0.3) }],
    ["HardSigmoid", [x, w, b], { activation: "HardSigmoid", activation_params: floatList(0.3, 0.4) }],
    ["Tanh", [x, w, b], { activation: "Tanh" }],
    ["Sigmoid", [x, w, b], { activation: "Sigmoid" }],
  ])("agrees with %s", async (_, inputs, attributes) => {
    await agree({ op: "FusedConv", inputs, attributes, outputs: 1 });
  });

  it("names an activation that it does not know", async () => {
    const attributes = { activation: "Sparkle" };
    const spec = { op: "FusedConv", opset: 1, domain: "com.microsoft", inputs: [x, w, b], attributes };
    expect(await refusal(spec)).toMatch(/Sparkle/);
  });
});

describe("FusedGemm", () => {
  const [a, b, c] = [floats(1, 5, 7), floats(2, 7, 6), floats(3, 6)];

  it.each<[string, readonly TensorData[], Attributes]>([
    ["Relu", [a, b, c], { activation: "Relu" }],
    ["LeakyRelu", [a, b, c], { activation: "LeakyRelu", activation_alpha: float(0.2) }],
    ["Sigmoid and factors", [a, b, c], { activation: "Sigmoid", alpha: float(0.5), beta: float(2) }],
    [
      "HardSigmoid",
      [a, b, c],
      { activation: "HardSigmoid", activation_alpha: float(0.2), activation_beta: float(0.3) },
    ],
    ["Tanh of a transposed product", [floats(4, 7, 5), b, c], { activation: "Tanh", transA: 1 }],
  ])("agrees with %s", async (_, inputs, attributes) => {
    await agree({ op: "FusedGemm", inputs, attributes, outputs: 1 });
  });

  it("takes a second parameter without a first", async () => {
    const of = (more: Attributes): OracleCase => ({ op: "FusedGemm", inputs: [a, b, c], attributes: { activation: "HardSigmoid", ...more }, outputs: 1 }); // prettier-ignore
    const beta = { activation_beta: float(0.1) };
    expect(await results(of(beta))).toEqual(await results(of({ ...beta, activation_alpha: float(0.2) })));
  });
});

describe("EmbedLayerNormalization", () => {
  const ids = integers([2, 3], 4, 0, 9, 2, 2, 7);
  const segments = integers([2, 3], 0, 0, 1, 1, 0, 1);
  const [words, places, kinds] = [floats(1, 10, 8), floats(2, 5, 8), floats(3, 2, 8)];
  const [gamma, beta] = [floats(4, 8), floats(5, 8)];
  const mask = integers([2, 3], 1, 1, 0, 1, 1, 1);
  const at = integers([2, 3], 0, 1, 2, 4, 3, 2);

  it.each<[string, readonly (TensorData | null)[], number]>([
    ["words and positions", [ids, null, words, places, null, gamma, beta], 2],
    ["a mask", [ids, segments, words, places, kinds, gamma, beta, mask], 2],
    ["segments", [ids, segments, words, places, kinds, gamma, beta], 2],
    ["positions of its own, and the sum", [ids, segments, words, places, kinds, gamma, beta, mask, at], 3],
  ])("agrees with %s", async (_, inputs, outputs) => {
    await agree({
      op: "EmbedLayerNormalization",
      inputs,
      attributes: { epsilon: float(1e-6) },
      outputs,
      types: { 1: "i32" },
    });
  });
});
