/** Arithmetic, elementwise: one row an operator. Versions that only widen the list of element types share a row. */
import { type DType, dtypeInfo, isFloat, isInteger } from "../../../ir/dtype.ts";
import { arg, binary, type Expr, lit, unary, type UnaryFunction } from "../../../ir/expr.ts";
import type { ValueId } from "../../../ir/graph.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import {
  alignedInputs,
  alignment,
  allInputs,
  binaryRow,
  commonDType,
  type TypeSet,
  unaryRow,
  variadicRow,
} from "./elementwise.ts";
import { computeDType, floatFor, mapIn } from "./precision.ts";
import { add, div, max, min, mul, sub } from "./scalar.ts";
import { asScalar } from "./support.ts";
import { operator } from "./table.ts";

/** Rows that are one function of one operand. */
const functions: readonly (readonly [name: string, since: readonly number[], accepts: TypeSet, fn: UnaryFunction])[] = [
  ["Exp", [6, 13], "float", "exp"],
  ["Log", [6, 13], "float", "log"],
  ["Sqrt", [6, 13], "float", "sqrt"],
  ["Floor", [6, 13], "float", "floor"],
  ["Ceil", [6, 13], "float", "ceil"],
  ["Round", [11, 22], "float", "round"],
  ["Neg", [6, 13], "numeric", "neg"],
  ["Sign", [9, 13], "numeric", "sign"],
  ["Sin", [7, 22], "float", "sin"],
  ["Cos", [7, 22], "float", "cos"],
  ["Tan", [7, 22], "float", "tan"],
  ["Asin", [7, 22], "float", "asin"],
  ["Acos", [7, 22], "float", "acos"],
  ["Atan", [7, 22], "float", "atan"],
  ["Sinh", [9, 22], "float", "sinh"],
  ["Cosh", [9, 22], "float", "cosh"],
  ["Asinh", [9, 22], "float", "asinh"],
  ["Acosh", [9, 22], "float", "acosh"],
  ["Atanh", [9, 22], "float", "atanh"],
  ["BitwiseNot", [18], "integer", "bitnot"],
];

/** Takes the divisor's sign; with `fmod = 1` the dividend's, as C does, which before opset 28 is the only form for floats. */
function modulo(t: DType, x: Expr, y: Expr, node: NodeContext): Expr {
  const fmod = node.int("fmod", 0) !== 0;
  if (!fmod && isFloat(t) && node.opset < 28) {
    throw node.attributeError("fmod must be 1 for floating-point elements before opset 28");
  }
  return binary(fmod ? "fmod" : "mod", x, y);
}

/** The exponent may have a type of its own (opset 12); an integer to a fractional power is computed in floating point and truncated. */
function powOf(node: NodeContext, operands: readonly ValueId[]): readonly ValueId[] {
  const [base, exponent] = [node.dtype(0), node.dtype(1)];
  for (const dtype of [base, exponent]) {
    if (!isFloat(dtype) && !isInteger(dtype)) throw node.typeError(`elements must be numeric, not ${dtype}`);
  }
  const compute = isInteger(base) && isFloat(exponent) ? floatFor(base) : computeDType(base);
  return [mapIn(node, compute, base, operands, ([x = arg(0), y = arg(1)]) => binary("pow", x, y))];
}
const pow = (node: NodeContext): readonly ValueId[] => powOf(node, allInputs(node));
const alignedPow = (node: NodeContext): readonly ValueId[] => powOf(node, alignedInputs(node));

/** Of signed integers since opset 28: to the right it copies the sign. */
function shift(t: DType, x: Expr, y: Expr, node: NodeContext): Expr {
  if (dtypeInfo(t).class === "signed" && node.opset < 28) {
    throw node.typeError(`elements must be unsigned before opset 28, not ${t}`);
  }
  const direction = node.string("direction");
  if (direction !== "LEFT" && direction !== "RIGHT") {
    throw node.attributeError(`direction must be LEFT or RIGHT, not ${JSON.stringify(direction)}`);
  }
  return binary(direction === "LEFT" ? "shl" : "shr", x, y);
}

