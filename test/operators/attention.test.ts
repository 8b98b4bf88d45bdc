import { describe, expect, it } from "@jest/globals";
import type { TensorData } from "../../ir/tensor.ts";
import { f32, float, floats, graph, node } from "../helpers/onnx-builder.ts";
import { distance, loweredTexts, type NodeCase, numbers, ramp, refusal, run, tensor, values } from "./node-case.ts";

/** A tensor with elements between -1 and 1 that follow no line. */
function waves(shape: readonly number[], phase: number): TensorData {
  const count = shape.reduce((product, dim) => product * dim, 1);
  return tensor(shape, Array.from({ length: count }, (_, i) => Math.sin(1.7 * i + phase))); // prettier-ignore
}

interface Case {
  readonly batch: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly queries: number;
  readonly keys: number;
  readonly size: number;
  /** what is added to the score of a query and a key, by batch and head */
  readonly bias: (b: number, h: number, i: number, j: number) => number;
}

/** Scaled dot-product attention by its definition, loop by loop; rows without keys are zero. */
function naiveAttention(q: TensorData, k: TensorData, v: TensorData, { batch, heads, kvHeads, queries, keys, size, bias }: Case): number[] {
  const at = (t: TensorData, rows: number, b: number, h: number, count: number, i: number, d: number): number =>
    Number(t.elements[((b * count + h) * rows + i) * size + d]);
  const out: number[] = [];
  for (let b = 0; b < batch; b++)
    for (let h = 0; h < heads; h++)
      for (let i = 0; i < queries; i++) {
        const kv = Math.floor(h / (heads / kvHeads));
        const scores = Array.from({ length: keys }, (_, j) => {
          let dot = 0;
          for (let d = 0; d < size; d++) dot += at(q, queries, b, h, heads, i, d) * at(k, keys, b, kv, kvHeads, j, d);
          return dot / Math.sqrt(size) + bias(b, h, i, j);
        });
        const weights = scores.map((score) => (score === -Infinity ? 0 : Math.exp(score)));
        const total = weights.reduce((x, y) => x + y, 0);
        for (let d = 0; d < size; d++) {
          const sum = weights.reduce((x, weight, j) => x + weight * at(v, keys, b, kv, kvHeads, j, d), 0);
          out.push(total === 0 ? 0 : sum / total);
        }
      }
  return out;
} // prettier-ignore

const free: Case = { batch: 2, heads: 4, kvHeads: 2, queries: 3, keys: 5, size: 2, bias: () => 0 };
const [q, k, v] = [waves([2, 4, 3, 2], 0), waves([2, 2, 5, 2], 1), waves([2, 2, 5, 2], 2)] as const;
const closed = (allowed: boolean): number => (allowed ? 0 : -Infinity);
const attention = (inputs: NodeCase["inputs"], attributes: NodeCase["attributes"] = {}, opset = 24): NodeCase => ({
  op: "Attention",
  opset,
  attributes,
  inputs,
});

