/**
 * Floats of 16 bits and fewer to and from f32, by integer arithmetic on their patterns; exact, rounding half to even. Semantics are those
 * of ir/small-float.ts.
 *
 *     widen    move the magnitude's fields to where f32 has them, then multiply by 2^(127 - bias): subnormals come out right by themselves
 *     narrow   add half a unit (less one, plus the lowest kept bit) and shift; below the least normal number, let the adder of f32 round:
 *              adding a power of two whose unit is the format's least subnormal leaves the rounded magnitude in the low bits
 */
import type { DType } from "../../../ir/dtype.ts";
import type { FunctionBuilder, ModuleBuilder } from "../wasm/index.ts";
import { algebra, apply, choose, type Push, pushLocal } from "./algebra.ts";
import { returnIf } from "./f64.ts";

type Signed = "f16" | "bf16" | "f8e4m3fn" | "f8e4m3fnuz" | "f8e5m2" | "f8e5m2fnuz" | "f4e2m1";
export type SmallFloatType = Signed | "f8e8m0";

export interface SmallFloatLayout {
  readonly bits: number;
  readonly mantissaBits: number;
  readonly bias: number;
  /** magnitudes: the largest finite one, infinity, the NaN that is written, the first that is read as NaN */
  readonly largest: number;
  readonly infinity: number | null;
  readonly nan: number;
  readonly firstNan: number;
  /** the pattern of -0 is the NaN, and -0 is written as 0 */
  readonly unsignedZero: boolean;
  readonly saturates: "never" | "by choice" | "always";
}

const never = 0x10000;
const choice = { unsignedZero: false, saturates: "by choice" } as const;
const fnuz = { infinity: null, nan: 0x80, firstNan: never, unsignedZero: true, saturates: "by choice" } as const;

export const smallFloatLayouts: Readonly<Record<Signed, SmallFloatLayout>> = {
  f16: { bits: 16, mantissaBits: 10, bias: 15, largest: 0x7bff, infinity: 0x7c00, nan: 0x7e00, firstNan: 0x7c01, unsignedZero: false, saturates: "never" },
  bf16: { bits: 16, mantissaBits: 7, bias: 127, largest: 0x7f7f, infinity: 0x7f80, nan: 0x7fc0, firstNan: 0x7f81, unsignedZero: false, saturates: "never" },
  f8e5m2: { ...choice, bits: 8, mantissaBits: 2, bias: 15, largest: 0x7b, infinity: 0x7c, nan: 0x7e, firstNan: 0x7d },
  f8e4m3fn: { ...choice, bits: 8, mantissaBits: 3, bias: 7, largest: 0x7e, infinity: null, nan: 0x7f, firstNan: 0x7f },
  f8e4m3fnuz: { ...fnuz, bits: 8, mantissaBits: 3, bias: 8, largest: 0x7f },
  f8e5m2fnuz: { ...fnuz, bits: 8, mantissaBits: 2, bias: 16, largest: 0x7f },
  f4e2m1: { bits: 4, mantissaBits: 1, bias: 1, largest: 7, infinity: null, nan: 8, firstNan: never, unsignedZero: false, saturates: "always" },
}; // prettier-ignore

export const isSmallFloatType = (dtype: DType): dtype is SmallFloatType =>
  dtype === "f8e8m0" || dtype in smallFloatLayouts;

const i32s =
  (f: FunctionBuilder, value: number): Push =>
  () => {
    f.i32(value);
  };

/** (pattern: i32) -> f32 */
export const widenSmallFloat = (module: ModuleBuilder, dtype: SmallFloatType): number =>
  module.shared(`widen ${dtype}`, () =>
    module.function(`${dtype}_to_f32`, { params: ["i32"], results: ["f32"] }, (f) => {
      if (dtype === "f8e8m0") widenE8M0(f);
      else widen(f, smallFloatLayouts[dtype]);
    }),
  );

