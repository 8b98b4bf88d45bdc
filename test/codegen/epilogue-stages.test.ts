import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { emitMatmul } from "../../compiler/codegen/kernels/matmul.ts";
import { makeEpilogue } from "../../compiler/codegen/kernels/product/epilogue.ts";
import { epilogueStages } from "../../compiler/codegen/kernels/product/epilogue-stages.ts";
import type { DType } from "../../ir/dtype.ts";
import { arg, binary, cast, type Expr, lit, unary } from "../../ir/expr.ts";
import type { OpSpec } from "../../ir/graph.ts";
import { makeTensor } from "../../ir/tensor.ts";
import { expectLikeReference, randomSource, randomTensor } from "./run-kernel.ts";

const float = (value: number): Expr => lit("f32", value);
const quantized = (x: Expr, scale: number, zero: number, to: DType = "u8"): Expr =>
  cast(to, binary("add", unary("round", binary("div", x, float(scale))), float(zero)), true);
const dequantized = (x: Expr, scale: number, zero: number): Expr =>
  binary("mul", binary("sub", cast("f32", x), float(zero)), float(scale));
const scaled = binary("add", binary("mul", cast("f32", arg(0)), arg(1)), arg(2));
/** A residual block's end: requantized, the residual added, requantized again. */
const residual = (to: DType): Expr => {
  const inner = dequantized(quantized(scaled, 0.37, 117), 0.37, 117);
  const sum = binary("add", inner, dequantized(arg(3), 0.21, 3));
  return quantized(binary("max", sum, float(0)), 0.4, 0, to);
};

describe("stages of an epilogue", () => {
  const stagesOf = (expr: Expr): readonly string[] =>
    epilogueStages(makeEpilogue(expr, "i32", ["f32", "f32", "u8"], "u8")).map(
      ({ accumulator, output }) => `${accumulator} ${output}`,
    );

  it("end where a value is about to be rounded, from two roundings on", () => {
    expect(stagesOf(residual("u8"))).toEqual(["i32 f32", "f32 f32", "f32 u8"]);
    expect(stagesOf(quantized(scaled, 0.37, 117))).toEqual(["i32 u8"]);
  });

  it("are one where the accumulator is read twice", () => {
    const inner = dequantized(quantized(scaled, 0.37, 117), 0.37, 117);
    expect(stagesOf(quantized(binary("mul", inner, cast("f32", arg(0))), 0.5, 1))).toEqual(["i32 u8"]);
  });

  it("give what the whole epilogue gives, whatever the tiles", () => {
    const size = fc.integer({ min: 1, max: 40 });
    fc.assert(
      fc.property(size, size, size, fc.constantFrom<DType>("u8", "i8", "i16"), fc.nat(), (m, k, n, to, seed) => {
        const random = randomSource(seed);
        const op: OpSpec = { kind: "matmul", inputs: [0, 1, 2, 3, 4], transposeA: false, transposeB: false, epilogue: residual(to) };
        const bytes = Int16Array.from({ length: m * k }, () => Math.floor(random() * 256) - 100);
        const inputs = [
          makeTensor("i16", [m, k], bytes),
          makeTensor("i8", [k, n], Int8Array.from({ length: k * n }, () => Math.floor(random() * 256) - 128)),
          randomTensor("f32", [n], random, 0.01),
          randomTensor("f32", [n], random, 30),
          makeTensor("u8", [m, n], Uint8Array.from({ length: m * n }, () => Math.floor(random() * 256))),
        ];
        expectLikeReference(emitMatmul, op, inputs, { constants: [1] });
      }),
      { numRuns: 40 },
    );
  }); // prettier-ignore
});
