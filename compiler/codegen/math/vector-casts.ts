/** Casts of four lanes (see vector-ops.ts for their form; f16 and bf16 are patterns in lanes of 32 bits). */
import type { DType } from "../../../ir/dtype.ts";
import type { FunctionBuilder, Local, ModuleBuilder } from "../wasm/index.ts";
import { apply, choose, type Push, pushLocal } from "./algebra.ts";
import { pushSplat } from "./constants.ts";
import { integerForm } from "./integers.ts";
import { isSmallFloatType, smallFloatLayouts } from "./small-floats.ts";
import { perLane } from "./per-lane.ts";
import { wrapLanes } from "./vector-ops.ts";

type Wide = "f16" | "bf16";

/** Converts the vector on the stack between types that have a lane form; `isWhole` says that floats have no fraction. */
export function castVector(f: FunctionBuilder, from: DType, to: DType, saturate: boolean, isWhole = false): void {
  if (from === to) return;
  if (isSmallFloatType(from)) {
    widenLanes(f, from as Wide);
    castVector(f, "f32", to, saturate);
  } else if (isSmallFloatType(to)) {
    castVector(f, from, "f32", saturate);
    narrowLanes(f, to as Wide);
  } else if (to === "bool") {
    pushSplat(f, from === "f32" ? "f32x4" : "i32x4", 0);
    f.op(from === "f32" ? "f32x4.ne" : "i32x4.ne");
  } else if (from === "bool") {
    pushSplat(f, to === "f32" ? "f32x4" : "i32x4", 1);
    f.op("v128.and");
  } else if (to === "f32") {
    const { signed, bits } = integerForm(from);
    f.op(signed || bits < 32 ? "f32x4.convert_i32x4_s" : "f32x4.convert_i32x4_u");
  } else if (from === "f32" && saturate && integerForm(to).bits < 32) clampFloatLanes(f, to, isWhole);
  else if (from === "f32") castFloatLanes(f, to, saturate);
  else castIntegerLanes(f, from, to, saturate);
}

/**
 * True when `castVector` gives what the scalar cast gives: an i32 must not lose bits on its way through f32 to a narrower float. What loses bits is infinite
 * in f16.
 */
export const hasVectorCast = (from: DType, to: DType): boolean =>
  !isSmallFloatType(to) ||
  to === "f16" ||
  from === "f32" ||
  isSmallFloatType(from) ||
  (from !== "i32" && from !== "u32");

function castFloatLanes(f: FunctionBuilder, to: DType, saturate: boolean): void {
  const form = integerForm(to);
  if (!saturate) {
    if (to === "u32") f.call(truncateWrapping(f.module));
    else f.op("i32x4.trunc_sat_f32x4_s");
    wrapLanes(f, form);
    return;
  }
  f.op(to === "u32" ? "i32x4.trunc_sat_f32x4_u" : "i32x4.trunc_sat_f32x4_s");
}

/** Added to a float below 2^22, this leaves an integer in the low bits: 1.5 * 2^23, and its pattern. */
const integerBase = { value: 12_582_912, bits: 0x4b400000 };

/**
 * Saturated to a narrow type: clamped as floats, then the adder makes the integer. Engines turn `trunc_sat` into seven or more instructions;
 * these are five. NaN becomes 0.
 */
function clampFloatLanes(f: FunctionBuilder, to: DType, isWhole: boolean): void {
  clampToType(f, to);
  if (!isWhole) f.op("f32x4.trunc");
  makeIntegers(f, 0);
}

/**
 * Saturates round(x) + zero to a narrow type, for the floats x on the stack; `zero` is not 0 for unsigned types only. Without the clamp x must
 * be less than 2^22 in magnitude, and integers beyond the type are left as they are.
 */
export function quantizeLanes(f: FunctionBuilder, to: DType, zero: number, isClamped = true): void {
  if (isClamped) clampToType(f, to, zero);
  // the sum has no bits for a fraction: the adder rounds to the nearest integer, halves to even ones
  makeIntegers(f, zero);
}

