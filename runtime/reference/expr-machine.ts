/**
 * Runs a scalar expression over blocks of elements. The expression is flattened once into steps, each a tight loop over one block from
 * register to register, so that the cost of deciding what to do is paid per block and not per element. Equal subexpressions (the same
 * object, as substitution leaves them) are computed once.
 */
import type { DType } from "../../ir/dtype.ts";
import { isBig } from "../../ir/dtype.ts";
import type { BinaryFunction, Expr, UnaryFunction } from "../../ir/expr.ts";
import { nth } from "./access.ts";
import { bigToBig, bigToNumber, normalizer, numberCast, numberToBig } from "./casts.ts";
import { allocateBigs, type BigArray } from "./numbers.ts";
import {
  bigBinary,
  bigComparison,
  bigUnary,
  type NumberBinary,
  numberBinary,
  numberUnary,
} from "./scalar-functions.ts";

/** Elements of one block; registers of a few expressions fit the second-level cache. */
export const blockSize = 2048;

/** One block of values of one subexpression: doubles, or 64-bit integers. */
export type Register =
  | { readonly lane: "number"; readonly dtype: DType; readonly values: Float64Array }
  | { readonly lane: "big"; readonly dtype: DType; readonly values: BigArray };

type Step = (count: number) => void;

export interface Machine {
  /** one per operand, to be filled before `run` */
  readonly operands: readonly Register[];
  readonly result: Register;
  /** Computes the first `count` elements of the result. */
  readonly run: (count: number) => void;
}

interface Compilation {
  readonly operands: readonly Register[];
  readonly block: number;
  readonly steps: Step[];
  readonly known: Map<Expr, Register>;
}

/** Prepares `expr` for operands of the given types, at most `block` elements at a time. */
export function compileExpr(expr: Expr, dtypes: readonly DType[], block: number = blockSize): Machine {
  const operands = dtypes.map((dtype) => makeRegister(dtype, block));
  const compilation: Compilation = { operands, block, steps: [], known: new Map() };
  const result = compile(compilation, expr);
  const { steps } = compilation;
  return {
    operands,
    result,
    run: (count) => {
      for (const step of steps) step(count);
    },
  };
}

/** A function of one number, for expressions over one operand that doubles carry. */
export function scalarFunction(expr: Expr, dtype: DType): (x: number) => number {
  const { operands, result, run } = compileExpr(expr, [dtype], 1);
  const source = numbersIn(nth(operands, 0));
  const target = numbersIn(result);
  return (x) => {
    source[0] = x;
    run(1);
    return target[0] as number;
  };
}

export function makeRegister(dtype: DType, block: number): Register {
  return isBig(dtype)
    ? { lane: "big", dtype, values: allocateBigs(dtype, block) }
    : { lane: "number", dtype, values: new Float64Array(block) };
}

function numbersIn(register: Register): Float64Array {
  if (register.lane === "number") return register.values;
  throw new Error(`internal: ${register.dtype} where numbers are expected`);
}

function bigsIn(register: Register): BigArray {
  if (register.lane === "big") return register.values;
  throw new Error(`internal: ${register.dtype} where 64-bit integers are expected`);
}

function compile(c: Compilation, expr: Expr): Register {
  const known = c.known.get(expr);
  if (known !== undefined) return known;
  const register = compileNew(c, expr);
  c.known.set(expr, register);
  return register;
}

function compileNew(c: Compilation, expr: Expr): Register {
  switch (expr.op) {
    case "arg": {
      const register = c.operands[expr.index];
      if (register === undefined) throw new Error(`internal: expression reads $${expr.index} of ${c.operands.length}`);
      return register;
    }
    case "const":
      return literal(c, expr.dtype, expr.value);
    case "unary":
      return unaryStep(c, expr.fn, compile(c, expr.x));
    case "binary":
      return binaryStep(c, expr.fn, compile(c, expr.x), compile(c, expr.y));
    case "select":
      return selectStep(c, numbersIn(compile(c, expr.cond)), compile(c, expr.x), compile(c, expr.y));
    case "cast":
      return castStep(c, compile(c, expr.x), expr.to, expr.saturate);
  }
}

