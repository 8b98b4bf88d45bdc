/**
 * Scalar expressions: what an elementwise operation computes for one element, and what a fused epilogue does to an accumulator.
 *
 * Semantics. Every subexpression has one dtype; `binary` operands have equal dtypes (lowering inserts casts).
 * - Integers wrap modulo 2^bits; integer `div` truncates toward zero, and division by zero gives 0 (ONNX leaves it undefined).
 * - `mod` takes the divisor's sign, `fmod` the dividend's. `min`/`max` return NaN if either side is NaN. `round` is half-to-even.
 * - Comparisons, `and`/`or`/`xor`/`not`, `isnan`, `isinf` give bool; `sign` of NaN is NaN.
 * - `cast` float -> integer truncates; out of range it wraps, having been clamped to the range of i32 (of i64 for u32 and wider types; NaN -> 0),
 *   unless `saturate` is set, which clamps to the target's range (NaN -> 0). int -> narrower int wraps. float -> bool is `x != 0`.
 * - Small floats (f16, bf16, f8*) appear only under `cast`: arithmetic on them is written as cast to f32, compute, cast back.
 */
import { type DType, dtypeInfo } from "./dtype.ts";

export const unaryFunctions = [
  "neg", "abs", "exp", "log", "sqrt", "floor", "ceil", "round", "sign", "erf", "tanh", "sigmoid",
  "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "asinh", "acosh", "atanh",
  "not", "bitnot", "isnan", "isposinf", "isneginf",
] as const; // prettier-ignore
export const binaryFunctions = [
  "add", "sub", "mul", "div", "mod", "fmod", "pow", "min", "max",
  "and", "or", "xor", "bitand", "bitor", "bitxor", "shl", "shr",
  "eq", "ne", "lt", "le", "gt", "ge",
] as const; // prettier-ignore

export type UnaryFunction = (typeof unaryFunctions)[number];
export type BinaryFunction = (typeof binaryFunctions)[number];
export type ScalarValue = number | bigint | boolean;

export type Expr =
  /** operand `index` of the operation; in an epilogue, 0 is the accumulator */
  | { readonly op: "arg"; readonly index: number }
  | { readonly op: "const"; readonly dtype: DType; readonly value: ScalarValue }
  | { readonly op: "unary"; readonly fn: UnaryFunction; readonly x: Expr }
  | { readonly op: "binary"; readonly fn: BinaryFunction; readonly x: Expr; readonly y: Expr }
  | { readonly op: "select"; readonly cond: Expr; readonly x: Expr; readonly y: Expr }
  | { readonly op: "cast"; readonly to: DType; readonly saturate: boolean; readonly x: Expr };

export const arg = (index: number): Expr => ({ op: "arg", index });
/** A literal; integers of 64 bits are held as bigint, bools as boolean, the rest as number. */
export function lit(dtype: DType, value: ScalarValue): Expr {
  if (dtype === "bool") return { op: "const", dtype, value: Boolean(value) };
  if (dtype === "i64" || dtype === "u64") return { op: "const", dtype, value: BigInt(value) };
  const number = Number(value);
  return { op: "const", dtype, value: dtype === "f32" ? Math.fround(number) : number };
}
export const unary = (fn: UnaryFunction, x: Expr): Expr => ({ op: "unary", fn, x });
export const binary = (fn: BinaryFunction, x: Expr, y: Expr): Expr => ({ op: "binary", fn, x, y });
export const select = (cond: Expr, x: Expr, y: Expr): Expr => ({ op: "select", cond, x, y });
export const cast = (to: DType, x: Expr, saturate = false): Expr => ({ op: "cast", to, saturate, x });

const boolUnary = new Set<UnaryFunction>(["not", "isnan", "isposinf", "isneginf"]);
const boolBinary = new Set<BinaryFunction>(["eq", "ne", "lt", "le", "gt", "ge", "and", "or", "xor"]);

/** The dtype of an expression over operands of the given dtypes; throws an internal error when operands disagree. */
export function exprDType(expr: Expr, args: readonly DType[]): DType {
  switch (expr.op) {
    case "arg": {
      const dtype = args[expr.index];
      if (dtype === undefined) throw new Error(`internal: expression reads $${expr.index} of ${args.length}`);
      return dtype;
    }
    case "const":
      return expr.dtype;
    case "unary": {
      const x = exprDType(expr.x, args);
      return boolUnary.has(expr.fn) ? "bool" : x;
    }
    case "binary": {
      const x = exprDType(expr.x, args);
      const y = exprDType(expr.y, args);
      if (x !== y) throw new Error(`internal: ${expr.fn} of ${x} and ${y}`);
      return boolBinary.has(expr.fn) ? "bool" : x;
    }
    case "select": {
      const x = exprDType(expr.x, args);
      const y = exprDType(expr.y, args);
      const cond = exprDType(expr.cond, args);
      if (x !== y || cond !== "bool") throw new Error(`internal: select(${cond}, ${x}, ${y})`);
      return x;
    }
    case "cast":
      exprDType(expr.x, args);
      return expr.to;
  }
}

/** Rebuilds an expression with every operand replaced. */
export function substitute(expr: Expr, replace: (index: number) => Expr): Expr {
  return expr.op === "arg" ? replace(expr.index) : mapOperands(expr, (operand) => substitute(operand, replace));
}

/** An expression of the same kind over other subexpressions. */
export function mapOperands(expr: Expr, change: (operand: Expr) => Expr): Expr {
  switch (expr.op) {
    case "arg":
    case "const":
      return expr;
    case "unary":
    case "cast":
      return { ...expr, x: change(expr.x) };
    case "binary":
      return { ...expr, x: change(expr.x), y: change(expr.y) };
    case "select":
      return { ...expr, cond: change(expr.cond), x: change(expr.x), y: change(expr.y) };
  }
}

/** The subexpressions that an expression is made of, in the order of their text. */
export function exprOperands(expr: Expr): readonly Expr[] {
  switch (expr.op) {
    case "arg":
    case "const":
      return [];
    case "unary":
    case "cast":
      return [expr.x];
    case "binary":
      return [expr.x, expr.y];
    case "select":
      return [expr.cond, expr.x, expr.y];
  }
}

/** Calls `visit` on every subexpression, children first. */
export function walkExpr(expr: Expr, visit: (expr: Expr) => void): void {
  for (const operand of exprOperands(expr)) walkExpr(operand, visit);
  visit(expr);
}

/** Arithmetic operations of an expression (casts and literals are free); what a cost model charges per element. */
export function exprCost(expr: Expr): number {
  let cost = 0;
  walkExpr(expr, (e) => {
    if (e.op === "unary" || e.op === "binary" || e.op === "select") cost++;
  });
  return cost;
}

/** How often each operand is read. */
export function argUses(expr: Expr, count: number): number[] {
  const uses = new Array<number>(count).fill(0);
  walkExpr(expr, (e) => {
    if (e.op === "arg") uses[e.index] = (uses[e.index] ?? 0) + 1;
  });
  return uses;
}

/** True for dtypes that expressions may compute in (small floats, sub-byte integers and strings must be cast first). */
export function isComputable(dtype: DType): boolean {
  const info = dtypeInfo(dtype);
  return (
    info.bits >= 8 &&
    (info.class === "float" || info.class === "signed" || info.class === "unsigned" || info.class === "bool")
  );
}
