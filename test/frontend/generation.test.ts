/** GreedySearch, Sampling and BeamSearch over a small decoder, as onnxruntime-web runs them. */
import { describe, expect, it } from "@jest/globals";
import type { OnnxAttribute } from "../../compiler/frontend/onnx.ts";
import { elementCount, type TensorData, tensorFrom } from "../../ir/tensor.ts";
import { randomNumbers } from "../codegen/harness.ts";
import {
  floats,
  graph,
  ints,
  model,
  modelBytes,
  type ModelSpec,
  node,
  type NodeSpec,
  typed,
  unranked,
} from "../helpers/onnx-builder.ts";
import { relativeError, runOracle } from "../helpers/oracle.ts";
import { run } from "./run.ts";

const vocabulary = 12;

function random(seed: number, shape: readonly number[], scale: number): TensorData {
  const next = randomNumbers(seed);
  return tensorFrom(
    "f32",
    shape,
    Array.from({ length: elementCount(shape) }, () => scale * next()),
  );
}

/**
 * A decoder with one head of size 1: what it keeps of a token are two numbers, and what it says depends on the token, its place, and the sum of what is
 * kept where the mask is set.
 */
const decoder = (seed: number): OnnxAttribute => ({
  kind: "graph",
  value: graph({
    name: "decoder",
    inputs: {
      input_ids: typed("i32", "batch", "tokens"),
      position_ids: typed("i32", "batch", "tokens"),
      attention_mask: typed("i32", "batch", "all"),
      past_0: typed("f32", 2, "batch", 1, "past", 1),
    },
    initializers: {
      words: random(seed, [vocabulary, vocabulary], 3),
      places: random(seed + 1, [32, vocabulary], 1),
      kept: random(seed + 2, [vocabulary, 2], 2),
      turn: random(seed + 3, [vocabulary], 4),
      outer: ints(2, 4),
      summed: ints(0, 1, 2, 4),
      apart: ints(1, 2),
    },
    outputs: { logits: typed("f32", "batch", "tokens", vocabulary), present_0: typed("f32", 2, "batch", 1, "all", 1) },
    nodes: [
      node("Gather", ["words", "input_ids"], ["word"]),
      node("Gather", ["places", "position_ids"], ["place"]),
      node("Gather", ["kept", "input_ids"], ["pairs"]),
      node("Transpose", ["pairs"], ["states"], { perm: [2, 0, 1] }),
      node("Unsqueeze", ["states", "outer"], ["state"]),
      node("Concat", ["past_0", "state"], ["present_0"], { axis: 3 }),
      node("Cast", ["attention_mask"], ["weights"], { to: 1 }),
      node("Transpose", ["present_0"], ["seen"], { perm: [0, 2, 4, 1, 3] }),
      node("Mul", ["seen", "weights"], ["masked"]),
      node("ReduceSum", ["masked", "summed"], ["sum"], { keepdims: 0 }),
      node("Unsqueeze", ["sum", "apart"], ["column"]),
      node("Mul", ["column", "turn"], ["angle"]),
      node("Sin", ["angle"], ["wave"]),
      node("Add", ["word", "place"], ["heard"]),
      node("Add", ["heard", "wave"], ["logits"]),
    ],
  }),
});

const numbers = (...values: readonly number[]): TensorData => tensorFrom("i32", [values.length], values);
const prompt = tensorFrom("i32", [2, 3], [5, 7, 9, 2, 11, 4]);

interface SearchCase {
  readonly op: string;
  readonly inputs: readonly (TensorData | null)[];
  readonly outputs: number;
  readonly attributes?: NodeSpec["attributes"];
  readonly seed?: number;
}

function specOf({ op, inputs, outputs, attributes, seed = 1 }: SearchCase): ModelSpec {
  const given = Object.fromEntries(
    inputs.flatMap((tensor, i) => (i === 0 || tensor === null ? [] : [[`x${i}`, tensor]])),
  );
  const names = inputs.map((tensor, i) => (tensor === null ? "" : `x${i}`));
  const results = Array.from({ length: outputs }, (_, i) => `y${i}`);
  const own = { eos_token_id: 3, pad_token_id: 0, decoder: decoder(seed), ...attributes };
  return {
    opset: 17,
    opsets: { "com.microsoft": 1 },
    inputs: { x0: typed("i32", 2, 3) },
    initializers: given,
    outputs: Object.fromEntries(results.map((name, i) => [name, unranked(i === 0 ? "i32" : "f32")])),
    nodes: [node(op, names, results, own, { domain: "com.microsoft" })],
  };
}

async function agree(c: SearchCase): Promise<void> {
  const spec = specOf(c);
  const oracle = await runOracle(await modelBytes(spec), {
    x0: { type: "int32", dims: prompt.shape, data: prompt.elements },
  });
  const results = run(await model(spec), { x0: prompt }) as Record<string, [readonly number[], readonly number[]]>;
  for (const [name, { dims, data }] of oracle) {
    const [shape, elements] = results[name] ?? [[], []];
    expect(shape).toEqual(dims);
    if (name === "y0") expect(elements).toEqual(Array.from(data, Number));
    else expect(relativeError(elements, data)).toBeLessThan(1e-5);
  }
}

