/**
 * Short names for building scalar expressions, and the compound ones that more than one operator needs. Everything is written so that
 * no intermediate overflows where the result does not.
 */
import type { DType } from "../../../ir/dtype.ts";
import { binary, type Expr, lit, select, unary } from "../../../ir/expr.ts";

export const neg = (x: Expr): Expr => unary("neg", x);
export const abs = (x: Expr): Expr => unary("abs", x);
export const exp = (x: Expr): Expr => unary("exp", x);
export const log = (x: Expr): Expr => unary("log", x);
export const sqrt = (x: Expr): Expr => unary("sqrt", x);
export const tanh = (x: Expr): Expr => unary("tanh", x);
export const sigmoid = (x: Expr): Expr => unary("sigmoid", x);
export const add = (x: Expr, y: Expr): Expr => binary("add", x, y);
export const sub = (x: Expr, y: Expr): Expr => binary("sub", x, y);
export const mul = (x: Expr, y: Expr): Expr => binary("mul", x, y);
export const div = (x: Expr, y: Expr): Expr => binary("div", x, y);
export const min = (x: Expr, y: Expr): Expr => binary("min", x, y);
export const max = (x: Expr, y: Expr): Expr => binary("max", x, y);
export const lt = (x: Expr, y: Expr): Expr => binary("lt", x, y);
export const gt = (x: Expr, y: Expr): Expr => binary("gt", x, y);

export const square = (x: Expr): Expr => mul(x, x);

/** log(1 + e^x), exact for large x and never infinite. */
export const softplus = (t: DType, x: Expr): Expr => add(max(x, lit(t, 0)), log(add(lit(t, 1), exp(neg(abs(x))))));

/** alpha (e^x - 1); only meant for x <= 0. */
export const expMinusOne = (t: DType, alpha: number, x: Expr): Expr => mul(lit(t, alpha), sub(exp(x), lit(t, 1)));

/** x between two literals. */
export const clamp = (t: DType, low: number, high: number, x: Expr): Expr => min(max(x, lit(t, low)), lit(t, high));

/** x P(X <= x) for a standard normal X, by erf. */
export const gelu = (t: DType, x: Expr): Expr =>
  mul(mul(lit(t, 0.5), x), add(lit(t, 1), unary("erf", mul(x, lit(t, Math.SQRT1_2)))));

/** The tanh approximation of gelu (Hendrycks and Gimpel, 2016). */
export const geluTanh = (t: DType, x: Expr): Expr => {
  const cubic = mul(x, add(lit(t, 1), mul(lit(t, 0.044715), square(x))));
  return mul(mul(lit(t, 0.5), x), add(lit(t, 1), tanh(mul(lit(t, Math.sqrt(2 / Math.PI)), cubic))));
};

/** x sigmoid(alpha x). */
export const swish = (t: DType, alpha: number, x: Expr): Expr =>
  mul(x, sigmoid(alpha === 1 ? x : mul(lit(t, alpha), x)));

/** x below `limit` maps to `low`, the rest to `high`. */
export const below = (t: DType, limit: number, x: Expr, low: Expr, high: Expr): Expr =>
  select(lt(x, lit(t, limit)), low, high);
