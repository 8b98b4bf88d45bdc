import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { DType } from "../../ir/dtype.ts";
import { arg, binary, cast, type Expr, lit } from "../../ir/expr.ts";
import { type ConvOp, tensorType } from "../../ir/graph.ts";
import { elementCount, makeTensor, type TensorData } from "../../ir/tensor.ts";
import { chooseConvSchedule } from "../../compiler/codegen/kernels/conv-schedule.ts";
import { makeEpilogue } from "../../compiler/codegen/kernels/product/epilogue.ts";
import { isExact, sumBounds } from "../../compiler/codegen/kernels/winograd/exactness.ts";
import {
  type IntegerForm,
  integerFormsOf,
  inverseOfOdd,
  splitScale,
} from "../../compiler/codegen/kernels/winograd/integer-forms.ts";
import { phaseTaps, tileCount, type WinogradPlan } from "../../compiler/codegen/kernels/winograd/plan.ts";
import { winogradStages } from "../../compiler/codegen/kernels/winograd/winograd.ts";
import type { IntegerRange } from "../../compiler/codegen/value-range.ts";
import { numbersOf, randomNumbers, runKernels } from "./harness.ts";
import { indicesOf, nth } from "./tensor-index.ts";

type Pair = readonly [IntegerForm, IntegerForm];
const allForms = [1, 2, 3, 4, 5].flatMap(integerFormsOf);
const formOf = (outputs: number, taps: number): IntegerForm => allForms.find((form) => form.outputs === outputs && form.taps === taps) as IntegerForm; // prettier-ignore
const [four, two] = [formOf(4, 3), formOf(2, 3)] as const;

interface Case {
  readonly forms: Pair;
  readonly source: "i8" | "u8" | "i16";
  readonly range: IntegerRange;
  readonly weights: "i8" | "i16";
  readonly batch: number;
  readonly groups: number;
  /** of a group */
  readonly channels: number;
  readonly filters: number;
  readonly image: readonly [number, number];
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly padsBegin: readonly [number, number];
  readonly padsEnd: readonly [number, number];
  readonly blockTiles: number;
}

const base: Case = { forms: [four, four], source: "i16", range: { low: -117, high: 138 }, weights: "i8", batch: 1, groups: 1, channels: 8, filters: 12, image: [9, 10], kernel: [3, 3], strides: [1, 1], padsBegin: [1, 1], padsEnd: [1, 1], blockTiles: 9 }; // prettier-ignore

const resultSize = ({ image, kernel, strides, padsBegin, padsEnd }: Case): readonly [number, number] => {
  const along = (dim: 0 | 1): number =>
    Math.floor((image[dim] + padsBegin[dim] + padsEnd[dim] - kernel[dim]) / strides[dim]) + 1;
  return [along(0), along(1)];
};

const planOf = (c: Case): WinogradPlan => {
  const { batch, groups, image, kernel, strides, padsBegin, forms, source } = c;
  const plan: WinogradPlan = { elements: "i16", source, batch, groups, channels: c.channels * groups, filters: c.filters * groups, image, result: resultSize(c), kernel, strides, padsBegin, forms, blockTiles: 1 };
  return { ...plan, blockTiles: Math.min(c.blockTiles, tileCount(plan)) };
}; // prettier-ignore

/** The sums in exact integers, over channels-last images and weights [rows, columns, channels, filters]. */
function sumsOf(c: Case, x: TensorData, w: TensorData): number[] {
  const [xs, ws] = [numbersOf(x), numbersOf(w)];
  const { batch, channels, filters, groups, image, result, kernel, strides, padsBegin } = planOf(c);
  const [perGroup, filtersPerGroup] = [channels / groups, filters / groups];
  return indicesOf([batch, ...result, filters]).map((index) => {
    const [n, oy, ox, m] = index as [number, number, number, number];
    const group = Math.floor(m / filtersPerGroup);
    let sum = 0;
    for (let tap = 0; tap < kernel[0] * kernel[1]; tap++) {
      const y = oy * strides[0] + Math.floor(tap / kernel[1]) - padsBegin[0];
      const xx = ox * strides[1] + (tap % kernel[1]) - padsBegin[1];
      if (y < 0 || y >= image[0] || xx < 0 || xx >= image[1]) continue;
      const pixel = ((n * image[0] + y) * image[1] + xx) * channels + group * perGroup;
      for (let i = 0; i < perGroup; i++) sum += nth(xs, pixel + i) * nth(ws, (tap * perGroup + i) * filters + m);
    }
    return sum;
  });
}

