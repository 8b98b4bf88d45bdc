/** Kinds that only move elements, of any type: reshape, transpose, slice, pad, concat, and broadcasting. */
import type { DType } from "../../ir/dtype.ts";
import type { PadOp } from "../../ir/graph.ts";
import { allocateElements, elementCount, type Elements, makeTensor, rowMajorStrides, type TensorData } from "../../ir/tensor.ts"; // prettier-ignore
import { nth } from "./access.ts";
import { broadcastStrides, viewAxis } from "./axes.ts";
import type { Evaluate } from "./evaluate.ts";
import { stridedCopy, takeBlocks } from "./strided-copy.ts";

/** A new dense tensor of `shape` read through strides (in elements) from `offset` on. */
function readStrided(
  { dtype, elements }: TensorData,
  shape: readonly number[],
  strides: readonly number[],
  offset: number,
): TensorData {
  const result = allocateElements(dtype, elementCount(shape));
  const target = { elements: result, offset: 0, strides: rowMajorStrides(shape) };
  stridedCopy(dtype, shape, target, { elements, offset, strides });
  return makeTensor(dtype, shape, result);
}

/** The tensor repeated to a larger shape by numpy's rules; the tensor itself when it has that shape. */
export function broadcastTensor(x: TensorData, shape: readonly number[]): TensorData {
  if (x.shape.length === shape.length && x.shape.every((size, axis) => size === shape[axis])) return x;
  return readStrided(x, shape, broadcastStrides(x.shape, shape), 0);
}

export const evaluateReshape: Evaluate<"reshape"> = (op, [x]) => [makeTensor(x.dtype, op.shape, x.elements)];

export const evaluateTranspose: Evaluate<"transpose"> = (op, [x]) => [transposeTensor(x, op.perm)];

/** numpy.transpose; the tensor itself when the axes stay. */
export function transposeTensor(x: TensorData, perm: readonly number[]): TensorData {
  if (perm.every((axis, i) => axis === i)) return x;
  const shape = perm.map((axis) => nth(x.shape, axis));
  const strides = rowMajorStrides(x.shape);
  const permuted = perm.map((axis) => nth(strides, axis));
  return readStrided(x, shape, permuted, 0);
}

/** Swaps the last two axes. */
export function swapLastAxes(x: TensorData): TensorData {
  const rank = x.shape.length;
  const perm = [...x.shape.keys()];
  [perm[rank - 2], perm[rank - 1]] = [rank - 1, rank - 2];
  return transposeTensor(x, perm);
}

export const evaluateSlice: Evaluate<"slice"> = (op, [x]) => {
  const strides = rowMajorStrides(x.shape);
  const offset = op.starts.reduce((sum, start, axis) => sum + start * nth(strides, axis), 0);
  const stepped = strides.map((stride, axis) => stride * nth(op.steps, axis));
  return [readStrided(x, op.sizes, stepped, offset)];
};

export const evaluateConcat: Evaluate<"concat"> = (op, inputs, [result]) => {
  const { dtype, shape } = result;
  const elements = allocateElements(dtype, elementCount(shape));
  const strides = rowMajorStrides(shape);
  let begin = 0;
  for (const input of inputs) {
    place(input, elements, strides, begin * nth(strides, op.axis));
    begin += nth(input.shape, op.axis);
  }
  return [makeTensor(dtype, shape, elements)];
};

/** Writes a tensor into a part of a larger one. */
function place(x: TensorData, elements: Elements, strides: readonly number[], offset: number): void {
  const source = { elements: x.elements, offset: 0, strides: rowMajorStrides(x.shape) };
  stridedCopy(x.dtype, x.shape, { elements, offset, strides }, source);
}

export const evaluatePad: Evaluate<"pad"> = (op, [x, value], [result]) => {
  if (op.mode === "constant") return [padWithValue(op, x, value, result.shape)];
  return [padByIndex(op, x)];
};

type PadSpec = Pick<PadOp, "mode" | "before" | "after">;

function padWithValue(op: PadSpec, x: TensorData, value: TensorData | undefined, shape: readonly number[]): TensorData {
  const elements = filled(x.dtype, elementCount(shape), value);
  const strides = rowMajorStrides(shape);
  const offset = op.before.reduce((sum, before, axis) => sum + before * nth(strides, axis), 0);
  place(x, elements, strides, offset);
  return makeTensor(x.dtype, shape, elements);
}

function filled(dtype: DType, count: number, value: TensorData | undefined): Elements {
  if (value === undefined) return allocateElements(dtype, count);
  return broadcastTensor(makeTensor(dtype, [], value.elements), [count]).elements;
}

/** Along one axis after the other: what lies outside takes an element from inside. */
function padByIndex(op: PadSpec, x: TensorData): TensorData {
  let result = x;
  for (const [axis, size] of x.shape.entries()) {
    const [before, after] = [nth(op.before, axis), nth(op.after, axis)];
    if (before === 0 && after === 0) continue;
    const indices = Array.from({ length: before + size + after }, (_, i) => sourceIndex(op.mode, i - before, size));
    result = takeAlong(result, axis, indices);
  }
  return result;
}

const modulo = (x: number, y: number): number => ((x % y) + y) % y;

/** Where position `at` (negative before the start) of a padded axis of `size` reads. */
function sourceIndex(mode: PadOp["mode"], at: number, size: number): number {
  switch (mode) {
    case "edge":
      return Math.min(size - 1, Math.max(0, at));
    case "wrap":
      return modulo(at, size);
    case "reflect": {
      if (size === 1) return 0;
      const period = 2 * (size - 1);
      const within = modulo(at, period);
      return within < size ? within : period - within;
    }
    case "constant":
      throw new Error("internal: constant padding has no source index");
  }
}

/** numpy.take along an axis; the indices are within it. */
export function takeAlong(x: TensorData, axis: number, indices: ArrayLike<number>): TensorData {
  const { outer, size, inner } = viewAxis(x.shape, axis);
  const shape = x.shape.with(axis, indices.length);
  const elements = allocateElements(x.dtype, elementCount(shape));
  takeBlocks(x.dtype, elements, x.elements, inner, { outer, size }, indices);
  return makeTensor(x.dtype, shape, elements);
}
