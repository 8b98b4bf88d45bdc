/**
 * Elements that come into vectors of another type than they are stored as: a cast of an operand becomes part of its load, and a cast at the end part of
 * the store, so that the rest of an expression has vectors although lanes of both sizes occur.
 */
import { nth } from "../../../ir/access.ts";
import { type DType, dtypeInfo, storageBytes } from "../../../ir/dtype.ts";
import { arg, cast, type Expr, exprDType, mapOperands } from "../../../ir/expr.ts";
import { loadScalar, storeScalar } from "../elements.ts";
import { exprLanes } from "../expr-emit.ts";
import { castScalar, scalarRep } from "../math/scalar-casts.ts";
import { pushSplat } from "../math/constants.ts";
import type { FunctionBuilder, OpName } from "../wasm/index.ts";

/** An operand as an expression reads it: `stored` in memory, cast to `dtype` where the two differ. */
export interface Read {
  readonly operand: number;
  readonly stored: DType;
  readonly dtype: DType;
  readonly saturate: boolean;
}

/** An expression over reads; its value is cast to the stored type of the result. */
export interface Access {
  readonly expr: Expr;
  readonly reads: readonly Read[];
  /** type of the expression's value */
  readonly dtype: DType;
  /** how that is cast to the result's */
  readonly saturate: boolean;
}

const plainAccess = (expr: Expr, argTypes: readonly DType[]): Access => ({
  expr,
  reads: argTypes.map((dtype, operand) => ({ operand, stored: dtype, dtype, saturate: false })),
  dtype: exprDType(expr, argTypes),
  saturate: false,
});

const differInSize = (x: DType, y: DType): boolean => (storageBytes(x) === 8) !== (storageBytes(y) === 8);

/** The expression with casts between 32 and 64 bits moved to its loads, and the last one to its store; a cast of an operand alone to one of them. */
function movedCasts(expr: Expr, argTypes: readonly DType[], alone: "load" | "store"): Access {
  const reads: Read[] = [];
  const read = (operand: number, dtype: DType, saturate: boolean): Expr => {
    const found = reads.findIndex((r) => r.operand === operand && r.dtype === dtype && r.saturate === saturate);
    if (found >= 0) return arg(found);
    reads.push({ operand, stored: nth(argTypes, operand), dtype, saturate });
    return arg(reads.length - 1);
  };
  const move = (e: Expr): Expr => {
    if (e.op === "arg") return read(e.index, nth(argTypes, e.index), false);
    if (e.op === "cast" && e.x.op === "arg" && differInSize(nth(argTypes, e.x.index), e.to)) {
      return read(e.x.index, e.to, e.saturate);
    }
    return mapOperands(e, move);
  };
  const isStoreCast =
    expr.op === "cast" &&
    (expr.x.op !== "arg" || alone === "store") &&
    differInSize(exprDType(expr.x, argTypes), expr.to);
  const inner = isStoreCast ? expr.x : expr;
  const isHalf = isStoreCast && expr.to === "f64" && exprDType(inner, argTypes) === "f16";
  // a vector of f16 is widened as a whole
  const body = isHalf ? cast("f32", inner) : inner;
  return { expr: move(body), reads, dtype: exprDType(body, argTypes), saturate: isStoreCast && expr.saturate };
}

/** How an expression meets memory: as it is, or with casts moved to where that gives it vectors. */
export function accessOf(expr: Expr, argTypes: readonly DType[]): Access {
  const plain = plainAccess(expr, argTypes);
  if (exprLanes(expr, argTypes) > 1) return plain;
  const moved = (["load", "store"] as const).map((alone) => movedCasts(expr, argTypes, alone));
  const lanes = (access: Access): number => exprLanes(access.expr, typesOf(access));
  return moved.reduce((best, access) => (lanes(access) > lanes(best) ? access : best), plain);
}

/** Types of an access' operands as its expression has them. */
export const typesOf = ({ reads }: Access): DType[] => reads.map(({ dtype }) => dtype);

/** Replaces the address on the stack by the element there, cast. */
export function readScalar(f: FunctionBuilder, { stored, dtype, saturate }: Read, offset: number): void {
  loadScalar(f, stored, offset);
  castScalar(f, stored, dtype, saturate);
}

/** Stores the scalar on the stack at the address below it, cast. */
export function writeScalar(f: FunctionBuilder, access: Access, stored: DType, offset: number): void {
  castScalar(f, access.dtype, stored, access.saturate);
  storeScalar(f, stored, offset);
}

const shapes = { i32: "i32x4", f32: "f32x4", i64: "i64x2", f64: "f64x2" } as const;