function widen(f: FunctionBuilder, layout: SmallFloatLayout): void {
  const a = algebra(f, "f32");
  const pattern = pushLocal(f, f.param(0));
  const signBit = 2 ** (layout.bits - 1);
  if (layout.unsignedZero) returnIf(f, apply(f, "i32.eq", pattern, i32s(f, signBit)), a.constant(NaN));
  const magnitude = apply(f, "i32.and", pattern, i32s(f, signBit - 1));
  const isNaN = apply(f, "i32.ge_u", magnitude, i32s(f, layout.firstNan));
  if (layout.firstNan !== never) returnIf(f, isNaN, a.constant(NaN));
  const fields = apply(f, "i32.shl", magnitude, i32s(f, 23 - layout.mantissaBits));
  // two factors: 2^(127 - bias) itself may be beyond the largest float
  const scaled = a.mul(apply(f, "f32.reinterpret_i32", fields), a.constant(2 ** (127 - layout.bias)));
  const size =
    layout.infinity === null
      ? scaled
      : choose(f, "f32", apply(f, "i32.eq", magnitude, i32s(f, layout.infinity)), a.constant(Infinity), scaled);
  const sign = apply(f, "i32.shl", pattern, i32s(f, 32 - layout.bits));
  apply(f, "f32.copysign", size, apply(f, "f32.reinterpret_i32", sign))();
}

/** Powers of two from 2^-127 (a subnormal of f32) to 2^127; 0xff is NaN. */
function widenE8M0(f: FunctionBuilder): void {
  const a = algebra(f, "f32");
  const pattern = pushLocal(f, f.param(0));
  returnIf(f, apply(f, "i32.eq", pattern, i32s(f, 0xff)), a.constant(NaN));
  returnIf(f, apply(f, "i32.eqz", pattern), a.constant(2 ** -127));
  apply(f, "f32.reinterpret_i32", apply(f, "i32.shl", pattern, i32s(f, 23)))();
}

/** (x: f32) -> pattern: i32 */
export const narrowSmallFloat = (module: ModuleBuilder, dtype: SmallFloatType, saturate: boolean): number =>
  module.shared(`narrow ${dtype} ${String(saturate)}`, () =>
    module.function(`f32_to_${dtype}`, { params: ["f32"], results: ["i32"] }, (f) => {
      if (dtype === "f8e8m0") narrowE8M0(f, saturate);
      else narrow(f, smallFloatLayouts[dtype], saturate);
    }),
  );

/** What is too large becomes: the largest finite magnitude, infinity, or (null) the NaN pattern. */
function overflowMagnitude({ saturates, largest, infinity }: SmallFloatLayout, saturate: boolean): number | null {
  return saturates === "always" || (saturates === "by choice" && saturate) ? largest : infinity;
}

function narrow(f: FunctionBuilder, layout: SmallFloatLayout, saturate: boolean): void {
  const { bits, mantissaBits, bias, largest } = layout;
  const x = pushLocal(f, f.param(0));
  returnIf(f, apply(f, "f32.ne", x, x), i32s(f, layout.nan));
  const pattern = f.local("i32");
  x();
  f.op("i32.reinterpret_f32");
  f.set(pattern);
  const size = apply(f, "i32.and", pushLocal(f, pattern), i32s(f, 0x7fffffff));
  const magnitude = f.local("i32");
  narrowMagnitude(f, size, mantissaBits, bias)();
  f.set(magnitude);
  f.get(magnitude);
  f.i32(largest);
  f.op("i32.gt_u");
  f.if(() => {
    const overflow = overflowMagnitude(layout, saturate);
    if (overflow === null) {
      f.i32(layout.nan);
      f.return();
    } else {
      f.i32(overflow);
      f.set(magnitude);
    }
  });
  if (layout.unsignedZero) returnIf(f, apply(f, "i32.eqz", pushLocal(f, magnitude)), i32s(f, 0));
  const sign = apply(f, "i32.shr_u", pushLocal(f, pattern), i32s(f, 32 - bits));
  const signBit = apply(f, "i32.and", sign, i32s(f, 2 ** (bits - 1)));
  apply(f, "i32.or", pushLocal(f, magnitude), signBit)();
}

