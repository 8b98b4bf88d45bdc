/** QLinearConv, QLinearMatMul and com.microsoft's relatives: integer products of what the zero points leave, accumulated in i32, then requantized in f32. */
import { arg, binary, cast, type Expr, lit, unary } from "../../../ir/expr.ts";
import type { ValueId } from "../../../ir/graph.ts";
import { elementCount } from "../../../ir/tensor.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { convOf } from "./convolution.ts";
import { matmulOf, withoutZeroPoint } from "./linear.ts";
import { quantizedByRange } from "./quantization.ts";
import { add, div, mul } from "./scalar.ts";
import { alongAxis, asScalar, movedAxis } from "./support.ts";
import { type Attributes, operator, operatorOf } from "./table.ts";
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

/** With `channels_last` (com.microsoft only) the channels of x and y are last; the weights stay as they are. */
function qLinearConv(node: NodeContext): ValueId[] {
  const rank = spatialOf(node, 0).length + 2;
  const last = node.int("channels_last", 0) !== 0;
  const given = last ? node.transpose(node.input(0), movedAxis(rank, rank - 1, 1)) : node.input(0);
  const spatial = node.typeOf(given).shape.slice(2);
  const kernel = node.shape(3).slice(2);
  if (kernel.length !== spatial.length) throw node.shapeError(`weights [${node.shape(3).join(", ")}] for rank ${rank}`);
  const x = withoutZeroPoint(node, given, parameter(node, 2, rank, 1));
  const w = withoutZeroPoint(node, node.input(3), parameter(node, 5, rank, 0));
  const product = convOf(node, x, w, windowsOf(node, spatial, kernel), node.int("group", 1));
  const channels = node.typeOf(product).shape[1] ?? 0;
  const sum = node.hasInput(8)
    ? node.map(binary("add", arg(0), arg(1)), product, node.reshape(node.input(8), alongAxis(rank, 1, channels)))
    : product;
  const scales = [parameter(node, 1, rank, 1), parameter(node, 4, rank, 1), parameter(node, 6, rank, 1)];
  const y = requantized(node, [sum, ...scales, parameter(node, 7, rank, 1)]);
  return [last ? node.transpose(y, movedAxis(rank, 1, rank - 1)) : y];
}

/** A vector of parameters is one per row of the left operand, or one per column of the right. */
function qLinearMatmul(node: NodeContext): ValueId[] {
  const left = (index: number): ValueId => parameter(node, index, 2, 0);
  const right = (index: number): ValueId => parameter(node, index, 2, 1);
  const a = withoutZeroPoint(node, node.input(0), left(2));
  const b = withoutZeroPoint(node, node.input(3), right(5));
  return [requantized(node, [matmulOf(node, a, b), left(1), right(4), left(6), left(7)])];
}

/** alpha A B + C in integers (C is in units of both scales), requantized, or given in f32 when no scale of the result is there. */
function qGemm(node: NodeContext): ValueId[] {
  const flag = (name: string): boolean => node.int(name, 0) !== 0;
  const a = withoutZeroPoint(node, node.input(0), parameter(node, 2, 2, 0));
  const b = withoutZeroPoint(node, node.input(3), parameter(node, 5, 2, flag("transB") ? 0 : 1));
  const product = matmulOf(node, a, b, flag("transA"), flag("transB"));
  const sum = node.hasInput(6) ? node.map(binary("add", arg(0), arg(1)), product, node.input(6)) : product;
  const alpha = mul(lit("f32", node.float("alpha", 1)), arg(0));
  const scaled = node.map(alpha, parameter(node, 1, 2, 0));
  const scales = [scaled, parameter(node, 4, 2, 1)];
  if (!node.hasInput(7)) return [node.map(mul(cast("f32", arg(0)), mul(arg(1), arg(2))), sum, ...scales)];
  if (!node.hasInput(8)) throw node.attributeError("the result has a scale (input 7) but no zero point (input 8)");
  return [requantized(node, [sum, ...scales, asScalar(node, node.input(7)), asScalar(node, node.input(8))])];
}

/** Integers and what they stand for: (value - zero) scale. */
interface Quantized {
  readonly value: ValueId;
  readonly scale: ValueId;
  readonly zero: ValueId | null;
}

/** An integer product with input 1 scaled to f32, plus a bias; positions of the other inputs differ between operators. */
export function scaledProduct(node: NodeContext, { value: a, scale, zero }: Quantized, at: ProductInputs): ValueId[] {
  const { scale: bScale, zero: bZero, bias } = at;
  const product = matmulOf(
    node,
    withoutZeroPoint(node, a, zero),
    withoutZeroPoint(node, node.input(1), node.hasInput(bZero) ? parameter(node, bZero, 2, 1) : null),
  );
  const value = node.map(mul(cast("f32", arg(0)), mul(arg(1), arg(2))), product, scale, parameter(node, bScale, 2, 1));
  return [node.hasInput(bias) ? node.map(add(arg(0), arg(1)), value, node.input(bias)) : value];
}

/** Where the parameters of B and the bias stand among the inputs. */
interface ProductInputs {
  readonly scale: number;
  readonly zero: number;
  readonly bias: number;
}

function matmulIntegerToFloat(node: NodeContext): ValueId[] {
  const zero = node.hasInput(4) ? parameter(node, 4, 2, 0) : null;
  const a = { value: node.input(0), scale: parameter(node, 2, 2, 0), zero };
  return scaledProduct(node, a, { scale: 3, zero: 5, bias: 6 });
}

/** A is quantized to u8 by its own range first. */
function dynamicQuantizeMatmul(node: NodeContext): ValueId[] {
  const { values, scale, zeroPoint } = quantizedByRange(node, node.input(0));
  return scaledProduct(node, { value: values, scale, zero: zeroPoint }, { scale: 2, zero: 3, bias: 4 });
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
  operatorOf("com.microsoft", "QLinearConv", qLinearConv, [
    { since: 1, inputs: [8, 9], attributes: { ...convAttributes, channels_last: "int" } },
  ]),
  operator("QLinearMatMul", qLinearMatmul, [{ since: [10, 21], inputs: [8, 8] }]),
  operatorOf("com.microsoft", "QGemm", qGemm, [
    { since: 1, inputs: [6, 9], optionalInputs: [6, 7], attributes: { alpha: "float", transA: "int", transB: "int" } },
  ]),
  operatorOf("com.microsoft", "MatMulIntegerToFloat", matmulIntegerToFloat, [
    { since: 1, inputs: [4, 7], optionalInputs: [4, 5] },
  ]),
  operatorOf("com.microsoft", "DynamicQuantizeMatMul", dynamicQuantizeMatmul, [
    { since: 1, inputs: [3, 5], optionalInputs: [3] },
  ]),
];
