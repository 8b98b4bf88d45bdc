/**
 * The functions of ir/expr.ts on two lanes of 64 bits: f64 as f64x2, i64 and u64 as i64x2, bool as a mask of all ones or zeros. What has no vector form is
 * done lane by lane.
 */
import { type DType, isBig } from "../../../ir/dtype.ts";
import type { BinaryFunction, ScalarValue, UnaryFunction } from "../../../ir/expr.ts";
import type { FunctionBuilder, OpName } from "../wasm/index.ts";
import { apply, choose } from "./algebra.ts";
import { pushSplat } from "./constants.ts";
import { longs, perDouble, perHalf, withDoubles } from "./double-lanes.ts";
import { powF64x2 } from "./f64x2.ts";
import { castScalar } from "./scalar-casts.ts";
import { f64x2Unary, floatInstruction, isNativeFloatBinary, scalarBinary, scalarUnary } from "./scalar-ops.ts";
import { hasWholeBinary, hasWholeUnary, pushWhole, wholeBinary, wholeUnary } from "./whole-lanes.ts";

/** True for the types that a lane of 64 bits can hold. */
export const hasDoubleForm = (dtype: DType): boolean => dtype === "f64" || dtype === "bool" || isBig(dtype);

/** Whether a cast between such types has a form; those between integers and floats are done lane by lane. */
export const hasDoubleCast = (from: DType, to: DType): boolean => hasDoubleForm(from) && hasDoubleForm(to);

const inlineUnary: Partial<Record<UnaryFunction, (f: FunctionBuilder) => void>> = {
  ...f64x2Unary,
  sign: (f) => {
    withDoubles(f, 1, (d, x) => {
      const zero = d.constant(0);
      const one = apply(f, "v128.or", apply(f, "v128.and", x, d.constant(-0)), d.constant(1));
      const isSigned = apply(f, "v128.or", apply(f, "f64x2.lt", x, zero), apply(f, "f64x2.gt", x, zero));
      choose(f, "f64x2", isSigned, one, x)();
    });
  },
  isnan: (f) => {
    withDoubles(f, 1, (_, x) => {
      apply(f, "f64x2.ne", x, x)();
    });
  },
  isposinf: (f) => {
    pushSplat(f, "f64x2", Infinity);
    f.op("f64x2.eq");
  },
  isneginf: (f) => {
    pushSplat(f, "f64x2", -Infinity);
    f.op("f64x2.eq");
  },
};

/** Applies a unary function to the vector on the stack. */
export function doubleUnary(f: FunctionBuilder, fn: UnaryFunction, dtype: DType): void {
  if (dtype === "bool") {
    if (fn !== "not") throw new Error(`internal: ${fn} of bool`);
    f.op("v128.not");
    return;
  }
  if (isBig(dtype)) {
    longUnary(f, fn, dtype);
    return;
  }
  const native = floatInstruction(fn, "f64x2");
  const inline = inlineUnary[fn];
  if (native !== null) f.op(native);
  else if (inline !== undefined) inline(f);
  else {
    withDoubles(f, 1, (_, x) => {
      perDouble(f, [x], () => {
        scalarUnary(f, fn, "f64");
      });
    });
  }
}

function longUnary(f: FunctionBuilder, fn: UnaryFunction, dtype: DType): void {
  if (hasWholeUnary(fn, dtype)) {
    wholeUnary(f, fn, dtype, 64);
    return;
  }
  withDoubles(f, 1, (_, x) => {
    perHalf(f, "i64x2", "i64x2", [x], () => {
      scalarUnary(f, fn, dtype);
    });
  });
}

function longBinary(f: FunctionBuilder, fn: BinaryFunction, dtype: DType): void {
  if (hasWholeBinary(fn, dtype)) {
    wholeBinary(f, fn, dtype, 64);
    return;
  }
  withDoubles(f, 2, (_, x, y) => {
    perHalf(f, "i64x2", "i64x2", [x, y], () => {
      scalarBinary(f, fn, dtype);
    });
  });
}