type Fill = (index: number) => number;

/** Runs the kernels; `epilogue` may make anything of the sums. */
function run(c: Case, image: Fill, weight: Fill, epilogue: Expr | null = null, output: DType = "i32"): { readonly actual: number[]; readonly sums: number[]; readonly w: TensorData } {
  const plan = planOf(c);
  const filled = (dtype: "i8" | "u8" | "i16", shape: readonly number[], fill: Fill): TensorData => {
    const array = { i8: Int8Array, u8: Uint8Array, i16: Int16Array }[dtype];
    return makeTensor(dtype, shape, array.from(Array.from({ length: elementCount(shape) }, (_, i) => fill(i))));
  };
  const x = filled(c.source, [plan.batch, ...plan.image, plan.channels], image);
  const w = filled(c.weights, [...c.kernel, c.channels, plan.filters], weight);
  const stages = winogradStages(
    plan,
    { epilogue: makeEpilogue(epilogue, "i32", [], output), extras: [] },
    { image: { kind: "input", index: 0 }, weights: { input: 1, constant: w }, extras: [], out: { kind: "output", index: 0 }, scratchId: 0 },
  );
  const result = runKernels({ stages, inputs: [x, w], output: tensorType(output, [plan.batch, ...plan.result, plan.filters]), relaxedSimd: false });
  return { actual: numbersOf(result), sums: sumsOf(c, x, w), w };
} // prettier-ignore

const randomIn = (seed: number, { low, high }: IntegerRange): Fill => {
  const random = randomNumbers(seed);
  return () => Math.floor(((random() + 1) / 2) * (high - low + 1)) + low;
};
const bytes: IntegerRange = { low: -128, high: 127 };

function check(c: Case, seed: number): void {
  const { actual, sums, w } = run(c, randomIn(seed, c.range), randomIn(seed + 1, bytes));
  expect(isExact(c.forms, sumBounds(w, c.range))).toBe(true);
  expect(actual).toEqual(sums);
}

describe("the matrices", () => {
  it.each(allForms.map((form) => [form.name, form] as const))("of %s give every result times its scale", (_, form) => {
    expect([...form.inputRows, ...form.weights, ...form.outputRows].flat().every(Number.isInteger)).toBe(true);
    for (let result = 0; result < form.outputs; result++) {
      for (let tap = 0; tap < form.taps; tap++) {
        const sums = Array.from({ length: form.size }, (_, element) =>
          form.inputRows.reduce((sum, row, product) => sum + nth(nth(form.outputRows, result), product) * nth(nth(form.weights, product), tap) * nth(row, element), 0));
        const expected = sums.map((_, element) => (element === result + tap ? nth(form.scale, result) : 0));
        expect(sums.map((sum) => sum + 0)).toEqual(expected);
      }
    }
  }); // prettier-ignore

  it("have scales that split into an odd number with an inverse and a power of two", () => {
    for (const scale of allForms.flatMap((form) => form.scale)) {
      const { odd, shift } = splitScale(scale);
      expect(odd * 2 ** shift).toBe(scale);
      expect(Math.imul(odd, inverseOfOdd(odd))).toBe(1);
    }
    expect(Math.imul(0x7fffffff, inverseOfOdd(0x7fffffff))).toBe(1);
  });
});