/** Clamps floats to the values of a type less `zero`; NaN becomes 0 (the least value of an unsigned type). */
export function clampToType(f: FunctionBuilder, to: DType, zero = 0): void {
  const form = integerForm(to);
  const { least, most } = boundsOf(form);
  const x = f.local("v128");
  f.set(x);
  if (form.signed) {
    // NaN alone differs from itself
    for (let i = 0; i < 3; i++) f.get(x);
    f.op("f32x4.eq");
    f.op("v128.and");
    f.set(x);
  }
  // pmax gives its first operand where the comparison fails, as it does for NaN
  pushSplat(f, "f32x4", least - zero);
  f.get(x);
  f.op("f32x4.pmax");
  pushSplat(f, "f32x4", most - zero);
  f.op("f32x4.pmin");
  f.release(x);
}

/** Floats of less than 2^22 to the nearest integers, plus `zero`. */
function makeIntegers(f: FunctionBuilder, zero: number): void {
  pushSplat(f, "f32x4", integerBase.value);
  f.op("f32x4.add");
  pushSplat(f, "i32x4", integerBase.bits - zero);
  f.op("i32x4.sub");
}

/** Rounds floats of less than 2^22 to integers, halves to even ones; zero has no sign then, as that of an integer has none. */
export function roundLanes(f: FunctionBuilder): void {
  pushSplat(f, "f32x4", integerBase.value);
  f.op("f32x4.add");
  pushSplat(f, "f32x4", integerBase.value);
  f.op("f32x4.sub");
}

/** Floats without their fraction, zero without its sign; `isWhole` says that there is no fraction. */
export function wholeLanes(f: FunctionBuilder, isWhole: boolean): void {
  if (!isWhole) f.op("f32x4.trunc");
  pushSplat(f, "f32x4", 0);
  f.op("f32x4.add");
}

/** Least and largest value of an integer type. */
const boundsOf = ({ signed, bits }: { signed: boolean; bits: number }): { least: number; most: number } => ({
  least: signed ? -(2 ** (bits - 1)) : 0,
  most: 2 ** (signed ? bits - 1 : bits) - 1,
});

/** Truncation modulo 2^32: beyond the range of i32 (which hardly happens) lane by lane through i64. */
const truncateWrapping = (module: ModuleBuilder): number =>
  module.shared("f32x4 wrapping truncation", () =>
    module.function("f32x4_to_i32x4", { params: ["v128"], results: ["v128"] }, (f) => {
      const x = pushLocal(f, f.param(0));
      const isLarge = apply(f, "f32x4.ge", apply(f, "f32x4.abs", x), () => {
        f.splatConst("f32x4", 2 ** 31);
      });
      apply(f, "v128.any_true", isLarge)();
      f.if(() => {
        perLane(f, [{ vector: x, kind: "f32" }], "i32", () => {
          f.op("i64.trunc_sat_f32_s");
          f.op("i32.wrap_i64");
        });
        f.return();
      });
      apply(f, "i32x4.trunc_sat_f32x4_s", x)();
    }),
  );

/** Clamps lanes, compared signed or unsigned, to a type of at most 32 bits. */
function clampLanes(f: FunctionBuilder, sign: "s" | "u", form: { signed: boolean; bits: number }): void {
  const { least, most } = boundsOf(form);
  if (sign === "s" && least > -(2 ** 31)) {
    pushSplat(f, "i32x4", least);
    f.op("i32x4.max_s");
  }
  if (most < 2 ** (sign === "s" ? 31 : 32) - 1) {
    pushSplat(f, "i32x4", most);
    f.op(`i32x4.min_${sign}`);
  }
}

function castIntegerLanes(f: FunctionBuilder, from: DType, to: DType, saturate: boolean): void {
  const source = integerForm(from);
  const target = integerForm(to);
  // lanes hold narrow integers widened: what the target holds too stays as it is
  if (isWithin(boundsOf(source), boundsOf(target))) return;
  if (saturate) clampLanes(f, source.signed || source.bits < 32 ? "s" : "u", target);
  else wrapLanes(f, target);
}

