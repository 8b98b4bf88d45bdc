/**
 * The functions of ir/expr.ts on one element: doubles for every type but the 64-bit integers, which are bigint. Results are not yet
 * rounded or wrapped to the type; `rounding.ts` does that, except where wrapping later would be wrong (products of 32-bit integers).
 */
import type { BinaryFunction, UnaryFunction } from "../../ir/expr.ts";
import { type DType, dtypeInfo, isInteger } from "../../ir/dtype.ts";
import { erf } from "./erf.ts";

export type NumberUnary = (x: number) => number;
export type NumberBinary = (x: number, y: number) => number;
export type BigUnary = (x: bigint) => bigint;
export type BigBinary = (x: bigint, y: bigint) => bigint;

/** Adding and taking away 1.5 * 2^52 leaves a double rounded to an integer, half to even, as the addition rounds. */
const roundingShift = 1.5 * 2 ** 52;

/** Nearest integer, halves to even; keeps the sign of zero. */
export function roundHalfEven(x: number): number {
  if (!(Math.abs(x) < 2 ** 51)) return x;
  const rounded = x + roundingShift - roundingShift;
  return rounded === 0 && (x < 0 || Object.is(x, -0)) ? -0 : rounded;
}

/** IEEE pow: unlike JavaScript's, pow(1, y) is 1 for every y, and pow(-1, ±inf) is 1. */
export function power(x: number, y: number): number {
  if (x === 1 || (x === -1 && Math.abs(y) === Infinity)) return 1;
  return x ** y;
}

/** Remainder with the divisor's sign (Python's `%`). */
function floatMod(x: number, y: number): number {
  const rest = x % y;
  if (rest === 0) return y < 0 || Object.is(y, -0) ? -0 : 0;
  return rest < 0 !== y < 0 ? rest + y : rest;
}

const bool = (value: boolean): number => (value ? 1 : 0);

const same: NumberUnary = (x) => x;

const floatUnary: Readonly<Record<UnaryFunction, NumberUnary>> = {
  neg: (x) => -x,
  abs: Math.abs,
  exp: Math.exp,
  log: Math.log,
  sqrt: Math.sqrt,
  floor: Math.floor,
  ceil: Math.ceil,
  round: roundHalfEven,
  sign: Math.sign,
  erf,
  tanh: Math.tanh,
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  asin: Math.asin,
  acos: Math.acos,
  atan: Math.atan,
  sinh: Math.sinh,
  cosh: Math.cosh,
  asinh: Math.asinh,
  acosh: Math.acosh,
  atanh: Math.atanh,
  not: (x) => bool(x === 0),
  bitnot: (x) => ~x,
  isnan: (x) => bool(Number.isNaN(x)),
  isposinf: (x) => bool(x === Infinity),
  isneginf: (x) => bool(x === -Infinity),
};

const floatBinary: Readonly<Record<BinaryFunction, NumberBinary>> = {
  add: (x, y) => x + y,
  sub: (x, y) => x - y,
  mul: (x, y) => x * y,
  div: (x, y) => x / y,
  mod: floatMod,
  fmod: (x, y) => x % y,
  pow: power,
  min: Math.min,
  max: Math.max,
  and: (x, y) => x & y,
  or: (x, y) => x | y,
  xor: (x, y) => x ^ y,
  bitand: (x, y) => x & y,
  bitor: (x, y) => x | y,
  bitxor: (x, y) => x ^ y,
  shl: notForFloats,
  shr: notForFloats,
  eq: (x, y) => bool(x === y),
  ne: (x, y) => bool(x !== y),
  lt: (x, y) => bool(x < y),
  le: (x, y) => bool(x <= y),
  gt: (x, y) => bool(x > y),
  ge: (x, y) => bool(x >= y),
};

function notForFloats(): never {
  throw new Error("internal: shift of floats");
}

/** Where integers of up to 32 bits differ from floats; x and y are in range of their type, results may leave it. */
const integerBinary: ReadonlyMap<BinaryFunction, (bits: number) => NumberBinary> = new Map<
  BinaryFunction,
  (bits: number) => NumberBinary
>([
  ["mul", (bits) => (bits === 32 ? Math.imul : floatBinary.mul)],
  ["div", () => (x, y) => (y === 0 ? 0 : Math.trunc(x / y))],
  ["mod", () => (x, y) => (y === 0 ? 0 : floatMod(x, y))],
  ["fmod", () => (x, y) => (y === 0 ? 0 : x % y)],
  ["pow", () => integerPower],
  ["shl", (bits) => (x, y) => (y >= 0 && y < bits ? x << y : 0)],
  ["shr", (bits) => (x, y) => shiftRight(x, y, bits)],
]);

