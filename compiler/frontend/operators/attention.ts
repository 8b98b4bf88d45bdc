/** Attention and RotaryEmbedding. Grouped heads share keys and values without copying them: a group's queries are rows of one matrix. */
import { type DType, dtypeOfOnnxId } from "../../../ir/dtype.ts";
import { arg, lit } from "../../../ir/expr.ts";
import type { ValueId } from "../../../ir/graph.ts";
import { tensorFrom } from "../../../ir/tensor.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { attentionMask, type Mask, maskedSoftmax } from "./attention-mask.ts";
import { commonDType } from "./elementwise.ts";
import { matmulOf } from "./linear.ts";
import { computeDType, toDType, widen } from "./precision.ts";
import { add, div, mul, sub, tanh } from "./scalar.ts";
import { concatOf, sliceOf } from "./support.ts";
import { type Attributes, operator } from "./table.ts";

/** [batch, sequence, heads * size] as [batch, heads, sequence, size]; four dims stay. */
function splitHeads(node: NodeContext, value: ValueId, attribute: string): ValueId {
  const { shape } = node.typeOf(value);
  if (shape.length === 4) return value;
  const [batch = 0, sequence = 0, hidden = 0] = shape;
  const heads = node.int(attribute, 0);
  if (shape.length !== 3 || heads < 1 || hidden % heads !== 0) {
    throw node.shapeError(`[${shape.join(",")}] cannot be cut into ${heads} heads (${attribute})`);
  }
  return node.transpose(node.reshape(value, [batch, sequence, heads, hidden / heads]), [0, 2, 1, 3]);
}

/** The other way round, when the node's queries have three dims. */
function mergeHeads(node: NodeContext, value: ValueId): ValueId {
  if (node.rank(0) === 4) return value;
  const [batch = 0, heads = 0, sequence = 0, size = 0] = node.typeOf(value).shape;
  return node.reshape(node.transpose(value, [0, 2, 1, 3]), [batch, sequence, heads * size]);
}

/** Keys or values of the past and of now, one after the other. */
function withPast(node: NodeContext, value: ValueId, past: number): ValueId {
  return node.hasInput(past) ? concatOf(node, [node.input(past), value], 2) : value;
}

/** [batch, heads, rows, n] as [batch, kvHeads, group * rows, n]: query head h belongs to key head floor(h / group). */
export function grouped(node: NodeContext, value: ValueId, kvHeads: number): ValueId {
  const [batch = 0, heads = 0, rows = 0, size = 0] = node.typeOf(value).shape;
  if (kvHeads < 1 || heads % kvHeads !== 0) throw node.shapeError(`${heads} query heads share ${kvHeads} key heads`);
  return node.reshape(value, [batch, kvHeads, (heads / kvHeads) * rows, size]);
}

function softcapped(node: NodeContext, scores: ValueId): ValueId {
  const cap = node.float("softcap", 0);
  if (cap <= 0) return scores;
  const limit = lit(node.typeOf(scores).dtype, cap);
  return node.map(mul(tanh(div(arg(0), limit)), limit), scores);
}

/** Softmax in `softmax_precision`, which may be more or less than the compute type. */
function probabilities(node: NodeContext, scores: ValueId, mask: Mask | null): ValueId {
  const { dtype } = node.typeOf(scores);
  const id = node.int("softmax_precision");
  const precision = id === undefined ? dtype : dtypeOfOnnxId(id);
  if (precision === undefined) throw node.attributeError("softmax_precision is no element type");
  if (precision === "f64") return toDType(node, dtype, maskedSoftmax(node, toDType(node, "f64", scores), mask));
  const rounded = (value: ValueId): ValueId => toDType(node, dtype, toDType(node, precision, value));
  return rounded(maskedSoftmax(node, rounded(scores), mask));
}

