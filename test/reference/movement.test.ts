import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { DType } from "../../ir/dtype.ts";
import { elementCount, makeTensor } from "../../ir/tensor.ts";
import { counting, f32, i64, noise, numbers, plain, run, tensor } from "./tensors.ts";
import { nth } from "../../runtime/reference/access.ts";

const shapes = (rank: number) => fc.array(fc.integer({ min: 1, max: 5 }), { minLength: rank, maxLength: rank });
const anyShape = fc.integer({ min: 1, max: 5 }).chain(shapes);
const movedTypes: readonly DType[] = ["u8", "bool", "f16", "i16", "f32", "i32", "f64", "i64", "u64", "c64", "c128", "string"]; // prettier-ignore

describe("reshape", () => {
  it("shares the elements", () => {
    const x = counting("f32", [2, 3]);
    const result = run({ kind: "reshape", shape: [3, 2] }, x);
    expect(result.shape).toEqual([3, 2]);
    expect(result.elements).toBe(x.elements);
  });
});

describe("transpose", () => {
  it("moves dim perm[i] to i", () => {
    const result = run({ kind: "transpose", perm: [2, 0, 1] }, counting("i32", [2, 3, 2]));
    expect(result.shape).toEqual([2, 2, 3]);
    expect(numbers(result)).toEqual([0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11]);
  });

  it.each(movedTypes)("and back is the identity (%s)", (dtype) => {
    const permuted = anyShape.chain((shape) =>
      fc.tuple(fc.constant(shape), fc.shuffledSubarray([...shape.keys()], { minLength: shape.length })),
    );
    fc.assert(
      fc.property(permuted, ([shape, perm]) => {
        const x = dtype.startsWith("c") ? complexCounting(dtype, shape) : counting(dtype, shape);
        const there = run({ kind: "transpose", perm }, x);
        const inverse = perm.map((_, i) => perm.indexOf(i));
        const back = run({ kind: "transpose", perm: inverse }, there);
        expect(there.shape).toEqual(perm.map((axis) => shape[axis]));
        expect(back).toEqual(x);
      }),
      { numRuns: 30 },
    );
  });

  it("keeps every bit of 64-bit integers that look like signalling NaNs", () => {
    const values = [0x7ff0000000000001n, -0xfffffffffffffn, 0x7ff4000000000000n, -1n, 5n, 6n];
    expect(plain(run({ kind: "transpose", perm: [1, 0] }, i64(values, [2, 3])))).toEqual([0, 3, 1, 4, 2, 5].map((i) => values[i])); // prettier-ignore
  });

  it("handles sizes beyond one tile", () => {
    const [rows, columns] = [70, 101];
    const result = numbers(run({ kind: "transpose", perm: [1, 0] }, counting("f32", [rows, columns])));
    expect(result.every((value, at) => value === (at % rows) * columns + Math.floor(at / rows))).toBe(true);
  });
});

function complexCounting(dtype: DType, shape: readonly number[]) {
  const parts = Array.from({ length: 2 * elementCount(shape) }, (_, i) => i);
  return makeTensor(dtype, shape, dtype === "c64" ? Float32Array.from(parts) : Float64Array.from(parts));
}

describe("slice", () => {
  it("steps forwards and backwards", () => {
    const x = counting("f32", [4, 5]);
    const result = run({ kind: "slice", starts: [3, 1], sizes: [2, 2], steps: [-2, 3] }, x);
    expect(numbers(result)).toEqual([16, 19, 6, 9]);
    expect(run({ kind: "slice", starts: [0, 0], sizes: [0, 5], steps: [1, 1] }, x).shape).toEqual([0, 5]);
  });

  it("takes back what concat joined", () => {
    const parts = fc.tuple(
      anyShape,
      fc.nat(),
      fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 4 }),
    );
    fc.assert(
      fc.property(parts, fc.constantFrom<DType>("f32", "i64", "u8", "string"), ([shape, anyAxis, sizes], dtype) => {
        const axis = anyAxis % shape.length;
        const inputs = sizes.map((size) => counting(dtype, shape.with(axis, size)));
        const joined = run({ kind: "concat", axis }, ...inputs);
        let begin = 0;
        for (const input of inputs) {
          const starts = shape.map((_, i) => (i === axis ? begin : 0));
          const steps = shape.map(() => 1);
          expect(run({ kind: "slice", starts, sizes: input.shape, steps }, joined)).toEqual(input);
          begin += nth(input.shape, axis);
        }
        expect(joined.shape[axis]).toBe(begin);
      }),
      { numRuns: 60 },
    );
  });
});

