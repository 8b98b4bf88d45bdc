/** Kernels over the elements of one shape: maps, reductions, softmax, normalisation. Loops i0, i1, ... are its dims. */
import { exprCost } from "../../../ir/expr.ts";
import type { ArgReduceOp, MapOp, NormalizeOp, ReduceOp, SoftmaxOp } from "../../../ir/graph.ts";
import type { Axis, Combination, KernelFamily, Operations } from "../../../ir/kernel-graph.ts";
import { operationsOf } from "../../../ir/machine/operations.ts";
import {
  broadcastAxes,
  inputAt,
  LoopNames,
  nothing,
  type OpNest,
  product,
  shapeAt,
  type Sources,
  whole,
} from "../nest.ts";

const loopOf = (dim: number): string => `i${dim}`;

/** Loops over a shape, and its axes. */
function shapeLoops(names: LoopNames, shape: readonly number[]): readonly Axis[] {
  for (const [dim, size] of shape.entries()) names.add(loopOf(dim), size);
  return shape.map((size, dim) => names.axis(size, loopOf(dim)));
}

const stageOf = (
  names: LoopNames,
  perPoint: Operations,
  combine: Combination | null,
  codeUnits: number,
): OpNest["stage"] => ({
  domain: names.everything(),
  vector: names.loops.map(({ name }) => name),
  perPoint,
  perResult: nothing,
  combine,
  shuffles: false,
  gathers: [],
  steps: 0,
  codeUnits,
});

export function mapNest(op: MapOp, sources: Sources): OpNest {
  const names = new LoopNames();
  const made = shapeLoops(names, shapeAt(sources.outputs, 0));
  const { fast, slow } = operationsOf(op.expr);
  return {
    family: "elementwise",
    loops: names.loops,
    reads: sources.inputs.map(({ type }) => broadcastAxes(type.shape, made)),
    makes: [made],
    flops: product(shapeAt(sources.outputs, 0)) * exprCost(op.expr),
    // an expression without operations still copies its operand
    stage: stageOf(names, { fast: slow > 0 ? fast : Math.max(1, fast), slow }, null, 1),
  };
}

/** Work per element, and what the cores of a row agree on. */
interface RowWork {
  readonly family: KernelFamily;
  readonly perElement: Operations;
  readonly times: number;
  readonly flopsPerElement: number;
}

/** Kernels that give each element a value that depends on its row: one pass or several over all elements. */
function rowNest(axes: readonly number[], work: RowWork, sources: Sources): OpNest {
  const { shape } = inputAt(sources, 0).type;
  const names = new LoopNames();
  const made = shapeLoops(names, shape);
  const loops = names.known(...axes.map(loopOf));
  const combine = loops.length === 0 ? null : { loops, times: work.times };
  return {
    family: work.family,
    loops: names.loops,
    reads: sources.inputs.map(({ type }) => broadcastAxes(type.shape, made)),
    makes: [made],
    flops: product(shape) * work.flopsPerElement,
    stage: stageOf(names, work.perElement, combine, 2),
  };
}

/** Maximum, exponentials with their sum, and one division per row, so that elements are multiplied. */
export const softmaxNest = (op: SoftmaxOp, sources: Sources): OpNest =>
  rowNest([op.axis], { family: "softmax", perElement: { fast: 4, slow: 1 }, times: 2, flopsPerElement: 5 }, sources);

/** Sums and sums of squares in one pass, then scale and shift. */
export const normalizeNest = (op: NormalizeOp, sources: Sources): OpNest =>
  rowNest(
    op.axes,
    { family: "normalization", perElement: { fast: 5, slow: 0 }, times: 1, flopsPerElement: 5 },
    sources,
  );

/** One pass over all elements; partial results are handed on from core to core. */
function reductionNest(axes: readonly number[], keepDims: boolean, perResult: Operations, sources: Sources): OpNest {
  const { shape } = inputAt(sources, 0).type;
  const names = new LoopNames();
  const read = shapeLoops(names, shape);
  const gone = new Set(axes);
  const made = read.flatMap((axis, dim) => (!gone.has(dim) ? [axis] : keepDims ? [whole(1)] : []));
  return {
    family: "reduction",
    loops: names.loops,
    reads: [read],
    makes: [made],
    flops: product(shape),
    stage: { ...stageOf(names, { fast: 1, slow: 0 }, null, 2), perResult },
  };
}

/** A mean multiplies its sum. */
export const reduceNest = (op: ReduceOp, sources: Sources): OpNest =>
  reductionNest(op.axes, op.keepDims, op.fn === "mean" ? { fast: 1, slow: 0 } : nothing, sources);

export const argReduceNest = (op: ArgReduceOp, sources: Sources): OpNest =>
  reductionNest([op.axis], op.keepDims, nothing, sources);
