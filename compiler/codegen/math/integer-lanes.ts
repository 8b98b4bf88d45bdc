/**
 * Division, remainders, shifts and powers of four integers of up to 32 bits, for which there is no instruction. Quotients are computed in floats that hold
 * them exactly enough: of 16 bits in f32, of 32 bits in f64. Shifts by as many places as each lane says are products with powers of two.
 * Results of narrow types still need wrapping. Semantics are those of integers.ts: nothing traps.
 */
import type { FunctionBuilder, Local } from "../wasm/index.ts";
import { apply, choose, type Push, pushLocal } from "./algebra.ts";
import { pushSplat } from "./constants.ts";
import { roundingShift } from "./double-lanes.ts";
import type { IntegerForm } from "./integers.ts";

const ints = (f: FunctionBuilder, value: number): Push => {
  return () => {
    pushSplat(f, "i32x4", value);
  };
};

/** The value in a local. */
function kept(f: FunctionBuilder, temporaries: Local[], value: Push): Push {
  value();
  const local = f.local("v128");
  f.set(local);
  temporaries.push(local);
  return pushLocal(f, local);
}

/** Works on two vectors from the stack; afterwards the temporaries are free again. */
function withPair(f: FunctionBuilder, body: (keep: (value: Push) => Push, x: Push, y: Push) => void): void {
  const [x, y] = [f.local("v128"), f.local("v128")];
  const temporaries: Local[] = [x, y];
  f.set(y);
  f.set(x);
  body((value) => kept(f, temporaries, value), pushLocal(f, x), pushLocal(f, y));
  f.release(...temporaries);
}

const highHalf = [8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15];
const lowWords = [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27];

/** Truncated quotients of 32 bits; of a divisor 0 anything. A rounded quotient passes no integer: doubles have 53 bits, and two quotients 32. */
function longQuotient(f: FunctionBuilder, signed: boolean, x: Push, y: Push): void {
  const doubles = (vector: Push, isHigh: boolean): void => {
    vector();
    if (isHigh) {
      vector();
      f.shuffle(highHalf);
    }
    f.op(signed ? "f64x2.convert_low_i32x4_s" : "f64x2.convert_low_i32x4_u");
  };
  for (const isHigh of [false, true]) {
    doubles(x, isHigh);
    doubles(y, isHigh);
    f.op("f64x2.div");
    f.op("f64x2.trunc");
    // the integer modulo 2^32 in the low bits: 2^31 wraps as integers do
    pushSplat(f, "f64x2", roundingShift);
    f.op("f64x2.add");
  }
  f.shuffle(lowWords);
}

/** Truncated quotients of up to 16 bits; of a divisor 0 anything. */
function shortQuotient(f: FunctionBuilder, x: Push, y: Push): void {
  x();
  f.op("f32x4.convert_i32x4_s");
  y();
  f.op("f32x4.convert_i32x4_s");
  f.op("f32x4.div");
  f.op("i32x4.trunc_sat_f32x4_s");
}

const quotient =
  (f: FunctionBuilder, { signed, bits }: IntegerForm, x: Push, y: Push): Push =>
  () => {
    if (bits <= 16) shortQuotient(f, x, y);
    else longQuotient(f, signed, x, y);
  };

const isNotZero = (f: FunctionBuilder, y: Push): Push => apply(f, "i32x4.ne", y, ints(f, 0));

/** x / y truncated, 0 for a divisor 0. */
export function divideLanes(f: FunctionBuilder, form: IntegerForm): void {
  withPair(f, (_, x, y) => {
    apply(f, "v128.and", quotient(f, form, x, y), isNotZero(f, y))();
  });
}

/** The remainder with the sign of the dividend, or moved to the divisor's side. */
export function remainderLanes(f: FunctionBuilder, form: IntegerForm, isMoved: boolean): void {
  withPair(f, (keep, x, y) => {
    const difference = apply(f, "i32x4.sub", x, apply(f, "i32x4.mul", quotient(f, form, x, y), y));
    const rest = keep(apply(f, "v128.and", difference, isNotZero(f, y)));
    if (!form.signed || !isMoved) {
      rest();
      return;
    }
    const differ = apply(f, "i32x4.lt_s", apply(f, "v128.xor", rest, y), ints(f, 0));
    const moves = apply(f, "v128.and", differ, isNotZero(f, rest));
    apply(f, "i32x4.add", rest, apply(f, "v128.and", y, moves))();
  });
}

