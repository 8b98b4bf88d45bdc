import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { emitMatmul } from "../../compiler/codegen/kernels/matmul.ts";
import { halfWeights } from "../../compiler/codegen/kernels/product/half-floats.ts";
import { arg, binary } from "../../ir/expr.ts";
import { type MatmulOp, tensorType } from "../../ir/graph.ts";
import { decodeSmallFloat } from "../../ir/small-float.ts";
import type { TensorData } from "../../ir/tensor.ts";
import { expectKernels, numbersOf, randomTensor } from "./harness.ts";
import { nth } from "./tensor-index.ts";

type Format = "f16" | "bf16";

const tensor = (shape: readonly number[], values: Iterable<number>): TensorData => ({
  dtype: "f32",
  shape,
  elements: Float32Array.from(values),
});

const patternCount = 2 ** 16;
const allOf = (format: Format): number[] =>
  Array.from({ length: patternCount }, (_, pattern) => decodeSmallFloat(format, pattern)).filter(Number.isFinite);

/** Steps by a number without common factor walk over all patterns: subnormals, zeros and large ones come early. */
function valuesOf(format: Format, count: number, seed: number, limit: number): number[] {
  const all = allOf(format).filter((value) => Math.abs(value) <= limit);
  return Array.from({ length: count }, (_, i) => nth(all, (seed + i * 7919) % all.length));
}

describe("halfWeights", () => {
  it.each(["f16", "bf16"] as const)("keeps every finite number of %s", (format) => {
    const values = allOf(format);
    const half = halfWeights(tensor([values.length], values), 1);
    expect(half?.constant.dtype).toBe(format);
    const kept = Array.from(half?.constant.elements as Uint16Array, (bits) => decodeSmallFloat(format, bits));
    expect(kept.every((value, i) => Object.is(value, values[i]))).toBe(true);
  });

  it("keeps small numbers of f16 times 1024, none of them subnormal", () => {
    const values = allOf("f16").filter((value) => Math.abs(value) < 64);
    const half = halfWeights(tensor([values.length], values), 1);
    const kept = Array.from(half?.constant.elements as Uint16Array, (bits) => decodeSmallFloat("f16", bits));
    expect(kept.every((value, i) => Object.is(value, 1024 * nth(values, i)))).toBe(true);
    expect(kept.every((value) => value === 0 || Math.abs(value) >= 2 ** -14)).toBe(true);
  });

  it("leaves constants alone that would lose something", () => {
    const coarse = valuesOf("f16", 400, 1, 8);
    expect(halfWeights(tensor([1], [0.1]), 1)).toBeNull();
    expect(halfWeights(tensor([401], [...coarse, 0.1]), 1)).toBeNull();
    // beyond f16 on either side, with more digits than bf16 has
    for (const value of [Infinity, 65536, 2 ** -40]) {
      expect(halfWeights(tensor([401], [...coarse, value]), 1)).toBeNull();
    }
    expect(halfWeights({ dtype: "f64", shape: [1], elements: Float64Array.of(1) }, 1)).toBeNull();
  });

  it("leaves products of many rows alone", () => {
    const weights = tensor([400], valuesOf("f16", 400, 1, 8));
    expect(halfWeights(weights, 2)).not.toBeNull();
    expect(halfWeights(weights, 3)).toBeNull();
  });
});

function check(format: Format, [m, k, n]: readonly [number, number, number], seed: number, limit = 4): number {
  const b = tensor([k, n], valuesOf(format, k * n, seed, limit));
  const inputs = [randomTensor("f32", [m, k], seed), b, randomTensor("f32", [n], seed + 1)];
  const op: MatmulOp = {
    kind: "matmul",
    inputs: [0, 1, 2],
    outputs: [3],
    origin: ["test"],
    transposeA: false,
    transposeB: false,
    epilogue: binary("add", arg(0), arg(1)),
  };
  const output = tensorType("f32", [m, n]);
  const types = inputs.map(({ dtype, shape }) => tensorType(dtype, shape));
  const stages = emitMatmul(op, { inputs: types, outputs: [output], constants: [undefined, b, undefined] });
  const [x, weights, bias] = inputs.map(numbersOf) as [number[], number[], number[]];
  const expected = Array.from({ length: m * n }, (_, at) => {
    const [row, column] = [Math.floor(at / n), at % n];
    let sum = nth(bias, column);
    for (let i = 0; i < k; i++) sum += nth(x, row * k + i) * nth(weights, i * n + column);
    return sum;
  });
  expectKernels({ stages, inputs, output }, expected, 2e-6);
  const packed = stages.flatMap(({ args }) => args).find((argument) => argument.kind === "packed");
  return packed?.byteLength ?? 0;
}

describe("products with weights in 16 bits", () => {
  it.each(["f16", "bf16"] as const)("agree with float64: %s", (format) => {
    const size = fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 140 }), fc.integer({ min: 1, max: 50 })); // prettier-ignore
    fc.assert(
      fc.property(size, fc.integer({ min: 0, max: 60_000 }), (sizes, seed) => {
        check(format, sizes, seed);
      }),
      { numRuns: 40, seed: 5 },
    );
    check(format, [1, 64, 48], 7, 1000);
    for (const sizes of [[1, 64, 48], [1, 128, 33], [2, 96, 20]] as const) check(format, sizes, 11); // prettier-ignore
  });

  it("take half the memory", () => {
    expect(check("f16", [1, 64, 32], 3)).toBe(64 * 32 * 2);
    expect(check("bf16", [4, 64, 32], 3)).toBe(64 * 32 * 2);
    expect(check("f16", [5, 64, 32], 3)).toBe(64 * 32 * 4);
  });
});
