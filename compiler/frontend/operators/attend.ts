/**
 * Scaled dot-product attention, the core of every operator that attends: softmax(mask(softcap(scale Q Kᵀ))) V over heads that lie apart.
 */
import { arg, lit } from "../../../ir/expr.ts";
import type { ValueId } from "../../../ir/graph.ts";
import type { NodeContext } from "../operator.ts";
import type { Mask } from "./attention-mask.ts";
import { matmulOf } from "./linear.ts";
import { computeDType, toDType, widen } from "./precision.ts";
import { div, mul, tanh } from "./scalar.ts";
import { concatOf } from "./support.ts";

/** [batch, sequence, heads * size] as [batch, sequence, heads, size]; WSC3004 when `attribute`, which gives the number, does not divide. */
export function headsCut(node: NodeContext, value: ValueId, heads: number, attribute: string): ValueId {
  const { shape } = node.typeOf(value);
  const [batch = 0, sequence = 0, hidden = 0] = shape;
  if (shape.length !== 3 || heads < 1 || hidden % heads !== 0) {
    throw node.shapeError(`[${shape.join(",")}] cannot be cut into ${heads} heads (${attribute})`);
  }
  return node.reshape(value, [batch, sequence, heads, hidden / heads]);
}

/** [batch, sequence, heads * size] as [batch, heads, sequence, size]; refuses as `headsCut` does. */
export const headsApart = (node: NodeContext, value: ValueId, heads: number, attribute: string): ValueId =>
  node.transpose(headsCut(node, value, heads, attribute), [0, 2, 1, 3]);

/** [batch, heads, sequence, size] as [batch, sequence, heads * size]. */
export function headsTogether(node: NodeContext, value: ValueId): ValueId {
  const [batch = 0, heads = 0, sequence = 0, size = 0] = node.typeOf(value).shape;
  return node.reshape(node.transpose(value, [0, 2, 1, 3]), [batch, sequence, heads * size]);
}

/** Keys or values of the past, if there are any, and of now, one after the other. */
export const withPast = (node: NodeContext, past: ValueId | null, value: ValueId): ValueId =>
  past === null ? value : concatOf(node, [past, value], 2);

/** WSC3004 where query heads cannot share key heads evenly. */
export function checkGroups(node: NodeContext, heads: number, kvHeads: number): void {
  if (kvHeads < 1 || heads % kvHeads !== 0) throw node.shapeError(`${heads} query heads share ${kvHeads} key heads`);
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
  /** of scores [batch, heads, rows, keys] */
  readonly mask: Mask | null;
  /** probabilities from masked scores of rank 4 or 5, and the mask laid along them */
  readonly normalize: (scores: ValueId, mask: Mask | null) => ValueId;
}

/** What attention computes, in the compute type. */
export interface Attended {
  /** [batch, heads, rows, width] */
  readonly output: ValueId;
  /** the scores on their way to probabilities, each [batch, heads, rows, keys], or [batch, kvHeads, group, rows, keys] where heads are grouped */
  readonly stages: readonly [scores: ValueId, capped: ValueId, masked: ValueId, weights: ValueId];
}

/** Query head h belongs to key head floor(h / group): keys and values are broadcast over an axis of their own, so that one kernel does it all. */
export function attend(node: NodeContext, { query, key, value }: Heads, options: Attending): Attended {
  const compute = computeDType(node.typeOf(query).dtype);
  const [batch = 0, heads = 0, rows = 0, size = 1] = node.typeOf(query).shape;
  const [, kvHeads = 0] = node.typeOf(key).shape;
  checkGroups(node, heads, kvHeads);
  const group = heads / kvHeads;
  const apart = (x: ValueId): ValueId => (group === 1 ? x : headsInGroups(node, x, kvHeads));
  const scale = lit(compute, options.scale ?? 1 / Math.sqrt(size));
  const scaled = node.map(mul(arg(0), scale), widen(node, query));
  const scores = matmulOf(node, apart(scaled), apart(toDType(node, compute, key)), false, true);
  const capped = softcapped(node, scores, options.softcap);
  const mask = options.mask === null ? null : { ...options.mask, operands: options.mask.operands.map(apart) };
  const masked = mask === null ? capped : node.map(mask.apply(arg(0)), capped, ...mask.operands);
  const weights = options.normalize(masked, mask);
  const product = matmulOf(node, weights, apart(toDType(node, compute, value)));
  const output = group === 1 ? product : node.reshape(product, [batch, heads, rows, node.typeOf(value).shape[3] ?? 0]);
  return { output, stages: [scores, capped, masked, weights] };
}

/** Heads, the third axis from the end, as [kvHeads, group]; one for all, or one for each group, as [1 or kvHeads, 1]. */
function headsInGroups(node: NodeContext, value: ValueId, kvHeads: number): ValueId {
  const { shape } = node.typeOf(value);
  const heads = shape.at(-3);
  if (heads === undefined) return value;
  const outer = heads === 1 ? 1 : kvHeads;
  if (heads % outer !== 0) throw node.shapeError(`[${shape.join(",")}] does not have a part for each of the heads`);
  return node.reshape(value, [...shape.slice(0, -3), outer, heads / outer, ...shape.slice(-2)]);
}

function softcapped(node: NodeContext, scores: ValueId, cap: number): ValueId {
  if (cap <= 0) return scores;
  const limit = lit(node.typeOf(scores).dtype, cap);
  return node.map(mul(tanh(div(arg(0), limit)), limit), scores);
}
