/** The functions of ir/expr.ts on scalars; operands are taken from the stack. */
import { type DType, dtypeInfo } from "../../../ir/dtype.ts";
import type { BinaryFunction, UnaryFunction } from "../../../ir/expr.ts";
import type { FunctionBuilder, ModuleBuilder, OpName } from "../wasm/index.ts";
import { apply, choose, pushLocal } from "./algebra.ts";
import { erfF32x4, expF32x4, logF32x4, sigmoidF32x4, tanhF32x4, type VectorFunction } from "./f32x4.ts";
import {
  acosF32x4,
  acoshF32x4,
  asinF32x4,
  asinhF32x4,
  atanF32x4,
  atanhF32x4,
  cosF32x4,
  coshF32x4,
  fmodF32x4,
  modF32x4,
  powF32x4,
  sinF32x4,
  sinhF32x4,
  tanF32x4,
} from "./float-pairs.ts";
import { fmodF64, modF64 } from "./f64.ts";
import {
  acosF64,
  acoshF64,
  asinF64,
  asinhF64,
  atanF64,
  atanhF64,
  coshF64,
  erfF64,
  sinhF64,
} from "./f64-trigonometry.ts";
import { cosF64x2, expF64x2, logF64x2, powF64x2, sigmoidF64x2, sinF64x2, tanF64x2, tanhF64x2 } from "./f64x2.ts";
import { integerForm, type IntegerForm, integerHelper, isIntegerHelper, wrapInteger } from "./integers.ts";

type Define = (module: ModuleBuilder) => number;

/** Functions of one double without a vector form. */
const f64Unary: Partial<Record<UnaryFunction, Define>> = {
  erf: erfF64,
  asin: asinF64,
  acos: acosF64,
  atan: atanF64,
  sinh: sinhF64,
  cosh: coshF64,
  asinh: asinhF64,
  acosh: acoshF64,
  atanh: atanhF64,
};

/** Functions with a vector form: scalars go through it, so that a row's last elements come out like the others. */
export const f32x4Unary: Partial<Record<UnaryFunction, VectorFunction>> = {
  exp: expF32x4,
  log: logF32x4,
  erf: erfF32x4,
  tanh: tanhF32x4,
  sigmoid: sigmoidF32x4,
  sin: sinF32x4,
  cos: cosF32x4,
  tan: tanF32x4,
  asin: asinF32x4,
  acos: acosF32x4,
  atan: atanF32x4,
  sinh: sinhF32x4,
  cosh: coshF32x4,
  asinh: asinhF32x4,
  acosh: acoshF32x4,
  atanh: atanhF32x4,
};

/** Functions of two doubles with a vector form; scalars go through it, too. */
export const f64x2Unary: Partial<Record<UnaryFunction, VectorFunction>> = {
  exp: expF64x2,
  log: logF64x2,
  tanh: tanhF64x2,
  sigmoid: sigmoidF64x2,
  sin: sinF64x2,
  cos: cosF64x2,
  tan: tanF64x2,
};

const vectorShapes = { f32: "f32x4", f64: "f64x2" } as const;

/** The module's function of one or two floats: what a function of vectors does in its first lane. */
function inOneLane(
  module: ModuleBuilder,
  shape: FloatShape,
  fn: UnaryFunction | BinaryFunction,
  operands: number,
  vector: VectorFunction,
): number {
  const name = `${shape}_${fn}_in_one_lane`;
  return module.shared(name, () =>
    module.function(name, { params: Array.from({ length: operands }, () => shape), results: [shape] }, (f) => {
      for (const param of f.params) {
        f.get(param);
        f.op(`${vectorShapes[shape]}.splat`);
      }
      vector(f);
      f.lane(`${vectorShapes[shape]}.extract_lane`, 0);
    }),
  );
}

/** The module's function of one float. */
function unaryHelper(module: ModuleBuilder, fn: UnaryFunction, shape: FloatShape): number {
  const vector = (shape === "f32" ? f32x4Unary : f64x2Unary)[fn];
  if (vector !== undefined) return inOneLane(module, shape, fn, 1, vector);
  const define = shape === "f64" ? f64Unary[fn] : undefined;
  if (define === undefined) throw new Error(`internal: no function ${fn} of ${shape}`);
  return define(module);
}

/** Applies a unary function to the scalar on the stack. */
export function scalarUnary(f: FunctionBuilder, fn: UnaryFunction, dtype: DType): void {
  if (dtype === "f32" || dtype === "f64") floatUnary(f, fn, dtype);
  else if (fn === "not") f.op("i32.eqz");
  else integerUnary(f, fn, integerForm(dtype));
}