function maskOf(node: NodeContext, dtype: DType, queries: number, keys: number): Mask | null {
  return attentionMask(node, {
    dtype,
    queries,
    keys,
    past: node.hasInput(4) ? (node.shape(4)[2] ?? 0) : 0,
    causal: node.int("is_causal", 0) !== 0,
    left: node.int("left_window_size", -1),
    right: node.int("right_window_size", -1),
    mask: node.hasInput(3) ? node.input(3) : null,
    nonpad: node.hasInput(6) ? node.input(6) : null,
  });
}

function attention(node: NodeContext): readonly ValueId[] {
  const dtype = commonDType(node, "float", 2);
  const compute = computeDType(dtype);
  const query = splitHeads(node, node.input(0), "q_num_heads");
  const key = withPast(node, splitHeads(node, node.input(1), "kv_num_heads"), 4);
  const value = withPast(node, splitHeads(node, node.input(2), "kv_num_heads"), 5);
  const [batch = 0, heads = 0, queries = 0, size = 1] = node.typeOf(query).shape;
  const [, kvHeads = 0, keys = 0] = node.typeOf(key).shape;
  const scale = lit(compute, node.float("scale", 1 / Math.sqrt(size)));
  const scaled = node.map(mul(arg(0), scale), widen(node, query));
  const raw = matmulOf(node, grouped(node, scaled, kvHeads), toDType(node, compute, key), false, true);
  const scores = node.reshape(raw, [batch, heads, queries, keys]);
  const capped = softcapped(node, scores);
  const mask = maskOf(node, compute, queries, keys);
  const biased = mask === null ? capped : node.map(mask.apply(arg(0)), capped, ...mask.operands);
  const weights = probabilities(node, biased, mask);
  const product = matmulOf(node, grouped(node, weights, kvHeads), toDType(node, compute, value));
  const output = node.reshape(product, [batch, heads, queries, node.typeOf(value).shape[3] ?? 0]);
  const stages = [scores, capped, biased, weights];
  const shown = stages[node.int("qk_matmul_output_mode", 0)];
  if (shown === undefined) throw node.attributeError("qk_matmul_output_mode must be 0, 1, 2 or 3");
  return [toDType(node, dtype, mergeHeads(node, output)), key, value, toDType(node, dtype, shown)];
}

/** cos and sin of each position as [batch, sequence, half], laid along the axes of `x`; four dims have the heads before the sequence. */
function rotation(node: NodeContext, index: number, compute: DType, half: number): ValueId {
  const cache = node.hasInput(3)
    ? node.emitOne({ kind: "gather", inputs: [node.input(index), node.input(3)], axis: 0 })
    : node.input(index);
  const { shape } = node.typeOf(cache);
  if (shape.length !== 3 || shape[2] !== half) {
    throw node.shapeError(`input ${index} gives [${shape.join(",")}], needed are ${half} angles for each position`);
  }
  const [batch = 0, sequence = 0] = shape;
  const laid = node.rank(0) === 4 ? [batch, 1, sequence, half] : [batch, sequence, 1, half];
  return node.reshape(toDType(node, compute, cache), laid);
}

/** Planes are pairs of neighbours. */
function turnNeighbours(node: NodeContext, x: ValueId, cos: ValueId, sin: ValueId): ValueId {
  const half = (node.typeOf(x).shape.at(-1) ?? 0) / 2;
  const [first, second] = [sliceOf(node, x, 3, 0, half, 2), sliceOf(node, x, 3, 1, half, 2)];
  const [a, b, c, s] = [arg(0), arg(1), arg(2), arg(3)];
  const real = node.map(sub(mul(c, a), mul(s, b)), first, second, cos, sin);
  const imaginary = node.map(add(mul(s, a), mul(c, b)), first, second, cos, sin);
  const { shape } = node.typeOf(real);
  const pair = [real, imaginary].map((part) => node.reshape(part, [...shape, 1]));
  return node.reshape(concatOf(node, pair, 4), shape.with(-1, half * 2));
}

