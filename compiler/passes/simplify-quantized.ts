/** What quantized models leave to simplify: casts of casts, clamps before saturation, and a byte that is dequantized and quantized again. */
import { type DType, dtypeInfo, isInteger, isSigned } from "../../ir/dtype.ts";
import { type Expr, exprDType, mapOperands, walkExpr } from "../../ir/expr.ts";
import { makeTensor } from "../../ir/tensor.ts";
import { evaluateOp } from "../../runtime/reference/evaluate.ts";

type Cast = Extract<Expr, { readonly op: "cast" }>;

/** A simpler form of a cast over simplified operands; the same object if there is none. */
export function simplifyCast(expr: Cast, args: readonly DType[]): Expr {
  const from = exprDType(expr.x, args);
  if (from === expr.to) return expr.x;
  if (expr.x.op === "cast" && holdsAll(from, exprDType(expr.x.x, args)) && isInteger(expr.to)) {
    return simplifyCast({ ...expr, x: expr.x.x }, args);
  }
  const unclamped = withoutClamp(expr, from);
  return isSameByte(unclamped, args) ?? unclamped;
}

/** Whether an integer type holds every value of another one. */
function holdsAll(outer: DType, inner: DType): boolean {
  if (!isInteger(outer) || !isInteger(inner)) return false;
  const [a, b] = [dtypeInfo(outer).bits, dtypeInfo(inner).bits];
  return isSigned(outer) === isSigned(inner) ? a >= b : isSigned(outer) && a > b;
}

/** A saturating cast to an unsigned type makes 0 of what is negative, and of NaN: a max(x, 0) on the way there does nothing. */
function withoutClamp(expr: Cast, from: DType): Cast {
  if (!expr.saturate || from !== "f32" || !isInteger(expr.to) || isSigned(expr.to)) return expr;
  const x = unclamped(expr.x);
  return x === expr.x ? expr : { ...expr, x };
}

/** Without the clamp beneath functions that keep the sign. */
function unclamped(expr: Expr): Expr {
  if (expr.op === "unary" && expr.fn === "round") return keepSame(expr, unclamped(expr.x));
  if (expr.op !== "binary") return expr;
  const isPositive = expr.y.op === "const" && Number(expr.y.value) > 0;
  if (isPositive && (expr.fn === "div" || expr.fn === "mul")) return keepSame(expr, unclamped(expr.x));
  const isZero = expr.y.op === "const" && Number(expr.y.value) === 0;
  return isZero && expr.fn === "max" ? expr.x : expr;
}

const keepSame = <E extends Extract<Expr, { readonly x: Expr }>>(expr: E, x: Expr): E =>
  x === expr.x ? expr : { ...expr, x };

const byteValues = {
  i8: Int8Array.from({ length: 256 }, (_, i) => i - 128),
  u8: Uint8Array.from({ length: 256 }, (_, i) => i),
} as const;

/** The operand itself where a function of one byte gives all 256 bytes back as they are; null elsewhere. */
function isSameByte(expr: Cast, args: readonly DType[]): Expr | null {
  const { to } = expr;
  if ((to !== "i8" && to !== "u8") || !expr.saturate) return null;
  const operands: Expr[] = [];
  walkExpr(expr, (e) => {
    if (e.op === "arg") operands.push(e);
  });
  const [operand, ...more] = operands;
  if (operand?.op !== "arg" || more.length > 0 || args[operand.index] !== to) return null;
  const alone = overFirst(expr);
  const bytes = byteValues[to];
  const [result] = evaluateOp({ kind: "map", inputs: [0], expr: alone }, [makeTensor(to, [256], bytes)]);
  return bytes.every((byte, i) => result?.elements[i] === byte) ? operand : null;
}

/** The expression with its operand as the first one. */
const overFirst = (expr: Expr): Expr => (expr.op === "arg" ? { op: "arg", index: 0 } : mapOperands(expr, overFirst));