function literal(c: Compilation, dtype: DType, value: number | bigint | boolean): Register {
  const register = makeRegister(dtype, c.block);
  if (register.lane === "big") register.values.fill(BigInt(value));
  else register.values.fill((normalizer(dtype) ?? Number)(Number(value)));
  return register;
}

const boolUnary: ReadonlySet<UnaryFunction> = new Set<UnaryFunction>(["not", "isnan", "isposinf", "isneginf"]);

/** Functions whose results are values of the type already, so that no rounding follows. */
const exactUnary: ReadonlySet<UnaryFunction> = new Set<UnaryFunction>(["floor", "ceil", "round", "sign"]);
const exactBinary: ReadonlySet<BinaryFunction> = new Set<BinaryFunction>(["min", "max"]);
const boolBinary: ReadonlySet<BinaryFunction> = new Set<BinaryFunction>([
  "eq", "ne", "lt", "le", "gt", "ge", "and", "or", "xor",
]); // prettier-ignore

function unaryStep(c: Compilation, fn: UnaryFunction, x: Register): Register {
  if (x.lane === "big") return boolUnary.has(fn) ? literal(c, "bool", false) : bigUnaryStep(c, fn, x);
  const dtype = boolUnary.has(fn) ? "bool" : x.dtype;
  const target = makeRegister(dtype, c.block);
  const out = numbersIn(target);
  const source = x.values;
  const apply = numberUnary(fn, x.dtype);
  c.steps.push((count) => {
    for (let i = 0; i < count; i++) out[i] = apply(source[i] as number);
  });
  if (dtype !== "bool" && !exactUnary.has(fn)) normalizeStep(c, dtype, out);
  return target;
}

function bigUnaryStep(c: Compilation, fn: UnaryFunction, x: Register): Register {
  const target = makeRegister(x.dtype, c.block);
  const out = bigsIn(target);
  const source = bigsIn(x);
  const apply = bigUnary(fn);
  c.steps.push((count) => {
    for (let i = 0; i < count; i++) out[i] = apply(source[i] as bigint);
  });
  return target;
}

function binaryStep(c: Compilation, fn: BinaryFunction, x: Register, y: Register): Register {
  if (x.lane === "big") return bigBinaryStep(c, fn, x, y);
  const dtype = boolBinary.has(fn) ? "bool" : x.dtype;
  const target = makeRegister(dtype, c.block);
  const out = numbersIn(target);
  c.steps.push(numberLoop(fn, x.dtype)(out, x.values, numbersIn(y)));
  if (dtype !== "bool" && !exactBinary.has(fn)) normalizeStep(c, dtype, out);
  return target;
}

type BinaryLoop = (out: Float64Array, x: Float64Array, y: Float64Array) => Step;

/** The commonest functions as loops of their own: a call per element would cost more than the arithmetic. */
const plainLoops: ReadonlyMap<BinaryFunction, BinaryLoop> = new Map<BinaryFunction, BinaryLoop>([
  [
    "add",
    (out, x, y) => (count) => {
      for (let i = 0; i < count; i++) out[i] = (x[i] as number) + (y[i] as number);
    },
  ],
  [
    "sub",
    (out, x, y) => (count) => {
      for (let i = 0; i < count; i++) out[i] = (x[i] as number) - (y[i] as number);
    },
  ],
  [
    "mul",
    (out, x, y) => (count) => {
      for (let i = 0; i < count; i++) out[i] = (x[i] as number) * (y[i] as number);
    },
  ],
  [
    "div",
    (out, x, y) => (count) => {
      for (let i = 0; i < count; i++) out[i] = (x[i] as number) / (y[i] as number);
    },
  ],
]);

