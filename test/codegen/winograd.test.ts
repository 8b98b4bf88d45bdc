import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { arg, binary, type Expr, lit } from "../../ir/expr.ts";
import { type ConvOp, type TensorType, tensorType } from "../../ir/graph.ts";
import type { TensorData } from "../../ir/tensor.ts";
import { chooseConvSchedule } from "../../compiler/codegen/kernels/conv-schedule.ts";
import { makeEpilogue, noEpilogue } from "../../compiler/codegen/kernels/product/epilogue.ts";
import { type Form, formOf, formsOf } from "../../compiler/codegen/kernels/winograd/forms.ts";
import {
  blockCount,
  partsOf,
  phaseTaps,
  tileCount,
  type WinogradPlan,
} from "../../compiler/codegen/kernels/winograd/plan.ts";
import { transformWeights } from "../../compiler/codegen/kernels/winograd/weights.ts";
import { winogradStages } from "../../compiler/codegen/kernels/winograd/winograd.ts";
import type { KernelCode } from "../../compiler/codegen/kernel.ts";
import { expectKernels, numbersOf, randomTensor } from "./harness.ts";
import { broadcastAt, indicesOf, nth } from "./tensor-index.ts";

type Case = Omit<WinogradPlan, "result"> & { readonly padsEnd: readonly [number, number] };

const resultSize = (c: Case): readonly [number, number] => {
  const along = (dim: 0 | 1): number =>
    Math.floor((c.image[dim] + c.padsBegin[dim] + c.padsEnd[dim] - c.kernel[dim]) / c.strides[dim]) + 1;
  return [along(0), along(1)];
};

/** The convolution in float64, over channels-last images and weights [rows, columns, channels / groups, filters]. */
function reference(plan: WinogradPlan, x: TensorData, w: TensorData): number[] {
  const [xs, ws] = [numbersOf(x), numbersOf(w)];
  const { batch, channels, filters, groups, image, result, kernel, strides, padsBegin } = plan;
  const [perGroup, filtersPerGroup] = [channels / groups, filters / groups];
  return indicesOf([batch, ...result, filters]).map((index) => {
    const [n, oy, ox, m] = index as [number, number, number, number];
    const group = Math.floor(m / filtersPerGroup);
    let sum = 0;
    for (let ky = 0; ky < kernel[0]; ky++) {
      for (let kx = 0; kx < kernel[1]; kx++) {
        const [y, xx] = [oy * strides[0] + ky - padsBegin[0], ox * strides[1] + kx - padsBegin[1]];
        if (y < 0 || y >= image[0] || xx < 0 || xx >= image[1]) continue;
        const pixel = ((n * image[0] + y) * image[1] + xx) * channels + group * perGroup;
        const weight = (ky * kernel[1] + kx) * perGroup * filters + m;
        for (let c = 0; c < perGroup; c++) sum += nth(xs, pixel + c) * nth(ws, weight + c * filters);
      }
    }
    return sum;
  });
}

const addRelu: Expr = binary("max", binary("add", arg(0), arg(1)), lit("f32", 0));

/** Compares with float64; `extra` is the shape of an operand that is added before a ReLU. */
function check(c: Case, seed: number, extra: readonly number[] | null = null): KernelCode[] {
  const plan: WinogradPlan = { ...c, result: resultSize(c) };
  const shape = [plan.batch, ...plan.result, plan.filters];
  const x = randomTensor("f32", [plan.batch, ...plan.image, plan.channels], seed);
  const w = randomTensor("f32", [...plan.kernel, plan.channels / plan.groups, plan.filters], seed + 1);
  const others = extra === null ? [] : [randomTensor("f32", extra, seed + 2)];
  const strides = (of: readonly number[]): readonly [number, number, number, number] => {
    const along = (dim: number): number => (nth(of, dim) === 1 ? 0 : 4 * of.slice(dim + 1).reduce((a, b) => a * b, 1));
    return [along(0), along(1), along(2), along(3)];
  };
  const epilogue = extra === null ? noEpilogue("f32") : makeEpilogue(addRelu, "f32", ["f32"], "f32");
  const stages = winogradStages(
    plan,
    { epilogue, extras: extra === null ? [] : [strides(extra)] },
    {
      image: { kind: "input", index: 0 },
      weights: { input: 1, constant: w },
      extras: others.map((_, i) => ({ kind: "input", index: 2 + i })),
      out: { kind: "output", index: 0 },
      scratchId: 0,
    },
  );
  const sums = reference(plan, x, w);
  const [values] = others.map(numbersOf);
  const expected = indicesOf(shape).map((index, at) => {
    if (extra === null || values === undefined) return nth(sums, at);
    return Math.max(0, nth(sums, at) + nth(values, broadcastAt(extra, index)));
  });
  expectKernels({ stages, inputs: [x, w, ...others], output: tensorType("f32", shape) }, expected, 5e-6);
  return stages;
}