const pushFloat = (f: FunctionBuilder, shape: "f32" | "f64", value: number): void => {
  if (shape === "f32") f.f32(value);
  else f.f64(value);
};

type FloatShape = "f32" | "f64";

const nativeFloatUnary = {
  neg: "neg",
  abs: "abs",
  sqrt: "sqrt",
  floor: "floor",
  ceil: "ceil",
  round: "nearest",
} as const satisfies Partial<Record<UnaryFunction, string>>;
type NativeFloatUnary = keyof typeof nativeFloatUnary;

/** The instruction of a function of one float, for scalars and for vectors; null where it is none. */
export const floatInstruction = (fn: UnaryFunction, shape: FloatShape | "f32x4" | "f64x2"): OpName | null =>
  fn in nativeFloatUnary ? `${shape}.${nativeFloatUnary[fn as NativeFloatUnary]}` : null;

/** Functions of one float that are a few instructions. */
const inlineFloatUnary: Partial<Record<UnaryFunction, (f: FunctionBuilder, shape: FloatShape) => void>> = {
  sign: floatSign,
  isnan: (f, shape) => {
    const x = f.local(shape);
    f.tee(x);
    f.get(x);
    f.op(`${shape}.ne`);
    f.release(x);
  },
  isposinf: (f, shape) => {
    pushFloat(f, shape, Infinity);
    f.op(`${shape}.eq`);
  },
  isneginf: (f, shape) => {
    pushFloat(f, shape, -Infinity);
    f.op(`${shape}.eq`);
  },
};

function floatUnary(f: FunctionBuilder, fn: UnaryFunction, shape: FloatShape): void {
  const native = floatInstruction(fn, shape);
  const inline = inlineFloatUnary[fn];
  if (native !== null) f.op(native);
  else if (inline !== undefined) inline(f, shape);
  else f.call(unaryHelper(f.module, fn, shape));
}

/** ±1 where x is neither zero nor NaN, else x. */
function floatSign(f: FunctionBuilder, shape: "f32" | "f64"): void {
  const local = f.local(shape);
  f.set(local);
  const x = pushLocal(f, local);
  const zero = (): void => {
    pushFloat(f, shape, 0);
  };
  const one = apply(
    f,
    `${shape}.copysign`,
    () => {
      pushFloat(f, shape, 1);
    },
    x,
  );
  const isSigned = apply(f, "i32.or", apply(f, `${shape}.lt`, x, zero), apply(f, `${shape}.gt`, x, zero));
  choose(f, shape, isSigned, one, x)();
  f.release(local);
}

/** Functions of one integer; results still need wrapping. */
const inlineIntegerUnary: Partial<Record<UnaryFunction, (f: FunctionBuilder, form: IntegerForm) => void>> = {
  neg: (f, form) => {
    withLiteral(f, form, -1, "mul");
  },
  bitnot: (f, form) => {
    withLiteral(f, form, -1, "xor");
  },
  abs: (f, form) => {
    if (form.signed) integerAbs(f, form);
  },
  sign: integerSign,
  floor: leave,
  ceil: leave,
  round: leave,
};

function leave(): void {
  // an integer is its own floor
}

function withLiteral(f: FunctionBuilder, { rep }: IntegerForm, value: number, op: "mul" | "xor"): void {
  if (rep === "i32") f.i32(value);
  else f.i64(BigInt(value));
  f.op(`${rep}.${op}`);
}

function integerUnary(f: FunctionBuilder, fn: UnaryFunction, form: IntegerForm): void {
  if (fn === "isnan" || fn === "isposinf" || fn === "isneginf") {
    f.drop();
    f.i32(0);
    return;
  }
  const inline = inlineIntegerUnary[fn];
  if (inline === undefined) throw new Error(`internal: ${fn} of an integer`);
  inline(f, form);
  wrapInteger(f, form);
}

/** (x ^ s) - s with s = x >> 31 */
function integerAbs(f: FunctionBuilder, { rep }: IntegerForm): void {
  const x = f.local(rep);
  const sign = f.local(rep);
  f.tee(x);
  if (rep === "i32") f.i32(31);
  else f.i64(63n);
  f.op(`${rep}.shr_s`);
  f.tee(sign);
  f.get(x);
  f.op(`${rep}.xor`);
  f.get(sign);
  f.op(`${rep}.sub`);
  f.release(x, sign);
}

