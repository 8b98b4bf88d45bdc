/**
 * Casts of one element, as ir/expr.ts has them. Scalars are held as f32, f64, i64 (64-bit integers) or i32 (everything else: narrow
 * integers extended, bool 0 or 1, small floats as their patterns).
 */
import { type DType, dtypeInfo } from "../../../ir/dtype.ts";
import type { FunctionBuilder, ValType } from "../wasm/index.ts";
import { integerForm, wrapInteger } from "./integers.ts";
import {
  demoteToOdd,
  isSmallFloatType,
  narrowSmallFloat,
  type SmallFloatType,
  widenSmallFloat,
} from "./small-floats.ts";

export type ScalarRep = Exclude<ValType, "v128">;

/** How a scalar of the type is held; throws for strings and complex numbers. */
export function scalarRep(dtype: DType): ScalarRep {
  const info = dtypeInfo(dtype);
  if (info.class === "string" || info.class === "complex") throw new Error(`internal: no scalar form of ${dtype}`);
  if (dtype === "f32" || dtype === "f64") return dtype;
  return info.class !== "small-float" && info.bits === 64 ? "i64" : "i32";
}

/** Converts the scalar on the stack. */
export function castScalar(f: FunctionBuilder, from: DType, to: DType, saturate: boolean): void {
  if (from === to) return;
  if (isSmallFloatType(from)) {
    f.call(widenSmallFloat(f.module, from));
    castScalar(f, "f32", to, saturate);
  } else if (isSmallFloatType(to)) castToSmallFloat(f, from, to, saturate);
  else if (to === "bool") castToBool(f, scalarRep(from));
  else if (to === "f32" || to === "f64") castToFloat(f, from, to);
  else if (from === "f32" || from === "f64") castFloatToInteger(f, from, to, saturate);
  else castInteger(f, from, to, saturate);
}

function castToBool(f: FunctionBuilder, rep: ScalarRep): void {
  switch (rep) {
    case "i32":
      f.i32(0);
      break;
    case "i64":
      f.i64(0n);
      break;
    case "f32":
      f.f32(0);
      break;
    case "f64":
      f.f64(0);
      break;
  }
  f.op(`${rep}.ne`);
}

function castToFloat(f: FunctionBuilder, from: DType, to: "f32" | "f64"): void {
  if (from === "f32") f.op("f64.promote_f32");
  else if (from === "f64") f.op("f32.demote_f64");
  else {
    const { rep, signed, bits } = integerForm(from);
    // integers of fewer than 32 bits are held sign- or zero-extended: as signed i32 they have their own value
    f.op(`${to}.convert_${rep}_${signed || bits < 32 ? "s" : "u"}`);
  }
}

/** 64-bit and 32-bit integers lose bits on the way through f32, so that they go by a double rounded to odd. */
function castToSmallFloat(f: FunctionBuilder, from: DType, to: SmallFloatType, saturate: boolean): void {
  if (from === "f64") f.call(demoteToOdd(f.module));
  else if (from !== "f32") {
    castToFloat(f, from, "f64");
    f.call(demoteToOdd(f.module));
  }
  f.call(narrowSmallFloat(f.module, to, saturate));
}

function castFloatToInteger(f: FunctionBuilder, from: "f32" | "f64", to: DType, saturate: boolean): void {
  const form = integerForm(to);
  const { rep, signed, bits } = form;
  if (saturate && bits >= 32) {
    f.op(`${rep}.trunc_sat_${from}_${signed ? "s" : "u"}`);
  } else if (saturate) {
    f.op(`i32.trunc_sat_${from}_s`);
    clampInteger(f, form);
  } else if (to === "u64") {
    castFloatToU64(f, from);
  } else if (rep === "i64" || to === "u32") {
    f.op(`i64.trunc_sat_${from}_s`);
    if (rep === "i32") f.op("i32.wrap_i64");
  } else {
    f.op(`i32.trunc_sat_${from}_s`);
    wrapInteger(f, form);
  }
}

/** Negative numbers wrap, large ones reach up to 2^64. */
function castFloatToU64(f: FunctionBuilder, from: "f32" | "f64"): void {
  const x = f.local(from);
  f.set(x);
  f.get(x);
  f.op(`i64.trunc_sat_${from}_s`);
  f.get(x);
  f.op(`i64.trunc_sat_${from}_u`);
  f.get(x);
  if (from === "f32") f.f32(0);
  else f.f64(0);
  f.op(`${from}.lt`);
  f.select("i64");
  f.release(x);
}

interface Limits {
  readonly signed: boolean;
  readonly bits: number;
}
const leastOf = ({ signed, bits }: Limits): bigint => (signed ? -(2n ** BigInt(bits - 1)) : 0n);
const mostOf = ({ signed, bits }: Limits): bigint => 2n ** BigInt(signed ? bits - 1 : bits) - 1n;

/** Clamps the signed i32 on the stack to a type of fewer bits. */
function clampInteger(f: FunctionBuilder, limits: Limits): void {
  clampBetween(f, "i32", "s", leastOf(limits), mostOf(limits));
}

function clampBetween(f: FunctionBuilder, rep: "i32" | "i64", sign: "s" | "u", least: bigint, most: bigint): void {
  const x = f.local(rep);
  const bound = (value: bigint): void => {
    if (rep === "i64") f.i64(BigInt.asIntN(64, value));
    else f.i32(Number(BigInt.asIntN(32, value)));
  };
  const limit = (value: bigint, outside: "lt" | "gt"): void => {
    f.set(x);
    bound(value);
    f.get(x);
    f.get(x);
    bound(value);
    f.op(`${rep}.${outside}_${sign}`);
    f.select(rep);
  };
  limit(least, "lt");
  limit(most, "gt");
  f.release(x);
}

function castInteger(f: FunctionBuilder, from: DType, to: DType, saturate: boolean): void {
  const source = from === "bool" ? { rep: "i32" as const, signed: false, bits: 1 } : integerForm(from);
  const target = integerForm(to);
  if (saturate) clampForTarget(f, source, target);
  if (source.rep === "i32" && target.rep === "i64") {
    f.op(source.signed ? "i64.extend_i32_s" : "i64.extend_i32_u");
  } else if (source.rep === "i64" && target.rep === "i32") {
    f.op("i32.wrap_i64");
  }
  wrapInteger(f, target);
}

/** Brings a value into the target's range, compared in the source's own representation. */
function clampForTarget(f: FunctionBuilder, source: ReturnType<typeof integerForm>, target: Limits): void {
  const least = leastOf(target) > leastOf(source) ? leastOf(target) : leastOf(source);
  const most = mostOf(target) < mostOf(source) ? mostOf(target) : mostOf(source);
  if (least === leastOf(source) && most === mostOf(source)) return;
  clampBetween(f, source.rep, source.signed ? "s" : "u", least, most);
}