/** A shift by the width or more leaves nothing, or the sign. */
function shiftRight(x: number, y: number, bits: number): number {
  const within = y >= 0 && y < bits;
  if (x < 0) return within ? x >> y : -1;
  return within ? x >>> y : 0;
}

/** x^y modulo 2^32; 1/x^|y| truncated for negative y. */
function integerPower(x: number, y: number): number {
  if (y < 0) return negativePower(x, y % 2 === 0);
  let result = 1;
  for (let base = x, rest = y; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = Math.imul(result, base);
    base = Math.imul(base, base);
  }
  return result;
}

function negativePower(x: number, even: boolean): number {
  if (x === 1) return 1;
  return x === -1 ? (even ? 1 : -1) : 0;
}

/** A unary function on elements of `dtype` (not a 64-bit integer) held as doubles. */
export function numberUnary(fn: UnaryFunction, dtype: DType): NumberUnary {
  const rounding = fn === "floor" || fn === "ceil" || fn === "round";
  return rounding && isInteger(dtype) ? same : floatUnary[fn];
}

/** A binary function on elements of `dtype` (not a 64-bit integer) held as doubles. */
export function numberBinary(fn: BinaryFunction, dtype: DType): NumberBinary {
  const special = isInteger(dtype) ? integerBinary.get(fn) : undefined;
  return special?.(dtypeInfo(dtype).bits) ?? floatBinary[fn];
}

const bigAbs = (x: bigint): bigint => (x < 0n ? -x : x);

const bigUnaryTable: ReadonlyMap<UnaryFunction, BigUnary> = new Map<UnaryFunction, BigUnary>([
  ["neg", (x) => -x],
  ["abs", bigAbs],
  ["floor", (x) => x],
  ["ceil", (x) => x],
  ["round", (x) => x],
  ["sign", (x) => (x > 0n ? 1n : x < 0n ? -1n : 0n)],
  ["bitnot", (x) => ~x],
]);

const bigBinaryTable: ReadonlyMap<BinaryFunction, BigBinary> = new Map<BinaryFunction, BigBinary>([
  ["add", (x, y) => x + y],
  ["sub", (x, y) => x - y],
  ["mul", (x, y) => x * y],
  ["div", (x, y) => (y === 0n ? 0n : x / y)],
  ["mod", bigMod],
  ["fmod", (x, y) => (y === 0n ? 0n : x % y)],
  ["pow", bigPower],
  ["min", (x, y) => (x < y ? x : y)],
  ["max", (x, y) => (x > y ? x : y)],
  ["bitand", (x, y) => x & y],
  ["bitor", (x, y) => x | y],
  ["bitxor", (x, y) => x ^ y],
  ["shl", (x, y) => (y >= 0n && y < 64n ? x << y : 0n)],
  ["shr", (x, y) => (y >= 0n && y < 64n ? x >> y : x < 0n ? -1n : 0n)],
]);

function bigMod(x: bigint, y: bigint): bigint {
  if (y === 0n) return 0n;
  const rest = x % y;
  return rest !== 0n && rest < 0n !== y < 0n ? rest + y : rest;
}

/** x^y modulo 2^64, for either signedness. */
function bigPower(x: bigint, y: bigint): bigint {
  if (y < 0n) return x === 1n ? 1n : x === -1n ? (y % 2n === 0n ? 1n : -1n) : 0n;
  let result = 1n;
  for (let base = x, rest = y; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = BigInt.asIntN(64, result * base);
    base = BigInt.asIntN(64, base * base);
  }
  return result;
}

/** A function of 64-bit integers with a 64-bit result; storing it wraps. */
export function bigUnary(fn: UnaryFunction): BigUnary {
  const found = bigUnaryTable.get(fn);
  if (found === undefined) throw new Error(`internal: ${fn} of a 64-bit integer`);
  return found;
}

/** A function of two 64-bit integers with a 64-bit result; storing it wraps. */
export function bigBinary(fn: BinaryFunction): BigBinary {
  const found = bigBinaryTable.get(fn);
  if (found === undefined) throw new Error(`internal: ${fn} of 64-bit integers`);
  return found;
}

const bigComparisons: ReadonlyMap<BinaryFunction, (x: bigint, y: bigint) => boolean> = new Map<
  BinaryFunction,
  (x: bigint, y: bigint) => boolean
>([
  ["eq", (x, y) => x === y],
  ["ne", (x, y) => x !== y],
  ["lt", (x, y) => x < y],
  ["le", (x, y) => x <= y],
  ["gt", (x, y) => x > y],
  ["ge", (x, y) => x >= y],
]);

/** A comparison of 64-bit integers, or undefined when `fn` is none. */
export const bigComparison = (fn: BinaryFunction): ((x: bigint, y: bigint) => boolean) | undefined =>
  bigComparisons.get(fn);