describe("pad", () => {
  const padded = (mode: "reflect" | "edge" | "wrap", before: number, after: number) =>
    numbers(run({ kind: "pad", mode, before: [before], after: [after] }, f32([1, 2, 3])));

  it("extends as numpy does", () => {
    expect(padded("reflect", 2, 2)).toEqual([3, 2, 1, 2, 3, 2, 1]);
    expect(padded("reflect", 5, 0)).toEqual([2, 1, 2, 3, 2, 1, 2, 3]);
    expect(padded("edge", 2, 1)).toEqual([1, 1, 1, 2, 3, 3]);
    expect(padded("wrap", 2, 4)).toEqual([2, 3, 1, 2, 3, 1, 2, 3, 1]);
  });

  it("fills with a value", () => {
    const op = { kind: "pad", mode: "constant", before: [1, 0], after: [0, 2] } as const;
    expect(numbers(run(op, f32([1, 2], [1, 2]), f32([9], [])))).toEqual([9, 9, 9, 9, 1, 2, 9, 9]);
    expect(plain(run(op, i64([1], [1, 1]), i64([7], [])))).toEqual([7n, 7n, 7n, 1n, 7n, 7n]);
    expect(plain(run(op, tensor("string", ["x"], [1, 1]), tensor("string", ["-"], [])))).toEqual(["-", "-", "-", "x", "-", "-"]); // prettier-ignore
  });

  it("pads two axes one after the other", () => {
    const op = { kind: "pad", mode: "reflect", before: [1, 1], after: [0, 0] } as const;
    expect(numbers(run(op, f32([1, 2, 3, 4], [2, 2])))).toEqual([4, 3, 4, 2, 1, 2, 4, 3, 4]);
  });
});

describe("gather", () => {
  it("takes along an axis, with negative indices from the end", () => {
    const x = counting("f32", [2, 3]);
    const result = run({ kind: "gather", axis: 1 }, x, i64([0, -1, 1, 1], [2, 2]));
    expect(result.shape).toEqual([2, 2, 2]);
    expect(numbers(result)).toEqual([0, 2, 1, 1, 3, 5, 4, 4]);
    expect(run({ kind: "gather", axis: 0 }, x, i64([1], [])).shape).toEqual([3]);
    expect(plain(run({ kind: "gather", axis: 0 }, tensor("string", ["a", "b"]), tensor("i32", [1, 0])))).toEqual(["b", "a"]); // prettier-ignore
  });

  it("refuses indices outside the axis", () => {
    expect(() => run({ kind: "gather", axis: 0 }, f32([1, 2]), i64([2]))).toThrow(/WSC7005.*index 2/u);
    expect(() => run({ kind: "gatherND", batchDims: 0 }, f32([1, 2]), i64([-3], [1, 1]))).toThrow(/WSC7005/u);
  });

  it("by element", () => {
    const x = f32([1, 2, 3, 4, 5, 6, 7, 8, 9], [3, 3]);
    const result = run({ kind: "gatherElements", axis: 0 }, x, i64([1, 2, 0, 2, 0, 0], [2, 3]));
    expect(numbers(result)).toEqual([4, 8, 3, 7, 2, 3]);
    const short = run({ kind: "gatherElements", axis: 1 }, x, i64([2, 0], [1, 2]));
    expect(numbers(short)).toEqual([3, 1]);
  });

  it("by tuples", () => {
    const x = counting("i32", [2, 2, 2]);
    expect(numbers(run({ kind: "gatherND", batchDims: 0 }, x, i64([0, 1, 1, 0], [2, 2])))).toEqual([2, 3, 4, 5]);
    expect(numbers(run({ kind: "gatherND", batchDims: 1 }, x, i64([1, 0], [2, 1])))).toEqual([2, 3, 4, 5]);
    expect(numbers(run({ kind: "gatherND", batchDims: 0 }, x, i64([1, 0, -1], [1, 3])))).toEqual([5]);
  });
});

describe("scatter", () => {
  it("puts elements, the last of equals winning", () => {
    const x = f32([0, 0, 0, 0, 0, 0], [2, 3]);
    const op = { kind: "scatterElements", axis: 1, reduction: "none" } as const;
    expect(numbers(run(op, x, i64([1, -1, 1, 1], [2, 2]), f32([1, 2, 3, 4], [2, 2])))).toEqual([0, 1, 2, 0, 4, 0]);
    expect(numbers(x)).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it.each([
    ["add", [4, 2, 10]],
    ["mul", [1, 2, 72]],
    ["min", [1, 2, 3]],
    ["max", [3, 2, 6]],
  ] as const)("reduces with %s", (reduction, expected) => {
    const [x, index] = [[1, 2, 3], i64([0, 2, 2])];
    const updates = reduction === "mul" ? [1, 4, 6] : reduction === "add" ? [3, 1, 6] : [3, 4, 6];
    const op = { kind: "scatterElements", axis: 0, reduction } as const;
    expect(numbers(run(op, f32(x), index, f32(updates)))).toEqual(expected);
    expect(plain(run(op, i64(x), index, i64(updates)))).toEqual(expected.map(BigInt));
    expect(numbers(run(op, tensor("i8", x), index, tensor("i8", updates)))).toEqual(expected);
  });

  it("puts blocks by tuples", () => {
    const op = { kind: "scatterND", reduction: "none" } as const;
    const result = run(op, counting("f32", [3, 2]), i64([2, 0], [2, 1]), f32([10, 11, 12, 13], [2, 2]));
    expect(numbers(result)).toEqual([12, 13, 2, 3, 10, 11]);
    const sums = run({ ...op, reduction: "add" }, f32([1, 1, 1]), i64([1, 1], [2, 1]), f32([5, 6]));
    expect(numbers(sums)).toEqual([1, 12, 1]);
  });

  it("undoes a gather of all elements", () => {
    const x = noise([4, 5]);
    const index = i64([2, 0, 3, 1], [4, 1]);
    const taken = run({ kind: "gatherND", batchDims: 0 }, x, index);
    const zeros = f32(new Array<number>(20).fill(0), [4, 5]);
    expect(run({ kind: "scatterND", reduction: "none" }, zeros, index, taken)).toEqual(x);
  });
});