const four: readonly [Form, Form] = [formOf(4, 3), formOf(4, 3)];
const two = formOf(2, 3);
const base: Case = { elements: "f32", source: "f32", batch: 1, channels: 8, filters: 12, groups: 1, image: [9, 10], kernel: [3, 3], strides: [1, 1], padsBegin: [1, 1], padsEnd: [1, 1], forms: four, blockTiles: 9 }; // prettier-ignore

describe("Winograd convolutions", () => {
  it.each<readonly [string, Case]>([
    ["in one block", base],
    ["in blocks, the last one short", { ...base, blockTiles: 4 }],
    ["of tiles of two", { ...base, forms: [two, two], blockTiles: 7 }],
    ["of mixed tiles", { ...base, forms: [two, formOf(4, 3)], blockTiles: 6 }],
    ["in groups", { ...base, channels: 10, filters: 6, groups: 2 }],
    ["of odd channels", { ...base, channels: 7, filters: 13, batch: 2, blockTiles: 5 }],
    ["without padding", { ...base, padsBegin: [0, 0], padsEnd: [0, 0], image: [18, 14], blockTiles: 20 }],
    ["with wide padding", { ...base, padsBegin: [6, 5], padsEnd: [7, 1], image: [2, 3], blockTiles: 12 }],
    ["with negative padding", { ...base, padsBegin: [-2, 1], padsEnd: [1, -3], image: [11, 12], blockTiles: 3 }],
  ])("%s", (_, c) => {
    const stages = check(c, 1);
    expect(stages.length).toBe(tileCount({ ...c, result: resultSize(c) }) <= c.blockTiles ? 3 : 1);
  });

  it.each<readonly [string, Case, number]>([
    ["3x3 with stride 2", { ...base, strides: [2, 2], forms: [formOf(4, 2), formOf(3, 2)] }, 4],
    ["3x3 with stride 2, odd channels, blocks", { ...base, strides: [2, 2], channels: 7, forms: [formOf(2, 2), formOf(5, 2)], blockTiles: 2 }, 4],
    ["7x7 with stride 2, three channels", { ...base, kernel: [7, 7], strides: [2, 2], channels: 3, image: [17, 15], padsBegin: [3, 3], padsEnd: [3, 3], forms: [formOf(3, 4), formOf(2, 4)] }, 4],
    ["strides in one dim", { ...base, kernel: [3, 5], strides: [1, 2], forms: [formOf(4, 3), formOf(3, 3)] }, 2],
    ["strides and groups", { ...base, channels: 10, filters: 6, groups: 2, strides: [2, 2], forms: [formOf(3, 2), formOf(4, 2)] }, 4],
    ["taps that fill all phases", { ...base, kernel: [4, 6], strides: [2, 2], image: [13, 14], forms: [formOf(3, 2), formOf(3, 3)] }, 1],
    ["11x11 with stride 4", { ...base, kernel: [11, 11], strides: [4, 4], channels: 3, image: [41, 37], padsBegin: [2, 2], padsEnd: [2, 2], forms: [formOf(4, 3), formOf(2, 3)] }, 4],
    ["1x3 and 5x1", { ...base, kernel: [1, 3], forms: [formOf(1, 1), formOf(4, 3)], blockTiles: 60 }, 1],
    ["5x1", { ...base, kernel: [5, 1], padsBegin: [2, 0], padsEnd: [2, 0], forms: [formOf(2, 5), formOf(1, 1)], blockTiles: 20 }, 1],
  ])("of other filters: %s", (_, c, parts) => {
    check(c, 5);
    check(c, 6, [1, 1, 1, c.filters]);
    expect(partsOf({ ...c, result: resultSize(c) }).length).toBe(parts);
  }); // prettier-ignore

  it("take their epilogue's operands from anywhere", () => {
    for (const extra of [[1, 9, 10, 12], [1, 1, 1, 12], [1, 9, 10, 1], [1, 1, 10, 12], [1, 1, 1, 1]]) {
      check(base, 3, extra);
      check({ ...base, blockTiles: 2 }, 3, extra);
    }
  }); // prettier-ignore

  it("can put their result on an operand that lies like it, and only there", () => {
    for (const blockTiles of [2, 9]) {
      expect(check({ ...base, blockTiles }, 3, [1, 9, 10, 12]).at(-1)?.inPlace).toEqual([2]);
      expect(check({ ...base, blockTiles }, 3, [1, 1, 10, 12]).at(-1)?.inPlace).toEqual([]);
    }
  });

  /** A dim of a case: filter, stride, form, image and pads, such that there is a result. */
  const dim = fc
    .record({ stride: fc.integer({ min: 1, max: 3 }), taps: fc.integer({ min: 1, max: 7 }), pick: fc.nat(3), extra: fc.nat(12), before: fc.integer({ min: -1, max: 3 }), after: fc.integer({ min: -1, max: 3 }) })
    .filter(({ stride, taps }) => (taps > stride || stride === 1) && formsOf(phaseTaps(taps, stride)).length > 0)
    .map(({ stride, taps, pick, extra, before, after }) => {
      const forms = formsOf(phaseTaps(taps, stride));
      return { stride, taps, form: nth(forms, pick % forms.length), size: taps + 2 + extra, before, after };
    }); // prettier-ignore

  it("agree with float64 on random shapes, filters, strides", () => {
    const size = fc.integer({ min: 1, max: 12 });
    const few = fc.integer({ min: 1, max: 3 });
    fc.assert(
      fc.property(dim, dim, few, few, few, few, size, fc.boolean(), (y, x, groups, ci, co, batch, blockTiles, add) => {
        const c: Case = { ...base, batch: 1 + (batch % 2), channels: groups * ci * (groups === 2 ? 2 : 3), filters: groups * co * 5, groups, image: [y.size, x.size], kernel: [y.taps, x.taps], strides: [y.stride, x.stride], padsBegin: [y.before, x.before], padsEnd: [y.after, x.after], forms: [y.form, x.form], blockTiles };
        const plan = { ...c, result: resultSize(c) };
        check({ ...c, blockTiles: Math.min(blockTiles, tileCount(plan)) }, y.size * 31 + x.size, add ? [1, 1, 1, c.filters] : null);
      }),
      { numRuns: 40 },
    );
  }); // prettier-ignore

  it("keep their error bound over many channels", () => {
    check({ ...base, channels: 384, filters: 4, image: [8, 8], blockTiles: 4 }, 11);
  });

  it.each(
    [2, 3, 4, 5].flatMap((taps) => formsOf(taps).map((form) => [form.name, form] as const)),
  )("%s keeps its error bound over many channels", (_, form) => {
    const c: Case = { ...base, channels: 256, filters: 4, image: [12, 12], kernel: [form.taps, form.taps], forms: [form, form], blockTiles: 6 };
    check(c, 13);
  }); // prettier-ignore
});

