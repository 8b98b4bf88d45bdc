import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { DType } from "../../ir/dtype.ts";
import { type ConvLayout, type PoolOp, type TensorType, tensorType } from "../../ir/graph.ts";
import { inferTypes } from "../../ir/infer.ts";
import { tensorFrom, type TensorData } from "../../ir/tensor.ts";
import { emitPool } from "../../compiler/codegen/kernels/pool.ts";
import { expectClose, numbersOf, randomTensor, runKernels } from "./harness.ts";
import { broadcastAt, indicesOf, nth } from "./tensor-index.ts";
import { hasRelaxedSimd } from "../../runtime/engine.ts";

const relaxedSimd = hasRelaxedSimd();

interface Case {
  readonly fn: PoolOp["fn"];
  readonly layout?: ConvLayout;
  readonly batch?: number;
  readonly channels: number;
  readonly spatial: readonly number[];
  readonly kernel: readonly number[];
  readonly strides?: readonly number[];
  readonly dilations?: readonly number[];
  readonly padsBegin?: readonly number[];
  readonly padsEnd?: readonly number[];
  readonly outputSpatial?: readonly number[];
  readonly countPadding?: boolean;
  readonly p?: number;
  readonly dtype?: DType;
}

type PoolSpec = Omit<PoolOp, "outputs" | "origin">;

function specOf(c: Case): PoolSpec {
  const { kernel, spatial } = c;
  const strides = c.strides ?? kernel.map(() => 1);
  const dilations = c.dilations ?? kernel.map(() => 1);
  const padsBegin = c.padsBegin ?? kernel.map(() => 0);
  const padsEnd = c.padsEnd ?? padsBegin;
  const outputSpatial =
    c.outputSpatial ??
    spatial.map((size, i) => Math.floor((size + nth(padsBegin, i) + nth(padsEnd, i) - (nth(kernel, i) - 1) * nth(dilations, i) - 1) / nth(strides, i)) + 1);
  return { kind: "pool", inputs: [0], fn: c.fn, layout: c.layout ?? "nhwc", kernel, strides, dilations, padsBegin, padsEnd, outputSpatial, countPadding: c.countPadding ?? false, p: c.p ?? 0 };
} // prettier-ignore

const inLayout = (index: readonly number[], layout: ConvLayout): readonly number[] =>
  layout === "nchw" ? index : [index[0] as number, ...index.slice(2), index[1] as number];

const channelsFirst = (index: readonly number[], layout: ConvLayout): readonly number[] =>
  layout === "nchw" ? index : [nth(index, 0), nth(index, index.length - 1), ...index.slice(1, -1)];

const outputShape = (op: PoolSpec, c: Case): readonly number[] =>
  inLayout([c.batch ?? 1, c.channels, ...op.outputSpatial], op.layout);

function pooled(op: PoolSpec, values: readonly number[], counted: number): number {
  switch (op.fn) {
    case "max":
      return values.reduce((a, b) => Math.max(a, b), -Infinity);
    case "average":
      return values.length === 0 ? 0 : values.reduce((a, b) => a + b, 0) / (op.countPadding ? counted : values.length);
    case "lp":
      return values.reduce((a, b) => a + Math.abs(b) ** op.p, 0) ** (1 / op.p);
  }
}

function reference(op: PoolSpec, c: Case, x: TensorData): number[] {
  const xs = numbersOf(x);
  return indicesOf(outputShape(op, c)).map((index) => {
    const [n, channel, ...position] = channelsFirst(index, op.layout) as [number, number, ...number[]];
    const values: number[] = [];
    let counted = 0;
    for (const tap of indicesOf(op.kernel)) {
      const at = position.map(
        (o, i) => o * nth(op.strides, i) + nth(tap, i) * nth(op.dilations, i) - nth(op.padsBegin, i),
      );
      if (at.every((p, i) => p < nth(c.spatial, i) + nth(op.padsEnd, i))) counted++;
      if (at.some((p, i) => p < 0 || p >= nth(c.spatial, i))) continue;
      values.push(nth(xs, broadcastAt(x.shape, inLayout([n, channel, ...at], op.layout))));
    }
    return pooled(op, values, counted);
  });
}

function check(c: Case, x?: TensorData, tolerance?: number): void {
  const op = specOf(c);
  const dtype = c.dtype ?? "f32";
  const input = x ?? randomTensor(dtype, inLayout([c.batch ?? 1, c.channels, ...c.spatial], op.layout), 5);
  const type = tensorType(dtype, input.shape);
  const output = inferTypes(op, [type], ["test"])[0] as TensorType;
  const stages = emitPool({ ...op, outputs: [1], origin: [] }, { inputs: [type], outputs: [output], constants: [undefined] });
  const actual = runKernels({ stages, inputs: [input], output, relaxedSimd });
  expectClose(actual, reference(op, c, input).map(dtype === "f32" || dtype === "f64" ? Number : Math.trunc), tolerance ?? (dtype === "f64" ? 1e-14 : 1e-6));
} // prettier-ignore

const layouts: readonly ConvLayout[] = ["nhwc", "nchw"];

