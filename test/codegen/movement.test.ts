import { defined, nth } from "../../ir/access.ts";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { emitConcat, emitPad, emitSlice, emitTranspose } from "../../compiler/codegen/kernels/movement.ts";
import type { DType } from "../../ir/dtype.ts";
import type { OpSpec } from "../../ir/graph.ts";
import { tensorFrom } from "../../ir/tensor.ts";
import { expectLikeReference, randomSource, randomTensor, runKernel } from "./run-kernel.ts";

const dtypes: readonly DType[] = ["u8", "f16", "f32", "f64", "c128", "bool", "i64"];
const dtype = fc.constantFrom(...dtypes);
const shapes = (maxRank: number, most: number): fc.Arbitrary<number[]> =>
  fc.array(fc.integer({ min: 1, max: most }), { minLength: 1, maxLength: maxRank });

const transpose = (perm: readonly number[]): OpSpec => ({ kind: "transpose", perm, inputs: [0] });

describe("transpose", () => {
  it("permutes random shapes", () => {
    const cases = shapes(5, 6).chain((shape) =>
      fc.tuple(fc.constant(shape), fc.shuffledSubarray([...shape.keys()], { minLength: shape.length })),
    );
    fc.assert(
      fc.property(cases, dtype, fc.nat(), ([shape, perm], type, seed) => {
        expectLikeReference(emitTranspose, transpose(perm), [randomTensor(type, shape, randomSource(seed))]);
      }),
      { numRuns: 200 },
    );
  });

  it.each([
    [
      [2, 3, 31, 33],
      [0, 2, 3, 1],
    ],
    [
      [2, 31, 33, 3],
      [0, 3, 1, 2],
    ],
    [
      [1, 64, 49],
      [0, 2, 1],
    ],
    [
      [5, 197, 12],
      [2, 1, 0],
    ],
    [
      [2, 17, 4, 16],
      [0, 2, 1, 3],
    ],
    [
      [2, 17, 4, 16],
      [0, 2, 3, 1],
    ],
    [
      [128, 100],
      [1, 0],
    ],
    [
      [300, 7, 2],
      [2, 0, 1],
    ],
    [[100_000], [0]],
    [
      [0, 3],
      [1, 0],
    ],
  ])("%j by %j", (shape, perm) => {
    for (const type of ["f32", "u8", "f64"] as const) {
      expectLikeReference(emitTranspose, transpose(perm), [randomTensor(type, shape, randomSource(1))]);
    }
  });
});

describe("slice", () => {
  const cut = (size: number): fc.Arbitrary<{ start: number; size: number; step: number }> =>
    fc.tuple(fc.nat(size - 1), fc.constantFrom(1, 1, 2, 3, -1, -2)).chain(([start, step]) => {
      const room = step > 0 ? Math.ceil((size - start) / step) : Math.floor(start / -step) + 1;
      return fc.nat(room).map((n) => ({ start, size: n, step }));
    });

  it("cuts random boxes", () => {
    const cases = shapes(4, 9).chain((shape) => fc.tuple(fc.constant(shape), fc.tuple(...shape.map(cut))));
    fc.assert(
      fc.property(cases, dtype, fc.nat(), ([shape, cuts], type, seed) => {
        const op: OpSpec = {
          kind: "slice",
          starts: cuts.map((c) => c.start),
          sizes: cuts.map((c) => c.size),
          steps: cuts.map((c) => c.step),
          inputs: [0],
        };
        expectLikeReference(emitSlice, op, [randomTensor(type, shape, randomSource(seed))]);
      }),
      { numRuns: 200 },
    );
  });
});

describe("concat", () => {
  it("joins along any axis", () => {
    fc.assert(
      fc.property(
        shapes(4, 6),
        fc.nat(3),
        fc.array(fc.nat(5), { minLength: 1, maxLength: 4 }),
        dtype,
        fc.nat(),
        (shape, at, sizes, type, seed) => {
          const axis = at % shape.length;
          const random = randomSource(seed);
          const inputs = sizes.map((size) => randomTensor(type, shape.map((d, i) => (i === axis ? size : d)), random)); // prettier-ignore
          expectLikeReference(emitConcat, { kind: "concat", axis, inputs: [...inputs.keys()] }, inputs);
        },
      ),
      { numRuns: 150 },
    );
  });

  it("moves long runs", () => {
    const random = randomSource(5);
    const inputs = [randomTensor("f32", [3, 5000], random), randomTensor("f32", [3, 77], random)];
    expectLikeReference(emitConcat, { kind: "concat", axis: 1, inputs: [0, 1] }, inputs);
  });
});

describe("pad", () => {
  it("pads random shapes in every mode", () => {
    const amount = fc.tuple(fc.nat(3), fc.nat(3));
    const cases = shapes(3, 6).chain((shape) => fc.tuple(fc.constant(shape), fc.tuple(...shape.map(() => amount))));
    const modes = fc.constantFrom("constant" as const, "reflect" as const, "edge" as const, "wrap" as const);
    fc.assert(
      fc.property(cases, modes, dtype, fc.nat(), ([shape, amounts], mode, type, seed) => {
        if (type === "c128") return;
        const random = randomSource(seed);
        const limited = amounts.map(([b, a], i) => (mode === "reflect" ? [Math.min(b, nth(shape, i) - 1), Math.min(a, nth(shape, i) - 1)] : [b, a])); // prettier-ignore
        const op: OpSpec = {
          kind: "pad",
          mode,
          before: limited.map(([b]) => defined(b)),
          after: limited.map(([, a]) => defined(a)),
          inputs: mode === "constant" ? [0, 1] : [0],
        };
        const inputs = [
          randomTensor(type, shape, random),
          ...(mode === "constant" ? [randomTensor(type, [], random)] : []),
        ];
        expectLikeReference(emitPad, op, inputs);
      }),
      { numRuns: 200 },
    );
  });

  it("fills large borders", () => {
    const op: OpSpec = { kind: "pad", mode: "constant", before: [1, 100], after: [3, 5001], inputs: [0, 1] };
    expectLikeReference(emitPad, op, [randomTensor("f32", [2, 3], randomSource(1)), tensorFrom("f32", [], [-7])]);
    expect(() =>
      runKernel(emitPad, op, [randomTensor("f32", [0, 3], randomSource(1)), tensorFrom("f32", [], [2])]),
    ).not.toThrow();
  });
});
