/**
 * The functions of ir/expr.ts on four lanes of 32 bits: f32 as f32x4, integers of up to 32 bits as i32x4 (narrow ones extended), bool as a mask of all
 * ones or zeros. What has no vector form (negative powers of integers) is done lane by lane with the scalar form.
 */
import { type DType, dtypeInfo } from "../../../ir/dtype.ts";
import type { BinaryFunction, UnaryFunction } from "../../../ir/expr.ts";
import type { FunctionBuilder, OpName } from "../wasm/index.ts";
import { apply, choose, type Push, pushLocal } from "./algebra.ts";
import { pushSplat } from "./constants.ts";
import { divideLanes, raiseLanes, remainderLanes, shiftLanesLeft, shiftLanesRight } from "./integer-lanes.ts";
import { integerForm, type IntegerForm } from "./integers.ts";
import { perLane } from "./per-lane.ts";
import {
  f32x4Binary,
  f32x4Unary,
  floatInstruction,
  isFloatHelper,
  isNativeFloatBinary,
  scalarBinary,
} from "./scalar-ops.ts";

/** True for the types that a lane of 32 bits can hold. */
export function hasLaneForm(dtype: DType): boolean {
  const { bits, class: cls } = dtypeInfo(dtype);
  if (cls === "small-float") return dtype === "f16" || dtype === "bf16";
  return cls === "bool" || dtype === "f32" || ((cls === "signed" || cls === "unsigned") && bits >= 8 && bits <= 32);
}

const withLocal = (f: FunctionBuilder, body: (x: Push) => void): void => {
  const local = f.local("v128");
  f.set(local);
  body(pushLocal(f, local));
  f.release(local);
};

/** Keeps the low bits of each lane as a type of fewer than 32 bits holds them. */
export function wrapLanes(f: FunctionBuilder, { signed, bits }: IntegerForm): void {
  if (bits >= 32) return;
  if (!signed) {
    pushSplat(f, "i32x4", 2 ** bits - 1);
    f.op("v128.and");
    return;
  }
  f.i32(32 - bits);
  f.op("i32x4.shl");
  f.i32(32 - bits);
  f.op("i32x4.shr_s");
}

/** Applies a unary function to the vector on the stack. */
export function vectorUnary(f: FunctionBuilder, fn: UnaryFunction, dtype: DType): void {
  if (dtype === "f32") floatUnary(f, fn);
  else if (dtype === "bool") {
    if (fn !== "not") throw new Error(`internal: ${fn} of bool`);
    f.op("v128.not");
  } else integerUnary(f, fn, integerForm(dtype));
}

/** Functions of four floats that are no single instruction. */
const inlineFloatUnary: Partial<Record<UnaryFunction, (f: FunctionBuilder) => void>> = {
  ...f32x4Unary,
  sign: floatSign,
  isnan: (f) => {
    withLocal(f, (x) => {
      apply(f, "f32x4.ne", x, x)();
    });
  },
  isposinf: (f) => {
    pushSplat(f, "f32x4", Infinity);
    f.op("f32x4.eq");
  },
  isneginf: (f) => {
    pushSplat(f, "f32x4", -Infinity);
    f.op("f32x4.eq");
  },
};

function floatUnary(f: FunctionBuilder, fn: UnaryFunction): void {
  const native = floatInstruction(fn, "f32x4");
  const inline = inlineFloatUnary[fn];
  if (native !== null) f.op(native);
  else if (inline !== undefined) inline(f);
  else throw new Error(`internal: ${fn} of f32`);
}

/** The sign bit with 1 where x is neither zero nor NaN, else x. */
function floatSign(f: FunctionBuilder): void {
  withLocal(f, (x) => {
    const zero = (): void => {
      pushSplat(f, "f32x4", 0);
    };
    const signBit = apply(f, "v128.and", x, () => {
      pushSplat(f, "i32x4", -0x80000000);
    });
    const one = apply(f, "v128.or", signBit, () => {
      pushSplat(f, "f32x4", 1);
    });
    const isSigned = apply(f, "v128.or", apply(f, "f32x4.lt", x, zero), apply(f, "f32x4.gt", x, zero));
    choose(f, "f32x4", isSigned, one, x)();
  });
}

/** Functions of four integers; results still need wrapping. */
const inlineIntegerUnary: Partial<Record<UnaryFunction, (f: FunctionBuilder, form: IntegerForm) => void>> = {
  neg: (f) => {
    f.op("i32x4.neg");
  },
  abs: (f, { signed }) => {
    if (signed) f.op("i32x4.abs");
  },
  bitnot: (f) => {
    f.op("v128.not");
  },
  sign: integerSign,
  floor: leave,
  ceil: leave,
  round: leave,
};

function leave(): void {
  // an integer is its own floor
}

function integerUnary(f: FunctionBuilder, fn: UnaryFunction, form: IntegerForm): void {
  if (fn === "isnan" || fn === "isposinf" || fn === "isneginf") {
    f.drop();
    pushSplat(f, "i32x4", 0);
    return;
  }
  const inline = inlineIntegerUnary[fn];
  if (inline === undefined) throw new Error(`internal: ${fn} of an integer`);
  inline(f, form);
  wrapLanes(f, form);
}

