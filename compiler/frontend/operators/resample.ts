/**
 * Emits the weighted sums of interpolation.ts along one axis: as a slice or a gather where every output is one input, else as gathers that
 * a map weighs and adds, or as a product with a constant matrix, whichever costs less.
 */
import { arg, binary, type Expr } from "../../../ir/expr.ts";
import type { ValueId } from "../../../ir/graph.ts";
import { elementCount, tensorFrom } from "../../../ir/tensor.ts";
import type { NodeContext } from "../operator.ts";
import type { Taps } from "./interpolation.ts";
import { alongAxis, indexTensor, range, sliceOf } from "./support.ts";

/**
 * Multiply-adds that a matrix product does in the time of one gathered and weighed element: SIMD lanes against loads of single elements
 * on the last axis, and against copies of rows on the others.
 */
const productsPerTap = { last: 12, others: 6 } as const;

/** Resamples one axis of `x` (f32 or f64); positions without taps become copies of the first element, for the caller to overwrite. */
export function resampleAxis(node: NodeContext, x: ValueId, axis: number, taps: readonly Taps[]): ValueId {
  const single = taps.every(
    ({ weights }) => weights.filter((weight) => weight !== 0).length <= 1 && weights.every((w) => w === 0 || w === 1),
  );
  if (single)
    return pick(
      node,
      x,
      axis,
      taps.map(({ positions, weights }) => positions[Math.max(0, weights.indexOf(1))] ?? 0),
    );
  const { shape } = node.typeOf(x);
  const size = shape[axis] ?? 1;
  const most = taps.reduce((count, { positions }) => Math.max(count, positions.length), 0);
  const budget = most * (axis === shape.length - 1 ? productsPerTap.last : productsPerTap.others);
  return size <= budget ? byMatrix(node, x, axis, taps) : byGathers(node, x, axis, taps, most);
}

/** Takes one input position per output position: a slice when they lie evenly. */
export function pick(node: NodeContext, x: ValueId, axis: number, positions: readonly number[]): ValueId {
  const [first = 0, second = first + 1] = positions;
  const step = second - first;
  if (step > 0 && positions.every((position, i) => position === first + i * step)) {
    return sliceOf(node, x, axis, first, positions.length, positions.length > 1 ? step : 1);
  }
  const index = node.constantValue(indexTensor([positions.length], (i) => positions[i] ?? 0));
  return node.emitOne({ kind: "gather", inputs: [x, index], axis });
}

/** The sum over t of weight t times the elements at position t. */
function byGathers(node: NodeContext, x: ValueId, axis: number, taps: readonly Taps[], count: number): ValueId {
  const { dtype, shape } = node.typeOf(x);
  const operands = range(count).flatMap((t) => {
    const weights = taps.map((tap) => tap.weights[t] ?? 0);
    const constant = tensorFrom(dtype, alongAxis(shape.length, axis, taps.length), weights);
    return [
      pick(
        node,
        x,
        axis,
        taps.map((tap) => tap.positions[t] ?? 0),
      ),
      node.constantValue(constant),
    ];
  });
  const term = (t: number): Expr => binary("mul", arg(2 * t), arg(2 * t + 1));
  const sum = range(count - 1).reduce((total, t) => binary("add", total, term(t + 1)), term(0));
  return node.map(sum, ...operands);
}

/** A constant matrix [outputs, inputs] applied along the axis. */
function byMatrix(node: NodeContext, x: ValueId, axis: number, taps: readonly Taps[]): ValueId {
  const { dtype, shape } = node.typeOf(x);
  const size = shape[axis] ?? 1;
  const weights = new Array<number>(taps.length * size).fill(0);
  for (const [row, { positions, weights: values }] of taps.entries()) {
    for (const [t, position] of positions.entries())
      weights[row * size + position] = (weights[row * size + position] ?? 0) + (values[t] ?? 0);
  }
  const matrix = node.constantValue(tensorFrom(dtype, [taps.length, size], weights));
  return applyMatrix(node, matrix, x, axis);
}

/** Replaces an axis of x by its products with the rows of `matrix`. */
export function applyMatrix(node: NodeContext, matrix: ValueId, x: ValueId, axis: number): ValueId {
  const { shape } = node.typeOf(x);
  const [rows = 0, size = 0] = node.typeOf(matrix).shape;
  const [outer, inner] = [elementCount(shape.slice(0, axis)), elementCount(shape.slice(axis + 1))];
  const common = { kind: "matmul", transposeA: false, epilogue: null } as const;
  const product =
    inner === 1
      ? node.emitOne({ ...common, inputs: [node.reshape(x, [outer, size]), matrix], transposeB: true })
      : node.emitOne({ ...common, inputs: [matrix, node.reshape(x, [outer, size, inner])], transposeB: false });
  return node.reshape(product, shape.with(axis, rows));
}
