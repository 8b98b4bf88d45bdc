import { nth } from "../../ir/access.ts";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { emitCumulative } from "../../compiler/codegen/kernels/cumulative.ts";
import {
  emitGather,
  emitGatherElements,
  emitGatherND,
  emitScatterElements,
  emitScatterND,
} from "../../compiler/codegen/kernels/indexing.ts";
import { emitArgReduce } from "../../compiler/codegen/kernels/order.ts";
import { emitTopK } from "../../compiler/codegen/kernels/top-k.ts";
import type { DType } from "../../ir/dtype.ts";
import type { OpSpec } from "../../ir/graph.ts";
import { elementCount, tensorFrom, type TensorData } from "../../ir/tensor.ts";
import { expectLikeReference, randomSource, randomTensor, runKernel } from "./run-kernel.ts";

const shapes = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 });
const dtypes = fc.constantFrom<DType>("f32", "u8", "f16", "i64", "f64", "c128");
const numbers = fc.constantFrom<DType>("f32", "u8", "i16", "i64", "f64", "u64", "i32");
const indexTypes = fc.constantFrom<DType>("i32", "i64");

/** Indices of both signs within an axis. */
function indices(dtype: DType, shape: readonly number[], size: number, random: () => number): TensorData {
  const values = Array.from({ length: elementCount(shape) }, () => Math.floor(random() * 2 * size) - size);
  return tensorFrom(dtype, shape, values);
}

/** Tuples of indices within the leading dims. */
function tuples(dtype: DType, shape: readonly number[], sizes: readonly number[], random: () => number): TensorData {
  const values = Array.from({ length: elementCount(shape) }, () => sizes).flatMap((list) =>
    list.map((size) => Math.floor(random() * 2 * size) - size),
  );
  return tensorFrom(dtype, [...shape, sizes.length], values);
}

describe("gather kinds", () => {
  it("gather takes slices", () => {
    fc.assert(
      fc.property(
        shapes,
        fc.nat(3),
        shapes,
        dtypes,
        indexTypes,
        fc.nat(),
        (shape, at, indexShape, dtype, indexType, seed) => {
          const axis = at % shape.length;
          const random = randomSource(seed);
          const inputs = [randomTensor(dtype, shape, random), indices(indexType, indexShape, nth(shape, axis), random)];
          expectLikeReference(emitGather, { kind: "gather", axis, inputs: [0, 1] }, inputs);
        },
      ),
      { numRuns: 100 },
    );
  });

  it("gather looks up long rows", () => {
    const random = randomSource(1);
    const inputs = [randomTensor("f32", [50, 768], random), indices("i64", [2, 7], 50, random)];
    expectLikeReference(emitGather, { kind: "gather", axis: 0, inputs: [0, 1] }, inputs);
  });

  it.each([10, -11, 1e9, -1e9])("stops at index %d", (index) => {
    const inputs = [randomTensor("f32", [10], randomSource(1)), tensorFrom("i64", [1], [index])];
    expect(() => runKernel(emitGather, { kind: "gather", axis: 0, inputs: [0, 1] }, inputs)).toThrow(/unreachable/);
  });

  it("stops at indices beyond 32 bits", () => {
    const inputs = [randomTensor("f32", [10], randomSource(1)), tensorFrom("i64", [1], [2n ** 32n])];
    expect(() => runKernel(emitGather, { kind: "gather", axis: 0, inputs: [0, 1] }, inputs)).toThrow(/unreachable/);
  });

  it("gatherElements and scatterElements address single elements", () => {
    const reductions = fc.constantFrom("none" as const, "add" as const, "mul" as const, "min" as const, "max" as const);
    fc.assert(
      fc.property(
        shapes,
        fc.nat(3),
        numbers,
        indexTypes,
        reductions,
        fc.nat(),
        (shape, at, dtype, indexType, reduction, seed) => {
          const axis = at % shape.length;
          const random = randomSource(seed);
          const x = randomTensor(dtype, shape, random);
          const indexShape = shape.map((size, i) => (i === axis ? 3 : Math.max(1, size - 1)));
          const index = indices(indexType, indexShape, nth(shape, axis), random);
          expectLikeReference(emitGatherElements, { kind: "gatherElements", axis, inputs: [0, 1] }, [x, index]);
          const updates = randomTensor(dtype, indexShape, random);
          const scatter: OpSpec = { kind: "scatterElements", axis, reduction, inputs: [0, 1, 2] };
          expectLikeReference(emitScatterElements, scatter, [x, index, updates], { relative: 1e-5, absolute: 1e-5 });
        },
      ),
      { numRuns: 120 },
    );
  });

  it("gatherND and scatterND address blocks", () => {
    const reductions = fc.constantFrom("none" as const, "add" as const, "mul" as const, "min" as const, "max" as const);
    fc.assert(
      fc.property(
        shapes,
        fc.nat(3),
        fc.nat(2),
        numbers,
        indexTypes,
        reductions,
        fc.nat(),
        (shape, w, b, dtype, indexType, reduction, seed) => {
          const random = randomSource(seed);
          const x = randomTensor(dtype, shape, random);
          const width = 1 + (w % shape.length);
          const index = tuples(indexType, [2, 3], shape.slice(0, width), random);
          const updates = randomTensor(dtype, [2, 3, ...shape.slice(width)], random);
          const scatter: OpSpec = { kind: "scatterND", reduction, inputs: [0, 1, 2] };
          expectLikeReference(emitScatterND, scatter, [x, index, updates], { relative: 1e-5, absolute: 1e-5 });
          const batchDims = Math.min(b, shape.length - 1);
          const inner = 1 + (w % (shape.length - batchDims));
          const batched = tuples(
            indexType,
            [...shape.slice(0, batchDims), 2],
            shape.slice(batchDims, batchDims + inner),
            random,
          );
          expectLikeReference(emitGatherND, { kind: "gatherND", batchDims, inputs: [0, 1] }, [x, batched]);
        },
      ),
      { numRuns: 120 },
    );
  });
});