it("transformed weights of a constant filter sum up to the filter's response", () => {
  const whole: WinogradPlan = { ...base, result: [9, 10] };
  const w = { dtype: "f32", shape: [3, 3, 1, 1], elements: new Float32Array(9).fill(1) } as const;
  const { shape, elements } = transformWeights(w, whole, nth(partsOf(whole), 0));
  expect(shape).toEqual([36, 1, 1, 1]);
  // at infinity the filter's last weight is left
  expect(nth(elements as unknown as readonly number[], 35)).toBe(1);
});

describe("the choice of an algorithm", () => {
  const choose = (change: Partial<ConvOp>, xShape: readonly number[], wShape: readonly number[], outShape: readonly number[]) => {
    const types: readonly TensorType[] = [tensorType("f32", xShape), tensorType("f32", wShape)];
    const op: ConvOp = { kind: "conv", inputs: [0, 1], outputs: [2], origin: [], layout: "nhwc", strides: [1, 1], dilations: [1, 1], padsBegin: [1, 1], padsEnd: [1, 1], groups: 1, epilogue: null, ...change };
    const weights = { dtype: "f32", shape: wShape, elements: new Float32Array(0) } as const;
    return chooseConvSchedule(op, { inputs: types, outputs: [tensorType("f32", outShape)], constants: [undefined, weights] });
  }; // prettier-ignore

  it("takes Winograd where tiles and channels are many", () => {
    const schedule = choose({}, [1, 56, 56, 64], [3, 3, 64, 64], [1, 56, 56, 64]);
    expect(schedule).toMatchObject({
      algorithm: "winograd",
      plan: { forms: [{ name: "F(4,3)" }, { name: "F(4,3)" }] },
    });
    if (schedule.algorithm === "winograd") expect(blockCount(schedule.plan)).toBeGreaterThan(1);
  });

  it("reads fewer weights where tiles are few", () => {
    const schedule = choose({}, [1, 7, 7, 512], [3, 3, 512, 512], [1, 7, 7, 512]);
    expect(schedule.algorithm).toBe("winograd");
    if (schedule.algorithm === "winograd")
      expect(schedule.plan.forms.map((form) => form.name)).not.toEqual(["F(4,3)", "F(4,3)"]);
  });

  it("stays direct where there is nothing to gain", () => {
    expect(choose({}, [1, 16, 16, 3], [3, 3, 3, 8], [1, 16, 16, 8]).algorithm).toBe("direct");
    expect(choose({}, [1, 2, 2, 64], [3, 3, 64, 64], [1, 2, 2, 64]).algorithm).toBe("direct");
    expect(choose({ strides: [2, 2] }, [1, 14, 14, 512], [3, 3, 512, 512], [1, 7, 7, 512]).algorithm).toBe("direct");
    expect(
      choose({ strides: [2, 2], padsBegin: [0, 0] }, [1, 56, 56, 64], [2, 2, 64, 64], [1, 28, 28, 64]).algorithm,
    ).toBe("direct");
    expect(choose({ dilations: [2, 2] }, [1, 56, 56, 64], [3, 3, 64, 64], [1, 54, 54, 64]).algorithm).toBe("direct");
    expect(choose({}, [1, 56, 0, 64], [3, 3, 64, 64], [1, 56, 0, 64]).algorithm).toBe("direct");
  });
});