/** Planes have one coordinate in each half: one map over the halves as they are and backwards. */
function turnHalves(node: NodeContext, x: ValueId, cos: ValueId, sin: ValueId): ValueId {
  const { dtype, shape } = node.typeOf(x);
  const sizes = [...shape.slice(0, -1), 2, (shape.at(-1) ?? 0) / 2];
  const halves = node.reshape(x, sizes);
  const slice = { kind: "slice", starts: [0, 0, 0, 1, 0], sizes, steps: [1, 1, 1, -1, 1] } as const;
  const backwards = node.emitOne({ ...slice, inputs: [halves] });
  const signs = node.constantValue(tensorFrom(dtype, [2, 1], [-1, 1]));
  const angles = [cos, sin].map((value) => node.reshape(value, node.typeOf(value).shape.toSpliced(3, 0, 1)));
  const turned = add(mul(arg(0), arg(3)), mul(mul(arg(1), arg(2)), arg(4)));
  return node.reshape(node.map(turned, halves, backwards, signs, ...angles), shape);
}

/** Turns pairs of coordinates by position-dependent angles; what lies beyond `rotary_embedding_dim` stays as it is. */
function rotaryEmbedding(node: NodeContext): readonly ValueId[] {
  const dtype = commonDType(node, "float", 3);
  const compute = computeDType(dtype);
  const x = rotaryInput(node);
  const { shape } = node.typeOf(x);
  const size = shape[3] ?? 0;
  const turned = node.int("rotary_embedding_dim", 0) || size;
  if (turned > size || turned % 2 !== 0) throw node.attributeError(`rotary_embedding_dim ${turned} of ${size}`);
  const half = turned / 2;
  const interleaved = node.int("interleaved", 0) !== 0;
  const coordinates = widen(node, sliceOf(node, x, 3, 0, turned));
  const [cos, sin] = [rotation(node, 1, compute, half), rotation(node, 2, compute, half)];
  const rotated = toDType(node, dtype, (interleaved ? turnNeighbours : turnHalves)(node, coordinates, cos, sin));
  const rest = turned === size ? [] : [sliceOf(node, x, 3, turned, size - turned)];
  return [node.reshape(concatOf(node, [rotated, ...rest], 3), node.shape(0))];
}

/** Three dims are [batch, sequence, heads * size] and get their heads apart, in place. */
function rotaryInput(node: NodeContext): ValueId {
  const shape = node.shape(0);
  if (shape.length === 4) return node.input(0);
  const [batch = 0, sequence = 0, hidden = 0] = shape;
  const heads = node.int("num_heads", 0);
  if (shape.length !== 3 || heads < 1 || hidden % heads !== 0) {
    throw node.shapeError(`[${shape.join(",")}] cannot be cut into ${heads} heads (num_heads)`);
  }
  return node.reshape(node.input(0), [batch, sequence, heads, hidden / heads]);
}

const attentionAttributes: Attributes = {
  is_causal: "int",
  kv_num_heads: "int",
  q_num_heads: "int",
  qk_matmul_output_mode: "int",
  scale: "float",
  softcap: "float",
  softmax_precision: "int",
};

export const attentionOperators: readonly OperatorDef[] = [
  operator("Attention", attention, [
    { since: 23, inputs: [3, 6], outputs: [1, 4], attributes: attentionAttributes, optionalInputs: [3, 4, 5] },
    { since: 24, inputs: [3, 7], optionalInputs: [3, 4, 5, 6] },
    { since: 25, attributes: { ...attentionAttributes, left_window_size: "int", right_window_size: "int" } },
  ]),
  operator("RotaryEmbedding", rotaryEmbedding, [
    {
      since: 23,
      inputs: [3, 4],
      attributes: { interleaved: "int", num_heads: "int", rotary_embedding_dim: "int" },
      optionalInputs: [3],
    },
  ]),
];
