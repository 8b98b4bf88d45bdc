/** Type rules of ops that move elements without looking at them: reshape, transpose, slice, pad, concat. */
import {
  type ConcatOp,
  type PadOp,
  type ReshapeOp,
  type SliceOp,
  type TensorType,
  tensorType,
  type TransposeOp,
} from "../graph.ts";
import { elementCount } from "../tensor.ts";
import { showShape, showType } from "../types.ts";
import {
  allTensors,
  attributeError,
  expectAxis,
  expectOperands,
  expectPerAxis,
  expectSameDType,
  expectTensor,
  shapeError,
  type Site,
  tensorAt,
} from "./site.ts";

export function inferReshape(site: Site, op: Pick<ReshapeOp, "shape">): readonly TensorType[] {
  expectOperands(site, 1);
  const x = tensorAt(site, 0);
  expectPerAxis(site, "shape", op.shape, op.shape.length, 0);
  const have = elementCount(x.shape);
  const want = elementCount(op.shape);
  if (have !== want) {
    throw shapeError(site, `${showType(x)} has ${have} elements, shape ${showShape(op.shape)} takes ${want}`);
  }
  return [tensorType(x.dtype, op.shape)];
}

export function inferTranspose(site: Site, op: Pick<TransposeOp, "perm">): readonly TensorType[] {
  expectOperands(site, 1);
  const x = tensorAt(site, 0);
  const rank = x.shape.length;
  const isPermutation = op.perm.length === rank && new Set(op.perm).size === rank;
  const shape = op.perm.map((axis) => x.shape[axis]);
  if (!isPermutation || shape.includes(undefined)) {
    throw attributeError(site, `perm ${showShape(op.perm)} does not permute the axes of ${showType(x)}`);
  }
  return [tensorType(x.dtype, shape as number[])];
}

export function inferSlice(site: Site, op: Pick<SliceOp, "starts" | "sizes" | "steps">): readonly TensorType[] {
  expectOperands(site, 1);
  const x = tensorAt(site, 0);
  const rank = x.shape.length;
  expectPerAxis(site, "starts", op.starts, rank, -Infinity);
  expectPerAxis(site, "sizes", op.sizes, rank, 0);
  expectPerAxis(site, "steps", op.steps, rank, -Infinity);
  for (const axis of x.shape.keys()) checkSlice(site, op, x, axis);
  return [tensorType(x.dtype, op.sizes)];
}

function checkSlice(site: Site, op: Pick<SliceOp, "starts" | "sizes" | "steps">, x: TensorType, axis: number): void {
  const [dim = 0, start = 0, size = 0, step = 0] = [x.shape[axis], op.starts[axis], op.sizes[axis], op.steps[axis]];
  if (step === 0) throw attributeError(site, `step 0 on axis ${axis}`);
  if (size === 0) return;
  const last = start + (size - 1) * step;
  if (Math.min(start, last) < 0 || Math.max(start, last) >= dim) {
    throw shapeError(site, `elements ${start} to ${last} are not all on axis ${axis} of ${showType(x)}`);
  }
}

export function inferPad(site: Site, op: Pick<PadOp, "mode" | "before" | "after">): readonly TensorType[] {
  expectOperands(site, op.mode === "constant" ? 2 : 1);
  const x = tensorAt(site, 0);
  if (op.mode === "constant") expectTensor(site, 1, "the pad value", x.dtype, []);
  expectPerAxis(site, "before", op.before, x.shape.length, 0);
  expectPerAxis(site, "after", op.after, x.shape.length, 0);
  const shape = x.shape.map((dim, axis) => {
    const amount = (op.before[axis] ?? 0) + (op.after[axis] ?? 0);
    if (dim === 0 && amount > 0 && op.mode !== "constant") {
      throw shapeError(site, `axis ${axis} of ${showType(x)} has no elements to pad with`);
    }
    return dim + amount;
  });
  return [tensorType(x.dtype, shape)];
}

export function inferConcat(site: Site, op: Pick<ConcatOp, "axis">): readonly TensorType[] {
  expectOperands(site, 1, Infinity);
  const parts = allTensors(site);
  const first = tensorAt(site, 0);
  expectAxis(site, op.axis, first);
  let total = 0;
  for (const [index, part] of parts.entries()) {
    expectSameDType(site, first, index);
    const fits =
      part.shape.length === first.shape.length &&
      part.shape.every((dim, axis) => axis === op.axis || dim === first.shape[axis]);
    if (!fits) {
      throw shapeError(site, `input ${index} ${showType(part)} does not join ${showType(first)} along axis ${op.axis}`);
    }
    total += part.shape[op.axis] ?? 0;
  }
  return [tensorType(first.dtype, first.shape.with(op.axis, total))];
}
