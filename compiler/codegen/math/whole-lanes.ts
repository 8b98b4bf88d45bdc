/**
 * The functions of ir/expr.ts on integers in lanes of their own width, 8, 16 or 64 bits, where instructions for them exist: what is added, compared or
 * combined needs no wider lanes. A bool beside them is a mask of all ones or zeros of the same width.
 */
import { type DType, dtypeInfo } from "../../../ir/dtype.ts";
import type { BinaryFunction, ScalarValue, UnaryFunction } from "../../../ir/expr.ts";
import type { FunctionBuilder, OpName } from "../wasm/index.ts";
import { apply, type Push, pushLocal } from "./algebra.ts";
import { pushSplat } from "./constants.ts";
import { integerForm } from "./integers.ts";

export type WholeBits = 8 | 16 | 64;

const shapes = { 8: "i8x16", 16: "i16x8", 64: "i64x2" } as const;
/** The least integer, a sign bit and nothing else: what moves unsigned integers to where signed ones compare as they do. */
const signBit = -0x8000000000000000n;

const number = (bits: WholeBits, value: number): number | bigint => (bits === 64 ? BigInt(value) : value);

const splat = (f: FunctionBuilder, bits: WholeBits, value: number): Push => {
  return () => {
    pushSplat(f, shapes[bits], number(bits, value));
  };
};

const bitwise: Partial<Record<BinaryFunction, OpName>> = {
  and: "v128.and",
  bitand: "v128.and",
  or: "v128.or",
  bitor: "v128.or",
  xor: "v128.xor",
  bitxor: "v128.xor",
};
const ofBools: Partial<Record<BinaryFunction, readonly OpName[]>> = { eq: ["v128.xor", "v128.not"], ne: ["v128.xor"] };
const orders = ["lt", "le", "gt", "ge"] as const;
const isOrder = (fn: BinaryFunction): fn is (typeof orders)[number] =>
  (orders as readonly BinaryFunction[]).includes(fn);

const unaries: ReadonlySet<UnaryFunction> = new Set(["neg", "abs", "bitnot", "sign", "floor", "ceil", "round"]);
const binaries: ReadonlySet<BinaryFunction> = new Set<BinaryFunction>([
  ...(["add", "sub", "mul", "min", "max", "eq", "ne", "bitand", "bitor", "bitxor"] as const),
  ...orders,
]);
const boolBinaries: ReadonlySet<BinaryFunction> = new Set(["and", "or", "xor", "eq", "ne"]);

/** Whether a function of operands of a type has a form in such lanes. */
export const hasWholeUnary = (fn: UnaryFunction, dtype: DType): boolean =>
  dtype === "bool" ? fn === "not" : unaries.has(fn);
export const hasWholeBinary = (fn: BinaryFunction, dtype: DType): boolean =>
  (dtype === "bool" ? boolBinaries : binaries).has(fn);

/** Applies a unary function to the vector on the stack. */
export function wholeUnary(f: FunctionBuilder, fn: UnaryFunction, dtype: DType, bits: WholeBits): void {
  const shape = shapes[bits];
  const isSigned = dtypeInfo(dtype).class === "signed";
  switch (fn) {
    case "not":
    case "bitnot":
      f.op("v128.not");
      break;
    case "neg":
      f.op(`${shape}.neg`);
      break;
    case "abs":
      if (isSigned) f.op(`${shape}.abs`);
      break;
    case "sign": {
      const value = f.local("v128");
      f.set(value);
      const [x, zero] = [pushLocal(f, value), splat(f, bits, 0)];
      // masks are -1: (x < 0) - (x > 0)
      if (isSigned) apply(f, `${shape}.sub`, apply(f, `${shape}.lt_s`, x, zero), apply(f, `${shape}.gt_s`, x, zero))();
      else apply(f, `${shape}.neg`, apply(f, `${shape}.ne`, x, zero))();
      f.release(value);
      break;
    }
    case "floor":
    case "ceil":
    case "round":
      break;
    default:
      throw new Error(`internal: ${fn} of ${dtype} in lanes of ${bits} bits`);
  }
}

/** Applies a binary function to the two vectors on the stack. */
export function wholeBinary(f: FunctionBuilder, fn: BinaryFunction, dtype: DType, bits: WholeBits): void {
  const logical = bitwise[fn];
  const ofBool = dtype === "bool" ? ofBools[fn] : undefined;
  if (logical !== undefined) f.op(logical);
  else if (ofBool !== undefined) for (const op of ofBool) f.op(op);
  else if (dtype === "bool") throw new Error(`internal: ${fn} of booleans in lanes`);
  else if (fn === "add" || fn === "sub" || fn === "eq" || fn === "ne") f.op(`${shapes[bits]}.${fn}`);
  else if (fn === "mul") multiply(f, bits);
  else if (isOrder(fn)) compare(f, fn, dtype, bits);
  else if (fn === "min" || fn === "max") pick(f, fn, dtype, bits);
  else throw new Error(`internal: ${fn} of ${dtype} in lanes of ${bits} bits`);
}

