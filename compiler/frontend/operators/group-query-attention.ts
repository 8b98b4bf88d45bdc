/**
 * GroupQueryAttention of com.microsoft, what exporters of language models write for a decoder's attention: causal, with rotary embedding and
 * the cache of keys and values inside. Each sample has `seqlens_k` + 1 tokens, the new ones last; the first prompt starts at position 0.
 * https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.GroupQueryAttention
 */
import { arg, lit } from "../../../ir/expr.ts";
import type { ValueId } from "../../../ir/graph.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { attend, headsApart, headsTogether } from "./attend.ts";
import { rowsWritten } from "./attention-cache.ts";
import { attentionMask, type Mask, maskedSoftmax } from "./attention-mask.ts";
import { commonDType } from "./elementwise.ts";
import { normalizeOf } from "./normalization.ts";
import { computeDType, toDType, widen } from "./precision.ts";
import { anglesAt, rotated } from "./rotary.ts";
import { add } from "./scalar.ts";
import { concatOf, countFrom, indexTensor, literal, sliceOf } from "./support.ts";
import { operatorOf } from "./table.ts";

const at = { pastKey: 3, pastValue: 4, lengths: 5, total: 6, cos: 7, sin: 8, positions: 9, bias: 10, sink: 11, queryNorm: 14, keyNorm: 15 } as const; // prettier-ignore

/** What is known of the node's sizes. */
interface Sizes {
  readonly batch: number;
  readonly queries: number;
  /** length of the past's buffer, and of the present's */
  readonly past: number;
  readonly present: number;
  /** whether these are the first tokens: the past is not read then */
  readonly isPrompt: boolean;
}

function sizesOf(node: NodeContext): Sizes {
  const [batch = 0, queries = 0] = node.shape(0);
  if (node.hasInput(at.pastKey) !== node.hasInput(at.pastValue)) {
    throw node.shapeError("past_key and past_value are given together or not at all");
  }
  const past = node.hasInput(at.pastKey) ? (node.shape(at.pastKey)[2] ?? 0) : 0;
  const [total = 0] = node.integers(at.total);
  if (node.shape(at.lengths).join() !== String(batch)) {
    throw node.shapeError(`seqlens_k of shape [${node.shape(at.lengths).join(",")}] for batch ${batch}`);
  }
  if (total < queries || total > past + queries) {
    throw node.shapeError(`${total} tokens in all, with ${queries} new ones and a past of ${past}`);
  }
  return { batch, queries, past, present: Math.max(total, past), isPrompt: total === queries };
}

/** Attributes and inputs of which only some values are supported. */
function refuseOthers(node: NodeContext): void {
  for (const name of ["k_quant_type", "v_quant_type"]) {
    if (node.string(name, "NONE") !== "NONE") throw node.unsupported(`${name} ${node.string(name, "")}`);
  }
  for (const [index, name] of [[12, "k_scale"], [13, "v_scale"]] as const) if (node.hasInput(index)) throw node.unsupported(name); // prettier-ignore
  for (const name of ["sliding_window_cache", "qk_output"]) {
    if (node.int(name, 0) !== 0) throw node.unsupported(name);
  }
  if (node.wantsOutput(3)) throw node.unsupported("output_qk");
}

/** Q, K and V with heads apart; without a key the query holds all three. */
function projections(node: NodeContext): readonly [query: ValueId, key: ValueId, value: ValueId] {
  const [heads, kvHeads] = [node.int("num_heads", 0), node.int("kv_num_heads", 0)];
  if (node.hasInput(1) !== node.hasInput(2)) throw node.shapeError("key and value are given together or not at all");
  if (node.hasInput(1)) {
    const [query, key, value] = [0, 1, 2].map((index) => node.shape(index).slice(0, 2).join());
    if (key !== query || value !== query) {
      throw node.shapeError(`query, key and value differ in batch or length: [${query}], [${key}], [${value}]`);
    }
    return [
      headsApart(node, node.input(0), heads, "num_heads"),
      headsApart(node, node.input(1), kvHeads, "kv_num_heads"),
      headsApart(node, node.input(2), kvHeads, "kv_num_heads"),
    ];
  }
  const all = headsApart(node, node.input(0), heads + 2 * kvHeads, "num_heads + 2 kv_num_heads");
  return [
    sliceOf(node, all, 1, 0, heads),
    sliceOf(node, all, 1, heads, kvHeads),
    sliceOf(node, all, 1, heads + kvHeads, kvHeads),
  ];
}

/** Each head's RMS norm, where the node has weights for it. */
function normalized(node: NodeContext, x: ValueId, weights: number): ValueId {
  if (!node.hasInput(weights)) return x;
  const inputs = [widen(node, x), widen(node, node.input(weights))];
  const normal = normalizeOf(node, inputs, [3], node.float("qk_norm_epsilon", 1e-6), false);
  return toDType(node, node.typeOf(x).dtype, normal);
}

/** Tokens of each sample, the new ones included: i64 [batch]. */
const tokenCounts = (node: NodeContext): ValueId =>
  node.map(add(arg(0), lit("i64", 1)), toDType(node, "i64", node.input(at.lengths)));

/** Tokens of each sample before the new ones: i64 [batch, 1]. */
function pastLengths(node: NodeContext, { batch, queries, isPrompt }: Sizes): ValueId {
  if (isPrompt) return node.constantValue(indexTensor([batch, 1], () => 0));
  return node.map(add(arg(0), lit("i64", -queries)), node.reshape(tokenCounts(node), [batch, 1]));
}