describe("integer Winograd convolutions", () => {
  const pairs: readonly Pair[] = [[four, four], [two, two], [four, two], [two, four], [formOf(3, 3), four]]; // prettier-ignore
  /** 3x3 with stride 2 */
  const strided: Case = { ...base, strides: [2, 2], forms: [formOf(4, 2), formOf(3, 2)] };

  it.each(pairs.map((forms) => [forms.map((form) => form.name).join(" x "), forms] as const))("of %s", (_, forms) => {
    check({ ...base, forms }, 1);
    check({ ...base, forms, blockTiles: 2, channels: 7, filters: 5, batch: 2 }, 2);
  });

  it.each<readonly [string, Partial<Case>]>([
    ["u8 images", { source: "u8", range: { low: 0, high: 255 }, channels: 11 }],
    ["i8 images", { source: "i8", range: bytes, channels: 3 }],
    ["groups", { groups: 3, channels: 5, filters: 3 }],
    ["wide padding", { padsBegin: [6, 5], padsEnd: [7, 1], image: [2, 3], blockTiles: 12 }],
    ["negative padding", { padsBegin: [-2, 1], padsEnd: [1, -3], image: [11, 12], blockTiles: 3 }],
    ["weights of 16 bits", { weights: "i16", range: { low: 0, high: 255 } }],
  ])("of %s", (_, change) => {
    check({ ...base, ...change }, 3);
    check({ ...strided, ...change }, 4);
  });

  it.each<readonly [string, Partial<Case>]>([
    ["7x7 with stride 2, three channels", { kernel: [7, 7], strides: [2, 2], channels: 3, image: [17, 15], padsBegin: [3, 3], padsEnd: [3, 3], forms: [formOf(3, 4), formOf(2, 4)] }],
    ["strides in one dim", { kernel: [3, 5], strides: [1, 2], forms: [four, formOf(3, 3)] }],
    ["strides, groups, odd channels", { strides: [2, 2], groups: 2, channels: 3, filters: 3, forms: [formOf(3, 2), formOf(2, 2)] }],
    ["taps that fill all phases", { kernel: [4, 6], strides: [2, 2], image: [13, 14], forms: [formOf(3, 2), formOf(3, 3)] }],
    ["1x3", { kernel: [1, 3], forms: [formOf(1, 1), four], blockTiles: 60 }],
    ["5x1", { kernel: [5, 1], padsBegin: [2, 0], padsEnd: [2, 0], forms: [formOf(2, 5), formOf(1, 1)], blockTiles: 20 }],
  ])("of other filters: %s", (_, change) => {
    check({ ...base, ...change }, 7);
    check({ ...base, ...change, blockTiles: 3, source: "u8", range: { low: 0, high: 255 } }, 8);
  }); // prettier-ignore

  /** A dim of a case: filter, stride, form, image and pads, such that there is a result. */
  const dim = fc
    .record({ stride: fc.integer({ min: 1, max: 3 }), taps: fc.integer({ min: 1, max: 7 }), pick: fc.nat(3), extra: fc.nat(9), before: fc.integer({ min: -1, max: 3 }), after: fc.integer({ min: -1, max: 3 }) })
    .filter(({ stride, taps }) => (taps > stride || stride === 1) && integerFormsOf(phaseTaps(taps, stride)).length > 0)
    .map(({ stride, taps, pick, extra, before, after }) => {
      const forms = integerFormsOf(phaseTaps(taps, stride));
      return { stride, taps, form: nth(forms, pick % forms.length), size: taps + 2 + extra, before, after };
    }); // prettier-ignore

  it("agree with exact sums on random shapes, filters, strides and zero points", () => {
    const small = fc.integer({ min: 1, max: 3 });
    const size = fc.integer({ min: 1, max: 11 });
    fc.assert(
      fc.property(dim, dim, small, size, size, size, fc.nat(255), (y, x, groups, channels, filters, blockTiles, zeroPoint) => {
        const c: Case = { ...base, range: { low: -zeroPoint, high: 255 - zeroPoint }, batch: 1 + (filters % 2), groups, channels, filters, image: [y.size, x.size], kernel: [y.taps, x.taps], strides: [y.stride, x.stride], padsBegin: [y.before, x.before], padsEnd: [y.after, x.after], forms: [y.form, x.form], blockTiles };
        // long filters of large tiles have weights of more than 16 bits
        fc.pre(isExact(c.forms, { image: c.range, weight: 128, sums: { low: 0, high: 0 } }));
        check(c, y.size * 31 + x.size);
      }),
      { numRuns: 40 },
    );
  }); // prettier-ignore

  it("put their sums through an epilogue, into bytes", () => {
    const expr = cast("u8", binary("shr", arg(0), lit("i32", 6)), true);
    for (const c of [base, { ...base, filters: 7 }, strided]) {
      const { actual, sums } = run(c, randomIn(5, c.range), randomIn(6, bytes), expr, "u8");
      expect(actual).toEqual(sums.map((sum) => Math.max(0, Math.min(255, sum >> 6))));
    }
  });

  it("stand the largest transformed elements, weights and sums", () => {
    const extremes: readonly IntegerRange[] = [{ low: 0, high: 255 }, { low: -255, high: 0 }, { low: -128, high: 127 }]; // prettier-ignore
    for (const range of extremes) {
      for (const forms of pairs) {
        for (const sign of [1, -1]) {
          // signs of the largest row of F(4), along both dims: the transformed image is as large as can be
          const c: Case = { ...base, forms, range, channels: 16, filters: 4, image: [6, 6], padsBegin: [0, 0], padsEnd: [0, 0] }; // prettier-ignore
          const half = (at: number): number => Math.floor((at % 6) / 2);
          const alternating: Fill = (i) => {
            const pixel = Math.floor(i / 16);
            return (half(pixel) + half(Math.floor(pixel / 6))) % 2 === 0 ? range.high : range.low;
          };
          const { actual, sums, w } = run(c, alternating, () => sign * 127);
          expect(isExact(forms, sumBounds(w, range))).toBe(true);
          expect(actual).toEqual(sums);
        }
      }
    }
  });

  it("are exact up to the very limit of the proof, and not beyond it", () => {
    const range: IntegerRange = { low: 0, high: 255 };
    const channels = (weight: number): number => Math.floor((2 ** 25 - 1) / (9 * 255 * weight));
    const c: Case = { ...base, range, source: "u8", channels: channels(127), filters: 1, image: [4, 4], padsBegin: [0, 0], padsEnd: [1, 1], blockTiles: 4 }; // prettier-ignore
    const most = run(c, () => 255, () => 127); // prettier-ignore
    expect(isExact(c.forms, sumBounds(most.w, range))).toBe(true);
    expect(most.actual).toEqual(most.sums);
    const beyond = run({ ...c, channels: c.channels + 1 }, () => 255, () => 127); // prettier-ignore
    expect(isExact(c.forms, sumBounds(beyond.w, range))).toBe(false);
    expect(beyond.actual).not.toEqual(beyond.sums);
  });

  it("are refused where elements do not fit 16 bits", () => {
    const w = makeTensor("i8", [3, 3, 1, 1], new Int8Array(9).fill(1));
    expect(isExact([four, four], sumBounds(w, { low: -327, high: 327 }))).toBe(true);
    expect(isExact([four, four], sumBounds(w, { low: -328, high: 328 }))).toBe(false);
    expect(isExact([four, two], sumBounds(w, { low: -328, high: 328 }))).toBe(true);
    const wide = makeTensor("i16", [3, 3, 1, 1], new Int16Array(9).fill(700));
    expect(isExact([four, four], sumBounds(wide, bytes))).toBe(false);
    expect(isExact([two, two], sumBounds(wide, bytes))).toBe(true);
  });
});

