/**
 * Between which numbers a float expression's value lies, given bounds of its operands: what a quantizer need not clamp. Bounds are those of
 * exact arithmetic; the roundings of f32 on the way move a value by a few parts in a million.
 */
import type { DType } from "../../ir/dtype.ts";
import { type BinaryFunction, type Expr, exprDType } from "../../ir/expr.ts";
import { combined, rangeOfExpr } from "./value-range.ts";

/** Least and largest of some numbers, none of which is NaN. */
export interface FloatRange {
  readonly low: number;
  readonly high: number;
}

type Ranges = readonly (FloatRange | null)[];

/** Beyond, f32 might overflow on the way. */
const largest = 2 ** 120;

/** The numbers that an expression of f32 or of integers can give; null where it could give any, or NaN. */
export function floatRange(expr: Expr, argTypes: readonly DType[], ranges: Ranges): FloatRange | null {
  if (exprDType(expr, argTypes) !== "f32") return rangeOfExpr(expr, argTypes, ranges);
  const found = unchecked(expr, argTypes, ranges);
  return found !== null && Math.abs(found.low) < largest && Math.abs(found.high) < largest ? found : null;
}

function unchecked(expr: Expr, argTypes: readonly DType[], ranges: Ranges): FloatRange | null {
  switch (expr.op) {
    case "arg":
      return ranges[expr.index] ?? null;
    case "const":
      return spanOf(Number(expr.value));
    case "unary": {
      const x = floatRange(expr.x, argTypes, ranges);
      if (x === null) return null;
      if (expr.fn === "round") return { low: Math.floor(x.low), high: Math.ceil(x.high) };
      return expr.fn === "neg" ? { low: -x.high, high: -x.low } : null;
    }
    case "binary":
      return combinedFloats(expr.fn, floatRange(expr.x, argTypes, ranges), floatRange(expr.y, argTypes, ranges));
    case "cast":
      return floatRange(expr.x, argTypes, ranges);
    case "select":
      return null;
  }
}

/** The range that some numbers span; null if one is no number. */
function spanOf(...numbers: readonly number[]): FloatRange | null {
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  return Number.isNaN(low) ? null : { low, high };
}

/** A product of numbers within bounds lies between the products of those. */
export const productRange = (x: FloatRange, y: FloatRange): FloatRange | null =>
  spanOf(x.low * y.low, x.low * y.high, x.high * y.low, x.high * y.high);

function quotientRange(x: FloatRange, y: FloatRange): FloatRange | null {
  return y.low > 0 ? spanOf(x.low / y.low, x.low / y.high, x.high / y.low, x.high / y.high) : null;
}

function combinedFloats(fn: BinaryFunction, x: FloatRange | null, y: FloatRange | null): FloatRange | null {
  if (x === null || y === null) return null;
  if (fn === "mul") return productRange(x, y);
  return fn === "div" ? quotientRange(x, y) : combined(fn, x, y);
}
