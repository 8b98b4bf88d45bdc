/**
 * The operators of com.microsoft that quantized models are made of beside the standard's own: each dequantizes its operands, computes in
 * f32 and quantizes the result. Products stay in integers (quantized-linear.ts).
 */
import type { DType } from "../../../ir/dtype.ts";
import { arg, cast, type Expr, lit, select, unary } from "../../../ir/expr.ts";
import type { ValueId } from "../../../ir/graph.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { add, below, div, mul, sigmoid, sub } from "./scalar.ts";
import { asScalar, concatOf, literal, range } from "./support.ts";
import { type Lower, operatorOf, variadic, type VersionRow } from "./table.ts";

/** A scalar parameter; an absent zero point is 0 of the type that it belongs to. */
const parameter = (node: NodeContext, index: number, dtype: DType = "f32"): ValueId =>
  node.hasInput(index) ? asScalar(node, node.input(index)) : literal(node, dtype, 0);

/** (x - zero) * scale in f32, from operands `at`, `at + 1` (scale) and `at + 2` (zero point). */
const dequantizedExpr = (at: number): Expr => mul(sub(cast("f32", arg(at)), cast("f32", arg(at + 2))), arg(at + 1));

/** saturate(round(x / scale) + zero), with scale and zero point as operands `at` and `at + 1`. */
const quantizedExpr = (dtype: DType, x: Expr, at: number): Expr =>
  cast(dtype, add(unary("round", div(x, arg(at))), cast("f32", arg(at + 1))), true);

/** The input at `index` in f32, with its scale and zero point behind it. */
export function dequantized(node: NodeContext, index: number): ValueId {
  const dtype = node.dtype(index);
  const operands = [node.input(index), parameter(node, index + 1), parameter(node, index + 2, dtype)];
  return node.map(dequantizedExpr(0), ...operands);
}

/** An f32 value quantized by the scale at `index` and the zero point behind it. */
export function quantized(node: NodeContext, value: ValueId, index: number, dtype: DType): ValueId {
  return node.map(quantizedExpr(dtype, arg(0), 1), value, parameter(node, index), parameter(node, index + 1, dtype));
}

/** Of an operator of two operands: A, its scale and zero point, B and its own, then scale and zero point of the result. */
const [a, aScale, aZero] = [cast("f32", arg(0)), arg(1), cast("f32", arg(2))] as const;
const [b, bScale, bZero] = [cast("f32", arg(3)), arg(4), cast("f32", arg(5))] as const;
const [scale, zero] = [arg(6), cast("f32", arg(7))] as const;

/** A times its scale's part in the result's, plus B times its own, on top of what the zero points make together. */
function sum(): Expr {
  const [aRatio, bRatio] = [div(aScale, scale), div(bScale, scale)];
  const fixed = sub(zero, add(mul(aRatio, aZero), mul(bRatio, bZero)));
  return add(add(fixed, mul(a, aRatio)), mul(b, bRatio));
}

const product = (): Expr => add(mul(mul(sub(a, aZero), sub(b, bZero)), div(mul(aScale, bScale), scale)), zero);

/**
 * Elementwise in one map. Unlike a quantizer, onnxruntime adds the zero point first and rounds then, halves to even ones; ratios of the
 * scales keep such halves exact, which quotients of scaled numbers would not.
 */
const binaryOp = (result: Expr) => (node: NodeContext) => {
  const dtype = node.dtype(0);
  const operands = [0, 3].flatMap((at) => [node.input(at), parameter(node, at + 1), parameter(node, at + 2, dtype)]);
  const expr = cast(dtype, unary("round", result), true);
  return [node.map(expr, ...operands, parameter(node, 6), parameter(node, 7, dtype))];
};

/** A where the condition holds, else B; both are quantized anew, each with its own scale. */
function where(node: NodeContext): ValueId[] {
  const dtype = node.dtype(1);
  if (node.dtype(0) !== "bool") throw node.typeError(`the condition is ${node.dtype(0)}, must be bool`);
  const operands = [1, 4].flatMap((at) => [node.input(at), parameter(node, at + 1), parameter(node, at + 2, dtype)]);
  const result = [parameter(node, 7), parameter(node, 8, dtype)];
  const chosen = select(arg(8), dequantizedExpr(0), dequantizedExpr(3));
  return [node.map(quantizedExpr(dtype, chosen, 6), ...operands, ...result, node.input(0))];
}

/** Elementwise of one operand: X, its scale and zero point, then those of the result. */
const unaryOp = (apply: (node: NodeContext, x: Expr) => Expr) => (node: NodeContext) => {
  const dtype = node.dtype(0);
  const operands = [
    node.input(0),
    parameter(node, 1),
    parameter(node, 2, dtype),
    parameter(node, 3),
    parameter(node, 4, dtype),
  ];
  return [node.map(quantizedExpr(dtype, apply(node, dequantizedExpr(0)), 3), ...operands)];
};

const leakyRelu = unaryOp((node, x) => below("f32", 0, x, mul(lit("f32", node.float("alpha", 0.01)), x), x));

function softmax(node: NodeContext): ValueId[] {
  const axis = node.axis(node.int("axis", -1), node.rank(0));
  if (node.int("opset", 13) < 13 && axis !== node.rank(0) - 1)
    throw node.unsupported("the flattening softmax of opset 12 and older");
  const x = node.emitOne({ kind: "softmax", inputs: [dequantized(node, 0)], axis, log: false });
  return [quantized(node, x, 3, node.dtype(0))];
}

/** Inputs: scale and zero point of the result, then each part with its own. */
function concat(node: NodeContext): ValueId[] {
  const dtype = node.dtype(2);
  const parts = range(Math.floor((node.inputCount - 2) / 3)).map((i) => dequantized(node, 2 + 3 * i));
  const axis = node.axis(node.int("axis", 0), node.rank(2));
  return [quantized(node, concatOf(node, parts, axis), 0, dtype)];
}

const microsoft = (name: string, lower: Lower, row: Omit<VersionRow, "since">): OperatorDef =>
  operatorOf("com.microsoft", name, lower, [{ since: 1, ...row }]);

const twoOperands = { inputs: [7, 8], optionalInputs: [2, 5] } as const;
const oneOperand = { inputs: [4, 5], optionalInputs: [2] } as const;

/** Operators of this family. */
export const quantizedElementwiseOperators: readonly OperatorDef[] = [
  microsoft("QLinearAdd", binaryOp(sum()), twoOperands),
  microsoft("QLinearMul", binaryOp(product()), twoOperands),
  microsoft(
    "QLinearSigmoid",
    unaryOp((_, x) => sigmoid(x)),
    oneOperand,
  ),
  microsoft("QLinearLeakyRelu", leakyRelu, { ...oneOperand, attributes: { alpha: "float" } }),
  microsoft("QLinearSoftmax", softmax, {
    inputs: [5, 5],
    optionalInputs: [2],
    attributes: { axis: "int", opset: "int!" },
  }),
  microsoft("QLinearWhere", where, { inputs: [9, 9] }),
  microsoft("QLinearConcat", concat, { inputs: [3, variadic], attributes: { axis: "int!" } }),
];