const mask = (length: number, without: readonly number[]): TensorData =>
  tensorFrom(
    "i32",
    [length],
    Array.from({ length }, (_, i) => (without.includes(i) ? 0 : 1)),
  );
const prefix = tensorFrom(
  "i32",
  [2, vocabulary],
  Array.from({ length: 2 * vocabulary }, (_, i) => (i % 5 === 1 ? 1 : 0)),
);
const attention = tensorFrom("i32", [2, 3], [0, 1, 1, 1, 1, 1]);

describe("GreedySearch", () => {
  const most = numbers(9);
  it.each<[string, Partial<SearchCase>]>([
    ["a prompt", {}],
    ["another decoder", { seed: 40 }],
    ["an early end", { attributes: { eos_token_id: 6 } }],
    ["a decoder for the prompt", { attributes: { init_decoder: decoder(9) } }],
    ["a repetition penalty", { inputs: [prompt, most, null, floats(2.5)] }],
    ["n-grams", { attributes: { no_repeat_ngram_size: 2 } }],
    [
      "all at once",
      {
        inputs: [prompt, most, numbers(6), floats(1.3), mask(vocabulary, [7, 8]), prefix, attention],
        attributes: { no_repeat_ngram_size: 3 },
      },
    ],
  ])("agrees on %s", async (_, more) => {
    await agree({ op: "GreedySearch", inputs: [prompt, most], outputs: 1, ...more });
  });
});

describe("Sampling", () => {
  it.each<[string, NodeSpec["attributes"]]>([
    ["the likely half", { top_p: { kind: "float", value: 0.5 } }],
    [
      "nearly all, when it is warm",
      { top_p: { kind: "float", value: 0.95 }, temperature: { kind: "float", value: 3 } },
    ],
    ["a custom filter", { top_p: { kind: "float", value: 0.6 }, custom: 1 }],
    ["one token at least", { top_p: { kind: "float", value: 0.01 }, min_tokens_to_keep: 1 }],
  ])("draws the same again of %s", async (_, attributes = {}) => {
    // onnxruntime draws as its C++ library does, which is another one in onnxruntime-web
    const inputs = [prompt, numbers(9), null, null, null, null, null, null, numbers(42)];
    const spec = specOf({ op: "Sampling", inputs, outputs: 1, attributes });
    const [first, second] = [run(await model(spec), { x0: prompt }), run(await model(spec), { x0: prompt })];
    expect(first).toEqual(second);
    const [shape, tokens] = first["y0"] as [readonly number[], readonly number[]];
    expect(shape).toEqual([2, 9]);
    expect(tokens.every((token) => token >= 0 && token < vocabulary)).toBe(true);
  });

  it("is the greedy search where only the best token is left", async () => {
    const attributes = { top_p: { kind: "float", value: 0.001 }, min_tokens_to_keep: 1 } as const;
    const inputs = [prompt, numbers(9), null, null, null, null, null, null, numbers(7)];
    const drawn = run(await model(specOf({ op: "Sampling", inputs, outputs: 1, attributes })), { x0: prompt });
    const best = run(await model(specOf({ op: "GreedySearch", inputs: inputs.slice(0, 2), outputs: 1 })), {
      x0: prompt,
    });
    expect(drawn).toEqual(best);
  });
});

describe("BeamSearch", () => {
  const inputs = [prompt, numbers(8), numbers(0), numbers(3), numbers(2), floats(1), floats(1)];
  it.each<[string, Partial<SearchCase>]>([
    ["three beams and the scores of all steps", { outputs: 3, attributes: { eos_token_id: -1 } }],
    ["ends on the way", { attributes: { eos_token_id: 6 } }],
    ["stopping early", { attributes: { eos_token_id: 6, early_stopping: 1 } }],
    ["a penalty of the length", { inputs: inputs.with(5, floats(0.3)), attributes: { eos_token_id: 6 } }],
    [
      "a penalty of repetition, and n-grams",
      { inputs: inputs.with(6, floats(1.7)), attributes: { no_repeat_ngram_size: 2 } },
    ],
    ["masks", { inputs: [...inputs, mask(vocabulary, [7, 8]), prefix, attention] }],
    ["one beam", { inputs: inputs.with(3, numbers(1)).with(4, numbers(1)) }],
  ])("agrees on %s", async (_, more) => {
    await agree({ op: "BeamSearch", inputs, outputs: 2, ...more });
  });

  it.each<[string, Partial<SearchCase>, RegExp]>([
    ["models of another kind", { attributes: { model_type: 1 } }, /model_type 1/],
    ["more results than beams", { inputs: inputs.with(4, numbers(4)) }, /num_return_sequences is 4 of 3 beams/],
    [
      "a length that the prompt has",
      { inputs: inputs.with(1, numbers(3)) },
      /max_length is 3, the prompt has 3 tokens/,
    ],
    ["more beams than words", { inputs: inputs.with(3, numbers(7)) }, /7 beams over a vocabulary of 12/],
  ])("refuses %s", async (_, more, message) => {
    const spec = specOf({ op: "BeamSearch", inputs, outputs: 2, ...more });
    const built = await model(spec);
    expect(() => run(built, { x0: prompt })).toThrow(message);
  });
});
