/** Simplifies scalar expressions: evaluates what is constant, drops neutral operations, turns powers into products. */
import { type DType, isFloat } from "../../ir/dtype.ts";
import { binary, type Expr, exprDType, lit, type ScalarValue, unary, walkExpr } from "../../ir/expr.ts";
import { scalarTensor } from "../../ir/tensor.ts";
import { simplifyCast } from "./simplify-quantized.ts";
import { evaluateOp } from "../../runtime/reference/evaluate.ts";

/** The simplified expression; the same object when nothing changed. `args` are the operands' dtypes. */
export function simplifyExpr(expr: Expr, args: readonly DType[]): Expr {
  const inner = simplifyChildren(expr, args);
  if (inner.op !== "const" && isClosed(inner)) return evaluate(inner, args);
  return simplifyNode(inner, args);
}

/** Nodes of an expression: what bounds the size of fused expressions. */
export function exprSize(expr: Expr): number {
  let size = 0;
  walkExpr(expr, () => size++);
  return size;
}

/** Structural equality; literals are equal when they have the same bits. */
export function sameExpr(a: Expr, b: Expr): boolean {
  if (a === b) return true;
  if (a.op !== b.op) return false;
  switch (a.op) {
    case "arg":
      return a.index === (b as typeof a).index;
    case "const":
      return a.dtype === (b as typeof a).dtype && Object.is(a.value, (b as typeof a).value);
    case "unary":
      return a.fn === (b as typeof a).fn && sameExpr(a.x, (b as typeof a).x);
    case "cast":
      return a.to === (b as typeof a).to && a.saturate === (b as typeof a).saturate && sameExpr(a.x, (b as typeof a).x);
    case "binary":
      return a.fn === (b as typeof a).fn && sameExpr(a.x, (b as typeof a).x) && sameExpr(a.y, (b as typeof a).y);
    case "select": {
      const { cond, x, y } = b as typeof a;
      return sameExpr(a.cond, cond) && sameExpr(a.x, x) && sameExpr(a.y, y);
    }
  }
}

function simplifyChildren(expr: Expr, args: readonly DType[]): Expr {
  switch (expr.op) {
    case "arg":
    case "const":
      return expr;
    case "unary":
    case "cast": {
      const x = simplifyExpr(expr.x, args);
      return x === expr.x ? expr : { ...expr, x };
    }
    case "binary": {
      const x = simplifyExpr(expr.x, args);
      const y = simplifyExpr(expr.y, args);
      return x === expr.x && y === expr.y ? expr : { ...expr, x, y };
    }
    case "select": {
      const cond = simplifyExpr(expr.cond, args);
      const x = simplifyExpr(expr.x, args);
      const y = simplifyExpr(expr.y, args);
      return cond === expr.cond && x === expr.x && y === expr.y ? expr : { ...expr, cond, x, y };
    }
  }
}

function isClosed(expr: Expr): boolean {
  let closed = true;
  walkExpr(expr, (e) => {
    if (e.op === "arg") closed = false;
  });
  return closed;
}

/** Evaluates an expression without operands, by the rules that constants are folded with; NaN stays symbolic. */
function evaluate(expr: Expr, args: readonly DType[]): Expr {
  const dtype = exprDType(expr, args);
  const [result] = evaluateOp({ kind: "map", inputs: [0], expr }, [scalarTensor("f32", 0)]);
  const value = result?.elements[0];
  if (value === undefined || typeof value === "string" || !isLiteral(dtype)) return expr;
  return lit(dtype, dtype === "bool" ? Number(value) !== 0 : value);
}

/** Types whose stored element is the value itself (small floats store bit patterns). */
const isLiteral = (dtype: DType): boolean => dtype === "f32" || dtype === "f64" || !isFloat(dtype);

function simplifyNode(expr: Expr, args: readonly DType[]): Expr {
  switch (expr.op) {
    case "binary":
      return simplifyBinary(expr, args);
    case "cast":
      return simplifyCast(expr, args);
    case "select":
      return expr.cond.op === "const" ? (expr.cond.value === true ? expr.x : expr.y) : expr;
    case "unary":
      return expr.fn === "neg" && expr.x.op === "unary" && expr.x.fn === "neg" ? expr.x.x : expr;
    case "arg":
    case "const":
      return expr;
  }
}

function simplifyBinary(expr: Extract<Expr, { readonly op: "binary" }>, args: readonly DType[]): Expr {
  const { fn, x, y } = expr;
  if (isNumber(y, 1) && (fn === "mul" || fn === "div" || fn === "pow")) return x;
  if (isNumber(x, 1) && fn === "mul") return y;
  if (isNumber(y, 0) && (fn === "add" || fn === "sub")) return x;
  if (isNumber(x, 0) && fn === "add") return y;
  if (fn === "pow" && isFloat(exprDType(x, args)) && y.op === "const") return simplifyPower(expr, x, Number(y.value));
  if (fn === "div" && y.op === "const" && isPowerOfTwo(Number(y.value)) && isFloat(y.dtype)) {
    return binary("mul", x, lit(y.dtype, 1 / Number(y.value)));
  }
  return expr;
}

/** Small integer powers as products, one half as a root; the rest stays. */
function simplifyPower(power: Expr, x: Expr, exponent: number): Expr {
  if (exponent === 2) return binary("mul", x, x);
  if (exponent === 3) return binary("mul", binary("mul", x, x), x);
  if (exponent === 0.5 && x.op === "unary" && x.fn === "abs") return unary("sqrt", x);
  return power;
}

const isNumber = (expr: Expr, value: ScalarValue): boolean =>
  expr.op === "const" && Number(expr.value) === Number(value);

const isPowerOfTwo = (value: number): boolean => {
  const exponent = Math.log2(Math.abs(value));
  return Number.isInteger(exponent) && Math.abs(exponent) < 64;
};