function turned(node: NodeContext, x: ValueId, positions: ValueId): ValueId {
  if (node.int("do_rotary", 0) === 0) return x;
  const [cos, sin] = [at.cos, at.sin].map((index) => {
    if (!node.hasInput(index) || node.rank(index) !== 2) throw node.shapeError("do_rotary needs cos_cache and sin_cache, of rank 2"); // prettier-ignore
    return anglesAt(node, node.input(index), positions);
  });
  return rotated(node, x, {
    angles: { cos: cos ?? 0, sin: sin ?? 0 },
    turned: 2 * (node.shape(at.cos)[1] ?? 0),
    sequenceAxis: 2,
    interleaved: node.int("rotary_interleaved", 0) !== 0,
  });
}

/** The past with new rows after each sample's tokens, zeros behind where the buffer is longer than the past. A first prompt begins the buffer. */
function withRows(node: NodeContext, past: number, added: ValueId, before: ValueId, sizes: Sizes): ValueId {
  const { shape, dtype } = node.typeOf(added);
  const [batch = 0, heads = 0, queries = 0, size = 0] = shape;
  const { present, isPrompt } = sizes;
  if (isPrompt && present === queries) return added;
  const cache = node.input(past);
  if (node.shape(past).join() !== [batch, heads, sizes.past, size].join()) {
    throw node.shapeError(`a past of shape [${node.shape(past).join(",")}] for new rows [${shape.join(",")}]`);
  }
  const longer = present - sizes.past;
  const zeros = (length: number): ValueId => node.broadcastTo(literal(node, dtype, 0), [batch, heads, length, size]);
  if (isPrompt) return concatOf(node, [added, zeros(present - queries)], 2);
  const grown = longer === 0 ? cache : concatOf(node, [cache, longer === queries ? added : zeros(longer)], 2);
  return rowsWritten(node, grown, added, before);
}

/** Keys up to the query's own position, not more than `local_window_size`, with the attention bias. */
function maskOf(node: NodeContext, sizes: Sizes): Mask | null {
  const { queries, present, isPrompt } = sizes;
  const window = node.int("local_window_size", -1);
  const causal = node.int("causal", 1) !== 0;
  const given = node.hasInput(at.bias) ? node.input(at.bias) : null;
  if (!causal && window > 0) throw node.attributeError("local_window_size needs causal attention");
  if (!causal && (!isPrompt || present !== queries))
    throw node.unsupported("attention that is not causal, with a past");
  const mask = attentionMask(node, {
    dtype: computeDType(node.dtype(0)),
    queries,
    keys: present,
    past: 0,
    causal,
    left: window > 0 ? window - 1 : -1,
    right: -1,
    mask: given,
    nonpad: isPrompt ? null : tokenCounts(node),
  });
  // a query sees itself at least
  return mask === null ? null : { ...mask, mayForbidAll: false };
}

/** Softmax with one more score for each head in the sum, which takes part of the probability: that of `head_sink`, or 0. */
function probabilities(node: NodeContext, scores: ValueId): ValueId {
  const { dtype, shape } = node.typeOf(scores);
  const axis = shape.length - 1;
  const softmax = (value: ValueId): ValueId => maskedSoftmax(node, value, null);
  const hasSink = node.hasInput(at.sink);
  if (!hasSink && node.int("smooth_softmax", 0) !== 1) return softmax(scores);
  const sink = hasSink
    ? node.reshape(toDType(node, dtype, node.input(at.sink)), [1, ...shape.slice(1, -2), 1, 1])
    : literal(node, dtype, 0);
  const column = node.broadcastTo(sink, shape.with(axis, 1));
  return sliceOf(node, softmax(concatOf(node, [scores, column], axis)), axis, 0, shape[axis] ?? 0);
}

function groupQueryAttention(node: NodeContext): readonly ValueId[] {
  refuseOthers(node);
  const dtype = commonDType(node, "float", 3);
  const sizes = sizesOf(node);
  const [q, k, v] = projections(node);
  const before = pastLengths(node, sizes);
  const steps = node.reshape(countFrom(node, sizes.queries), [1, sizes.queries]);
  const positions = node.hasInput(at.positions)
    ? node.input(at.positions)
    : node.map(add(arg(0), arg(1)), before, steps);
  const query = turned(node, normalized(node, q, at.queryNorm), positions);
  const newKey = turned(node, normalized(node, k, at.keyNorm), positions);
  const key = withRows(node, at.pastKey, newKey, before, sizes);
  const value = withRows(node, at.pastValue, v, before, sizes);
  const { output } = attend(
    node,
    { query, key, value },
    {
      scale: node.float("scale", 0) || undefined,
      softcap: node.float("softcap", 0),
      mask: maskOf(node, sizes),
      normalize: (scores) => probabilities(node, scores),
    },
  );
  return [toDType(node, dtype, headsTogether(node, output)), key, value];
}

export const groupQueryAttentionOperators: readonly OperatorDef[] = [
  operatorOf("com.microsoft", "GroupQueryAttention", groupQueryAttention, [
    {
      since: 1,
      inputs: [7, 16],
      outputs: [1, 4],
      optionalInputs: [1, 2, 3, 4, 7, 8, 9, 10, 11, 12, 13, 14, 15],
      attributes: {
        causal: "int",
        do_rotary: "int",
        k_quant_type: "string",
        kv_cache_bit_width: "int",
        kv_num_heads: "int!",
        local_window_size: "int",
        num_heads: "int!",
        qk_norm_epsilon: "float",
        qk_output: "int",
        rotary_interleaved: "int",
        scale: "float",
        sliding_window_cache: "int",
        smooth_softmax: "int",
        softcap: "float",
        v_quant_type: "string",
      },
    },
  ]),
];
