/**
 * Grouped queries: several heads of Q share one of K and V, which exporters repeat before the products (a dim of one element expanded to the group's
 * size and merged with the heads). Attention reads the heads where they lie once: its dim of heads is split in two, and K and V do not
 * move along one of them.
 */
import { nth } from "../../ir/access.ts";
import { type Graph, type Op, type PadOp, type TensorType, type ValueId } from "../../ir/graph.ts";
import type { AttentionSpec } from "./kernels/attention.ts";
import { type View, viewOf } from "./views.ts";

/** A dim of heads as outer times inner ones; `fromEnd` counts dims behind it. */
export interface HeadSplit {
  readonly fromEnd: number;
  readonly outer: number;
  readonly inner: number;
}

export interface RepeatedHeads {
  readonly split: HeadSplit;
  /** with the dim of heads in two */
  readonly view: View;
}

const shapeOf = (graph: Graph, value: ValueId): readonly number[] =>
  (nth(graph.values, value).type as TensorType).shape;

/** The axis that an op repeats from one element on; null if it does anything else. */
function repeatedAxis(graph: Graph, op: PadOp): number | null {
  const shape = shapeOf(graph, nth(op.inputs, 0));
  const grown = op.after.flatMap((count, axis) => (count === 0 ? [] : [axis]));
  const [axis] = grown;
  const isRepeat = op.mode === "edge" && op.before.every((count) => count === 0) && op.after.every((count) => count >= 0);
  return axis !== undefined && grown.length === 1 && isRepeat && shape[axis] === 1 ? axis : null;
} // prettier-ignore

/** The heads behind reshape(expand(x)), if that repeats them in a dim before the last two of a value of rank `rank`. */
export function repeatedHeads(
  graph: Graph,
  producers: ReadonlyMap<ValueId, Op>,
  value: ValueId,
  rank: number,
): RepeatedHeads | null {
  const merge = producers.get(value);
  const expand = merge?.kind === "reshape" ? producers.get(nth(merge.inputs, 0)) : undefined;
  if (merge?.kind !== "reshape" || expand?.kind !== "pad" || merge.shape.length !== rank) return null;
  const axis = repeatedAxis(graph, expand);
  if (axis === null) return null;
  const from = shapeOf(graph, nth(expand.outputs, 0));
  const merged = mergedPair(from, merge.shape);
  if (merged === null || (axis !== merged && axis !== merged + 1) || merged >= merge.shape.length - 2) return null;
  const inner = viewOf(graph, producers, nth(expand.inputs, 0), false);
  const view = { ...inner, shape: from, strides: inner.strides.map((stride, at) => (at === axis ? 0 : stride)) };
  const split = { fromEnd: merge.shape.length - 1 - merged, outer: nth(from, merged), inner: nth(from, merged + 1) };
  return { split, view };
}

/** The first of the two neighbouring dims that a shape has merged into one; null if that is not the difference. */
function mergedPair(from: readonly number[], to: readonly number[]): number | null {
  if (from.length !== to.length + 1) return null;
  const at = to.findIndex((size, axis) => size !== from[axis]);
  const axis = at < 0 ? to.length - 1 : at;
  const isMerged = to.every((size, i) => {
    if (i === axis) return size === nth(from, i) * nth(from, i + 1);
    return size === nth(from, i < axis ? i : i + 1);
  });
  return isMerged ? axis : null;
}

/** Sizes of leading dims with the heads' one in two; the dims given are all but the last two. */
export function splitSizes(batch: readonly number[], split: HeadSplit | null): readonly number[] {
  if (split === null) return batch;
  const axis = batch.length + 1 - split.fromEnd;
  return [...batch.slice(0, axis), split.outer, split.inner, ...batch.slice(axis + 1)];
}

/** Strides over the same dims (and any behind them): an index of the heads is outer * inner's size + inner. */
export function splitStrides(strides: readonly number[], split: HeadSplit | null, behind = 0): number[] {
  if (split === null) return [...strides];
  const axis = strides.length - behind + 1 - split.fromEnd;
  const stride = nth(strides, axis);
  return [...strides.slice(0, axis), stride * split.inner, stride, ...strides.slice(axis + 1)];
}

/** With one query a head, those heads that share keys and values are rows of one product. */
export function headsAsRows(spec: AttentionSpec): AttentionSpec {
  const { batch, rows, q, k, v, out, extras } = spec;
  const last = batch.length - 1;
  if (rows !== 1 || (batch[last] ?? 1) === 1 || k.batch[last] !== 0 || v.batch[last] !== 0) return spec;
  const but = (strides: readonly number[]): number[] => strides.slice(0, last);
  return {
    ...spec,
    batch: but(batch),
    rows: nth(batch, last),
    q: { ...q, batch: but(q.batch), row: nth(q.batch, last) },
    k: { ...k, batch: but(k.batch) },
    v: { ...v, batch: but(v.batch) },
    out: { batch: but(out.batch), row: nth(out.batch, last) },
    extras: extras.map(({ dtype, strides }) => ({ dtype, strides: [...but(strides), nth(strides, last), nth(strides, last + 2)] })),
  };
} // prettier-ignore
