/** Kinds that read by index: gather, gatherElements, gatherND. Indices count from the end when negative. */
import { fail } from "../../ir/diagnostic.ts";
import { allocateElements, elementCount, makeTensor, type TensorData } from "../../ir/tensor.ts";
import { nth } from "./access.ts";
import { viewAxis } from "./axes.ts";
import type { Evaluate } from "./evaluate.ts";
import { takeAlong } from "./movement.ts";
import { indicesOf } from "./numbers.ts";
import { blockCopier } from "./strided-copy.ts";

/** Index into an axis of `size`, counted from the end when negative; WSC7005 when outside. */
export function resolveIndex(index: number, size: number, kind: string): number {
  const resolved = index < 0 ? index + size : index;
  if (resolved >= 0 && resolved < size) return resolved;
  throw fail("WSC7005", `${kind}: index ${index} is out of range for an axis of ${size}`);
}

export const evaluateGather: Evaluate<"gather"> = (op, [x, index], [result]) => {
  const size = nth(x.shape, op.axis);
  const indices = indicesOf(index).map((i) => resolveIndex(i, size, "gather"));
  return [makeTensor(x.dtype, result.shape, takeAlong(x, op.axis, indices).elements)];
};

export const evaluateGatherElements: Evaluate<"gatherElements"> = (op, [x, index], [result]) => {
  const elements = allocateElements(x.dtype, elementCount(result.shape));
  const copy = blockCopier(x.dtype, elements, x.elements, 1);
  forEachIndexed(x, index, op.axis, "gatherElements", (at, from) => {
    copy(at, from);
  });
  return [makeTensor(x.dtype, result.shape, elements)];
};

/**
 * Pairs every position of `index` (row-major, `at`) with the element of x (`from`) that it points to: x's position is that of the index,
 * with the coordinate along `axis` replaced. Axes of the index may be shorter than those of x.
 */
export function forEachIndexed(
  x: TensorData,
  index: TensorData,
  axis: number,
  kind: string,
  visit: (at: number, from: number) => void,
): void {
  const indices = indicesOf(index);
  const { inner } = viewAxis(x.shape, axis);
  const size = nth(x.shape, axis);
  const offsets = offsetsWithout(index.shape, x.shape, axis);
  for (let at = 0; at < indices.length; at++) {
    visit(at, (offsets[at] as number) + resolveIndex(indices[at] as number, size, kind) * inner);
  }
}

/** For every position of `shape`: its offset in a tensor of `within`, with the coordinate along `axis` taken as 0. */
function offsetsWithout(shape: readonly number[], within: readonly number[], axis: number): Float64Array {
  let offsets = new Float64Array(1);
  let stride = elementCount(within);
  for (const [i, size] of shape.entries()) {
    stride /= nth(within, i);
    const step = i === axis ? 0 : stride;
    const next = new Float64Array(offsets.length * size);
    for (let at = 0, o = 0; o < offsets.length; o++) {
      for (let k = 0; k < size; k++) next[at++] = (offsets[o] as number) + k * step;
    }
    offsets = next;
  }
  return offsets;
}

export const evaluateGatherND: Evaluate<"gatherND"> = (op, [x, index], [result]) => {
  const { dtype, shape } = result;
  const elements = allocateElements(dtype, elementCount(shape));
  const { blocks, block } = tupleBlocks(x.shape, index, op.batchDims, "gatherND");
  const copy = blockCopier(dtype, elements, x.elements, block);
  for (let at = 0; at < blocks.length; at++) copy(at, blocks[at] as number);
  return [makeTensor(dtype, shape, elements)];
};

export interface TupleBlocks {
  /** one block number per index tuple */
  readonly blocks: Float64Array;
  /** elements of a block */
  readonly block: number;
}

/** What the tuples in the last dim of `index` point to: blocks of the dims of `shape` behind the batch dims and the indexed ones. */
export function tupleBlocks(shape: readonly number[], index: TensorData, batchDims: number, kind: string): TupleBlocks {
  const width = nth(index.shape, -1);
  const indexed = shape.slice(batchDims, batchDims + width);
  const indices = indicesOf(index);
  const tuples = elementCount(index.shape.slice(0, -1));
  const perBatch = elementCount(index.shape.slice(batchDims, -1));
  const blocks = new Float64Array(tuples);
  for (let tuple = 0; tuple < tuples; tuple++) {
    let at = Math.floor(tuple / perBatch);
    for (const [i, size] of indexed.entries())
      at = at * size + resolveIndex(indices[tuple * width + i] as number, size, kind);
    blocks[tuple] = at;
  }
  return { blocks, block: elementCount(shape.slice(batchDims + width)) };
}