const everyFirstByte = [0, 0, 0, 0, 4, 4, 4, 4, 8, 8, 8, 8, 12, 12, 12, 12];
/** Where the bytes of a word begin, in bits. */
const byteBits = 0x18100800;
/** 2^0 to 2^7 in the bytes 0 to 7; further on nothing. */
const bytePowers = Uint8Array.of(1, 2, 4, 8, 16, 32, 64, 128, 0, 0, 0, 0, 0, 0, 0, 0);

/** 2^n for n in [0, 31], 0 for -1 and 32: each byte of the word looks up what the power has there. */
const powersOfTwo =
  (f: FunctionBuilder, n: Push): Push =>
  () => {
    f.v128(bytePowers);
    n();
    n();
    f.shuffle(everyFirstByte);
    pushSplat(f, "i32x4", byteBits);
    f.op("i8x16.sub");
    f.op("i8x16.swizzle");
  };

/** The places to shift by, as a number that is not beyond the type's width. */
const boundedPlaces = (f: FunctionBuilder, bits: number, y: Push): Push => apply(f, "i32x4.min_u", y, ints(f, bits));

/** x 2^y; nothing is left of a shift by the type's width or more. */
export function shiftLanesLeft(f: FunctionBuilder, { bits }: IntegerForm): void {
  withPair(f, (keep, x, y) => {
    const places = keep(boundedPlaces(f, bits, y));
    apply(f, "i32x4.mul", x, powersOfTwo(f, places))();
  });
}

/** x / 2^y rounded down, as x 2^(b-1-y) / 2^(b-1) with b bits; of signed numbers by what is left without the sign. */
export function shiftLanesRight(f: FunctionBuilder, { signed, bits }: IntegerForm): void {
  withPair(f, (keep, x, y) => {
    const sign = keep(() => {
      x();
      f.i32(31);
      f.op("i32x4.shr_s");
    });
    const size = signed ? keep(apply(f, "v128.xor", x, sign)) : x;
    const places = keep(apply(f, "i32x4.sub", ints(f, bits - 1), boundedPlaces(f, bits, y)));
    const factors = keep(powersOfTwo(f, places));
    const shifted = (): void => {
      if (bits < 32) {
        apply(f, "i32x4.mul", size, factors)();
        f.i32(bits - 1);
        f.op("i32x4.shr_u");
        return;
      }
      for (const half of ["low", "high"] as const) {
        apply(f, `i64x2.extmul_${half}_i32x4_u`, size, factors)();
        f.i32(31);
        f.op("i64x2.shr_u");
      }
      f.shuffle(lowWords);
    };
    if (signed) apply(f, "v128.xor", shifted, sign)();
    else shifted();
  });
}

/** x^y modulo 2^32 by squaring, as many rounds as the largest exponent has bits; exponents are not negative. */
export function raiseLanes(f: FunctionBuilder): void {
  const [x, y, result] = [f.local("v128"), f.local("v128"), f.local("v128")];
  f.set(y);
  f.set(x);
  pushSplat(f, "i32x4", 1);
  f.set(result);
  f.block((done) => {
    f.loop((again) => {
      f.get(y);
      f.op("v128.any_true");
      f.op("i32.eqz");
      f.brIf(done);
      const isOdd = apply(f, "i32x4.neg", apply(f, "v128.and", pushLocal(f, y), ints(f, 1)));
      choose(f, "f32x4", isOdd, apply(f, "i32x4.mul", pushLocal(f, result), pushLocal(f, x)), pushLocal(f, result))();
      f.set(result);
      apply(f, "i32x4.mul", pushLocal(f, x), pushLocal(f, x))();
      f.set(x);
      f.get(y);
      f.i32(1);
      f.op("i32x4.shr_u");
      f.set(y);
      f.br(again);
    });
  });
  f.get(result);
  f.release(x, y, result);
}