describe("Attention", () => {
  it("shares key heads among groups of query heads", async () => {
    expect(distance(await values(attention([q, k, v])), naiveAttention(q, k, v, free))).toBeLessThan(1e-6);
  });

  it("takes heads packed into the last of three dims", async () => {
    const packed = (t: TensorData, heads: number, rows: number): TensorData => {
      const order = [0, 1].flatMap((b) => [...Array(rows).keys()].flatMap((i) => [...Array(heads).keys()].flatMap((h) => [0, 1].map((d) => ((b * heads + h) * rows + i) * 2 + d)))); // prettier-ignore
      return tensor([2, rows, heads * 2], order.map((at) => Number(t.elements[at]))); // prettier-ignore
    };
    const spec = attention([packed(q, 4, 3), packed(k, 2, 5), packed(v, 2, 5)], { q_num_heads: 4, kv_num_heads: 2 });
    const [y] = await run(spec);
    expect(y?.shape).toEqual([2, 3, 8]);
    const expected = packed(tensor([2, 4, 3, 2], naiveAttention(q, k, v, free)), 4, 3);
    expect(distance(numbers(y ?? q), numbers(expected))).toBeLessThan(1e-6);
  });

  it("looks back only when it is causal, from the end of the past", async () => {
    const bias: Case["bias"] = (_, __, i, j) => closed(j <= i + 2);
    const fresh = [k, v].map((t) =>
      tensor(
        [2, 2, 3, 2],
        [4, 14, 24, 34].flatMap((at) => numbers(t).slice(at, at + 6)),
      ),
    );
    const older = [k, v].map((t) =>
      tensor(
        [2, 2, 2, 2],
        [0, 10, 20, 30].flatMap((at) => numbers(t).slice(at, at + 4)),
      ),
    );
    const inputs = [q, ...fresh, null, ...older];
    const [y, key] = await run({ ...attention(inputs, { is_causal: 1 }), outputs: 3 });
    expect(key && numbers(key)).toEqual(numbers(k));
    expect(distance(numbers(y ?? q), naiveAttention(q, k, v, { ...free, bias }))).toBeLessThan(1e-6);
  });

  it("adds float masks, and closes what bool masks do not open or do not cover", async () => {
    const added = waves([3, 5], 5);
    const bias: Case["bias"] = (_, __, i, j) => Number(added.elements[i * 5 + j]);
    expect(
      distance(await values(attention([q, k, v, added])), naiveAttention(q, k, v, { ...free, bias })),
    ).toBeLessThan(1e-6);
    // The second query sees nothing at all: zeros.
    const open = [1, 0, 1, 0, 0, 0, 1, 1, 1];
    const mask = tensor([3, 3], open, "bool");
    const masked: Case["bias"] = (_, __, i, j) => closed(j < 3 && open[i * 3 + j] === 1);
    const result = await values(attention([q, k, v, mask]));
    expect(distance(result, naiveAttention(q, k, v, { ...free, bias: masked }))).toBeLessThan(1e-6);
    expect(result.slice(2, 4)).toEqual([0, 0]);
  });

  it("ends at each sample's own length, causal from there", async () => {
    const lengths = [2, 5];
    const inputs = [q, k, v, null, null, null, tensor([2], lengths, "i64")];
    const bias: Case["bias"] = (b, _, i, j) => closed(j < (lengths[b] ?? 0) && j <= i + (lengths[b] ?? 0) - 3);
    const result = await values(attention(inputs, { is_causal: 1 }));
    expect(distance(result, naiveAttention(q, k, v, { ...free, bias }))).toBeLessThan(1e-6);
  });

  it("slides a window", async () => {
    const bias: Case["bias"] = (_, __, i, j) => closed(j >= i - 1 && j <= i + 1);
    const result = await values(attention([q, k, v], { left_window_size: 1, right_window_size: 1 }, 25));
    expect(distance(result, naiveAttention(q, k, v, { ...free, bias }))).toBeLessThan(1e-6);
  });

  it("caps scores and shows them at the stage that is asked for", async () => {
    const shown = async (qk_matmul_output_mode: number): Promise<number[]> => {
      const attributes = { qk_matmul_output_mode, softcap: float(0.5), is_causal: 1 };
      const [, , , scores] = await run({ ...attention([q, k, v], attributes), outputs: 4 });
      return numbers(scores ?? q);
    };
    const [raw, capped, biased, weights] = [await shown(0), await shown(1), await shown(2), await shown(3)];
    expect(distance(capped, raw.map((score) => 0.5 * Math.tanh(score / 0.5)))).toBeLessThan(1e-6); // prettier-ignore
    expect(distance(biased, capped.map((score, i) => score + closed(i % 5 <= Math.floor(i / 5) % 3)))).toBeLessThan(1e-6); // prettier-ignore
    expect(distance(Array.from({ length: 24 }, (_, row) => weights.slice(row * 5, row * 5 + 5).reduce((a, b) => a + b, 0)), new Array<number>(24).fill(1))).toBeLessThan(1e-6); // prettier-ignore
  });

  it("refuses heads that do not divide", async () => {
    expect(await refusal(attention([waves([2, 3, 3, 2], 0), k, v]))).toContain("WSC3004");
    expect(await refusal(attention([ramp([1, 2, 6]), ramp([1, 2, 6]), ramp([1, 2, 6])]))).toContain("WSC3004");
  });
});