/** Masks are -1: (x < 0) - (x > 0). */
function integerSign(f: FunctionBuilder, { signed }: IntegerForm): void {
  withLocal(f, (x) => {
    const zero = (): void => {
      pushSplat(f, "i32x4", 0);
    };
    if (signed) apply(f, "i32x4.sub", apply(f, "i32x4.lt_s", x, zero), apply(f, "i32x4.gt_s", x, zero))();
    else apply(f, "i32x4.neg", apply(f, "i32x4.ne", x, zero))();
  });
}

/** Applies a binary function to the two vectors on the stack. */
export function vectorBinary(f: FunctionBuilder, fn: BinaryFunction, dtype: DType): void {
  if (dtype === "f32") floatBinary(f, fn);
  else if (dtype === "bool") boolBinary(f, fn);
  else integerBinary(f, fn, dtype);
}

function floatBinary(f: FunctionBuilder, fn: BinaryFunction): void {
  if (isNativeFloatBinary(fn)) f.op(`f32x4.${fn}`);
  else if (isFloatHelper(fn)) f32x4Binary[fn](f);
  else throw new Error(`internal: ${fn} of f32`);
}

function binaryPerLane(f: FunctionBuilder, fn: BinaryFunction, dtype: DType): void {
  const [y, x] = [f.local("v128"), f.local("v128")];
  f.set(y);
  f.set(x);
  const operands = [x, y].map((local) => ({ vector: pushLocal(f, local), kind: "i32" as const }));
  perLane(f, operands, "i32", () => {
    scalarBinary(f, fn, dtype);
  });
  f.release(x, y);
}

const boolOps: Partial<Record<BinaryFunction, readonly OpName[]>> = {
  and: ["v128.and"],
  or: ["v128.or"],
  xor: ["v128.xor"],
  ne: ["v128.xor"],
  eq: ["v128.xor", "v128.not"],
  // false < true: masks are 0 and -1, so that the order turns round
  lt: ["i32x4.gt_s"],
  le: ["i32x4.ge_s"],
  gt: ["i32x4.lt_s"],
  ge: ["i32x4.le_s"],
  min: ["v128.and"],
  max: ["v128.or"],
  mul: ["v128.and"],
  add: ["v128.or"],
};

function boolBinary(f: FunctionBuilder, fn: BinaryFunction): void {
  const ops = boolOps[fn];
  if (ops === undefined) throw new Error(`internal: ${fn} of bool`);
  for (const op of ops) f.op(op);
}

/** Functions of two vectors of integers whose instruction does not depend on the sign. */
const plainIntegerBinary: Partial<Record<BinaryFunction, OpName>> = {
  add: "i32x4.add",
  sub: "i32x4.sub",
  mul: "i32x4.mul",
  eq: "i32x4.eq",
  ne: "i32x4.ne",
  and: "v128.and",
  bitand: "v128.and",
  or: "v128.or",
  bitor: "v128.or",
  xor: "v128.xor",
  bitxor: "v128.xor",
};
const signedIntegerBinary = ["lt", "le", "gt", "ge", "min", "max"] as const;
const isSignedBinary = (fn: BinaryFunction): fn is (typeof signedIntegerBinary)[number] =>
  (signedIntegerBinary as readonly BinaryFunction[]).includes(fn);

function integerBinary(f: FunctionBuilder, fn: BinaryFunction, dtype: DType): void {
  const form = integerForm(dtype);
  const plain = plainIntegerBinary[fn];
  if (plain !== undefined) {
    f.op(plain);
    if (fn === "add" || fn === "sub" || fn === "mul") wrapLanes(f, form);
  } else if (isSignedBinary(fn)) f.op(`i32x4.${fn}_${form.signed ? "s" : "u"}`);
  else {
    const lanes = integerLanes[fn];
    if (fn === "pow") integerPower(f, dtype);
    else if (lanes === undefined) binaryPerLane(f, fn, dtype);
    else {
      lanes(f, form);
      wrapLanes(f, form);
    }
  }
}

function integerPower(f: FunctionBuilder, dtype: DType): void {
  const form = integerForm(dtype);
  const [y, x] = [f.local("v128"), f.local("v128")];
  f.set(y);
  f.set(x);
  const push = (): void => {
    f.get(x);
    f.get(y);
  };
  const raise = (): void => {
    push();
    raiseLanes(f);
    wrapLanes(f, form);
  };
  if (form.signed) {
    f.get(y);
    f.op("i32x4.bitmask");
    f.if(
      () => {
        push();
        binaryPerLane(f, "pow", dtype);
      },
      raise,
      "v128",
    );
  } else raise();
  f.release(x, y);
}

/** Functions of two vectors of integers that take more than an instruction. */
const integerLanes: Partial<Record<BinaryFunction, (f: FunctionBuilder, form: IntegerForm) => void>> = {
  div: divideLanes,
  fmod: (f, form) => {
    remainderLanes(f, form, false);
  },
  mod: (f, form) => {
    remainderLanes(f, form, true);
  },
  shl: shiftLanesLeft,
  shr: shiftLanesRight,
};