function numberLoop(fn: BinaryFunction, dtype: DType): BinaryLoop {
  const plain = plainLoops.get(fn);
  const apply = numberBinary(fn, dtype);
  // the plain loops are those of floats: division differs for integers, multiplication for 32-bit ones
  if (plain !== undefined && (dtype === "f32" || dtype === "f64")) return plain;
  return callingLoop(apply);
}

const callingLoop =
  (apply: NumberBinary): BinaryLoop =>
  (out, x, y) =>
  (count) => {
    for (let i = 0; i < count; i++) out[i] = apply(x[i] as number, y[i] as number);
  };

function bigBinaryStep(c: Compilation, fn: BinaryFunction, x: Register, y: Register): Register {
  const left = bigsIn(x);
  const right = bigsIn(y);
  const compare = bigComparison(fn);
  const target = makeRegister(compare === undefined ? x.dtype : "bool", c.block);
  if (compare !== undefined) {
    const out = numbersIn(target);
    c.steps.push((count) => {
      for (let i = 0; i < count; i++) out[i] = compare(left[i] as bigint, right[i] as bigint) ? 1 : 0;
    });
    return target;
  }
  const out = bigsIn(target);
  const apply = bigBinary(fn);
  c.steps.push((count) => {
    for (let i = 0; i < count; i++) out[i] = apply(left[i] as bigint, right[i] as bigint);
  });
  return target;
}

function selectStep(c: Compilation, cond: Float64Array, x: Register, y: Register): Register {
  const target = makeRegister(x.dtype, c.block);
  if (target.lane === "big") {
    const [out, left, right] = [target.values, bigsIn(x), bigsIn(y)];
    c.steps.push((count) => {
      for (let i = 0; i < count; i++) out[i] = cond[i] !== 0 ? (left[i] as bigint) : (right[i] as bigint);
    });
  } else {
    const [out, left, right] = [target.values, numbersIn(x), numbersIn(y)];
    c.steps.push((count) => {
      for (let i = 0; i < count; i++) out[i] = cond[i] !== 0 ? (left[i] as number) : (right[i] as number);
    });
  }
  return target;
}

function castStep(c: Compilation, x: Register, to: DType, saturate: boolean): Register {
  if (x.dtype === to) return x;
  const target = makeRegister(to, c.block);
  if (x.lane === "big") c.steps.push(castFromBig(x.values, target, saturate));
  else if (target.lane === "big") c.steps.push(mapInto(target.values, x.values, numberToBig(to, saturate)));
  else c.steps.push(castNumbers(x, target, saturate));
  return target;
}

function castFromBig(source: BigArray, target: Register, saturate: boolean): Step {
  return target.lane === "big"
    ? mapInto(target.values, source, bigToBig(target.dtype, saturate))
    : mapInto(target.values, source, bigToNumber(target.dtype, saturate));
}

function castNumbers(x: Register, target: Register, saturate: boolean): Step {
  const convert = numberCast(x.dtype, target.dtype, saturate);
  const [source, out] = [numbersIn(x), numbersIn(target)];
  if (convert !== null) return mapInto(out, source, convert);
  return (count) => {
    for (let i = 0; i < count; i++) out[i] = source[i] as number;
  };
}

function mapInto<S, T>(
  out: { [index: number]: T },
  source: { readonly [index: number]: S },
  convert: (x: S) => T,
): Step {
  return (count) => {
    for (let i = 0; i < count; i++) out[i] = convert(source[i] as S);
  };
}

/** Brings a register's doubles back into their type. */
function normalizeStep(c: Compilation, dtype: DType, values: Float64Array): void {
  if (dtype === "f32") {
    c.steps.push((count) => {
      for (let i = 0; i < count; i++) values[i] = Math.fround(values[i] as number);
    });
    return;
  }
  const normalize = normalizer(dtype);
  if (normalize !== null) c.steps.push(mapInto(values, values, normalize));
}