describe("FlexAttention", () => {
  const domain = "ai.onnx.preview";
  const flex = (attributes: NonNullable<NodeCase["attributes"]>): NodeCase => ({
    op: "FlexAttention",
    domain,
    opset: 1,
    attributes,
    inputs: [q, k, v],
  });
  const scores = f32(2, 4, 3, 5);
  const addition = (name: string): ReturnType<typeof graph> =>
    graph({
      inputs: { [name]: scores },
      outputs: { out: scores },
      initializers: { bias: floats(0, 1, 2, 3, 4) },
      nodes: [node("Add", [name, "bias"], ["out"])],
    });

  it("is attention without modifiers", async () => {
    expect(distance(await values(flex({})), naiveAttention(q, k, v, free))).toBeLessThan(1e-6);
  });

  it("passes scores and probabilities through the model's subgraphs", async () => {
    const bias: Case["bias"] = (_, __, ___, j) => j;
    const spec = flex({ score_mod: addition("s") });
    expect(distance(await values(spec), naiveAttention(q, k, v, { ...free, bias }))).toBeLessThan(1e-6);
    const zero = graph({
      inputs: { p: scores },
      outputs: { out: scores },
      nodes: [node("Sub", ["p", "p"], ["out"])],
    });
    expect(await values(flex({ prob_mod: zero }))).toEqual(new Array<number>(48).fill(0));
    const text = await loweredTexts([spec]);
    expect(text).toContain("add($0, $1)");
    expect(text).not.toContain("body");
  });

  it("refuses a subgraph that changes the type", async () => {
    const narrower = graph({
      inputs: { s: scores },
      outputs: { out: null },
      nodes: [node("ReduceSum", ["s"], ["out"])],
    });
    expect(await refusal(flex({ score_mod: narrower }))).toContain("WSC3004");
  });
});

describe("RotaryEmbedding", () => {
  const x = tensor([1, 1, 1, 4], [1, 2, 3, 4]);
  const angles = [0.3, 1.1];
  const caches = [Math.cos, Math.sin].map((of) => tensor([1, 1, 2], angles.map(of))); // prettier-ignore
  const turned = (a: number, b: number, angle: number): [number, number] => [
    a * Math.cos(angle) - b * Math.sin(angle),
    a * Math.sin(angle) + b * Math.cos(angle),
  ];

  it("turns halves or neighbours, and leaves the rest", async () => {
    const spec: NodeCase = { op: "RotaryEmbedding", opset: 23, inputs: [x, ...caches] };
    const [[a, c], [b, d]] = [turned(1, 3, 0.3), turned(2, 4, 1.1)];
    expect(distance(await values(spec), [a, b, c, d])).toBeLessThan(1e-6);
    const pairs = [...turned(1, 2, 0.3), ...turned(3, 4, 1.1)];
    expect(distance(await values({ ...spec, attributes: { interleaved: 1 } }), pairs)).toBeLessThan(1e-6);
    const inputs = [x, ...[Math.cos, Math.sin].map((of) => tensor([1, 1, 1], [of(0.3)]))];
    const partly = await values({ ...spec, attributes: { rotary_embedding_dim: 2 }, inputs });
    expect(distance(partly, [...turned(1, 2, 0.3), 3, 4])).toBeLessThan(1e-6);
  });

  it("looks angles up by position", async () => {
    const table = [Math.cos, Math.sin].map((of) => tensor([3, 2], [0, 0, 9, 9, ...angles].map(of))); // prettier-ignore
    const inputs = [tensor([1, 1, 4], [1, 2, 3, 4]), ...table, tensor([1, 1], [2], "i64")];
    const spec: NodeCase = { op: "RotaryEmbedding", opset: 23, attributes: { num_heads: 1 }, inputs };
    const [[a, c], [b, d]] = [turned(1, 3, 0.3), turned(2, 4, 1.1)];
    expect(distance(await values(spec), [a, b, c, d])).toBeLessThan(1e-6);
  });
});

