/** Attention with keys and values per head or group of heads, over a cache. */
import type { HeadAttention, ModelConfig } from "../config.ts";
import type { Draft } from "../draft.ts";
import { joinHeads, linear, normalized, scaled, splitHeads, spread } from "./elementary.ts";
import { type Turn, turned } from "./positions.ts";

/** What a layer's attention reads besides its input. */
export interface Sight {
  readonly turn: Turn | null;
  /** bool, broadcast against [batch, 1, tokens, total]; null: everything may be looked at */
  readonly mask: string | null;
  /** more terms of the scores, made from the queries: [batch, heads, tokens, total] */
  readonly more?: (queries: string) => string;
  /** added to the queries that meet the keys, [heads, 1, headSize] */
  readonly queryBias?: string;
}

/** Values of a score that nothing may look at, far below all others and finite in the type. */
const lowest = { f16: -6e4, f32: -1e30 } as const;

/** Groups of heads as axes: one axis where every head has keys of its own. */
const axesOf = ({ heads, kvHeads }: HeadAttention): readonly number[] =>
  heads === kvHeads ? [heads] : [kvHeads, heads / kvHeads];

/** Self-attention of one layer; `entry` names its part of the cache. Returns [batch, tokens, hidden]. */
export function selfAttention(draft: Draft, x: string, config: ModelConfig, entry: string, sight: Sight): string {
  const attention = config.attention as HeadAttention;
  const { heads, kvHeads, headSize, bias, headNorm = false } = attention;
  const axes = axesOf(attention);
  const norm = (value: string, name: string): string =>
    headNorm ? normalized(draft, value, name, headSize, config.norm) : value;
  const turn = (value: string, rank: number): string =>
    sight.turn === null ? value : turned(draft, value, sight.turn, headSize, rank);
  const project = (name: string, count: number): string =>
    linear(draft, x, name, [config.hidden, count * headSize], bias.in);

  const plain = norm(splitHeads(draft, project("q_proj", heads), axes, headSize), "q_norm");
  const queries = turn(plain, axes.length + 3);
  const newKeys = turn(norm(splitHeads(draft, project("k_proj", kvHeads), [kvHeads], headSize), "k_norm"), 4);
  const newValues = splitHeads(draft, project("v_proj", kvHeads), [kvHeads], headSize);
  const keys = remembered(draft, `${entry}.key`, newKeys, kvHeads, headSize);
  const values = remembered(draft, `${entry}.value`, newValues, kvHeads, headSize);
  const mixed = attend(draft, { queries, keys, values }, attention, sight);
  return linear(draft, joinHeads(draft, mixed, axes, headSize), "o_proj", [heads * headSize, config.hidden], bias.out);
}

/** Self-attention of an encoder: every token sees every other, and nothing is kept. */
export function encoderAttention(draft: Draft, x: string, config: ModelConfig, more: () => string): string {
  const attention = config.attention as HeadAttention;
  const { heads, headSize } = attention;
  const project = (name: string): string =>
    splitHeads(draft, linear(draft, x, name, [config.hidden, heads * headSize], false), [heads], headSize);
  const parts = { queries: project("q_proj"), keys: project("k_proj"), values: project("v_proj") };
  const mixed = attend(draft, parts, attention, { turn: null, mask: null, more });
  return linear(draft, joinHeads(draft, mixed, [heads], headSize), "o_proj", [heads * headSize, config.hidden], false);
}

