import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { type Choose, modelChoice } from "../../compiler/codegen/choice.ts";
import { emitConv } from "../../compiler/codegen/kernels/conv.ts";
import { emitMatmul } from "../../compiler/codegen/kernels/matmul.ts";
import { halfWeights } from "../../compiler/codegen/kernels/product/half-floats.ts";
import { arg, binary } from "../../ir/expr.ts";
import { type ConvOp, type MatmulOp, tensorType } from "../../ir/graph.ts";
import { decodeSmallFloat } from "../../ir/small-float.ts";
import type { TensorData } from "../../ir/tensor.ts";
import { expectKernels, numbersOf, randomTensor } from "./harness.ts";
import { indicesOf, nth } from "./tensor-index.ts";

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

/** A convolution with weights of a format over a channels-last image, against float64; bytes of its weights. */
function checkConv(format: Format, kernel: readonly [number, number], groups: number, seed: number): number {
  const [channels, filters] = [6 * groups, 7 * groups];
  const w = tensor([...kernel, 6, filters], valuesOf(format, kernel[0] * kernel[1] * 6 * filters, seed, 4));
  const inputs = [randomTensor("f32", [1, 8, 9, channels], seed), w];
  const op: ConvOp = { kind: "conv", inputs: [0, 1], outputs: [2], origin: ["test"], layout: "nhwc", strides: [1, 1], dilations: [1, 1], padsBegin: [0, 0], padsEnd: [0, 0], groups, epilogue: null };
  const [rows, columns] = [9 - kernel[0], 10 - kernel[1]];
  const output = tensorType("f32", [1, rows, columns, filters]);
  const types = inputs.map(({ dtype, shape }) => tensorType(dtype, shape));
  const direct: Choose = (choice) => choice.candidates.find((one) => choice.words(one) === "direct") ?? modelChoice(choice);
  const stages = emitConv(op, { inputs: types, outputs: [output], constants: [undefined, w] }, direct);
  const [x, weights] = inputs.map(numbersOf) as [number[], number[]];
  const expected = indicesOf(output.shape).map((index) => {
    const [, y, column, filter] = index as [number, number, number, number];
    const group = Math.floor(filter / 7);
    let sum = 0;
    for (const [ky, kx, c] of indicesOf([...kernel, 6]) as [number, number, number][]) {
      sum += nth(x, ((y + ky) * 9 + column + kx) * channels + group * 6 + c) * nth(weights, ((ky * kernel[1] + kx) * 6 + c) * filters + filter);
    }
    return sum;
  });
  expectKernels({ stages, inputs, output }, expected, 2e-6);
  const packed = stages.flatMap(({ args }) => args).find((argument) => argument.kind === "packed");
  return packed?.byteLength ?? 0;
} // prettier-ignore

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
    expect(check("f16", [24, 64, 32], 3)).toBe(64 * 32 * 2);
    expect(checkConv("f16", [1, 1], 1, 3)).toBe(6 * 8 * 2);
  });

  it.each(["f16", "bf16"] as const)("widen panels for many rows: %s", (format) => {
    // whole and ragged panels, a run in parts, rows in blocks
    const sizes = [[24, 40, 24], [37, 30, 29], [26, 2500, 20], [300, 33, 13]] as const;
    for (const [i, size] of sizes.entries()) check(format, size, 20 + i);
    check(format, [25, 64, 48], 7, 1000);
    for (const groups of [1, 2]) for (const kernel of [[1, 1], [2, 3]] as const) checkConv(format, kernel, groups, 9); // prettier-ignore
  }); // prettier-ignore
});
