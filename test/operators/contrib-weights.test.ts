/** Operators of com.microsoft with packed weights (MatMulBnb4, QMoE) and with a state, as onnxruntime-web computes them or by their formulas. */
import { describe, expect, it } from "@jest/globals";
import { elementCount, type TensorData, tensorFrom } from "../../ir/tensor.ts";
import { float, type NodeSpec } from "../helpers/onnx-builder.ts";
import { relativeError } from "../helpers/oracle.ts";
import { refusal, run } from "./node-case.ts";
import { agree, floats, type OracleCase, results, wholes } from "./oracle-case.ts";

type Attributes = NodeSpec["attributes"];

const domain = "com.microsoft";

/** Numbers that are not negative. */
const scales = (seed: number, factor: number, ...shape: readonly number[]): TensorData => {
  const { elements } = floats(seed, ...shape);
  return tensorFrom(
    "f32",
    shape,
    Array.from(elements as Float32Array, (x) => Math.abs(x) * factor),
  );
};

describe("MatMulBnb4", () => {
  const of = (quant_type: number, n: number, k: number, block_size: number, more: Attributes = {}): OracleCase => ({
    op: "MatMulBnb4",
    inputs: [
      floats(1, 2, 3, k),
      wholes("u8", 2, [0, 256], Math.ceil((n * k) / 2)),
      scales(3, 1, Math.ceil((n * k) / block_size)),
    ],
    attributes: { K: k, N: n, block_size, quant_type, ...more },
    outputs: 1,
    constants: [1, 2],
  });

  it.each([
    [0, 8, 64, 16],
    [0, 3, 21, 16],
    [1, 5, 48, 32],
    [1, 4, 64, 64],
  ])("agrees on type %d, N %d, K %d, blocks of %d", async (type, n, k, size) => {
    await agree(of(type, n, k, size));
  });

  it("refuses types that there are not, and B as it was", async () => {
    const refused = (c: OracleCase): Promise<string> => refusal({ ...c, opset: 1, domain });
    expect(await refused(of(2, 4, 32, 16))).toMatch(/WSC3001: .*quant_type 2; 0 \(FP4\) and 1 \(NF4\) are/);
    expect(await refused(of(1, 4, 32, 16, { transB: 0 }))).toMatch(/WSC3001: .*transB 0/);
    const { inputs, ...rest } = of(1, 4, 32, 16);
    expect(
      await refused({ ...rest, inputs: [inputs[0] ?? null, wholes("u8", 2, [0, 256], 5), inputs[2] ?? null] }),
    ).toMatch(/\[5\], needs 64 elements/);
  });
});

describe("QMoE", () => {
  const [experts, width, inner] = [4, 32, 64];

  /** Its inputs, and the same weights as floats for MoE. */
  function layers(bits: number, block: number, rows: number, columns: number, seed: number, hasZeros: boolean) {
    const perByte = 8 / bits;
    const packed = wholes("u8", seed, [0, 256], experts, rows, columns / perByte);
    const blocks = block === 0 ? 1 : columns / block;
    const scale = scales(seed + 1, 0.05, ...(block === 0 ? [experts, rows] : [experts, rows, blocks]));
    const along = block === 0 ? rows : blocks;
    const zeros = hasZeros
      ? wholes("u8", seed + 2, [0, 256], ...(block === 0 ? [experts] : [experts, rows]), Math.ceil(along / perByte))
      : null;
    const nibble = (bytes: TensorData, run: number, at: number): number =>
      (Number(bytes.elements[run + Math.floor(at / perByte)]) >> ((at % perByte) * bits)) & (2 ** bits - 1);
    const weights = Array.from({ length: experts * rows * columns }, (_, i) => {
      const [row, column] = [Math.floor(i / columns), i % columns];
      const at = block === 0 ? 0 : Math.floor(column / block);
      const expert = Math.floor(row / rows);
      const bytesAlong = Math.ceil(along / perByte);
      const zero =
        zeros === null
          ? 2 ** (bits - 1)
          : block === 0
            ? nibble(zeros, expert * bytesAlong, row % rows)
            : nibble(zeros, row * bytesAlong, at);
      return (nibble(packed, (row * columns) / perByte, column) - zero) * Number(scale.elements[row * blocks + at]);
    });
    return { packed, scale, zeros, floats: tensorFrom("f32", [experts, rows, columns], weights) };
  }

  function cases(
    bits: number,
    block: number,
    tokens: number,
    hasZeros: boolean,
    attributes: Attributes,
  ): readonly [OracleCase, OracleCase] {
    const fused = attributes["activation_type"] === "swiglu";
    const first = layers(bits, block, fused ? 2 * inner : inner, width, 10, hasZeros);
    const second = layers(bits, block, width, inner, 20, hasZeros);
    const [x, router] = [floats(1, tokens, width), floats(2, tokens, experts)];
    const [bias, other] = [floats(3, experts, fused ? 2 * inner : inner), floats(4, experts, width)];
    const all: Attributes = { k: 2, ...(fused ? { swiglu_fusion: 1 } : {}), ...attributes };
    const packed: Attributes = { ...all, expert_weight_bits: bits, ...(block === 0 ? {} : { block_size: block }) };
    const zeros = hasZeros ? [null, null, null, first.zeros, second.zeros] : [];
    return [
      {
        op: "QMoE",
        inputs: [x, router, first.packed, first.scale, bias, second.packed, second.scale, other, ...zeros],
        attributes: packed,
        outputs: 1,
        constants: [2, 3, 5, 6, 11, 12],
      },
      {
        op: "MoE",
        inputs: [x, router, first.floats, bias, second.floats, other],
        attributes: { ...all, normalize_routing_weights: 1 },
        outputs: 1,
      },
    ];
  }

  it.each<[number, number, number, boolean, Attributes]>([
    [4, 0, 5, false, { activation_type: "silu" }],
    [4, 32, 5, false, { activation_type: "swiglu", swiglu_limit: float(7) }],
    [4, 16, 5, true, { activation_type: "swiglu" }],
    [8, 0, 1, true, { activation_type: "gelu" }],
    [8, 32, 1, true, { activation_type: "swiglu" }],
    [2, 16, 5, true, { activation_type: "relu" }],
    [4, 0, 1, true, { activation_type: "identity" }],
  ])(
    "is MoE of its weights as floats: %d bits, blocks of %d, %d tokens, zero points %s, %j",
    async (bits, block, tokens, hasZeros, attributes) => {
      const [packed, plain] = cases(bits, block, tokens, hasZeros, attributes);
      const [[found], [expected]] = await Promise.all([results(packed), results(plain)]);
      expect(found?.shape).toEqual(expected?.shape);
      expect(relativeError(found?.elements as Float32Array, expected?.elements as Float32Array)).toBeLessThan(1e-5);
    },
  );

  it("takes what experts weigh from router_weights", async () => {
    const [packed] = cases(4, 32, 3, false, { activation_type: "silu", k: experts });
    const weights = floats(9, 3, experts);
    const without = async (scale: number): Promise<number[]> => {
      const scaled = tensorFrom(
        "f32",
        [3, experts],
        Array.from(weights.elements as Float32Array, (x) => x * scale),
      );
      const filler = new Array<null>(6).fill(null);
      const [found] = await results({ ...packed, inputs: [...packed.inputs, ...filler, scaled] });
      return Array.from(found?.elements as Float32Array);
    };
    const [once, twice] = [await without(1), await without(2)];
    expect(
      relativeError(
        twice,
        once.map((value) => 2 * value),
      ),
    ).toBeLessThan(1e-6);
  });

  it("refuses what onnxruntime has for graphics cards only", async () => {
    const [packed] = cases(4, 32, 3, false, { activation_type: "silu", quant_type: "fp4" });
    expect(await refusal({ ...packed, opset: 1, domain })).toMatch(/WSC3001: .*quant_type "fp4"/);
    const three = { ...packed, inputs: [...packed.inputs, floats(1, experts, inner, width)], attributes: { k: 1 } };
    expect(await refusal({ ...three, opset: 1, domain })).toMatch(/WSC3001: .*fc3/);
  });
});