describe.each(layouts)("pooling, %s", (layout) => {
  it.each<Case>([
    { fn: "max", channels: 8, spatial: [8, 8], kernel: [2, 2], strides: [2, 2] },
    { fn: "max", channels: 13, spatial: [15, 14], kernel: [3, 3], strides: [2, 2], padsBegin: [1, 1], batch: 2 },
    { fn: "max", channels: 5, spatial: [9, 30], kernel: [3, 2], dilations: [2, 3], padsBegin: [1, 0], padsEnd: [0, 2] },
    { fn: "max", channels: 6, spatial: [7, 7], kernel: [3, 3], strides: [2, 2], outputSpatial: [4, 4] },
    { fn: "max", channels: 3, spatial: [25], kernel: [4], strides: [3] },
    { fn: "max", channels: 4, spatial: [4, 5, 6], kernel: [2, 3, 2], padsBegin: [1, 1, 0] },
    { fn: "max", channels: 4, spatial: [3, 20], kernel: [3, 20] },
    { fn: "average", channels: 9, spatial: [7, 7], kernel: [7, 7] },
    { fn: "average", channels: 6, spatial: [10, 11], kernel: [3, 3], padsBegin: [1, 1], padsEnd: [1, 2] },
    { fn: "average", channels: 6, spatial: [10, 11], kernel: [3, 3], padsBegin: [1, 2], padsEnd: [1, 1], countPadding: true },
    { fn: "average", channels: 2, spatial: [9, 9], kernel: [4, 4], strides: [3, 3], padsBegin: [1, 1], outputSpatial: [4, 4], countPadding: true },
    { fn: "average", channels: 5, spatial: [30], kernel: [20], padsBegin: [7], countPadding: true },
    { fn: "average", channels: 3, spatial: [4, 4, 5], kernel: [2, 2, 3], padsBegin: [1, 0, 1] },
    { fn: "lp", channels: 6, spatial: [6, 6], kernel: [3, 2], p: 2, padsBegin: [1, 0] },
    { fn: "lp", channels: 6, spatial: [6, 6], kernel: [2, 2], p: 1 },
    { fn: "lp", channels: 6, spatial: [6, 6], kernel: [2, 2], p: 3, strides: [2, 1] },
  ])("%j", (c) => {
    check({ ...c, layout }, undefined, c.fn === "lp" ? 3e-6 : undefined);
  });

  it.each<DType>(["f64", "i8", "u8", "i32", "i64"])("of %s", (dtype) => {
    check({ fn: "max", layout, dtype, channels: 5, spatial: [6, 7], kernel: [3, 3], strides: [2, 2], padsBegin: [1, 1] });
    check({ fn: "average", layout, dtype, channels: 5, spatial: [6, 7], kernel: [3, 2], padsBegin: [1, 0] });
    if (dtype === "f64") check({ fn: "lp", p: 3, layout, dtype, channels: 5, spatial: [6, 7], kernel: [3, 2] }, undefined, 1e-9);
  });

  it("agrees with the reference on random windows", () => {
    const small = fc.integer({ min: 1, max: 4 });
    const size = fc.integer({ min: 4, max: 20 });
    fc.assert(
      fc.property(fc.constantFrom("max", "average"), fc.integer({ min: 1, max: 12 }), size, size, small, small, small, fc.boolean(), (fn, channels, h, w, kh, kw, stride, countPadding) => {
        const padsBegin = [Math.floor(kh / 2), Math.floor(kw / 2)];
        check({ fn, layout, channels, spatial: [h, w], kernel: [kh, kw], strides: [stride, stride], padsBegin, countPadding });
      }),
      { numRuns: 15 },
    );
  });
}); // prettier-ignore

it.each<readonly [DType, number]>([["u8", 16], ["u8", 8], ["u8", 12], ["u8", 3], ["i8", 32], ["i8", 4], ["i16", 8], ["i16", 20], ["i16", 6], ["u16", 8], ["u16", 2]])("maxima of %s over %d channels", (dtype, channels) => {
  check({ fn: "max", dtype, channels, spatial: [9, 11], kernel: [3, 3], strides: [2, 2], padsBegin: [1, 1], batch: 2 });
  check({ fn: "max", dtype, channels, spatial: [2, 3], kernel: [2, 2], padsBegin: [1, 0], padsEnd: [0, 1] });
}); // prettier-ignore

it("NaN wins a maximum, and a window with nothing in it gives -inf", () => {
  const x = tensorFrom("f32", [1, 1, 4, 5], [1, NaN, 3, 4, 5, 6, 7, 8, 9, NaN, 0, 0, 0, 0, 0, 1, 2, 3, -Infinity, 5]);
  const op = specOf({ fn: "max", channels: 5, spatial: [1, 4], kernel: [1, 2], padsBegin: [0, 2], padsEnd: [0, 0] });
  const type = tensorType("f32", x.shape);
  const output = tensorType("f32", [1, 1, 5, 5]);
  const stages = emitPool(
    { ...op, outputs: [1], origin: [] },
    { inputs: [type], outputs: [output], constants: [undefined] },
  );
  const values = numbersOf(runKernels({ stages, inputs: [x], output, relaxedSimd }));
  expect(values.slice(0, 5)).toEqual(Array(5).fill(-Infinity));
  expect(values.slice(5, 10)).toEqual([1, NaN, 3, 4, 5]);
  expect(values.slice(10, 15)).toEqual([6, NaN, 8, 9, NaN]);
  expect(values.slice(15, 20)).toEqual([6, 7, 8, 9, NaN]);
});
