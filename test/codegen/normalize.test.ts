import { defined } from "../../ir/access.ts";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { emitNormalize } from "../../compiler/codegen/kernels/normalize.ts";
import { emitSoftmax } from "../../compiler/codegen/kernels/softmax.ts";
import type { OpSpec } from "../../ir/graph.ts";
import { tensorFrom } from "../../ir/tensor.ts";
import { expectClose, expectLikeReference, randomSource, randomTensor, runKernel } from "./run-kernel.ts";

const near = { relative: 1e-5, absolute: 1e-6 };
const shapes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 });
const float = fc.constantFrom("f32" as const, "f64" as const);

describe("softmax", () => {
  const softmax = (axis: number, log: boolean): OpSpec => ({ kind: "softmax", axis, log, inputs: [0] });

  it("gives masked elements exactly nothing, and NaN where the row has one", () => {
    const row = [0, -1e4, -Infinity, -3.4028235e38, -1, -87, -90, -104, -200];
    const masked = tensorFrom("f32", [1, 9], row);
    for (const axis of [0, 1]) {
      const x =
        axis === 1
          ? masked
          : tensorFrom(
              "f32",
              [9, 4],
              row.flatMap((value) => [value, value, value, value]),
            );
      const [result] = runKernel(emitSoftmax, softmax(axis, false), [x], {});
      const zeros = Array.from(defined(result).elements as Float32Array, (value, i) => (value === 0 ? i : -1));
      const at =
        axis === 1 ? [1, 2, 3, 6, 7, 8] : [1, 2, 3, 6, 7, 8].flatMap((r) => [0, 1, 2, 3].map((c) => 4 * r + c));
      expect(zeros.filter((i) => i >= 0)).toEqual(at);
      expectLikeReference(emitSoftmax, softmax(axis, false), [x], near);
    }
    for (const bad of [NaN, Infinity]) {
      for (let i = 0; i < 9; i++) {
        const x = tensorFrom(
          "f32",
          [1, 9],
          Array.from({ length: 9 }, (_, j) => (i === j ? bad : j)),
        );
        const [result] = runKernel(emitSoftmax, softmax(1, false), [x], {});
        expect((defined(result).elements as Float32Array)[i]).toBeNaN();
      }
    }
  });

  it("works along any axis, in place too", () => {
    fc.assert(
      fc.property(
        shapes,
        fc.nat(3),
        fc.boolean(),
        fc.boolean(),
        float,
        fc.nat(),
        (shape, at, log, inPlace, dtype, seed) => {
          const x = randomTensor(dtype, shape, randomSource(seed), 10);
          expectLikeReference(emitSoftmax, softmax(at % shape.length, log), [x], {
            ...near,
            ...(inPlace ? { inPlace: 0 } : {}),
          });
        },
      ),
      { numRuns: 150 },
    );
  });

  it.each([
    [[12, 128], 1],
    [[3, 1001], 1],
    [[2, 50, 36], 1],
    [[2, 50, 37], 1],
    [[0, 5], 1],
    [[5, 0], 1],
  ])("%j along %d", (shape, axis) => {
    for (const log of [false, true]) {
      expectLikeReference(emitSoftmax, softmax(axis, log), [randomTensor("f32", shape, randomSource(1), 20)], near);
    }
  });

  it("takes masks of -infinity and large values", () => {
    const row = [1000, 999, -Infinity, -1000, 998, -Infinity, -Infinity];
    const x = tensorFrom("f32", [2, 7], [...row, ...row.map(() => -Infinity)]);
    expectLikeReference(emitSoftmax, softmax(1, false), [x], near);
  });
});

describe("normalize", () => {
  const normalize = (axes: readonly number[], inputs: number, centered = true): OpSpec => ({
    kind: "normalize",
    axes,
    epsilon: 1e-5,
    centered,
    inputs: [0, 1, 2].slice(0, inputs),
  });

  it("works over any axes and broadcasts", () => {
    const mask = fc.array(fc.boolean(), { minLength: 4, maxLength: 4 });
    const cases = shapes.chain((s) => fc.tuple(fc.constant(s), fc.subarray([...s.keys()], { minLength: 1 })));
    fc.assert(
      fc.property(
        cases,
        fc.integer({ min: 1, max: 3 }),
        mask,
        fc.boolean(),
        float,
        fc.nat(),
        ([shape, axes], count, ones, centered, dtype, seed) => {
          const random = randomSource(seed);
          const part = shape.map((d, i) => (ones[i] === true ? 1 : d));
          const inputs = [shape, part, part].slice(0, count).map((s) => randomTensor(dtype, s, random));
          // a group of one element, or of equal ones, has no variance: only epsilon is left, and rounding is magnified
          const op = { ...normalize(axes, count, centered), epsilon: 0.1 } as OpSpec;
          expectLikeReference(emitNormalize, op, inputs, { relative: 1e-4, absolute: 1e-5 });
        },
      ),
      { numRuns: 150 },
    );
  });

  it.each([
    [[4, 768], [1], [768]],
    [[2, 3, 77], [2], [77]],
    [
      [2, 3, 50],
      [1, 2],
      [3, 1],
    ],
    [
      [2, 8, 5, 5],
      [2, 3],
      [8, 1, 1],
    ],
    [[2, 64], [1], []],
  ])("%j over %j with scale %j", (shape, axes, part) => {
    const random = randomSource(8);
    const inputs = [shape, part, part].map((s) => randomTensor("f32", s, random));
    for (const centered of [true, false]) {
      expectLikeReference(emitNormalize, normalize(axes, 3, centered), inputs, { relative: 1e-4, absolute: 1e-5 });
      expectLikeReference(emitNormalize, normalize(axes, 3, centered), inputs, {
        relative: 1e-4,
        absolute: 1e-5,
        inPlace: 0,
      });
    }
  });

  it("keeps its precision far from zero", () => {
    const random = randomSource(2);
    const x = tensorFrom(
      "f32",
      [2, 100],
      Array.from({ length: 200 }, () => 1000 + random()),
    );
    const [y] = runKernel(emitNormalize, normalize([1], 1), [x]);
    const row = Array.from(x.elements as Float32Array).slice(0, 100);
    const mean = row.reduce((s, v) => s + v, 0) / 100;
    const deviation = Math.sqrt(row.reduce((s, v) => s + (v - mean) ** 2, 0) / 100 + 1e-5);
    const expected = tensorFrom("f32", [2, 100], Array.from(x.elements as Float32Array, (v, i) => (i < 100 ? (v - mean) / deviation : Number(defined(y).elements[i])))); // prettier-ignore
    expectClose(defined(y), expected, { absolute: 2e-3 }, "row far from zero");
    expect(mean).toBeGreaterThan(999);
  });
});