/** The rounded magnitude, without an upper bound, of the bits of a non-negative float. */
function narrowMagnitude(f: FunctionBuilder, size: Push, mantissaBits: number, bias: number): Push {
  const dropped = 23 - mantissaBits;
  const lowestKept = apply(f, "i32.and", apply(f, "i32.shr_u", size, i32s(f, dropped)), i32s(f, 1));
  const rounded = apply(f, "i32.add", apply(f, "i32.add", size, i32s(f, 2 ** (dropped - 1) - 1)), lowestKept);
  const rebias = (127 - bias) * 2 ** mantissaBits;
  const normal = apply(f, "i32.sub", apply(f, "i32.shr_u", rounded, i32s(f, dropped)), i32s(f, rebias));
  if (bias === 127) return normal;
  const leastNormalBits = (128 - bias) * 2 ** 23;
  const roundingShift = 2 ** (1 - bias - mantissaBits + 23);
  const shiftBits = (1 - bias - mantissaBits + 23 + 127) * 2 ** 23;
  const sum = apply(f, "f32.add", apply(f, "f32.reinterpret_i32", size), () => {
    f.f32(roundingShift);
  });
  const subnormal = apply(f, "i32.sub", apply(f, "i32.reinterpret_f32", sum), i32s(f, shiftBits));
  return choose(f, "i32", apply(f, "i32.lt_u", size, i32s(f, leastNormalBits)), subnormal, normal);
}

/** The least power of two not below |x|. */
function narrowE8M0(f: FunctionBuilder, saturate: boolean): void {
  const size = f.local("i32");
  f.get(f.param(0));
  f.op("i32.reinterpret_f32");
  f.i32(0x7fffffff);
  f.op("i32.and");
  f.set(size);
  const bits = pushLocal(f, size);
  returnIf(f, apply(f, "i32.ge_u", bits, i32s(f, 0x7f800000)), i32s(f, 0xff));
  // 2^-127 is the subnormal with only the highest bit of the mantissa: below it all is 2^-127, above it up to 2^-126 is 2^-126
  const leastPower = 0x400000;
  returnIf(f, apply(f, "i32.le_u", bits, i32s(f, leastPower)), i32s(f, 0));
  const up = apply(f, "i32.shr_u", apply(f, "i32.add", bits, i32s(f, 0x7fffff)), i32s(f, 23));
  const highest = i32s(f, saturate ? 0xfe : 0xff);
  choose(f, "i32", apply(f, "i32.gt_u", up, i32s(f, 0xfe)), highest, up)();
}

/**
 * (x: f64) -> f32 rounded to odd: an inexact result gets an odd last bit, so that rounding it once more to a format of at most 22 bits is as
 * good as rounding x itself.
 */
export const demoteToOdd = (module: ModuleBuilder): number =>
  module.shared("f64 to odd f32", () =>
    module.function("f64_to_odd_f32", { params: ["f64"], results: ["f32"] }, (f) => {
      const x = pushLocal(f, f.param(0));
      const rounded = f.local("f32");
      x();
      f.op("f32.demote_f64");
      f.set(rounded);
      const back = apply(f, "f64.promote_f32", pushLocal(f, rounded));
      const size = apply(f, "f64.abs", x);
      const isExact = apply(f, "f64.eq", back, x);
      const isNaN = apply(f, "f64.ne", x, x);
      returnIf(f, apply(f, "i32.or", isExact, isNaN), pushLocal(f, rounded));
      const bits = f.local("i32");
      f.get(rounded);
      f.op("i32.reinterpret_f32");
      f.set(bits);
      // step back to the float below |x|, then set its last bit
      const isAbove = apply(f, "f64.gt", apply(f, "f64.abs", back), size);
      const below = apply(f, "i32.sub", pushLocal(f, bits), isAbove);
      apply(f, "f32.reinterpret_i32", apply(f, "i32.or", below, i32s(f, 1)))();
    }),
  );
