/**
 * Attention and MultiHeadAttention of com.microsoft, as onnxruntime's optimizer writes them for encoders and GPT-2. Masks there are integers;
 * what they forbid gets `mask_filter_value` added, so that a query without any allowed key looks at all alike.
 * https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.MultiHeadAttention
 */
import { arg, binary, type Expr, lit, select } from "../../../ir/expr.ts";
import type { DType } from "../../../ir/dtype.ts";
import type { ValueId } from "../../../ir/graph.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { type Attended, attend, type Heads, headsApart, headsTogether, withPast } from "./attend.ts";
import { countAsRow, rowsOfBeams, rowsWritten, tokensOf } from "./attention-cache.ts";
import { attentionMask, maskedSoftmax } from "./attention-mask.ts";
import { commonDType } from "./elementwise.ts";
import { matmulOf } from "./linear.ts";
import { computeDType, mapIn, toDType, widen } from "./precision.ts";
import { add, max } from "./scalar.ts";
import { concatOf, countFrom, literal, sliceOf } from "./support.ts";
import { type Attributes, operatorOf } from "./table.ts";

const domain = "com.microsoft";

/** What the operators share once heads are apart. */
export interface Inputs {
  readonly heads: Heads;
  /** positions of inputs: mask and attention bias */
  readonly mask: number;
  readonly bias: number;
  /** i64 [batch]: how many of the keys hold tokens, the new ones last; null: all of them */
  readonly tokens: ValueId | null;
}

export function attended(node: NodeContext, { heads, mask, bias, tokens }: Inputs): Attended {
  const compute = computeDType(node.typeOf(heads.query).dtype);
  const [, , queries = 0] = node.typeOf(heads.query).shape;
  const [, , keys = 0] = node.typeOf(heads.key).shape;
  const biases = [
    ...(node.hasInput(mask) ? [filtered(node, mask, queries, keys, tokens !== null)] : []),
    ...(node.hasInput(bias) ? [biasOf(node, bias, keys, tokens !== null)] : []),
  ];
  return attend(node, heads, {
    scale: node.float("scale", 0) || undefined,
    softcap: 0,
    mask: attentionMask(node, {
      dtype: compute,
      queries,
      keys,
      past: tokens === null ? keys - queries : 0,
      causal: node.int("unidirectional", 0) !== 0,
      left: -1,
      right: -1,
      mask: biases.length === 0 ? null : mapIn(node, compute, compute, biases, (terms) => terms.reduce(add)),
      nonpad: tokens,
    }),
    normalize: (scores) => maskedSoftmax(node, scores, null),
  });
}

/** A bias on scores; where keys lie in a buffer, it is for the first of them. */
function biasOf(node: NodeContext, index: number, keys: number, buffered: boolean): ValueId {
  const bias = widen(node, node.input(index));
  return buffered ? overBuffer(node, bias, keys) : bias;
}

/** A bias for the first keys of a buffer as one for all of them; those behind hold no tokens. */
function overBuffer(node: NodeContext, bias: ValueId, keys: number): ValueId {
  const { dtype, shape } = node.typeOf(bias);
  const missing = keys - (shape.at(-1) ?? keys);
  if (missing < 0) throw node.shapeError(`a mask or bias of shape [${shape.join(",")}] for a buffer of ${keys} keys`);
  if (missing === 0 || shape.at(-1) === 1) return bias;
  const before = shape.map(() => 0);
  return node.emitOne({
    kind: "pad",
    inputs: [bias, literal(node, dtype, 0)],
    mode: "constant",
    before,
    after: before.with(-1, missing),
  });
}

