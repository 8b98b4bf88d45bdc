import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { elementCount } from "../../ir/tensor.ts";
import { counting, f32, i64, noise, numbers, plain, run, runAll, tensor } from "./tensors.ts";

const reduce = (fn: "sum" | "mean" | "prod" | "max" | "min", axes: readonly number[], keepDims = false) =>
  ({ kind: "reduce", fn, axes, keepDims }) as const;

describe("reduce", () => {
  const x = f32([1, 2, 3, 4, 5, 6], [2, 3]);

  it("along one or all axes", () => {
    expect(numbers(run(reduce("sum", [1]), x))).toEqual([6, 15]);
    expect(numbers(run(reduce("mean", [0]), x))).toEqual([2.5, 3.5, 4.5]);
    expect(numbers(run(reduce("prod", [0, 1]), x))).toEqual([720]);
    expect(run(reduce("max", [0], true), x).shape).toEqual([1, 3]);
    expect(numbers(run(reduce("min", [1]), f32([1, NaN, 3, 4, 5, 6], [2, 3])))).toEqual([NaN, 4]);
  });

  it("of integers wraps, and means truncate", () => {
    expect(plain(run(reduce("sum", [0]), tensor("i8", [100, 100])))).toEqual([-56]);
    expect(plain(run(reduce("prod", [0]), tensor("i32", [65537, 65537])))).toEqual([131073]);
    expect(plain(run(reduce("mean", [0]), tensor("i32", [-3, -4])))).toEqual([-3]);
    expect(plain(run(reduce("sum", [0]), i64([2n ** 63n - 1n, 1n])))).toEqual([-(2n ** 63n)]);
    expect(plain(run(reduce("mean", [0]), i64([-3, -4])))).toEqual([-3n]);
    expect(plain(run(reduce("max", [0]), tensor("u64", [1n, 2n ** 64n - 1n])))).toEqual([2n ** 64n - 1n]);
    expect(plain(run(reduce("max", [0]), tensor("bool", [false, true])))).toEqual([1]);
  });

  it("of nothing gives the neutral element", () => {
    const none = f32([], [0, 2]);
    expect(numbers(run(reduce("sum", [0]), none))).toEqual([0, 0]);
    expect(numbers(run(reduce("prod", [0]), none))).toEqual([1, 1]);
    expect(numbers(run(reduce("max", [0]), none))).toEqual([-Infinity, -Infinity]);
    expect(plain(run(reduce("min", [0]), i64([], [0])))).toEqual([2n ** 63n - 1n]);
    expect(plain(run(reduce("max", [0]), tensor("i8", [], [0])))).toEqual([-128]);
  });

  it("of any axes equals one axis after the other", () => {
    const shapes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 2, maxLength: 5 });
    fc.assert(
      fc.property(
        shapes.chain((shape) => fc.tuple(fc.constant(shape), fc.subarray([...shape.keys()]))),
        ([shape, axes]) => {
          const input = counting("i32", shape);
          const stepwise = axes.reduce((value, axis) => run(reduce("sum", [axis], true), value), input);
          expect(run(reduce("sum", axes, true), input)).toEqual(stepwise);
        },
      ),
    );
  });

  it("sums f32 in double", () => {
    expect(numbers(run(reduce("sum", [0]), f32([1e8, 1, -1e8])))).toEqual([1]);
  });
});

describe("argReduce", () => {
  const op = { kind: "argReduce", fn: "max", axis: 1, keepDims: false, selectLast: false } as const;
  const x = f32([1, 3, 3, 2, 2, 0], [2, 3]);

  it("finds the first or last extreme", () => {
    expect(plain(run(op, x))).toEqual([1n, 0n]);
    expect(plain(run({ ...op, selectLast: true }, x))).toEqual([2n, 1n]);
    expect(plain(run({ ...op, fn: "min" }, x))).toEqual([0n, 2n]);
    expect(plain(run({ ...op, axis: 0, keepDims: true }, x))).toEqual([1n, 0n, 0n]);
    expect(plain(run({ ...op, axis: 0 }, i64([5, 2n ** 60n, 2n ** 60n + 1n])))).toEqual([2n]);
  });
});

