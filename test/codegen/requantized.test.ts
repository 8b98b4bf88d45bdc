/** Requantized results whose bounds are known: vectors go without a clamp, and the store saturates. */
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { floatRange, type FloatRange } from "../../compiler/codegen/float-range.ts";
import { rangeOfConstant } from "../../compiler/codegen/value-range.ts";
import { emitMatmul } from "../../compiler/codegen/kernels/matmul.ts";
import { givesSmall } from "../../compiler/codegen/kernels/product/requantized.ts";
import type { DType } from "../../ir/dtype.ts";
import { arg, binary, cast, type Expr, lit, unary } from "../../ir/expr.ts";
import { type OpSpec, tensorType } from "../../ir/graph.ts";
import { elementCount, makeTensor, type TensorData, tensorFrom } from "../../ir/tensor.ts";
import { expectLikeReference, randomSource } from "./run-kernel.ts";

const float = (value: number): Expr => lit("f32", value);
const sum = cast("f32", arg(0));

describe("the range of a float expression", () => {
  const types: readonly DType[] = ["i32", "f32", "u8", "f32"];
  const ranges: readonly (FloatRange | null)[] = [
    { low: -100, high: 300 },
    { low: -2, high: 0.5 },
    { low: 0, high: 255 },
    null,
  ];
  it.each<readonly [string, Expr, FloatRange | null]>([
    ["a product", binary("mul", sum, arg(1)), { low: -600, high: 200 }],
    ["a sum", binary("add", sum, arg(1)), { low: -102, high: 300.5 }],
    ["a difference", binary("sub", arg(1), sum), { low: -302, high: 100.5 }],
    ["a quotient", binary("div", sum, float(0.5)), { low: -200, high: 600 }],
    ["a quotient by what may be 0", binary("div", sum, arg(1)), null],
    ["a bounded number", binary("max", binary("min", sum, float(6)), float(0)), { low: 0, high: 6 }],
    ["a rounded number", unary("round", unary("neg", arg(1))), { low: -1, high: 2 }],
    ["saturated bytes, whatever they were", cast("f32", cast("u8", unary("exp", arg(3)), true)), { low: 0, high: 255 }],
    ["bytes that wrap", cast("f32", binary("sub", arg(2), lit("u8", 1))), { low: 0, high: 255 }],
    ["what has no bounds", binary("add", arg(3), sum), null],
    ["other functions", unary("exp", sum), null],
    ["what leaves f32 on the way", binary("mul", binary("mul", sum, float(1e36)), float(1e-36)), null],
  ])("%s", (_, expr, expected) => {
    expect(floatRange(expr, types, ranges)).toEqual(expected);
  }); // prettier-ignore

  it("of a constant is that of its elements, if all are numbers", () => {
    const floats = (...elements: readonly number[]): TensorData => makeTensor("f32", [elements.length], Float32Array.from(elements));
    expect(rangeOfConstant(floats(3, -1, 2))).toEqual({ low: -1, high: 3 });
    expect(rangeOfConstant(floats(3, NaN))).toBeNull();
    expect(rangeOfConstant(floats())).toBeNull();
    expect(floatRange(arg(0), ["f32"], [rangeOfConstant(floats(0, Infinity))])).toBeNull();
  }); // prettier-ignore
});

interface Case {
  readonly m: number;
  readonly k: number;
  readonly n: number;
  readonly to: DType;
  readonly residual: "u8" | "i8" | null;
  /** largest factor of a sum */
  readonly scale: number;
  readonly seed: number;
}

function subject({ m, k, n, to, residual, scale, seed }: Case): { readonly op: OpSpec; readonly inputs: readonly TensorData[] } {
  const random = randomSource(seed);
  const integers = (dtype: "u8" | "i8" | "i16", shape: readonly number[], low: number): TensorData =>
    tensorFrom(dtype, shape, Array.from({ length: elementCount(shape) }, () => low + Math.floor(random() * 256)));
  const factors = makeTensor("f32", [n], Float32Array.from({ length: n }, () => scale * random()));
  const shifts = makeTensor("f32", [n], Float32Array.from({ length: n }, () => 300 * (random() - 0.5)));
  const scaled = binary("add", binary("mul", sum, arg(1)), arg(2));
  const whole = residual === null ? scaled : binary("add", scaled, binary("mul", cast("f32", arg(3)), float(0.7)));
  const zero = to === "u8" ? 117 : 0;
  const epilogue = cast(to, zero === 0 ? unary("round", whole) : binary("add", unary("round", whole), float(zero)), true);
  const inputs = [integers("i16", [m, k], -100), integers("i8", [k, n], -128), factors, shifts, ...(residual === null ? [] : [integers(residual, [m, n], residual === "u8" ? 0 : -128)])];
  return { op: { kind: "matmul", inputs: inputs.map((_, i) => i), transposeA: false, transposeB: false, epilogue }, inputs };
} // prettier-ignore

const constants = [1, 2, 3];

function isSmall({ op, inputs }: ReturnType<typeof subject>): boolean {
  const operands = {
    inputs: inputs.map(({ dtype, shape }) => tensorType(dtype, shape)),
    outputs: [],
    constants: inputs.map((tensor, i) => (constants.includes(i) ? tensor : undefined)),
  };
  if (op.kind !== "matmul") throw new Error("a product was expected");
  return givesSmall(op.epilogue, operands, 2, inputs[0]?.shape[1] ?? 0);
}

describe("requantized results beyond their type", () => {
  const base: Case = { m: 9, k: 40, n: 37, to: "u8", residual: null, scale: 0.005, seed: 1 };

  it("are known to be small by their constants", () => {
    expect(isSmall(subject(base))).toBe(true);
    expect(isSmall(subject({ ...base, residual: "u8" }))).toBe(true);
    expect(isSmall(subject({ ...base, scale: 1e5 }))).toBe(false);
  });

  it("saturate, small or not, into every narrow type", () => {
    const size = fc.integer({ min: 1, max: 40 });
    const cases = fc.record({
      m: size,
      k: size,
      n: size,
      to: fc.constantFrom<DType>("u8", "i8", "i16", "u16"),
      residual: fc.constantFrom<Case["residual"]>(null, "u8", "i8"),
      scale: fc.constantFrom(0.001, 0.005, 10, 1e5, 1e9),
      seed: fc.nat(),
    });
    fc.assert(
      fc.property(cases, (c) => {
        const { op, inputs } = subject(c);
        expectLikeReference(emitMatmul, op, inputs, { constants: constants.filter((i) => i < inputs.length) });
      }),
      { numRuns: 60 },
    );
  });
});