/** An integer mask as what is added to scores [batch, heads, queries, keys]; `buffered` as for `biasOf`. */
function filtered(node: NodeContext, index: number, queries: number, keys: number, buffered: boolean): ValueId {
  const filter = node.float("mask_filter_value", -10000);
  const pick = (allowed: Expr): Expr => select(allowed, lit("f32", 0), lit("f32", filter));
  const mask = toDType(node, "i64", node.input(index));
  const shape = node.shape(index);
  const [batch = 0] = node.shape(0);
  const wrong = (): Error =>
    node.shapeError(`a mask of shape [${shape.join(",")}] for batch ${batch}, ${queries} queries and ${keys} keys`);
  const biases = (): ValueId => node.map(pick(binary("ne", arg(0), lit("i64", 0))), mask);
  const whole = buffered ? (shape.at(-1) ?? 0) : keys;
  const spread = (bias: ValueId): ValueId => (buffered ? overBuffer(node, bias, keys) : bias);
  switch (shape.length) {
    case 1: {
      const [count = 0] = shape;
      if (count === 3 * batch + 2) throw node.unsupported("a mask of cumulated sequence lengths");
      if (count !== batch && count !== 2 * batch) throw wrong();
      const [ends, ...starts] = Array.from({ length: count / batch }, (_, part) =>
        node.reshape(sliceOf(node, mask, 0, part * batch, batch), [batch, 1, 1, 1]),
      );
      const below = binary("lt", arg(0), arg(1));
      const within = starts.length === 0 ? below : binary("and", below, binary("le", arg(2), arg(0)));
      return node.map(pick(within), countFrom(node, keys), ends ?? mask, ...starts);
    }
    case 2:
      if (shape.join() !== [batch, whole].join()) throw wrong();
      return spread(node.reshape(biases(), [batch, 1, 1, whole]));
    case 3:
      if (shape.join() !== [batch, queries, whole].join()) throw wrong();
      return spread(node.reshape(biases(), [batch, 1, queries, whole]));
    case 4: {
      const [, , rows = 0, columns = 0] = shape;
      if (buffered || rows < keys || columns < keys) throw wrong();
      return sliceOf(node, sliceOf(node, biases(), 2, keys - queries, queries), 3, 0, keys);
    }
    default:
      throw wrong();
  }
}

/** What is attended by: where Q, K and V stand in the projection, and which inputs hold what. */
export interface Projected {
  /** [batch, sequence, q + k + v] in the compute type */
  readonly projection: ValueId;
  /** of the results */
  readonly dtype: DType;
  readonly sizes: readonly [q: number, k: number, v: number];
  readonly mask: number;
  readonly bias: number;
  readonly past: number;
}

/** Attention over Q, K and V of one projection; outputs: the result, and keys and values of past and now as [2, batch, heads, keys, size]. */
export function attendProjected(node: NodeContext, given: Projected): readonly ValueId[] {
  const { projection, dtype, mask, bias, past } = given;
  const [q, k, v] = given.sizes;
  const heads = node.int("num_heads", 0);
  const part = (from: number, size: number): ValueId =>
    headsApart(node, toDType(node, dtype, sliceOf(node, projection, 2, from, size)), heads, "num_heads");
  const pastOf = (index: number): ValueId | null => {
    if (!node.hasInput(past)) return null;
    return node.reshape(sliceOf(node, node.input(past), 0, index, 1), node.shape(past).slice(1));
  };
  const key = withPast(node, pastOf(0), part(q, k));
  const value = withPast(node, pastOf(1), part(q + k, v));
  const { output } = attended(node, { heads: { query: part(0, q), key, value }, mask, bias, tokens: null });
  const result = toDType(node, dtype, headsTogether(node, output));
  if (!node.wantsOutput(1)) return [result];
  if (k !== v) throw node.shapeError(`keys of ${k} and values of ${v} columns make no present state`);
  const present = [key, value].map((state) => node.reshape(state, [1, ...node.typeOf(state).shape]));
  return [result, concatOf(node, present, 0)];
}

/** Refuses attributes that only graphics cards have. */
export function refuseCudaOnly(node: NodeContext): void {
  for (const name of ["do_rotary", "past_present_share_buffer"]) {
    if (node.int(name, 0) !== 0) throw node.unsupported(name);
  }
}