const everySecondByte = [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30];

/** Bytes have products of 16 bits, of which the low ones are kept. */
function multiply(f: FunctionBuilder, bits: WholeBits): void {
  if (bits !== 8) {
    f.op(bits === 16 ? "i16x8.mul" : "i64x2.mul");
    return;
  }
  withTwo(f, (x, y) => {
    apply(f, "i16x8.extmul_low_i8x16_u", x, y)();
    apply(f, "i16x8.extmul_high_i8x16_u", x, y)();
    f.shuffle(everySecondByte);
  });
}

function withTwo(f: FunctionBuilder, body: (x: Push, y: Push) => void): void {
  const [x, y] = [f.local("v128"), f.local("v128")];
  f.set(y);
  f.set(x);
  body(pushLocal(f, x), pushLocal(f, y));
  f.release(x, y);
}

function compare(f: FunctionBuilder, fn: (typeof orders)[number], dtype: DType, bits: WholeBits): void {
  const { signed } = integerForm(dtype);
  if (bits !== 64) f.op(`${shapes[bits]}.${fn}_${signed ? "s" : "u"}`);
  else if (signed) f.op(`i64x2.${fn}_s`);
  else {
    withTwo(f, (x, y) => {
      for (const operand of [x, y]) {
        operand();
        pushSplat(f, "i64x2", signBit);
        f.op("v128.xor");
      }
      f.op(`i64x2.${fn}_s`);
    });
  }
}

/** The less or the greater of two. */
function pick(f: FunctionBuilder, fn: "min" | "max", dtype: DType, bits: WholeBits): void {
  const { signed } = integerForm(dtype);
  if (bits !== 64) {
    f.op(`${shapes[bits]}.${fn}_${signed ? "s" : "u"}`);
    return;
  }
  withTwo(f, (x, y) => {
    x();
    y();
    x();
    y();
    compare(f, fn === "min" ? "lt" : "gt", dtype, bits);
    f.op("v128.bitselect");
  });
}

/** Pushes a literal in all lanes. */
export function pushWhole(f: FunctionBuilder, dtype: DType, value: ScalarValue, bits: WholeBits): void {
  if (dtype === "bool") splat(f, bits, Number(value) === 0 ? 0 : -1)();
  else if (bits === 64) pushSplat(f, "i64x2", BigInt.asIntN(64, BigInt(value)));
  else pushSplat(f, shapes[bits], bits === 8 ? (Number(value) << 24) >> 24 : (Number(value) << 16) >> 16);
}

/** Replaces the address on the stack by the vector of elements from there on. */
export function loadWhole(f: FunctionBuilder, dtype: DType, offset: number, bits: 8 | 16): void {
  if (dtype === "bool" && bits === 16) f.load("v128.load8x8_u", offset);
  else f.load("v128.load", offset);
  asMask(f, dtype, bits);
}

/** Replaces the address on the stack by the element there in all lanes. */
export function splatWhole(f: FunctionBuilder, dtype: DType, bits: 8 | 16): void {
  if (dtype === "bool" || bits === 8) f.load("v128.load8_splat");
  else f.load("v128.load16_splat");
  asMask(f, dtype, bits);
}

function asMask(f: FunctionBuilder, dtype: DType, bits: 8 | 16): void {
  if (dtype !== "bool") return;
  pushSplat(f, shapes[bits], 0);
  f.op(`${shapes[bits]}.ne`);
}

/** Stores the vector on the stack at the address below it. */
export function storeWhole(f: FunctionBuilder, dtype: DType, offset: number, bits: 8 | 16): void {
  if (dtype !== "bool") {
    f.store("v128.store", offset);
    return;
  }
  if (bits === 8) {
    pushSplat(f, "i8x16", 1);
    f.op("v128.and");
    f.store("v128.store", offset);
    return;
  }
  const mask = f.local("v128");
  pushSplat(f, "i16x8", 1);
  f.op("v128.and");
  f.tee(mask);
  f.get(mask);
  f.op("i8x16.narrow_i16x8_u");
  f.memoryLane("v128.store64_lane", 0, offset);
  f.release(mask);
}
