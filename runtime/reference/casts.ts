/**
 * Conversion between element types, as ir/expr.ts has it. A float that becomes an integer passes through i64 where that is u32 or wider, and through
 * i32 else: it is clamped to that range, and NaN is 0, which is what WebAssembly's saturating truncations give.
 */
import { type DType, dtypeInfo, isBig, isFloat, isInteger } from "../../ir/dtype.ts";
import { decodeSmallFloat, encodeSmallFloat, isSmallFloat, type SmallFloat } from "../../ir/small-float.ts";

export type NumberCast = (x: number) => number;

interface Range {
  readonly least: number;
  readonly most: number;
}

/** Range of an integer type of up to 32 bits. */
export function integerRange(dtype: DType): Range {
  const { bits, class: cls } = dtypeInfo(dtype);
  return cls === "signed"
    ? { least: -(2 ** (bits - 1)), most: 2 ** (bits - 1) - 1 }
    : { least: 0, most: 2 ** bits - 1 };
}

/** The low `bits` of a number in the range of i64, as the integer type reads them. */
function wrapper(dtype: DType): NumberCast {
  const { bits, class: cls } = dtypeInfo(dtype);
  const unused = 32 - bits;
  // `<<` takes the number modulo 2^32, which is exact for every double
  return cls === "signed" ? (x) => (x << unused) >> unused : (x) => (x << unused) >>> unused;
}

/** Brings a result back into its type: integers wrap, f32 and small floats round; null when doubles need nothing. */
export function normalizer(dtype: DType): NumberCast | null {
  if (dtype === "f32") return Math.fround;
  if (isSmallFloat(dtype)) return smallFloatRounder(dtype, false);
  return isInteger(dtype) ? wrapper(dtype) : null;
}

function smallFloatRounder(dtype: SmallFloat, saturate: boolean): NumberCast {
  return (x) => decodeSmallFloat(dtype, encodeSmallFloat(dtype, x, { saturate }));
}

function truncating(dtype: DType): NumberCast {
  const wrap = wrapper(dtype);
  const end = dtype === "u32" ? 2 ** 63 : 2 ** 31;
  const [least, most] = [wrap(-end), dtype === "u32" ? wrap(-1) : wrap(end - 1)];
  return (x) => {
    if (Math.abs(x) < end) return wrap(x);
    return x > 0 ? most : x < 0 ? least : 0;
  };
}

function clamping(dtype: DType): NumberCast {
  const { least, most } = integerRange(dtype);
  return (x) => (Number.isNaN(x) ? 0 : Math.trunc(Math.min(most, Math.max(least, x))) + 0);
}

/** Between types that doubles carry; null when nothing changes. */
export function numberCast(from: DType, to: DType, saturate: boolean): NumberCast | null {
  if (from === to) return null;
  if (to === "bool") return (x) => (x === 0 ? 0 : 1);
  if (isInteger(to)) return saturate ? clamping(to) : isFloat(from) ? truncating(to) : wrapper(to);
  return isSmallFloat(to) ? smallFloatRounder(to, saturate) : normalizer(to);
}

const bigRanges = {
  i64: [-(2n ** 63n), 2n ** 63n - 1n],
  u64: [0n, 2n ** 64n - 1n],
} as const;

const clampBig = (x: bigint, least: bigint, most: bigint): bigint => (x < least ? least : x > most ? most : x);

/** A number as a 64-bit integer; the result may lie outside the type (storing it wraps) unless `saturate` is set. */
export function numberToBig(to: DType, saturate: boolean): (x: number) => bigint {
  const [least, most] = to === "u64" ? bigRanges.u64 : bigRanges.i64;
  return (x) => {
    if (Number.isNaN(x)) return 0n;
    if (Math.abs(x) === Infinity) return x > 0 ? most : saturate ? least : bigRanges.i64[0];
    const value = BigInt(Math.trunc(x));
    return saturate ? clampBig(value, least, most) : clampBig(value, bigRanges.i64[0], most);
  };
}

/**
 * The double that rounds to every narrower float as the integer itself would: beyond 2^53 the bits that do not fit leave a mark in the
 * last place (rounding to odd), so that no tie is made up.
 */
export function bigToDoubleForRounding(x: bigint): number {
  const number = Number(x);
  if (Math.abs(number) < 2 ** 53) return number;
  const dropped = 12n;
  const kept = x >> dropped;
  return Number(kept << dropped === x ? kept : kept | 1n) * 2 ** Number(dropped);
}

/** A 64-bit integer as an element of a type that doubles carry. */
export function bigToNumber(to: DType, saturate: boolean): (x: bigint) => number {
  if (to === "bool") return (x) => (x === 0n ? 0 : 1);
  if (to === "f64") return Number;
  if (!isInteger(to)) {
    const round = numberCast("f64", to, saturate) ?? Number;
    return (x) => round(bigToDoubleForRounding(x));
  }
  const { bits } = dtypeInfo(to);
  if (saturate) {
    const { least, most } = integerRange(to);
    return (x) => Number(clampBig(x, BigInt(least), BigInt(most)));
  }
  return dtypeInfo(to).class === "signed"
    ? (x) => Number(BigInt.asIntN(bits, x))
    : (x) => Number(BigInt.asUintN(bits, x));
}

/** Between 64-bit integers; storing the result wraps. */
export function bigToBig(to: DType, saturate: boolean): (x: bigint) => bigint {
  if (!isBig(to)) throw new Error(`internal: ${to} is no 64-bit integer`);
  if (!saturate) return (x) => x;
  const [least, most] = to === "u64" ? bigRanges.u64 : bigRanges.i64;
  return (x) => clampBig(x, least, most);
}
