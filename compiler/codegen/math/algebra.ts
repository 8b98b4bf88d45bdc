/**
 * Formulas as nested calls instead of stack order: a `Push` leaves one value on the stack, and an algebra combines pushes.
 *
 *     const a = algebra(f, "f64");
 *     a.add(a.mul(x, y), a.constant(1))()      // emits x, y, f64.mul, f64.const 1, f64.add
 */
import type { FunctionBuilder, Local, OpName } from "../wasm/index.ts";
import { pushSplat } from "./constants.ts";

/** Emits code that leaves one value on the stack. */
export type Push = () => void;

/** Floats that formulas are written over. */
export type FloatShape = "f32" | "f64" | "f32x4" | "f64x2";

const isVector = (shape: FloatShape | "i32" | "i64"): shape is "f32x4" | "f64x2" =>
  shape === "f32x4" || shape === "f64x2";

export interface Algebra {
  readonly shape: FloatShape;
  readonly constant: (value: number) => Push;
  readonly add: (x: Push, y: Push) => Push;
  readonly sub: (x: Push, y: Push) => Push;
  readonly mul: (x: Push, y: Push) => Push;
  readonly div: (x: Push, y: Push) => Push;
  readonly abs: (x: Push) => Push;
  readonly neg: (x: Push) => Push;
  readonly sqrt: (x: Push) => Push;
  /** x * y + z, fused where the module may */
  readonly madd: (x: Push, y: Push, z: Push) => Push;
  /** c[0] + x c[1] + x² c[2] + … by Horner's rule; `x` is pushed once per coefficient */
  readonly polynomial: (x: Push, coefficients: readonly number[]) => Push;
  /** evaluates once, into a new local */
  readonly let: (x: Push) => Push & { readonly local: Local };
}

/** Any instruction over pushes. */
export const apply =
  (f: FunctionBuilder, op: OpName, ...operands: readonly Push[]): Push =>
  () => {
    for (const operand of operands) operand();
    f.op(op);
  };

export const pushLocal =
  (f: FunctionBuilder, local: Local): Push =>
  () => {
    f.get(local);
  };

/** The formulas' operations in one shape of floats; `temporaries` collects the locals made by `let`. */
export function algebra(f: FunctionBuilder, shape: FloatShape, temporaries: Local[] = []): Algebra {
  const binary =
    (name: "add" | "sub" | "mul" | "div") =>
    (x: Push, y: Push): Push =>
      apply(f, `${shape}.${name}`, x, y);
  const unary =
    (name: "abs" | "neg" | "sqrt") =>
    (x: Push): Push =>
      apply(f, `${shape}.${name}`, x);
  const constant =
    (value: number): Push =>
    () => {
      if (shape === "f32") f.f32(value);
      else if (shape === "f64") f.f64(value);
      else pushSplat(f, shape, value);
    };
  const fused = shape === "f32x4" && f.module.features.relaxedSimd;
  const madd = (x: Push, y: Push, z: Push): Push =>
    fused ? apply(f, "f32x4.relaxed_madd", x, y, z) : binary("add")(binary("mul")(x, y), z);
  const polynomial = (x: Push, coefficients: readonly number[]): Push => {
    const [highest, ...rest] = coefficients.toReversed();
    return rest.reduce((sum, c) => madd(sum, x, constant(c)), constant(highest ?? 0));
  };
  const bind = (x: Push): Push & { readonly local: Local } => {
    x();
    const local = f.local(isVector(shape) ? "v128" : shape);
    temporaries.push(local);
    f.set(local);
    return Object.assign(pushLocal(f, local), { local });
  };
  return {
    shape,
    constant,
    add: binary("add"),
    sub: binary("sub"),
    mul: binary("mul"),
    div: binary("div"),
    abs: unary("abs"),
    neg: unary("neg"),
    sqrt: unary("sqrt"),
    madd,
    polynomial,
    let: bind,
  };
}

/** Runs `body` with an algebra and the operand from the stack in a local; afterwards the temporaries are free again. */
export function withOperand(f: FunctionBuilder, shape: FloatShape, body: (a: Algebra, x: Push) => void): void {
  const temporaries: Local[] = [];
  const a = algebra(f, shape, temporaries);
  const x = f.local(isVector(shape) ? "v128" : shape);
  f.set(x);
  body(a, pushLocal(f, x));
  f.release(x, ...temporaries);
}

/** x if the condition (an i32, or a mask for vectors) holds, else y. */
export const choose =
  (f: FunctionBuilder, shape: FloatShape | "i32" | "i64", condition: Push, x: Push, y: Push): Push =>
  () => {
    x();
    y();
    condition();
    if (isVector(shape)) f.op("v128.bitselect");
    else f.select(shape);
  };