/** (x > 0) - (x < 0) */
function integerSign(f: FunctionBuilder, { rep, signed }: IntegerForm): void {
  const x = f.local(rep);
  const zero = (): void => {
    if (rep === "i32") f.i32(0);
    else f.i64(0n);
  };
  f.set(x);
  f.get(x);
  zero();
  f.op(signed ? `${rep}.gt_s` : `${rep}.ne`);
  if (signed) {
    f.get(x);
    zero();
    f.op(`${rep}.lt_s`);
    f.op("i32.sub");
  }
  if (rep === "i64") f.op("i64.extend_i32_s");
  f.release(x);
}

/** Applies a binary function to the two scalars on the stack. */
export function scalarBinary(f: FunctionBuilder, fn: BinaryFunction, dtype: DType): void {
  if (dtype === "f32" || dtype === "f64") floatBinary(f, fn, dtype);
  else integerBinary(f, fn, dtypeInfo(dtype).class === "bool" ? boolForm : integerForm(dtype));
}

const boolForm: IntegerForm = { rep: "i32", signed: false, bits: 1 };

const nativeFloatBinary = ["add", "sub", "mul", "div", "min", "max", "eq", "ne", "lt", "le", "gt", "ge"] as const;
type NativeFloatBinary = (typeof nativeFloatBinary)[number];
/** Whether a function of two floats is one instruction, for scalars and for vectors. */
export const isNativeFloatBinary = (fn: BinaryFunction): fn is NativeFloatBinary =>
  (nativeFloatBinary as readonly BinaryFunction[]).includes(fn);

type FloatHelper = "mod" | "fmod" | "pow";
const f64Binary: Readonly<Record<FloatHelper, Define>> = {
  mod: modF64,
  fmod: fmodF64,
  pow: (module) => inOneLane(module, "f64", "pow", 2, powF64x2),
};
/** Whether a function of two floats takes more than an instruction. */
export const isFloatHelper = (fn: BinaryFunction): fn is FloatHelper => fn in f64Binary;
/** Functions of two vectors of floats that are no instruction. */
export const f32x4Binary: Readonly<Record<FloatHelper, VectorFunction>> = {
  mod: modF32x4,
  fmod: fmodF32x4,
  pow: powF32x4,
};

function floatBinary(f: FunctionBuilder, fn: BinaryFunction, shape: FloatShape): void {
  if (isNativeFloatBinary(fn)) f.op(`${shape}.${fn}`);
  else if (!isFloatHelper(fn)) throw new Error(`internal: ${fn} of ${shape}`);
  else if (shape === "f64") f.call(f64Binary[fn](f.module));
  else f.call(inOneLane(f.module, "f32", fn, 2, f32x4Binary[fn]));
}

const bitwise: Partial<Record<BinaryFunction, "and" | "or" | "xor">> = {
  and: "and",
  or: "or",
  xor: "xor",
  bitand: "and",
  bitor: "or",
  bitxor: "xor",
};

function integerBinary(f: FunctionBuilder, fn: BinaryFunction, form: IntegerForm): void {
  const { rep, signed } = form;
  const sign = signed ? "s" : "u";
  if (isIntegerHelper(fn)) {
    f.call(integerHelper(f.module, fn, form));
    wrapInteger(f, form);
    return;
  }
  switch (fn) {
    case "add":
    case "sub":
    case "mul":
      f.op(`${rep}.${fn}`);
      wrapInteger(f, form);
      break;
    case "eq":
    case "ne":
      f.op(`${rep}.${fn}`);
      break;
    case "lt":
    case "le":
    case "gt":
    case "ge":
      f.op(`${rep}.${fn}_${sign}`);
      break;
    case "min":
    case "max":
      integerExtreme(f, fn, form);
      break;
    case "and":
    case "or":
    case "xor":
    case "bitand":
    case "bitor":
    case "bitxor":
      f.op(`${rep}.${bitwise[fn] ?? "and"}`);
      break;
  }
}

function integerExtreme(f: FunctionBuilder, fn: "min" | "max", { rep, signed }: IntegerForm): void {
  const x = f.local(rep);
  const y = f.local(rep);
  f.set(y);
  f.tee(x);
  f.get(y);
  f.get(x);
  f.get(y);
  f.op(`${rep}.${fn === "min" ? "lt" : "gt"}_${signed ? "s" : "u"}`);
  f.select(rep);
  f.release(x, y);
}