describe("topK", () => {
  it("orders by value, ties by index", () => {
    const op = { kind: "topK", axis: 0, k: 3, largest: true } as const;
    const [values, indices] = runAll(op, f32([1, 5, 3, 5, 2]));
    expect([numbers(values), plain(indices)]).toEqual([[5, 5, 3], [1n, 3n, 2n]]); // prettier-ignore
    const [least, places] = runAll({ ...op, largest: false, k: 2 }, i64([3, 1, 1]));
    expect([plain(least), plain(places)]).toEqual([[1n, 1n], [1n, 2n]]); // prettier-ignore
  });

  it("of all elements sorts", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 1, maxLength: 30 }), (list) => {
        const [values] = runAll({ kind: "topK", axis: 1, k: list.length, largest: false }, f32(list, [1, list.length]));
        expect(numbers(values)).toEqual([...list].sort((a, b) => a - b));
      }),
    );
  });
});

describe("cumulative", () => {
  const op = { kind: "cumulative", fn: "sum", axis: 0, exclusive: false, reverse: false } as const;

  it("runs forwards and backwards, with or without the element", () => {
    const x = f32([1, 2, 3, 4]);
    expect(numbers(run(op, x))).toEqual([1, 3, 6, 10]);
    expect(numbers(run({ ...op, exclusive: true }, x))).toEqual([0, 1, 3, 6]);
    expect(numbers(run({ ...op, reverse: true }, x))).toEqual([10, 9, 7, 4]);
    expect(numbers(run({ ...op, exclusive: true, reverse: true }, x))).toEqual([9, 7, 4, 0]);
    expect(numbers(run({ ...op, fn: "prod" }, x))).toEqual([1, 2, 6, 24]);
    expect(plain(run({ ...op, axis: 1 }, i64([1, 2, 3, 4], [2, 2])))).toEqual([1n, 3n, 3n, 7n]);
    expect(plain(run({ ...op, fn: "prod", exclusive: true }, tensor("i8", [100, 2, 1])))).toEqual([1, 100, -56]);
  });
});

describe("softmax", () => {
  it("sums to one, whatever is added", () => {
    const x = noise([3, 5, 2], 9);
    const result = run({ kind: "softmax", axis: 1, log: false }, x);
    for (const sum of numbers(run(reduce("sum", [1]), result))) expect(sum).toBeCloseTo(1, 6);
    const huge = run({ kind: "softmax", axis: 0, log: false }, f32([1000, 1000, -1000]));
    expect(numbers(huge)).toEqual([0.5, 0.5, 0]);
  });

  it("and its logarithm", () => {
    const result = numbers(run({ kind: "softmax", axis: 0, log: true }, f32([0, Math.log(3)])));
    expect(result[0]).toBeCloseTo(-Math.log(4), 6);
    expect(result[1]).toBeCloseTo(Math.log(0.75), 6);
    expect(numbers(run({ kind: "softmax", axis: 0, log: true }, f32([1000, 0])))).toEqual([0, -1000]);
  });
});

describe("normalize", () => {
  it("leaves mean 0 and variance 1", () => {
    const x = noise([4, 6, 5], 10);
    const op = { kind: "normalize", axes: [0, 2], epsilon: 0, centered: true } as const;
    const result = run(op, x);
    for (const mean of numbers(run(reduce("mean", [0, 2]), result))) expect(mean).toBeCloseTo(0, 6);
    const squares = numbers(result).map((value, i) => ({ value: value * value, channel: Math.floor(i / 5) % 6 }));
    for (let channel = 0; channel < 6; channel++) {
      const own = squares.filter((s) => s.channel === channel);
      expect(own.reduce((sum, s) => sum + s.value, 0) / own.length).toBeCloseTo(1, 5);
    }
  });

  it("scales, shifts and adds epsilon", () => {
    const op = { kind: "normalize", axes: [1], epsilon: 1, centered: true } as const;
    const [a, b] = numbers(run(op, f32([1, 3], [1, 2]), f32([2, 4]), f32([10, 20])));
    expect(a).toBeCloseTo(10 - Math.SQRT2, 6);
    expect(b).toBeCloseTo(20 + 2 * Math.SQRT2, 5);
  });

  it("without centering divides by the root mean square", () => {
    const op = { kind: "normalize", axes: [0], epsilon: 0, centered: false } as const;
    const [a, b] = numbers(run(op, f32([3, 4])));
    expect(a).toBeCloseTo(3 / Math.sqrt(12.5), 6);
    expect(b).toBeCloseTo(4 / Math.sqrt(12.5), 6);
  });

  it("keeps large means apart from small deviations", () => {
    const op = { kind: "normalize", axes: [0], epsilon: 0, centered: true } as const;
    expect(numbers(run(op, f32([8388608, 8388609, 8388610])))[2]).toBeCloseTo(Math.sqrt(1.5), 5);
    expect(elementCount(run(op, f32([1])).shape)).toBe(1);
  });
});
