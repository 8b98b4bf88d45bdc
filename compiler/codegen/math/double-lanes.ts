/** Two doubles in a vector: their bits as integers, operands in locals, and lanes that are left to scalar code. */
import { nth } from "../../../ir/access.ts";
import type { FunctionBuilder, Local, ModuleBuilder } from "../wasm/index.ts";
import { type Algebra, algebra, apply, type Push, pushLocal } from "./algebra.ts";
import { pushSplat } from "./constants.ts";

/** The module's function of doubles, emitted on first use. */
export type DoubleFunction = (module: ModuleBuilder) => number;

/** Adding it leaves a double below 2^51 rounded to an integer, in the low bits of the mantissa: 1.5 * 2^52. */
export const roundingShift = 6755399441055744;

/** Bits of the square root of 1/2. */
export const sqrtHalfBits = 0x3fe6a09e667f3bcdn;
const exponentBits = 0x3fe0000000000000n;
const significandBits = 0xfffffffffffffn;

/** The integer in both lanes. */
export const longs = (f: FunctionBuilder, value: bigint): Push => {
  return () => {
    pushSplat(f, "i64x2", value);
  };
};

export const shiftedLongs = (f: FunctionBuilder, op: "i64x2.shl" | "i64x2.shr_u", x: Push, by: number): Push => {
  return () => {
    x();
    f.i32(by);
    f.op(op);
  };
};

/** w = m 2^e of doubles that are positive, finite and not subnormal; m in [sqrt 1/2, sqrt 2). */
export function splitDoubles(f: FunctionBuilder, d: Algebra, w: Push): { readonly e: Push; readonly m: Push } {
  const offset = d.let(apply(f, "i64x2.sub", w, longs(f, sqrtHalfBits - exponentBits)));
  // the exponent in the low bits of a double from 2^52 on is 1022 more than e
  const biased = apply(f, "v128.or", shiftedLongs(f, "i64x2.shr_u", offset, 52), d.constant(2 ** 52));
  const significand = apply(f, "v128.and", offset, longs(f, significandBits));
  return {
    e: d.sub(biased, d.constant(2 ** 52 + 1022)),
    m: d.let(apply(f, "i64x2.add", significand, longs(f, sqrtHalfBits))),
  };
}

/** Works in an algebra of two doubles, over operands from the stack; afterwards the temporaries are free again. */
export function withDoubles(f: FunctionBuilder, count: 1 | 2, body: (d: Algebra, x: Push, y: Push) => void): void {
  const temporaries: Local[] = [];
  const operands = f.localArray("v128", count);
  for (const operand of operands.toReversed()) f.set(operand);
  const [x, y] = [nth(operands, 0), nth(operands, count - 1)];
  body(algebra(f, "f64x2", temporaries), pushLocal(f, x), pushLocal(f, y));
  f.release(...operands, ...temporaries);
}

type Pair = "f64x2" | "i64x2";

/** Computes either lane by scalar code, which finds its operands on the stack. */
export function perDouble(f: FunctionBuilder, operands: readonly Push[], scalar: () => void): void {
  perHalf(f, "f64x2", "f64x2", operands, scalar);
}

/** The same of operands and results of the shapes that are given. */
export function perHalf(f: FunctionBuilder, from: Pair, to: Pair, operands: readonly Push[], scalar: () => void): void {
  const low = f.local("v128");
  for (const lane of [0, 1]) {
    if (lane === 1) f.get(low);
    for (const operand of operands) {
      operand();
      f.lane(`${from}.extract_lane`, lane);
    }
    scalar();
    if (lane === 0) {
      f.op(`${to}.splat`);
      f.set(low);
    } else f.lane(`${to}.replace_lane`, lane);
  }
  f.release(low);
}

/** The vector form, and in lanes where a mask does not hold the scalar form: what an element becomes is nothing of its neighbour's. */
export function whereUsual(
  f: FunctionBuilder,
  d: Algebra,
  isUsual: Push,
  operands: readonly Push[],
  define: DoubleFunction,
  usual: Push,
): Push {
  const mask = d.let(isUsual);
  const value = d.let(usual);
  return () => {
    mask();
    f.op("i64x2.all_true");
    f.if(
      value,
      () => {
        value();
        perDouble(f, operands, () => {
          f.call(define(f.module));
        });
        mask();
        f.op("v128.bitselect");
      },
      "v128",
    );
  };
}