describe("LinearAttention", () => {
  const rules = ["linear", "gated", "delta", "gated_delta"] as const;
  const sizes = { tokens: 3, keys: 2, values: 2 };
  const [query, key, value] = [waves([1, 3, 2], 0), waves([1, 3, 2], 1), waves([1, 3, 2], 2)] as const;
  const [decay, beta] = [tensor([1, 3, 1], [-0.1, -0.5, -1]), tensor([1, 3, 1], [0.5, 0.25, 1])] as const;

  /** One head, by the recurrence. */
  function naive(rule: (typeof rules)[number]): number[] {
    let state = [[0, 0], [0, 0]]; // prettier-ignore
    const row = (t: TensorData, i: number): number[] => numbers(t).slice(2 * i, 2 * i + 2);
    return Array.from({ length: sizes.tokens }, (_, i) => {
      const fade = rule.startsWith("gated") ? Math.exp(numbers(decay)[i] ?? 0) : 1;
      const faded = state.map((line) => line.map((s) => s * fade));
      const read = (by: readonly number[]): number[] =>
        [0, 1].map((column) => faded.reduce((sum, line, r) => sum + (line[column] ?? 0) * (by[r] ?? 0), 0));
      const rate = numbers(beta)[i] ?? 0;
      const held = read(row(key, i));
      const change = row(value, i).map((x, c) => (rule.endsWith("delta") ? rate * (x - (held[c] ?? 0)) : x));
      state = faded.map((line, r) => line.map((s, c) => s + (row(key, i)[r] ?? 0) * (change[c] ?? 0)));
      return [0, 1].map(
        (c) => state.reduce((sum, line, r) => sum + (line[c] ?? 0) * (row(query, i)[r] ?? 0), 0) / Math.SQRT2,
      );
    }).flat();
  }

  const spec = (rule: (typeof rules)[number]): NodeCase => ({
    op: "LinearAttention",
    opset: 27,
    outputs: 2,
    attributes: { q_num_heads: 1, kv_num_heads: 1, update_rule: rule },
    inputs: [query, key, value, null, rule.startsWith("gated") ? decay : null, rule.endsWith("delta") ? beta : null],
  });

  it.each(rules)("follows the %s rule token by token", async (rule) => {
    const [y] = await run(spec(rule));
    expect(distance(numbers(y ?? query), naive(rule))).toBeLessThan(1e-6);
  });

  it("goes on from a state, a single token without a scan", async () => {
    const at = (t: TensorData | null | undefined, i: number): TensorData | null =>
      t ? tensor([1, 1, t.shape[2] ?? 1], numbers(t).slice(i * (t.shape[2] ?? 1), (i + 1) * (t.shape[2] ?? 1))) : null;
    const whole = spec("gated_delta");
    let state: TensorData | null = null;
    const outputs: number[] = [];
    for (let i = 0; i < sizes.tokens; i++) {
      const inputs = whole.inputs.map((t, slot) => (slot === 3 ? state : at(t, i)));
      const [y, next] = await run({ ...whole, inputs });
      outputs.push(...numbers(y ?? query));
      state = next ?? null;
      expect(await loweredTexts([{ ...whole, inputs }])).not.toContain("scan");
    }
    expect(distance(outputs, naive("gated_delta"))).toBeLessThan(1e-6);
  });

  it("wants decay and beta with the rules that use them", async () => {
    expect(await refusal({ ...spec("gated"), inputs: [query, key, value] })).toContain("WSC3006");
    expect(await refusal({ ...spec("linear"), inputs: [query, key, value, null, decay] })).toContain("WSC3006");
  });
});

it("lowers attention to matmul, map and softmax", async () => {
  const cases: readonly NodeCase[] = [
    attention([q, k, v], { is_causal: 1 }),
    attention([q, k, v, ramp([3, 4], 1, 0)]),
    { op: "RotaryEmbedding", opset: 23, inputs: [ramp([1, 2, 3, 4]), ramp([1, 3, 2]), ramp([1, 3, 2])] },
    { op: "LinearAttention", opset: 27, outputs: 2, attributes: { q_num_heads: 2, kv_num_heads: 1, update_rule: "delta" }, inputs: [ramp([1, 3, 4]), ramp([1, 3, 2]), ramp([1, 3, 2]), null, null, ramp([1, 3, 1])] },
  ]; // prettier-ignore
  expect(await loweredTexts(cases)).toMatchGolden("operators/attention.txt");
});
