/** MoE of com.microsoft as onnxruntime-web computes it, and its formula where that has no kernel. */
import { describe, expect, it } from "@jest/globals";
import { type TensorData, tensorFrom } from "../../ir/tensor.ts";
import { float, type NodeSpec } from "../helpers/onnx-builder.ts";
import { relativeError } from "../helpers/oracle.ts";
import { refusal } from "./node-case.ts";
import { agree, floats, type OracleCase, results } from "./oracle-case.ts";

const [experts, width, inner] = [4, 8, 6];

function moeCase(
  tokens: number,
  attributes: NodeSpec["attributes"],
  more: Partial<Record<"bias" | "third", boolean>> = {},
): OracleCase {
  const rows = attributes["swiglu_fusion"] === undefined ? inner : 2 * inner;
  const bias = (seed: number, size: number): TensorData | null =>
    more.bias === true ? floats(seed, experts, size) : null;
  const inputs = [
    floats(1, 1, tokens, width),
    floats(2, tokens, experts),
    floats(3, experts, rows, width),
    bias(4, rows),
    floats(5, experts, width, inner),
    bias(6, width),
  ];
  const third = more.third === true ? [floats(7, experts, inner, width)] : [];
  return { op: "MoE", inputs: [...inputs, ...third], attributes, outputs: 1 };
}

describe("MoE", () => {
  it.each<[string, number, NodeSpec["attributes"]]>([
    ["relu", 5, { k: 1 }],
    ["gelu", 1, { k: 2, activation_type: "gelu" }],
    ["silu", 5, { k: 2, activation_type: "silu", normalize_routing_weights: 1 }],
    ["identity", 1, { k: 3, activation_type: "identity" }],
    ["swiglu", 5, { k: 2, activation_type: "swiglu", swiglu_fusion: 1 }],
    [
      "swiglu, one token",
      1,
      {
        k: 2,
        activation_type: "swiglu",
        swiglu_fusion: 1,
        activation_alpha: float(1.702),
        activation_beta: float(1),
        swiglu_limit: float(0.5),
      },
    ],
  ])("agrees on %s", async (_, tokens, attributes) => {
    await agree(moeCase(tokens, attributes));
    await agree(moeCase(tokens, attributes, { bias: true }));
  });

  it("gates by halves and by a third layer as it does by neighbours", async () => {
    const fused = moeCase(5, { k: 2, activation_type: "swiglu", swiglu_fusion: 1 });
    const [x, router, first, , second] = fused.inputs as TensorData[];
    const rows = (parity: number): number[] =>
      Array.from({ length: experts * inner * width }, (_, i) => {
        const [expert, row, column] = [Math.floor(i / (inner * width)), Math.floor(i / width) % inner, i % width];
        return Number(first?.elements[(expert * 2 * inner + 2 * row + parity) * width + column]);
      });
    const [gate, linear] = [rows(0), rows(1)];
    const halves = Array.from({ length: experts }, (_, e) =>
      [gate, linear].flatMap((part) => part.slice(e * inner * width, (e + 1) * inner * width)),
    ).flat();
    const of = (swiglu_fusion: number, ...weights: readonly (TensorData | null)[]): OracleCase => ({
      ...fused,
      inputs: [x ?? null, router ?? null, ...weights],
      attributes: { k: 2, activation_type: "swiglu", swiglu_fusion },
    });
    const [expected] = await results(fused);
    const layer = (values: number[], size: number): TensorData => tensorFrom("f32", [experts, size, width], values);
    for (const other of [
      of(2, layer(halves, 2 * inner), null, second ?? null),
      of(0, layer(gate, inner), null, second ?? null, null, layer(linear, inner)),
    ]) {
      const [result] = await results(other);
      expect(relativeError(result?.elements as Float32Array, expected?.elements as Float32Array)).toBeLessThan(1e-6);
    }
  });

  it.each<[string, NodeSpec["attributes"], RegExp]>([
    ["more experts than there are", { k: 5 }, /k is 5 of 4 experts/],
    ["an unknown activation", { activation_type: "mish" }, /activation_type "mish"/],
    ["a gate without its other half", { activation_type: "swiglu" }, /swiglu needs fc3/],
  ])("refuses %s", async (_, attributes, message) => {
    const { op, inputs } = moeCase(5, attributes);
    expect(await refusal({ op, opset: 1, domain: "com.microsoft", inputs, attributes })).toMatch(message);
  });
});