const boolOps: Partial<Record<BinaryFunction, readonly OpName[]>> = {
  and: ["v128.and"],
  or: ["v128.or"],
  xor: ["v128.xor"],
  ne: ["v128.xor"],
  eq: ["v128.xor", "v128.not"],
  // false < true: masks are 0 and -1, so that the order turns round
  lt: ["i64x2.gt_s"],
  le: ["i64x2.ge_s"],
  gt: ["i64x2.lt_s"],
  ge: ["i64x2.le_s"],
  min: ["v128.and"],
  max: ["v128.or"],
  mul: ["v128.and"],
  add: ["v128.or"],
};

/** Applies a binary function to the two vectors on the stack. */
export function doubleBinary(f: FunctionBuilder, fn: BinaryFunction, dtype: DType): void {
  if (dtype === "bool") {
    const ops = boolOps[fn];
    if (ops === undefined) throw new Error(`internal: ${fn} of bool`);
    for (const op of ops) f.op(op);
  } else if (isBig(dtype)) longBinary(f, fn, dtype);
  else if (isNativeFloatBinary(fn)) f.op(`f64x2.${fn}`);
  else if (fn === "pow") powF64x2(f);
  else {
    withDoubles(f, 2, (_, x, y) => {
      perDouble(f, [x, y], () => {
        scalarBinary(f, fn, "f64");
      });
    });
  }
}

/** Replaces a vector of one type by the other's: 1 for true, and true for all but 0. */
export function castDoubles(f: FunctionBuilder, from: DType, to: DType, saturate: boolean): void {
  if (from === to) return;
  if (from !== "bool" && to !== "bool") {
    withDoubles(f, 1, (_, x) => {
      perHalf(f, from === "f64" ? "f64x2" : "i64x2", to === "f64" ? "f64x2" : "i64x2", [x], () => {
        castScalar(f, from, to, saturate);
      });
    });
    return;
  }
  const shape = to === "f64" || from === "f64" ? "f64x2" : "i64x2";
  const number = (value: number): number | bigint => (shape === "f64x2" ? value : BigInt(value));
  pushSplat(f, shape, number(from === "bool" ? 1 : 0));
  f.op(from === "bool" ? "v128.and" : `${shape}.ne`);
}

/** Replaces the address on the stack by the two elements from there on. */
export function loadDoubles(f: FunctionBuilder, dtype: DType, offset: number): void {
  if (dtype !== "bool") {
    f.load("v128.load", offset);
    return;
  }
  const bytes = f.local("v128");
  f.load("v128.load16_splat", offset);
  f.tee(bytes);
  f.get(bytes);
  f.shuffle([0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1]);
  pushSplat(f, "i8x16", 0);
  f.op("i8x16.ne");
  f.release(bytes);
}

/** Replaces the address on the stack by the element there in both lanes. */
export function splatDouble(f: FunctionBuilder, dtype: DType): void {
  f.load(dtype === "bool" ? "v128.load8_splat" : "v128.load64_splat");
  if (dtype !== "bool") return;
  pushSplat(f, "i8x16", 0);
  f.op("i8x16.ne");
}

/** Stores the two lanes on the stack at the address below them. */
export function storeDoubles(f: FunctionBuilder, dtype: DType, offset: number): void {
  if (dtype !== "bool") {
    f.store("v128.store", offset);
    return;
  }
  const mask = f.local("v128");
  longs(f, 1n)();
  f.op("v128.and");
  f.tee(mask);
  f.get(mask);
  f.shuffle([0, 8, 0, 8, 0, 8, 0, 8, 0, 8, 0, 8, 0, 8, 0, 8]);
  f.memoryLane("v128.store16_lane", 0, offset);
  f.release(mask);
}

/** Pushes a literal in both lanes. */
export function pushDoubles(f: FunctionBuilder, dtype: DType, value: ScalarValue): void {
  if (dtype === "f64") pushSplat(f, "f64x2", Number(value));
  else pushWhole(f, dtype, value, 64);
}
