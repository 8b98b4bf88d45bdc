import { defined } from "../../ir/access.ts";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { emitReduce } from "../../compiler/codegen/kernels/reduce.ts";
import type { DType } from "../../ir/dtype.ts";
import type { OpSpec, ReduceOp } from "../../ir/graph.ts";
import { tensorFrom } from "../../ir/tensor.ts";
import { expectLikeReference, randomSource, randomTensor, runKernel } from "./run-kernel.ts";

const fns: readonly ReduceOp["fn"][] = ["sum", "mean", "prod", "max", "min"];
const reduce = (fn: ReduceOp["fn"], axes: readonly number[], keepDims = false): OpSpec => ({
  kind: "reduce",
  fn,
  axes,
  keepDims,
  inputs: [0],
});
const dtypes: readonly DType[] = ["f32", "f64", "i8", "u8", "i16", "i32", "u32", "i64", "u64"];

/** Vectors sum in another order than the reference: for sums the error is relative to the sum of sizes. */
const tolerance = (dtype: DType): { relative: number; absolute: number } => {
  return dtype === "f32"
    ? { relative: 1e-5, absolute: 2e-4 }
    : dtype === "f64"
      ? { relative: 1e-12, absolute: 1e-12 }
      : { relative: 0, absolute: 0 };
};

describe.each(fns)("reduce %s", (fn) => {
  it("reduces random shapes over random axes", () => {
    const shape = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 4 });
    const cases = shape.chain((s) => fc.tuple(fc.constant(s), fc.subarray([...s.keys()])));
    fc.assert(
      fc.property(cases, fc.constantFrom(...dtypes), fc.boolean(), fc.nat(), ([s, axes], dtype, keep, seed) => {
        const x = randomTensor(dtype, s, randomSource(seed), fn === "prod" ? 1.2 : 4);
        expectLikeReference(emitReduce, reduce(fn, axes, keep), [x], tolerance(dtype));
      }),
      { numRuns: 120 },
    );
  });

  it.each([
    [[1000], [0]],
    [[3, 77], [1]],
    [[77, 32], [0]],
    [
      [5, 9, 48],
      [0, 1],
    ],
    [
      [2, 16, 7, 7],
      [2, 3],
    ],
    [
      [2, 16, 7, 7],
      [0, 2, 3],
    ],
    [[4, 6, 8], []],
    [[3, 0, 5], [1]],
    [[0, 5], [1]],
  ])("%j over %j", (shape, axes) => {
    for (const dtype of ["f32", "i32", "u8", "f64"] as const) {
      if (fn === "mean" && shape.includes(0) && dtype !== "f32" && dtype !== "f64") continue;
      const x = randomTensor(dtype, shape, randomSource(3), fn === "prod" ? 1.1 : 4);
      expectLikeReference(emitReduce, reduce(fn, axes), [x], tolerance(dtype));
    }
  });

  it("hands NaN on", () => {
    const x = tensorFrom("f32", [2, 9], [1, NaN, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const [y] = runKernel(emitReduce, reduce(fn, [1]), [x]);
    expect([defined(y).elements[0], Number.isNaN(defined(y).elements[1])]).toEqual([NaN, false]);
  });
});

it("reduces bools", () => {
  for (const axes of [[0], [1], [0, 1]]) {
    for (const fn of ["max", "min"] as const) {
      expectLikeReference(emitReduce, reduce(fn, axes), [randomTensor("bool", [20, 36], randomSource(4))]);
    }
  }
});
