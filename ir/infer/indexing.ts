/** Type rules of ops that take elements by index tensors: gather, gatherElements, gatherND, scatterElements, scatterND. */
import {
  type GatherElementsOp,
  type GatherNDOp,
  type GatherOp,
  type ScatterElementsOp,
  type ScatterNDOp,
  type ScatterReduction,
  type TensorType,
  tensorType,
} from "../graph.ts";
import { sameShape, showShape, showType } from "../types.ts";
import {
  attributeError,
  expectAxis,
  expectDomain,
  expectIndex,
  expectOperands,
  expectSameDType,
  shapeError,
  type Site,
  tensorAt,
} from "./site.ts";

export function inferGather(site: Site, op: Pick<GatherOp, "axis">): readonly TensorType[] {
  expectOperands(site, 2);
  const x = tensorAt(site, 0);
  const index = expectIndex(site, 1);
  expectAxis(site, op.axis, x);
  return [tensorType(x.dtype, x.shape.toSpliced(op.axis, 1, ...index.shape))];
}

/** Per-element indices address the other axes by position, so they must not be longer there. */
function checkElementIndex(site: Site, axis: number, x: TensorType, index: TensorType): void {
  expectAxis(site, axis, x);
  const fits =
    index.shape.length === x.shape.length &&
    index.shape.every((dim, other) => other === axis || dim <= (x.shape[other] ?? 0));
  if (!fits) throw shapeError(site, `indices ${showType(index)} do not lie within ${showType(x)} beside axis ${axis}`);
}

export function inferGatherElements(site: Site, op: Pick<GatherElementsOp, "axis">): readonly TensorType[] {
  expectOperands(site, 2);
  const x = tensorAt(site, 0);
  const index = expectIndex(site, 1);
  checkElementIndex(site, op.axis, x, index);
  return [tensorType(x.dtype, index.shape)];
}

/** How many dims of x one index tuple (the last dim of `index`) addresses. */
function tupleLength(site: Site, x: TensorType, index: TensorType, batchDims: number): number {
  const length = index.shape.at(-1) ?? 0;
  if (length >= 1 && length <= x.shape.length - batchDims) return length;
  const after = batchDims === 0 ? "" : ` after ${batchDims} batch dims`;
  throw shapeError(site, `the last dim of indices ${showType(index)} cannot address dims of ${showType(x)}${after}`);
}

export function inferGatherND(site: Site, op: Pick<GatherNDOp, "batchDims">): readonly TensorType[] {
  expectOperands(site, 2);
  const x = tensorAt(site, 0);
  const index = expectIndex(site, 1);
  const { batchDims } = op;
  if (!Number.isInteger(batchDims) || batchDims < 0 || batchDims >= Math.min(x.shape.length, index.shape.length)) {
    throw attributeError(site, `batchDims ${batchDims} is out of range for ${showType(x)} and ${showType(index)}`);
  }
  if (!sameShape(x.shape.slice(0, batchDims), index.shape.slice(0, batchDims))) {
    throw shapeError(site, `the first ${batchDims} dims of ${showType(x)} and ${showType(index)} differ`);
  }
  const tuple = tupleLength(site, x, index, batchDims);
  return [tensorType(x.dtype, [...index.shape.slice(0, -1), ...x.shape.slice(batchDims + tuple)])];
}

function checkReduction(site: Site, x: TensorType, reduction: ScatterReduction): void {
  expectSameDType(site, x, 2);
  if (reduction !== "none") expectDomain(site, x.dtype, "number", "the data");
}

function checkUpdates(site: Site, expected: readonly number[]): void {
  const updates = tensorAt(site, 2);
  if (!sameShape(updates.shape, expected)) {
    throw shapeError(site, `updates are ${showType(updates)}, must have shape ${showShape(expected)}`);
  }
}

export function inferScatterElements(
  site: Site,
  op: Pick<ScatterElementsOp, "axis" | "reduction">,
): readonly TensorType[] {
  expectOperands(site, 3);
  const x = tensorAt(site, 0);
  const index = expectIndex(site, 1);
  checkElementIndex(site, op.axis, x, index);
  checkReduction(site, x, op.reduction);
  checkUpdates(site, index.shape);
  return [x];
}

export function inferScatterND(site: Site, op: Pick<ScatterNDOp, "reduction">): readonly TensorType[] {
  expectOperands(site, 3);
  const x = tensorAt(site, 0);
  const index = expectIndex(site, 1);
  const tuple = tupleLength(site, x, index, 0);
  checkReduction(site, x, op.reduction);
  checkUpdates(site, [...index.shape.slice(0, -1), ...x.shape.slice(tuple)]);
  return [x];
}