/** Replaces the address on the stack by elements from there on, each cast by itself. */
function readOneByOne(f: FunctionBuilder, read: Read, lanes: 2 | 4, offset: number): void {
  const address = f.local("i32");
  const isMask = read.dtype === "bool";
  const isWideMask = isMask && lanes === 2;
  const shape = shapes[isWideMask ? "i64" : scalarRep(read.dtype)];
  f.set(address);
  for (let lane = 0; lane < lanes; lane++) {
    f.get(address);
    readScalar(f, read, offset + lane * storageBytes(read.stored));
    if (isWideMask) f.op("i64.extend_i32_u");
    if (lane === 0) f.op(`${shape}.splat`);
    else f.lane(`${shape}.replace_lane`, lane);
  }
  if (isMask) f.op(isWideMask ? "i64x2.neg" : "i32x4.neg");
  f.release(address);
}

/** Replaces the address on the stack by the element there, cast, in all lanes. */
export function splatRead(f: FunctionBuilder, read: Read): void {
  readScalar(f, read, 0);
  f.op(`${shapes[scalarRep(read.dtype)]}.splat`);
  if (read.dtype === "bool") f.op("i32x4.neg");
}

/** Halves of two vectors: the low words of four doubles' places. */
const lowWords = [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27];
const lowHalves = [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23];

const isLong = (dtype: DType): boolean => dtype === "i64" || dtype === "u64";
const isWord = (dtype: DType): boolean => dtype === "i32" || dtype === "u32";

/** Conversions of two elements of 32 bits, the low half of a vector, to lanes of 64. */
function widening(from: DType, to: DType, saturate: boolean): OpName | null {
  if (to === "f64") {
    if (from === "f32") return "f64x2.promote_low_f32x4";
    if (isWord(from)) return from === "i32" ? "f64x2.convert_low_i32x4_s" : "f64x2.convert_low_i32x4_u";
  }
  if (isLong(to) && isWord(from) && !saturate)
    return from === "i32" ? "i64x2.extend_low_i32x4_s" : "i64x2.extend_low_i32x4_u";
  return null;
}

/** Replaces the address on the stack by elements from there on, cast, as lanes of a vector. */
export function readVector(f: FunctionBuilder, read: Read, lanes: 2 | 4, offset: number): void {
  const { stored, dtype, saturate } = read;
  const wide = lanes === 2 ? widening(stored, dtype, saturate) : null;
  if (wide !== null) {
    f.load("v128.load64_zero", offset);
    f.op(wide);
    return;
  }
  const isDemotion = stored === "f64" && dtype === "f32";
  if (lanes === 4 && (isDemotion || (isLong(stored) && isWord(dtype) && !saturate))) {
    const address = f.local("i32");
    f.set(address);
    for (const half of [0, 16]) {
      f.get(address);
      f.load("v128.load", offset + half);
      if (isDemotion) f.op("f32x4.demote_f64x2_zero");
    }
    f.shuffle(isDemotion ? lowHalves : lowWords);
    f.release(address);
    return;
  }
  readOneByOne(f, read, lanes, offset);
}

const highHalf = [8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15];

/** The type that lanes of 32 bits hold the integers of a narrower one as; others are their own. */
function wordOf(dtype: DType): DType {
  const { class: cls, bits } = dtypeInfo(dtype);
  if (bits >= 32 || (cls !== "signed" && cls !== "unsigned")) return dtype;
  return cls === "signed" ? "i32" : "u32";
}

/** Stores the lanes of the vector on the stack at the address below them, cast. */
export function writeVector(f: FunctionBuilder, access: Access, stored: DType, lanes: 2 | 4, offset: number): void {
  const isMask = access.dtype === "bool";
  if (isMask && lanes === 2) {
    // one for true, in the form of the stored type, which has eight bytes
    if (stored === "f64") pushSplat(f, "f64x2", 1);
    else pushSplat(f, "i64x2", 1n);
    f.op("v128.and");
    f.store("v128.store", offset);
    return;
  }
  if (isMask) {
    pushSplat(f, "i32x4", 1);
    f.op("v128.and");
  }
  const [value, address] = [f.local("v128"), f.local("i32")];
  f.set(value);
  f.set(address);
  const wide = lanes === 4 ? widening(isMask ? "u32" : wordOf(access.dtype), stored, access.saturate) : null;
  if (wide !== null) {
    for (const half of [0, 1]) {
      f.get(address);
      f.get(value);
      if (half === 1) {
        f.get(value);
        f.shuffle(highHalf);
      }
      f.op(wide);
      f.store("v128.store", offset + 16 * half);
    }
  } else if (access.dtype === "f64" && stored === "f32") {
    f.get(address);
    f.get(value);
    f.op("f32x4.demote_f64x2_zero");
    f.memoryLane("v128.store64_lane", 0, offset);
  } else {
    const shape = shapes[scalarRep(access.dtype)];
    for (let lane = 0; lane < lanes; lane++) {
      f.get(address);
      f.get(value);
      f.lane(`${shape}.extract_lane`, lane);
      writeScalar(f, access, stored, offset + lane * storageBytes(stored));
    }
  }
  f.release(value, address);
}
