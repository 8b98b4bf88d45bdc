/**
 * Emits the weighted sums of interpolation.ts along one axis: as a slice or a gather where every output is one input, else as gathers that
 * a map weighs and adds, or as a product with a constant matrix, whichever costs less.
 */
import type { DType } from "../../../ir/dtype.ts";
import { arg, binary, type Expr } from "../../../ir/expr.ts";
import type { ValueId } from "../../../ir/graph.ts";
import { elementCount, makeTensor, type TensorData } from "../../../ir/tensor.ts";
import type { NodeContext } from "../operator.ts";
import type { Taps } from "./interpolation.ts";
import { alongAxis, checkedConstant, range, sliceOf } from "./support.ts";

/**
 * Multiply-adds that a matrix product does in the time of one gathered and weighed element: SIMD lanes against loads of single elements
 * on the last axis, and against copies of rows on the others.
 */
const productsPerTap = { last: 12, others: 6 } as const;

/** More neighbours than this are not gathered one by one. */
const maxGathers = 8;

/** Resamples one axis of `x`; outputs outside of what is interpolated hold something, for the caller to overwrite. */
export function resampleAxis(node: NodeContext, x: ValueId, axis: number, taps: Taps): ValueId {
  const single = singlePositions(taps);
  if (single !== null) return pick(node, x, axis, single);
  const { shape } = node.typeOf(x);
  const budget = taps.positions.length * (axis === shape.length - 1 ? productsPerTap.last : productsPerTap.others);
  const takesMatrix = taps.positions.length > maxGathers || (shape[axis] ?? 1) <= budget;
  return takesMatrix ? byMatrix(node, x, axis, taps) : byGathers(node, x, axis, taps);
}

/** The one input position behind every output position; null when some output is a mixture. */
function singlePositions({ outputs, positions, weights }: Taps): Int32Array | null {
  const single = new Int32Array(outputs);
  for (let x = 0; x < outputs; x++) {
    const used = weights.findIndex((list) => list[x] !== 0);
    if (used < 0) continue;
    const isWhole = weights[used]?.[x] === 1 && weights.every((list, t) => t <= used || list[x] === 0);
    if (!isWhole) return null;
    single[x] = positions[used]?.[x] ?? 0;
  }
  return single;
}

/** Takes one input position per output position: a slice when they lie evenly. */
function pick(node: NodeContext, x: ValueId, axis: number, positions: Int32Array): ValueId {
  const [first = 0, second = first + 1] = positions;
  const step = second - first;
  if (step > 0 && positions.every((position, i) => position === first + i * step)) {
    return sliceOf(node, x, axis, first, positions.length, positions.length > 1 ? step : 1);
  }
  const index = node.constantValue(makeTensor("i32", [positions.length], positions));
  return node.emitOne({ kind: "gather", inputs: [x, index], axis });
}

/** Weights as elements of a float type. */
const weightTensor = (dtype: DType, shape: readonly number[], values: Float64Array): TensorData =>
  makeTensor(dtype, shape, dtype === "f64" ? values : Float32Array.from(values));

/** The sum over t of weight t times the elements at position t. */
function byGathers(node: NodeContext, x: ValueId, axis: number, { outputs, positions, weights }: Taps): ValueId {
  const { dtype, shape } = node.typeOf(x);
  const operands = positions.flatMap((list, t) => {
    const constant = weightTensor(
      dtype,
      alongAxis(shape.length, axis, outputs),
      weights[t] ?? new Float64Array(outputs),
    );
    return [pick(node, x, axis, list), node.constantValue(constant)];
  });
  const term = (t: number): Expr => binary("mul", arg(2 * t), arg(2 * t + 1));
  const sum = range(positions.length - 1).reduce((total, t) => binary("add", total, term(t + 1)), term(0));
  return node.map(sum, ...operands);
}

/** A constant matrix [outputs, inputs] applied along the axis. */
function byMatrix(node: NodeContext, x: ValueId, axis: number, { outputs, positions, weights }: Taps): ValueId {
  const { dtype, shape } = node.typeOf(x);
  const size = shape[axis] ?? 1;
  const matrix = new Float64Array(elementCount(checkedConstant(node, dtype, [outputs, size])));
  for (const [t, list] of positions.entries()) {
    for (const [row, position] of list.entries()) {
      const at = row * size + position;
      matrix[at] = (matrix[at] ?? 0) + (weights[t]?.[row] ?? 0);
    }
  }
  return applyMatrix(node, node.constantValue(weightTensor(dtype, [outputs, size], matrix)), x, axis);
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