/** One input is projected to Q, K and V by one matrix. */
function attention(node: NodeContext): readonly ValueId[] {
  const dtype = commonDType(node, "float", 3);
  refuseCudaOnly(node);
  if (node.hasInput(6)) throw node.unsupported("past_sequence_length");
  const product = matmulOf(node, widen(node, node.input(0)), widen(node, node.input(1)));
  const projection = node.hasInput(2) ? node.map(add(arg(0), arg(1)), product, widen(node, node.input(2))) : product;
  const width = node.typeOf(projection).shape.at(-1) ?? 0;
  const sizes = node.ints("qkv_hidden_sizes") ?? [width / 3, width / 3, width / 3];
  const [q = 0, k = 0, v = 0] = sizes;
  const areCounts = sizes.every((size) => Number.isInteger(size) && size > 0);
  if (sizes.length !== 3 || !areCounts || q !== k || q + k + v !== width) {
    throw node.shapeError(`${width} columns of weights for Q, K and V of ${sizes.join(", ")}`);
  }
  return attendProjected(node, { projection, dtype, sizes: [q, k, v], mask: 3, bias: 5, past: 4 });
}

/** The parts of [batch, sequence, heads, parts, size], each as [batch, sequence, heads * size]. */
function unpacked(node: NodeContext, index: number, parts: number): ValueId[] {
  const [batch = 0, sequence = 0, heads = 0, packed = 0, size = 0] = node.shape(index);
  if (packed !== parts || node.rank(index) !== 5) {
    throw node.shapeError(`input ${index} of shape [${node.shape(index).join(",")}] does not hold ${parts} parts`);
  }
  return Array.from({ length: parts }, (_, part) =>
    node.reshape(sliceOf(node, node.input(index), 3, part, 1), [batch, sequence, heads * size]),
  );
}

/** Q, K and V before their heads are cut apart: three inputs, K and V in one, or all in one. */
function projections(node: NodeContext): readonly ValueId[] {
  if (node.rank(0) === 5) return unpacked(node, 0, 3);
  if (!node.hasInput(1)) throw node.shapeError("without a key the query must hold all three, in five dims");
  if (node.rank(1) === 5) return [node.input(0), ...unpacked(node, 1, 2)];
  if (!node.hasInput(2)) throw node.shapeError("without a value the key must hold both, in five dims");
  return [node.input(0), node.input(1), node.input(2)];
}

/**
 * Parts that are given as one, with their part of the bias (input `index`) and their heads apart; those of rank 4 have them apart (cross-attention
 * that was computed before).
 */
export function withHeads(node: NodeContext, parts: readonly ValueId[], index: number): ValueId[] {
  const heads = node.int("num_heads", 0);
  let column = 0;
  return parts.map((value) => {
    const { dtype, shape } = node.typeOf(value);
    const [start, width] = [column, shape.at(-1) ?? 0];
    column += width;
    if (shape.length === 4) return value;
    if (!node.hasInput(index)) return headsApart(node, value, heads, "num_heads");
    if (node.rank(index) !== 1 || (node.shape(index)[0] ?? 0) < column) {
      throw node.shapeError(`a bias of shape [${node.shape(index).join(",")}] for ${column} columns and more`);
    }
    const bias = sliceOf(node, node.input(index), 0, start, width);
    const sum = mapIn(node, computeDType(dtype), dtype, [value, bias], (terms) => terms.reduce(add));
    return headsApart(node, sum, heads, "num_heads");
  });
}

/** Where the inputs of a cache stand. */
interface CacheInputs {
  readonly key: number;
  readonly value: number;
  /** how many rows of a buffer hold tokens */
  readonly length: number;
  /** which beam's rows each beam reads */
  readonly beams: number;
}