function isInfinite(_: DType, x: Expr, node: NodeContext): Expr {
  const negative = node.int("detect_negative", 1) !== 0;
  const positive = node.int("detect_positive", 1) !== 0;
  const [below, above] = [unary("isneginf", x), unary("isposinf", x)];
  if (negative && positive) return binary("or", below, above);
  if (negative) return below;
  // Asked for neither, it is false everywhere, but still has x's shape.
  return positive ? above : binary("and", below, above);
}

/** Opset 6: the bounds are attributes. */
function clipByAttributes(node: NodeContext): readonly ValueId[] {
  const dtype = commonDType(node, "float");
  const compute = computeDType(dtype);
  const [low, high] = [node.float("min"), node.float("max")];
  return [
    mapIn(node, compute, dtype, [node.input(0)], ([x = arg(0)]) => {
      const raised = low === undefined ? x : max(x, lit(compute, low));
      return high === undefined ? raised : min(raised, lit(compute, high));
    }),
  ];
}

/** Opset 11: the bounds are optional scalar inputs. The upper one wins where they cross. */
function clip(node: NodeContext): readonly ValueId[] {
  const dtype = commonDType(node, "numeric");
  const bounds = [1, 2].filter((index) => node.hasInput(index));
  if (bounds.length === 0) return [node.input(0)];
  const operands = [node.input(0), ...bounds.map((index) => asScalar(node, node.input(index)))];
  const build = (args: readonly Expr[]): Expr =>
    bounds.reduce((x, index, at) => (index === 1 ? max : min)(x, args[at + 1] ?? x), args[0] ?? arg(0));
  return [mapIn(node, computeDType(dtype), dtype, operands, build)];
}

const magnitude = (t: DType, x: Expr): Expr => (dtypeInfo(t).class === "unsigned" ? x : unary("abs", x));

export const mathOperators: readonly OperatorDef[] = [
  binaryRow("Add", [7, 13, 14], "numeric", (_, x, y) => add(x, y), { alignedSince: 6 }),
  binaryRow("Sub", [7, 13, 14], "numeric", (_, x, y) => sub(x, y), { alignedSince: 6 }),
  binaryRow("Mul", [7, 13, 14], "numeric", (_, x, y) => mul(x, y), { alignedSince: 6 }),
  binaryRow("Div", [7, 13, 14], "numeric", (_, x, y) => div(x, y), { alignedSince: 6 }),
  binaryRow("Mod", [10, 13, 28], "numeric", modulo, { attributes: { fmod: "int" } }),
  operator("Pow", pow, [
    { since: 1, inputs: [2, 2], attributes: alignment, lower: alignedPow },
    { since: [7, 12, 13, 15], attributes: {}, lower: pow },
  ]),
  ...functions.map(([name, since, accepts, fn]) => unaryRow(name, since, accepts, (_, x) => unary(fn, x))),
  unaryRow("Abs", [6, 13], "numeric", magnitude),
  unaryRow("Reciprocal", [6, 13], "float", (t, x) => div(lit(t, 1), x)),
  unaryRow("Erf", [9, 13], "numeric", (_, x) => unary("erf", x), { viaFloat: true }),
  variadicRow("Min", [6, 8, 12, 13], "numeric", min),
  variadicRow("Max", [6, 8, 12, 13], "numeric", max),
  variadicRow("Sum", [6, 8, 13], "float", add),
  variadicRow("Mean", [6, 8, 13], "float", add, (t, x, count) => div(x, lit(t, count))),
  binaryRow("BitShift", [11, 28], "integer", shift, { attributes: { direction: "string!" } }),
  binaryRow("BitwiseAnd", [18], "integer", (_, x, y) => binary("bitand", x, y)),
  binaryRow("BitwiseOr", [18], "integer", (_, x, y) => binary("bitor", x, y)),
  binaryRow("BitwiseXor", [18], "integer", (_, x, y) => binary("bitxor", x, y)),
  unaryRow("IsNaN", [9, 13, 20], "float", (_, x) => unary("isnan", x), { result: "bool" }),
  unaryRow("IsInf", [10, 20], "float", isInfinite, {
    result: "bool",
    attributes: { detect_negative: "int", detect_positive: "int" },
  }),
  operator("Clip", clip, [
    { since: 6, attributes: { min: "float", max: "float" }, lower: clipByAttributes },
    { since: [11, 12, 13], inputs: [1, 3], attributes: {}, optionalInputs: [1, 2], lower: clip },
  ]),
];