describe("operators with a state", () => {
  it("are those of ai.onnx in opset 27", async () => {
    const inputs = [floats(1, 2, 3, 6), floats(2, 3, 1, 4), floats(3, 3), floats(4, 2, 3, 3)];
    const attributes = { activation: "silu" };
    const own = await run({ op: "CausalConvWithState", opset: 1, domain, inputs, attributes, outputs: 2 });
    expect(own).toEqual(await run({ op: "CausalConvWithState", opset: 27, inputs, attributes, outputs: 2 }));
    const [query, key, value, decay, beta] = [
      floats(1, 1, 4, 16),
      floats(2, 1, 4, 8),
      floats(3, 1, 4, 6),
      scales(4, -1, 1, 4, 1),
      scales(5, 1, 1, 4, 1),
    ];
    const linear = {
      inputs: [query, key, value, null, decay, beta],
      attributes: { q_num_heads: 2, kv_num_heads: 1 },
      outputs: 2,
    };
    const [read] = await run({ op: "LinearAttention", opset: 1, domain, ...linear });
    expect(read).toEqual((await run({ op: "LinearAttention", opset: 27, ...linear }))[0]);
  });

  it("reach back further with a dilation", async () => {
    const [x, w] = [floats(1, 1, 2, 5), floats(2, 2, 1, 3)];
    const past = floats(3, 1, 2, 4);
    const [y, state] = await run({
      op: "CausalConvWithState",
      opset: 1,
      domain,
      inputs: [x, w, null, past],
      attributes: { dilation: 2 },
      outputs: 2,
    });
    const row = (channel: number): number[] => [
      ...Array.from(past.elements as Float32Array).slice(4 * channel, 4 * channel + 4),
      ...Array.from(x.elements as Float32Array).slice(5 * channel, 5 * channel + 5),
    ];
    const expected = [0, 1].flatMap((c) =>
      Array.from({ length: 5 }, (_, t) =>
        [0, 1, 2].reduce((sum, tap) => sum + Number(w.elements[3 * c + tap]) * (row(c)[t + 2 * tap] ?? NaN), 0),
      ),
    );
    expect(relativeError(y?.elements as Float32Array, expected)).toBeLessThan(1e-6);
    expect(Array.from(state?.elements as Float32Array)).toEqual([0, 1].flatMap((c) => row(c).slice(5)));
    expect(elementCount(state?.shape ?? [])).toBe(8);
  });

  it("refuse layouts that they have for graphics cards only", async () => {
    const inputs = [floats(1, 1, 2, 5), floats(2, 2, 1, 3)];
    expect(
      await refusal({ op: "CausalConvWithState", opset: 1, domain, inputs, attributes: { channels_last: 1 } }),
    ).toMatch(/WSC3001: .*channels_last 1/);
  });
});
