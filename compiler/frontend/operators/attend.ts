/**
 * Scaled dot-product attention, the core of every operator that attends: softmax(mask(softcap(scale Q Kᵀ))) V over heads that lie apart.
 * Grouped heads share keys and values without copying them: a group's queries are rows of one matrix.
 */
import { arg, lit } from "../../../ir/expr.ts";
import type { ValueId } from "../../../ir/graph.ts";
import type { NodeContext } from "../operator.ts";
import type { Mask } from "./attention-mask.ts";
import { matmulOf } from "./linear.ts";
import { computeDType, toDType, widen } from "./precision.ts";
import { div, mul, tanh } from "./scalar.ts";

/** [batch, sequence, heads * size] as [batch, heads, sequence, size]; WSC3004 when `attribute`, which gives the number, does not divide. */
export function headsApart(node: NodeContext, value: ValueId, heads: number, attribute: string): ValueId {
  const { shape } = node.typeOf(value);
  const [batch = 0, sequence = 0, hidden = 0] = shape;
  if (shape.length !== 3 || heads < 1 || hidden % heads !== 0) {
    throw node.shapeError(`[${shape.join(",")}] cannot be cut into ${heads} heads (${attribute})`);
  }
  return node.transpose(node.reshape(value, [batch, sequence, heads, hidden / heads]), [0, 2, 1, 3]);
}

/** [batch, heads, sequence, size] as [batch, sequence, heads * size]. */
export function headsTogether(node: NodeContext, value: ValueId): ValueId {
  const [batch = 0, heads = 0, sequence = 0, size = 0] = node.typeOf(value).shape;
  return node.reshape(node.transpose(value, [0, 2, 1, 3]), [batch, sequence, heads * size]);
}

/** [batch, heads, rows, n] as [batch, kvHeads, group * rows, n]: query head h belongs to key head floor(h / group). */
export function grouped(node: NodeContext, value: ValueId, kvHeads: number): ValueId {
  const [batch = 0, heads = 0, rows = 0, size = 0] = node.typeOf(value).shape;
  if (kvHeads < 1 || heads % kvHeads !== 0) throw node.shapeError(`${heads} query heads share ${kvHeads} key heads`);
  return node.reshape(value, [batch, kvHeads, (heads / kvHeads) * rows, size]);
}

/** Q [batch, heads, rows, size], K [batch, kvHeads, keys, size] and V [batch, kvHeads, keys, width], of any float type. */
export interface Heads {
  readonly query: ValueId;
  readonly key: ValueId;
  readonly value: ValueId;
}

export interface Attending {
  /** of the scores; left out: 1 / sqrt(size) */
  readonly scale: number | undefined;
  /** bound on the scores by tanh; 0: none */
  readonly softcap: number;
  readonly mask: Mask | null;
  /** probabilities from the scores with what the mask did */
  readonly normalize: (scores: ValueId) => ValueId;
}

/** What attention computes, all in the compute type: [batch, heads, rows, width], and the scores [batch, heads, rows, keys] on their way. */
export interface Attended {
  readonly output: ValueId;
  readonly scores: ValueId;
  readonly capped: ValueId;
  readonly masked: ValueId;
  readonly weights: ValueId;
}

export function attend(node: NodeContext, { query, key, value }: Heads, options: Attending): Attended {
  const compute = computeDType(node.typeOf(query).dtype);
  const [batch = 0, heads = 0, rows = 0, size = 1] = node.typeOf(query).shape;
  const [, kvHeads = 0, keys = 0] = node.typeOf(key).shape;
  const scale = lit(compute, options.scale ?? 1 / Math.sqrt(size));
  const scaled = node.map(mul(arg(0), scale), widen(node, query));
  const raw = matmulOf(node, grouped(node, scaled, kvHeads), toDType(node, compute, key), false, true);
  const scores = node.reshape(raw, [batch, heads, rows, keys]);
  const capped = softcapped(node, scores, options.softcap);
  const { mask } = options;
  const masked = mask === null ? capped : node.map(mask.apply(arg(0)), capped, ...mask.operands);
  const weights = options.normalize(masked);
  const product = matmulOf(node, grouped(node, weights, kvHeads), toDType(node, compute, value));
  const output = node.reshape(product, [batch, heads, rows, node.typeOf(value).shape[3] ?? 0]);
  return { output, scores, capped, masked, weights };
}

function softcapped(node: NodeContext, scores: ValueId, cap: number): ValueId {
  if (cap <= 0) return scores;
  const limit = lit(node.typeOf(scores).dtype, cap);
  return node.map(mul(tanh(div(arg(0), limit)), limit), scores);
}