describe("the choice of an algorithm", () => {
  const choose = (change: Partial<ConvOp>, xShape: readonly number[], filters: number, outShape: readonly number[], range: IntegerRange | null, weight = 100): string => {
    const shape = [3, 3, xShape.at(-1) ?? 1, filters];
    const weights = makeTensor("i8", shape, new Int8Array(elementCount(shape)).fill(weight));
    const op: ConvOp = { kind: "conv", inputs: [0, 1], outputs: [2], origin: [], layout: "nhwc", strides: [1, 1], dilations: [1, 1], padsBegin: [1, 1], padsEnd: [1, 1], groups: 1, epilogue: null, ...change };
    const schedule = chooseConvSchedule(op, { inputs: [tensorType("i16", xShape), tensorType("i8", shape)], outputs: [tensorType("i32", outShape)], constants: [undefined, weights], rangeOf: () => range });
    return schedule.algorithm === "winograd" ? schedule.plan.forms.map((form) => form.name).join(" ") : schedule.algorithm;
  }; // prettier-ignore
  const u8 = { low: 0, high: 255 };

  it("takes the forms that are exact for the image's values and the weights", () => {
    expect(choose({}, [1, 56, 56, 64], 64, [1, 56, 56, 64], u8)).toBe("I(4,3) I(4,3)");
    // too large a sum for a scale of 64
    expect(choose({}, [1, 56, 56, 256], 64, [1, 56, 56, 64], u8, 127)).toMatch(
      /^I\(.,3\) I\([23],3\)|I\([23],3\) I\(4,3\)$/,
    );
    // values of 16 bits of which nothing is known
    expect(choose({}, [1, 56, 56, 64], 64, [1, 56, 56, 64], null)).toBe("direct");
    expect(choose({ strides: [2, 2] }, [1, 56, 56, 128], 128, [1, 28, 28, 128], u8)).toMatch(/^I\(.,2\) I\(.,2\)$/);
    expect(choose({ strides: [3, 3] }, [1, 56, 56, 128], 128, [1, 19, 19, 128], { low: -9, high: 246 })).toBe("direct");
    expect(choose({ strides: [3, 3] }, [1, 56, 56, 128], 128, [1, 19, 19, 128], u8)).toBe("bytes");
    expect(choose({}, [1, 16, 16, 3], 8, [1, 16, 16, 8], u8)).toBe("direct");
  });
});
