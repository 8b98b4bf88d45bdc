/** QLinearConv and QLinearMatMul: integer products of what the zero points leave, accumulated in i32, then requantized in f32. */
import { arg, binary, cast, type Expr, unary } from "../../../ir/expr.ts";
import type { ValueId } from "../../../ir/graph.ts";
import { elementCount } from "../../../ir/tensor.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { convOf } from "./convolution.ts";
import { matmulOf, withoutZeroPoint } from "./linear.ts";
import { add, div, mul } from "./scalar.ts";
import { alongAxis, asScalar } from "./support.ts";
import { type Attributes, operator } from "./table.ts";
import { spatialOf, windowsOf } from "./window.ts";

/** A scale or zero point for the tensor or for each slice of `axis`, so that it broadcasts to `rank` dims. */
function parameter(node: NodeContext, index: number, rank: number, axis: number): ValueId {
  const shape = node.shape(index);
  if (elementCount(shape) === 1) return asScalar(node, node.input(index));
  return shape.length === 1 ? node.reshape(node.input(index), alongAxis(rank, axis, shape[0] ?? 1)) : node.input(index);
}

/** saturate(round(accumulator * xScale * wScale / yScale) + yZero); operands 0-4 in that order. */
function requantized(node: NodeContext, operands: readonly ValueId[]): ValueId {
  const zero = operands[4];
  if (zero === undefined) throw new Error("internal: requantization takes five operands");
  const wide = (index: number): Expr => cast("f32", arg(index));
  const factor = div(mul(wide(1), wide(2)), wide(3));
  const rounded = unary("round", mul(wide(0), factor));
  return node.map(cast(node.typeOf(zero).dtype, add(rounded, wide(4)), true), ...operands);
}

function qLinearConv(node: NodeContext): ValueId[] {
  const spatial = spatialOf(node, 0);
  const rank = spatial.length + 2;
  const kernel = node.shape(3).slice(2);
  if (kernel.length !== spatial.length) throw node.shapeError(`weights [${node.shape(3).join(", ")}] for rank ${rank}`);
  const x = withoutZeroPoint(node, node.input(0), parameter(node, 2, rank, 1));
  const w = withoutZeroPoint(node, node.input(3), parameter(node, 5, rank, 0));
  const product = convOf(node, x, w, windowsOf(node, spatial, kernel), node.int("group", 1));
  const channels = node.typeOf(product).shape[1] ?? 0;
  const sum = node.hasInput(8)
    ? node.map(binary("add", arg(0), arg(1)), product, node.reshape(node.input(8), alongAxis(rank, 1, channels)))
    : product;
  const scales = [parameter(node, 1, rank, 1), parameter(node, 4, rank, 1), parameter(node, 6, rank, 1)];
  return [requantized(node, [sum, ...scales, parameter(node, 7, rank, 1)])];
}

/** A vector of parameters is one per row of the left operand, or one per column of the right. */
function qLinearMatmul(node: NodeContext): ValueId[] {
  const left = (index: number): ValueId => parameter(node, index, 2, 0);
  const right = (index: number): ValueId => parameter(node, index, 2, 1);
  const a = withoutZeroPoint(node, node.input(0), left(2));
  const b = withoutZeroPoint(node, node.input(3), right(5));
  return [requantized(node, [matmulOf(node, a, b), left(1), right(4), left(6), left(7)])];
}

const convAttributes: Attributes = {
  auto_pad: "string",
  dilations: "ints",
  group: "int",
  kernel_shape: "ints",
  pads: "ints",
  strides: "ints",
};

/** Operators of this family. */
export const quantizedLinearOperators: readonly OperatorDef[] = [
  operator("QLinearConv", qLinearConv, [{ since: 10, inputs: [8, 9], attributes: convAttributes }]),
  operator("QLinearMatMul", qLinearMatmul, [{ since: [10, 21], inputs: [8, 8] }]),
];