/** Attention of a decoder's tokens over an encoder's; the encoder's keys and values are part of the cache. */
export function crossAttention(
  draft: Draft,
  x: string,
  encoded: string | null,
  config: ModelConfig,
  entry: string,
): string {
  const attention = config.attention as HeadAttention;
  const { heads, headSize } = attention;
  const project = (from: string, name: string): string =>
    splitHeads(draft, linear(draft, from, name, [config.hidden, heads * headSize], false), [heads], headSize);
  const kept = (part: "key" | "value"): string => {
    const name = `${entry}.encoder.${part}`;
    const dims = (tokens: number | string) => [draft.options.batch, heads, tokens, headSize];
    if (encoded === null) {
      const { sequence, dtype } = draft.options;
      draft.cache.push({ name, layer: draft.layerName, elementsPerToken: heads * headSize });
      return draft.input(`past_key_values.${name}`, dtype, dims(sequence === "open" ? "encoded" : sequence));
    }
    draft.past(name, dims, heads * headSize);
    const value = project(encoded, part === "key" ? "k_proj" : "v_proj");
    const { dtype, sequence } = draft.options;
    draft.output(`present.${name}`, value, {
      kind: "tensor",
      dtype,
      dims: dims(sequence === "open" ? "sequence" : sequence),
    });
    return value;
  };
  const queries = project(x, "q_proj");
  const mixed = attend(draft, { queries, keys: kept("key"), values: kept("value") }, attention, {
    turn: null,
    mask: null,
  });
  return linear(draft, joinHeads(draft, mixed, [heads], headSize), "o_proj", [heads * headSize, config.hidden], false);
}

/** The cache with this step's entries behind it, [batch, heads, total, size]. */
export function remembered(draft: Draft, entry: string, fresh: string, heads: number, size: number): string {
  const dims = (tokens: number | string) => [draft.options.batch, heads, tokens, size];
  const past = draft.past(entry, dims, heads * size);
  const all = past === null ? fresh : draft.op("Concat", [past, fresh], { axis: 2 });
  draft.present(entry, all, dims);
  return all;
}

interface Heads {
  readonly queries: string;
  readonly keys: string;
  readonly values: string;
}

function attend(draft: Draft, { queries, keys, values }: Heads, attention: HeadAttention, sight: Sight): string {
  const grouped = attention.heads !== attention.kvHeads;
  const fit = (value: string): string => (grouped ? spread(draft, value, 2) : value);
  const across = draft.op("Transpose", [keys], { perm: [0, 1, 3, 2] });
  const asked = sight.queryBias === undefined ? queries : draft.op("Add", [queries, sight.queryBias]);
  const products = draft.op("MatMul", [asked, fit(across)]);
  const sum = sight.more === undefined ? products : draft.op("Add", [products, sight.more(queries)]);
  const raw = scaled(draft, sum, attention.scale ?? attention.headSize ** -0.5);
  const scores = bounded(draft, raw, attention.scoreLimit);
  const mask = sight.mask === null ? null : fit(sight.mask);
  const seen = mask === null ? scores : draft.op("Where", [mask, scores, draft.scalar(lowest[draft.options.dtype])]);
  const weights =
    attention.sinks === true ? softmaxWithSink(draft, seen, attention) : draft.op("Softmax", [seen], { axis: -1 });
  return draft.op("MatMul", [weights, fit(values)]);
}

function bounded(draft: Draft, scores: string, limit: number | undefined): string {
  if (limit === undefined) return scores;
  const bent = draft.op("Tanh", [draft.op("Div", [scores, draft.scalar(limit)])]);
  return draft.op("Mul", [bent, draft.scalar(limit)]);
}

/** A softmax in which a learned score per head takes its share. */
function softmaxWithSink(draft: Draft, scores: string, attention: HeadAttention): string {
  const axes = axesOf(attention);
  const sink = draft.weight("sinks", [...axes, 1, 1], "vector");
  const top = draft.op("Max", [draft.op("ReduceMax", [scores], { axes: [-1], keepdims: 1 }), sink]);
  const powers = draft.op("Exp", [draft.op("Sub", [scores, top])]);
  const sum = draft.op("ReduceSum", [powers, draft.ints(-1)], { keepdims: 1 });
  const rest = draft.op("Exp", [draft.op("Sub", [sink, top])]);
  return draft.op("Div", [powers, draft.op("Add", [sum, rest])]);
}