/** Keys and values of past and now: what comes out, what is attended, and how many of them hold tokens. */
export interface Cached {
  readonly present: readonly [key: ValueId, value: ValueId];
  readonly read: readonly [key: ValueId, value: ValueId];
  readonly tokens: ValueId | null;
}

/** New keys and values behind the old ones, or, where a length is given, in the buffer that the past is. */
export function cached(node: NodeContext, states: readonly ValueId[], at: CacheInputs): Cached {
  const [key = 0, value = 0] = states;
  if (node.hasInput(at.key) !== node.hasInput(at.value)) {
    throw node.shapeError("past_key and past_value are given together or not at all");
  }
  if (!node.hasInput(at.key)) return { present: [key, value], read: [key, value], tokens: null };
  const [pastKey, pastValue] = [node.input(at.key), node.input(at.value)];
  if (!node.hasInput(at.length)) {
    const joined = [withPast(node, pastKey, key), withPast(node, pastValue, value)] as const;
    return { present: joined, read: joined, tokens: null };
  }
  const before = countAsRow(node, at.length);
  const [batch = 0, , added = 0] = node.typeOf(key).shape;
  const present = [rowsWritten(node, pastKey, key, before), rowsWritten(node, pastValue, value, before)] as const;
  const tokens = tokensOf(node, before, added, batch);
  // several tokens at once are a prompt, where each beam reads its own rows
  if (!node.hasInput(at.beams) || added !== 1) return { present, read: present, tokens };
  const beams = node.input(at.beams);
  const [keys, values] = present.map((buffer) => rowsOfBeams(node, buffer, beams, before));
  return { present, read: [keys ?? key, values ?? value], tokens };
}

/** What a causal mask makes of scores that are given as a result. */
const leastFloat = -3.4028234663852886e38;

/** Scores of all that holds tokens, finite: where keys lie in a buffer, its length must be known for it. */
export function scoresOf(node: NodeContext, masked: ValueId, cache: Cached, length: number): ValueId {
  const { dtype } = node.typeOf(masked);
  const scores = node.map(max(arg(0), lit(dtype, leastFloat)), masked);
  if (cache.tokens === null) return scores;
  const queries = node.typeOf(scores).shape[2] ?? 0;
  const [before = 0] = node.integers(length);
  return sliceOf(node, scores, 3, 0, before + queries);
}

/** Q, K and V are given. */
function multiHeadAttention(node: NodeContext): readonly ValueId[] {
  const dtype = commonDType(node, "float", 3);
  const [query = 0, ...states] = withHeads(node, projections(node), 3);
  const cache = cached(node, states, { key: 6, value: 7, length: 8, beams: 9 });
  const [key, value] = cache.read;
  const { output, stages } = attended(node, { heads: { query, key, value }, mask: 4, bias: 5, tokens: cache.tokens });
  const result = [toDType(node, dtype, headsTogether(node, output)), ...cache.present];
  return node.wantsOutput(3) ? [...result, toDType(node, dtype, scoresOf(node, stages[2], cache, 8))] : result;
}

const attributes: Attributes = { mask_filter_value: "float", num_heads: "int!", scale: "float", unidirectional: "int" };

export const contribAttentionOperators: readonly OperatorDef[] = [
  operatorOf(domain, "Attention", attention, [
    {
      since: 1,
      inputs: [2, 7],
      outputs: [1, 2],
      optionalInputs: [2, 3, 4, 5, 6],
      attributes: {
        ...attributes,
        do_rotary: "int",
        past_present_share_buffer: "int",
        qkv_hidden_sizes: "ints",
        rotary_embedding_dim: "int",
      },
    },
  ]),
  operatorOf(domain, "MultiHeadAttention", multiHeadAttention, [
    { since: 1, inputs: [1, 10], outputs: [1, 4], optionalInputs: [1, 2, 3, 4, 5, 6, 7, 8, 9], attributes },
  ]),
];