const isWithin = (inner: { least: number; most: number }, outer: { least: number; most: number }): boolean =>
  inner.least >= outer.least && inner.most <= outer.most;

const lanes =
  (f: FunctionBuilder, value: number): Push =>
  () => {
    pushSplat(f, "i32x4", value);
  };
const shift =
  (f: FunctionBuilder, op: "i32x4.shl" | "i32x4.shr_u", x: Push, by: number): Push =>
  () => {
    x();
    f.i32(by);
    f.op(op);
  };

function withOperand(f: FunctionBuilder, body: (x: Push, temporary: () => Local) => void): void {
  const temporaries: Local[] = [];
  const temporary = (): Local => {
    const local = f.local("v128");
    temporaries.push(local);
    return local;
  };
  const x = temporary();
  f.set(x);
  body(pushLocal(f, x), temporary);
  f.release(...temporaries);
}

/** Patterns to f32; an exponent field of all ones becomes that of f32. */
function widenLanes(f: FunctionBuilder, dtype: Wide): void {
  if (dtype === "bf16") {
    f.i32(16);
    f.op("i32x4.shl");
    return;
  }
  withOperand(f, (x) => {
    const magnitude = apply(f, "v128.and", x, lanes(f, 0x7fff));
    const scale = (): void => {
      pushSplat(f, "f32x4", 2 ** 112);
    };
    const scaled = apply(f, "f32x4.mul", shift(f, "i32x4.shl", magnitude, 13), scale);
    const isSpecial = apply(f, "i32x4.ge_s", magnitude, lanes(f, 0x7c00));
    const special = apply(f, "v128.and", isSpecial, lanes(f, 0x7f800000));
    const sign = shift(f, "i32x4.shl", apply(f, "v128.and", x, lanes(f, 0x8000)), 16);
    apply(f, "v128.or", apply(f, "v128.or", scaled, special), sign)();
  });
}

/** f32 to patterns, rounding half to even (see small-floats.ts). */
function narrowLanes(f: FunctionBuilder, dtype: Wide): void {
  const { mantissaBits, bias, nan, infinity, largest } = smallFloatLayouts[dtype];
  const dropped = 23 - mantissaBits;
  withOperand(f, (x, temporary) => {
    const sizeLocal = temporary();
    const size = pushLocal(f, sizeLocal);
    apply(f, "v128.and", x, lanes(f, 0x7fffffff))();
    f.set(sizeLocal);
    const lowestKept = apply(f, "v128.and", shift(f, "i32x4.shr_u", size, dropped), lanes(f, 1));
    const half = apply(f, "i32x4.add", size, lanes(f, 2 ** (dropped - 1) - 1));
    const rounded = shift(f, "i32x4.shr_u", apply(f, "i32x4.add", half, lowestKept), dropped);
    const normal = apply(f, "i32x4.sub", rounded, lanes(f, (127 - bias) * 2 ** mantissaBits));
    const magnitude =
      bias === 127
        ? normal
        : choose(
            f,
            "f32x4",
            apply(f, "i32x4.lt_s", size, lanes(f, (128 - bias) * 2 ** 23)),
            subnormal(f, size),
            normal,
          );
    const bounded = apply(f, "i32x4.min_s", magnitude, lanes(f, infinity ?? largest));
    const sign = apply(f, "v128.and", shift(f, "i32x4.shr_u", x, 16), lanes(f, 0x8000));
    choose(f, "f32x4", apply(f, "f32x4.ne", x, x), lanes(f, nan), apply(f, "v128.or", bounded, sign))();
  });
}

/** Below the least normal f16, adding 0.5 leaves the magnitude in the low bits, rounded by the adder. */
const subnormal = (f: FunctionBuilder, size: Push): Push => {
  const half = (): void => {
    pushSplat(f, "f32x4", 0.5);
  };
  return apply(f, "i32x4.sub", apply(f, "f32x4.add", size, half), lanes(f, 0x3f000000));
};