describe("cumulative", () => {
  it("runs along any axis, both ways", () => {
    const fn = fc.constantFrom("sum" as const, "prod" as const);
    fc.assert(
      fc.property(
        shapes,
        fc.nat(3),
        fn,
        fc.boolean(),
        fc.boolean(),
        numbers,
        fc.nat(),
        (shape, at, name, exclusive, reverse, dtype, seed) => {
          const op: OpSpec = { kind: "cumulative", fn: name, axis: at % shape.length, exclusive, reverse, inputs: [0] };
          expectLikeReference(emitCumulative, op, [randomTensor(dtype, shape, randomSource(seed))], { relative: 1e-6 });
        },
      ),
      { numRuns: 120 },
    );
  });
});

describe("cumulative along rows", () => {
  const random = randomSource(5);
  it.each([
    ["f32" as const, [2, 5, 1027]],
    ["f32" as const, [3, 2051]],
    ["f32" as const, [4, 1, 9]],
    ["f64" as const, [6, 1025]],
    ["i32" as const, [2, 3, 38]],
    ["u64" as const, [3, 7, 5]],
  ])("of %s%j, sums and products, both ways", (dtype, shape) => {
    for (const fn of ["sum", "prod"] as const) {
      for (const exclusive of [false, true]) {
        for (const reverse of [false, true]) {
          const axis = shape.length - 2;
          const op: OpSpec = { kind: "cumulative", fn, axis, exclusive, reverse, inputs: [0] };
          expectLikeReference(emitCumulative, op, [randomTensor(dtype, shape, random)], { relative: 1e-6 });
        }
      }
    }
  });
});

describe("order", () => {
  const withTies = (dtype: DType, shape: readonly number[], random: () => number): TensorData => {
    const values = Array.from({ length: elementCount(shape) }, () => Math.floor(random() * 6));
    const isFloat = dtype === "f32" || dtype === "f64";
    return tensorFrom(dtype, shape, values.map((v) => (isFloat && v === 5 ? NaN : v))); // prettier-ignore
  };

  it("argReduce finds the first or last of equals", () => {
    const fn = fc.constantFrom("max" as const, "min" as const);
    fc.assert(
      fc.property(
        shapes,
        fc.nat(3),
        fn,
        fc.boolean(),
        fc.boolean(),
        numbers,
        fc.nat(),
        (shape, at, name, keepDims, selectLast, dtype, seed) => {
          const op: OpSpec = {
            kind: "argReduce",
            fn: name,
            axis: at % shape.length,
            keepDims,
            selectLast,
            inputs: [0],
          };
          expectLikeReference(emitArgReduce, op, [withTies(dtype, shape, randomSource(seed))]);
        },
      ),
      { numRuns: 150 },
    );
  });

  it.each([
    [[3, 37], 1],
    [[2, 9, 43], 1],
    [[50, 16], 0],
    [[5], 0],
  ])("argReduce of floats %j along %d, in vectors", (shape, axis) => {
    const random = randomSource(elementCount(shape));
    for (const fn of ["max", "min"] as const) {
      for (const selectLast of [false, true]) {
        const op: OpSpec = { kind: "argReduce", fn, axis, keepDims: true, selectLast, inputs: [0] };
        expectLikeReference(emitArgReduce, op, [withTies("f32", shape, random)]);
        expectLikeReference(emitArgReduce, op, [randomTensor("f32", shape, random)]);
      }
    }
  });

  it("topK orders along any axis", () => {
    fc.assert(
      fc.property(
        shapes,
        fc.nat(3),
        fc.nat(),
        fc.boolean(),
        numbers,
        fc.nat(),
        (shape, at, k, largest, dtype, seed) => {
          const axis = at % shape.length;
          const op: OpSpec = { kind: "topK", axis, k: k % (nth(shape, axis) + 1), largest, inputs: [0] };
          expectLikeReference(emitTopK, op, [withTies(dtype, shape, randomSource(seed))]);
        },
      ),
      { numRuns: 150 },
    );
  });

  it.each([
    ["f32" as const, 1],
    ["f32" as const, 10],
    ["f32" as const, 100],
    ["f32" as const, 1000],
    ["i32" as const, 300],
    ["u32" as const, 300],
    ["i8" as const, 70],
    ["u16" as const, 1000],
    ["i64" as const, 90],
    ["f64" as const, 70],
  ])("topK of %s finds the best %d of a long row", (dtype, k) => {
    const random = randomSource(k);
    const shape = [2, 1000];
    for (const largest of [true, false]) {
      const op: OpSpec = { kind: "topK", axis: 1, k, largest, inputs: [0] };
      expectLikeReference(emitTopK, op, [randomTensor(dtype, shape, random)]);
      const few = [0, -0, 3, -3, NaN, Infinity, -Infinity];
      if (dtype !== "f32") continue;
      const values = Array.from({ length: 2000 }, () => nth(few, Math.floor(random() * few.length)));
      expectLikeReference(emitTopK, op, [tensorFrom(dtype, shape, values)]);
    }
  });
});
