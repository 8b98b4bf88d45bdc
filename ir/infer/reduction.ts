/** Type rules of ops that combine elements along axes: reduce, argReduce, softmax, normalize, cumulative, topK. */
import {
  type ArgReduceOp,
  type CumulativeOp,
  type NormalizeOp,
  type ReduceOp,
  type SoftmaxOp,
  type TensorType,
  tensorType,
  type TopKOp,
} from "../graph.ts";
import { showType } from "../types.ts";
import {
  attributeError,
  expectAxes,
  expectAxis,
  expectBroadcastTo,
  expectDomain,
  expectOperands,
  expectSameDType,
  shapeError,
  type Site,
  tensorAt,
} from "./site.ts";

/** `shape` with the axes at size 1 or left out. */
function dropAxes(shape: readonly number[], axes: readonly number[], keepDims: boolean): readonly number[] {
  const dropped = new Set(axes);
  return keepDims
    ? shape.map((dim, axis) => (dropped.has(axis) ? 1 : dim))
    : shape.filter((_, axis) => !dropped.has(axis));
}

/** The single operand of a rule that has no others. */
function onlyTensor(site: Site): TensorType {
  expectOperands(site, 1);
  return tensorAt(site, 0);
}

export function inferReduce(site: Site, op: Pick<ReduceOp, "fn" | "axes" | "keepDims">): readonly TensorType[] {
  const x = onlyTensor(site);
  expectDomain(site, x.dtype, op.fn === "max" || op.fn === "min" ? "comparable" : "number");
  expectAxes(site, op.axes, x);
  return [tensorType(x.dtype, dropAxes(x.shape, op.axes, op.keepDims))];
}

export function inferArgReduce(site: Site, op: Pick<ArgReduceOp, "axis" | "keepDims">): readonly TensorType[] {
  const x = onlyTensor(site);
  expectDomain(site, x.dtype, "number");
  expectAxis(site, op.axis, x);
  if (x.shape[op.axis] === 0)
    throw shapeError(site, `axis ${op.axis} of ${showType(x)} has no elements to choose from`);
  return [tensorType("i64", dropAxes(x.shape, [op.axis], op.keepDims))];
}

export function inferSoftmax(site: Site, op: Pick<SoftmaxOp, "axis">): readonly TensorType[] {
  const x = onlyTensor(site);
  expectDomain(site, x.dtype, "float");
  expectAxis(site, op.axis, x);
  return [x];
}

export function inferNormalize(site: Site, op: Pick<NormalizeOp, "axes" | "epsilon">): readonly TensorType[] {
  expectOperands(site, 1, 3);
  const x = tensorAt(site, 0);
  expectDomain(site, x.dtype, "float");
  expectAxes(site, op.axes, x);
  if (Number.isNaN(op.epsilon)) throw attributeError(site, "epsilon is not a number");
  for (let index = 1; index < site.inputs.length; index++) {
    expectSameDType(site, x, index);
    expectBroadcastTo(site, index, index === 1 ? "scale" : "bias", x.shape);
  }
  return [x];
}

export function inferCumulative(site: Site, op: Pick<CumulativeOp, "axis">): readonly TensorType[] {
  const x = onlyTensor(site);
  expectDomain(site, x.dtype, "number");
  expectAxis(site, op.axis, x);
  return [x];
}

export function inferTopK(site: Site, op: Pick<TopKOp, "axis" | "k">): readonly TensorType[] {
  const x = onlyTensor(site);
  expectDomain(site, x.dtype, "number");
  expectAxis(site, op.axis, x);
  const size = x.shape[op.axis] ?? 0;
  if (!Number.isInteger(op.k) || op.k < 0 || op.k > size) {
    throw attributeError(site, `k = ${op.k} is not between 0 and the ${size} elements of axis ${op.axis} of ${showType(x)}`); // prettier-ignore
  }
  const shape = x.shape.with(op.axis, op.k);
  return [tensorType(x.dtype, shape), tensorType("i64", shape)];
}
