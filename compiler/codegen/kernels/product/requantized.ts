/** Which epilogues of integer products give numbers that their store may saturate, so that they need not be clamped first. */
import type { DType } from "../../../../ir/dtype.ts";
import type { Expr } from "../../../../ir/expr.ts";
import { defined } from "../../../../ir/access.ts";
import { type FloatRange, floatRange, productRange } from "../../float-range.ts";
import type { Operands } from "../../kernel.ts";
import { rangeOfConstant, rangeOfType } from "../../value-range.ts";

/** Numbers below this one become integers by an addition (vector-casts.ts holds that up to 2^22), and stores saturate integers. */
const largest = 2 ** 21;

/**
 * Whether what an epilogue casts to its result, a narrow integer, is small. The accumulator, an i32, sums up `products` products of the op's
 * first two operands; the epilogue's other operands begin with number `fixed`.
 */
export function givesSmall(epilogue: Expr | null, operands: Operands, fixed: number, products: number): boolean {
  if (epilogue?.op !== "cast" || !epilogue.saturate) return false;
  const accumulator = sumRange(numbersOf(operands, 0), numbersOf(operands, 1), products);
  const extras = operands.inputs.slice(fixed);
  const argTypes: readonly DType[] = ["i32", ...extras.map(({ dtype }) => dtype)];
  const ranges = [accumulator, ...extras.map((_, i) => numbersOf(operands, fixed + i))];
  const found = floatRange(epilogue.x, argTypes, ranges);
  return found !== null && Math.max(-found.low, found.high) < largest;
}

const sums = defined(rangeOfType("i32"));

/** All i32 where sums could wrap. */
function sumRange(a: FloatRange | null, b: FloatRange | null, products: number): FloatRange {
  const one = a === null || b === null ? null : productRange(a, b);
  if (one === null) return sums;
  const [low, high] = [Math.min(0, one.low * products), Math.max(0, one.high * products)];
  return low < sums.low || high > sums.high ? sums : { low, high };
}

function numbersOf({ inputs, constants, rangeOf }: Operands, index: number): FloatRange | null {
  const constant = constants[index];
  const dtype = inputs[index]?.dtype;
  if (constant !== undefined) return rangeOfConstant(constant);
  return dtype === undefined ? null : (rangeOf?.(index) ?? rangeOfType(dtype));
}
