import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { arg, binary, type Expr, lit } from "../../ir/expr.ts";
import { type ConvOp, type TensorType, tensorType } from "../../ir/graph.ts";
import type { TensorData } from "../../ir/tensor.ts";
import { chooseConvSchedule } from "../../compiler/codegen/kernels/conv-schedule.ts";
import { makeEpilogue, noEpilogue } from "../../compiler/codegen/kernels/product/epilogue.ts";
import { type Form, forms } from "../../compiler/codegen/kernels/winograd/forms.ts";
import { blockCount, tileCount, type WinogradPlan } from "../../compiler/codegen/kernels/winograd/plan.ts";
import { transformWeights } from "../../compiler/codegen/kernels/winograd/weights.ts";
import { winogradStages } from "../../compiler/codegen/kernels/winograd/winograd.ts";
import type { KernelCode } from "../../compiler/codegen/kernel.ts";
import { expectKernels, numbersOf, randomTensor } from "./harness.ts";
import { broadcastAt, indicesOf, nth } from "./tensor-index.ts";

type Case = Omit<WinogradPlan, "result"> & { readonly padsEnd: readonly [number, number] };

const resultSize = (c: Case): readonly [number, number] => {
  const along = (dim: 0 | 1): number => c.image[dim] + c.padsBegin[dim] + c.padsEnd[dim] - 2;
  return [along(0), along(1)];
};

/** The convolution in float64, over channels-last images and weights [3, 3, channels / groups, filters]. */
function reference(plan: WinogradPlan, x: TensorData, w: TensorData): number[] {
  const [xs, ws] = [numbersOf(x), numbersOf(w)];
  const { batch, channels, filters, groups, image, result, padsBegin } = plan;
  const [perGroup, filtersPerGroup] = [channels / groups, filters / groups];
  return indicesOf([batch, ...result, filters]).map((index) => {
    const [n, oy, ox, m] = index as [number, number, number, number];
    const group = Math.floor(m / filtersPerGroup);
    let sum = 0;
    for (let ky = 0; ky < 3; ky++) {
      for (let kx = 0; kx < 3; kx++) {
        const [y, xx] = [oy + ky - padsBegin[0], ox + kx - padsBegin[1]];
        if (y < 0 || y >= image[0] || xx < 0 || xx >= image[1]) continue;
        const pixel = ((n * image[0] + y) * image[1] + xx) * channels + group * perGroup;
        const weight = (ky * 3 + kx) * perGroup * filters + m;
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
  const w = randomTensor("f32", [3, 3, plan.channels / plan.groups, plan.filters], seed + 1);
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

const four: readonly [Form, Form] = [forms.four, forms.four];
const base: Case = { batch: 1, channels: 8, filters: 12, groups: 1, image: [9, 10], padsBegin: [1, 1], padsEnd: [1, 1], forms: four, blockTiles: 9 }; // prettier-ignore

describe("Winograd convolutions", () => {
  it.each<readonly [string, Case]>([
    ["in one block", base],
    ["in blocks, the last one short", { ...base, blockTiles: 4 }],
    ["of tiles of two", { ...base, forms: [forms.two, forms.two], blockTiles: 7 }],
    ["of mixed tiles", { ...base, forms: [forms.two, forms.four], blockTiles: 6 }],
    ["in groups", { ...base, channels: 10, filters: 6, groups: 2 }],
    ["of odd channels", { ...base, channels: 7, filters: 13, batch: 2, blockTiles: 5 }],
    ["without padding", { ...base, padsBegin: [0, 0], padsEnd: [0, 0], image: [18, 14], blockTiles: 20 }],
    ["with wide padding", { ...base, padsBegin: [6, 5], padsEnd: [7, 1], image: [2, 3], blockTiles: 12 }],
    ["with negative padding", { ...base, padsBegin: [-2, 1], padsEnd: [1, -3], image: [11, 12], blockTiles: 3 }],
  ])("%s", (_, c) => {
    const stages = check(c, 1);
    expect(stages.length).toBe(tileCount({ ...c, result: resultSize(c) }) <= c.blockTiles ? 3 : 1);
  });

  it("take their epilogue's operands from anywhere", () => {
    for (const extra of [[1, 9, 10, 12], [1, 1, 1, 12], [1, 9, 10, 1], [1, 1, 10, 12], [1, 1, 1, 1]]) {
      check(base, 3, extra);
      check({ ...base, blockTiles: 2 }, 3, extra);
    }
  }); // prettier-ignore

  it("agree with float64 on random shapes", () => {
    const size = fc.integer({ min: 1, max: 12 });
    const pad = fc.integer({ min: -1, max: 3 });
    const form = fc.constantFrom(forms.two, forms.four);
    const few = fc.integer({ min: 1, max: 3 });
    fc.assert(
      fc.property(size, size, pad, pad, few, few, few, size, form, form, size, fc.boolean(), (h, w, top, right, groups, ci, co, batch, y, x, blockTiles, add) => {
        const c: Case = { batch: 1 + (batch % 2), channels: groups * ci * 3, filters: groups * co * 5, groups, image: [h + 4, w + 4], padsBegin: [top, 1], padsEnd: [0, right], forms: [y, x], blockTiles };
        const plan = { ...c, result: resultSize(c) };
        check({ ...c, blockTiles: Math.min(blockTiles, tileCount(plan)) }, h * 31 + w, add ? [1, 1, 1, c.filters] : null);
      }),
      { numRuns: 25 },
    );
  }); // prettier-ignore

  it("keep their error bound over many channels", () => {
    check({ ...base, channels: 384, filters: 4, image: [8, 8], blockTiles: 4 }, 11);
  });
});

it("transformed weights of a constant filter sum up to the filter's response", () => {
  const w = { dtype: "f32", shape: [3, 3, 1, 1], elements: new Float32Array(9).fill(1) } as const;
  const { shape, elements } = transformWeights(w, four);
  expect(shape).toEqual([36, 1, 1]);
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
    expect(schedule).toMatchObject({ algorithm: "winograd", plan: { forms: [{ name: "F4" }, { name: "F4" }] } });
    if (schedule.algorithm === "winograd") expect(blockCount(schedule.plan)).toBeGreaterThan(1);
  });

  it("reads fewer weights where tiles are few", () => {
    const schedule = choose({}, [1, 7, 7, 512], [3, 3, 512, 512], [1, 7, 7, 512]);
    expect(schedule.algorithm).toBe("winograd");
    if (schedule.algorithm === "winograd")
      expect(schedule.plan.forms.map((form) => form.name)).not.toEqual(["F4", "F4"]);
  });

  it("stays direct where there is nothing to gain", () => {
    expect(choose({}, [1, 16, 16, 3], [3, 3, 3, 8], [1, 16, 16, 8]).algorithm).toBe("direct");
    expect(choose({}, [1, 2, 2, 64], [3, 3, 64, 64], [1, 2, 2, 64]).algorithm).toBe("direct");
    expect(choose({ strides: [2, 2] }, [1, 56, 56, 64], [3, 3, 64, 64], [1, 28, 28, 64]).algorithm).toBe("direct");
    expect(choose({ dilations: [2, 2] }, [1, 56, 56, 64], [3, 3, 64, 64], [1, 54, 54, 64]).algorithm).toBe("direct");
    expect(choose({}, [1, 56, 0, 64], [3, 3, 64, 64], [1, 56, 0, 64]).algorithm).toBe("direct");
  });
});
