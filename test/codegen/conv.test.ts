import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { DType } from "../../ir/dtype.ts";
import { arg, binary, type Expr, lit } from "../../ir/expr.ts";
import { type ConvLayout, type ConvOp, type TensorType, tensorType } from "../../ir/graph.ts";
import { inferTypes } from "../../ir/infer.ts";
import type { TensorData } from "../../ir/tensor.ts";
import { emitConv } from "../../compiler/codegen/kernels/conv.ts";
import { expectKernels, numbersOf, randomTensor } from "./harness.ts";
import { broadcastAt, indicesOf, nth } from "./tensor-index.ts";

interface Case {
  readonly layout?: ConvLayout;
  readonly batch?: number;
  readonly channels: number;
  readonly filters: number;
  readonly spatial: readonly number[];
  readonly kernel: readonly number[];
  readonly strides?: readonly number[];
  readonly dilations?: readonly number[];
  readonly padsBegin?: readonly number[];
  readonly padsEnd?: readonly number[];
  readonly groups?: number;
  readonly dtypes?: readonly [DType, DType];
  /** constant, variable, or one after the other */
  readonly weights?: "constant" | "variable" | "both";
  readonly epilogue?: Expr;
  readonly extras?: readonly (readonly number[])[];
  readonly apply?: (acc: number, extras: readonly number[]) => number;
}

type ConvSpec = Omit<ConvOp, "outputs" | "origin">;

const ones = (list: readonly unknown[]): number[] => list.map(() => 1);
const zeros = (list: readonly unknown[]): number[] => list.map(() => 0);

/** [batch, channels, spatial…] of an index in a layout. */
const channelsFirst = (index: readonly number[], layout: ConvLayout): readonly number[] =>
  layout === "nchw" ? index : [index[0] as number, index.at(-1) as number, ...index.slice(1, -1)];
const inLayout = (index: readonly number[], layout: ConvLayout): readonly number[] =>
  layout === "nchw" ? index : [index[0] as number, ...index.slice(2), index[1] as number];

function reference(op: ConvSpec, c: Case, inputs: readonly TensorData[], output: TensorType): number[] {
  const [x, w, ...extras] = inputs as [TensorData, TensorData, ...TensorData[]];
  const [xs, ws] = [numbersOf(x), numbersOf(w)];
  const extraValues = extras.map(numbersOf);
  const perGroup = c.channels / op.groups;
  const filtersPerGroup = c.filters / op.groups;
  const taps = indicesOf([...c.kernel, perGroup]);
  return indicesOf(output.shape).map((index) => {
    const [n, m, ...position] = channelsFirst(index, op.layout) as [number, number, ...number[]];
    let sum = 0;
    for (const tap of taps) {
      const channel = tap.at(-1) as number;
      const at = position.map((o, i) => o * nth(op.strides, i) + nth(tap, i) * nth(op.dilations, i) - nth(op.padsBegin, i));
      if (at.some((p, i) => p < 0 || p >= nth(c.spatial, i))) continue;
      const group = Math.floor(m / filtersPerGroup);
      const xAt = inLayout([n, group * perGroup + channel, ...at], op.layout);
      const wAt = op.layout === "nchw" ? [m, channel, ...tap.slice(0, -1)] : [...tap, m];
      sum += nth(xs, broadcastAt(x.shape, xAt)) * nth(ws, broadcastAt(w.shape, wAt));
    }
    const values = extras.map((extra, i) => nth(nth(extraValues, i), broadcastAt(extra.shape, index)));
    return c.apply === undefined ? sum : c.apply(sum, values);
  });
} // prettier-ignore

const constancies = { constant: [true], variable: [false], both: [true, false] } as const;

function check(c: Case, seed = 1): void {
  const { layout = "nhwc", batch = 1, groups = 1, spatial, kernel } = c;
  const [xType, wType] = c.dtypes ?? ["f32", "f32"];
  const perGroup = c.channels / groups;
  const inputs = [
    randomTensor(xType, inLayout([batch, c.channels, ...spatial], layout), seed),
    randomTensor(
      wType,
      layout === "nchw" ? [c.filters, perGroup, ...kernel] : [...kernel, perGroup, c.filters],
      seed + 1,
    ),
    ...(c.extras ?? []).map((shape, i) => randomTensor("f32", shape, seed + 2 + i)),
  ];
  const types = inputs.map(({ dtype, shape }) => tensorType(dtype, shape));
  const spec: ConvSpec = {
    kind: "conv",
    inputs: inputs.map((_, i) => i),
    layout,
    strides: c.strides ?? ones(kernel),
    dilations: c.dilations ?? ones(kernel),
    padsBegin: c.padsBegin ?? zeros(kernel),
    padsEnd: c.padsEnd ?? c.padsBegin ?? zeros(kernel),
    groups,
    epilogue: c.epilogue ?? null,
  };
  const output = inferTypes(spec, types, ["test"])[0] as TensorType;
  const op: ConvOp = { ...spec, outputs: [inputs.length], origin: ["test"] };
  const expected = reference(spec, c, inputs, output);
  const tolerance = xType === "f64" ? 1e-14 : xType === "f32" ? 2e-6 : 0;
  for (const isConstant of constancies[c.weights ?? "constant"]) {
    const constants = inputs.map((tensor, i) => (i === 1 && isConstant ? tensor : undefined));
    const stages = emitConv(op, { inputs: types, outputs: [output], constants });
    expectKernels({ stages, inputs, output }, expected, tolerance);
  }
}

const layouts: readonly ConvLayout[] = ["nhwc", "nchw"];
const addRelu = binary("max", binary("add", arg(0), arg(1)), lit("f32", 0));
const applyAddRelu = (x: number, [y = 0]: readonly number[]): number => Math.max(0, x + y);

describe.each(layouts)("convolutions, %s", (layout) => {
  it.each<Case>([
    { channels: 16, filters: 24, spatial: [5, 6], kernel: [1, 1] },
    { channels: 3, filters: 5, spatial: [4, 4], kernel: [1, 1], batch: 2 },
    { channels: 8, filters: 8, spatial: [7, 7], kernel: [3, 3], padsBegin: [1, 1] },
    { channels: 5, filters: 9, spatial: [14, 14], kernel: [3, 3], padsBegin: [1, 1], batch: 2 },
    { channels: 3, filters: 8, spatial: [23, 20], kernel: [7, 7], strides: [2, 2], padsBegin: [3, 3] },
    { channels: 4, filters: 6, spatial: [9, 8], kernel: [1, 1], strides: [2, 2] },
    { channels: 4, filters: 6, spatial: [10, 9], kernel: [3, 2], dilations: [2, 3], padsBegin: [2, 1], padsEnd: [1, 3] },
    { channels: 4, filters: 6, spatial: [10, 9], kernel: [3, 3], padsBegin: [-1, 2], padsEnd: [0, -1] },
    { channels: 2, filters: 3, spatial: [3, 45], kernel: [2, 4], padsBegin: [0, 1] },
    { channels: 6, filters: 10, spatial: [4, 5], kernel: [4, 5] },
    { channels: 1, filters: 8, spatial: [12, 12], kernel: [5, 5] },
    { channels: 4, filters: 1, spatial: [6, 6], kernel: [3, 3] },
  ])("2-d %j", (c) => {
    check({ ...c, layout, weights: "both" });
  });

  it.each<Case>([
    { channels: 6, filters: 7, spatial: [20], kernel: [5], padsBegin: [2], strides: [3] },
    { channels: 3, filters: 4, spatial: [4, 5, 6], kernel: [3, 2, 3], padsBegin: [1, 0, 1], strides: [1, 2, 1] },
    { channels: 2, filters: 4, spatial: [3, 4, 4, 3], kernel: [2, 2, 1, 2] },
  ])("of other ranks %j", (c) => {
    check({ ...c, layout });
  });

  it.each<Case>([
    { channels: 8, filters: 12, groups: 4, spatial: [5, 5], kernel: [3, 3], padsBegin: [1, 1] },
    { channels: 6, filters: 6, groups: 2, spatial: [5, 4], kernel: [1, 1], batch: 2 },
    { channels: 3, filters: 6, groups: 3, spatial: [7, 5], kernel: [3, 3], padsBegin: [1, 1] },
  ])("in groups %j", (c) => {
    check({ ...c, layout, weights: "both" });
  });

  it.each<Case>([
    { channels: 8, filters: 8, groups: 8, spatial: [7, 7], kernel: [3, 3], padsBegin: [1, 1] },
    { channels: 13, filters: 13, groups: 13, spatial: [14, 23], kernel: [3, 3], padsBegin: [1, 1], strides: [2, 2] },
    { channels: 6, filters: 6, groups: 6, spatial: [9, 40], kernel: [5, 5], padsBegin: [2, 2], batch: 2 },
    { channels: 3, filters: 3, groups: 3, spatial: [12, 11], kernel: [3, 2], dilations: [2, 3], padsBegin: [3, 1], padsEnd: [0, 4] },
    { channels: 4, filters: 4, groups: 4, spatial: [9, 9], kernel: [3, 3], padsBegin: [-1, 0], padsEnd: [1, -2] },
    { channels: 4, filters: 4, groups: 4, spatial: [5, 6], kernel: [5, 6] },
    { channels: 5, filters: 5, groups: 5, spatial: [4, 9], kernel: [1, 9], padsBegin: [3, 6], padsEnd: [2, 1] },
    { channels: 7, filters: 7, groups: 7, spatial: [30], kernel: [4], padsBegin: [1] },
    { channels: 4, filters: 4, groups: 4, spatial: [4, 5, 6], kernel: [3, 3, 3], padsBegin: [1, 0, 1], strides: [2, 1, 1] },
  ])("depthwise %j", (c) => {
    check({ ...c, layout, weights: "both" });
  });

  it.each<readonly [DType, DType]>([["f64", "f64"], ["i32", "i32"], ["u64", "u64"], ["u8", "i8"], ["i8", "i8"], ["i16", "i8"], ["i16", "i16"], ["i8", "u8"], ["u16", "i8"]])("depthwise of %s by %s", (...dtypes) => {
    check({ layout, dtypes, weights: "both", channels: 6, filters: 6, groups: 6, spatial: [5, 6], kernel: [3, 3], padsBegin: [1, 1] });
  });

  it("depthwise with bias, residual and activation", () => {
    const c: Case = { layout, channels: 6, filters: 6, groups: 6, spatial: [6, 7], kernel: [3, 3], padsBegin: [1, 1], batch: 2, epilogue: addRelu, apply: applyAddRelu, extras: [] };
    for (const shape of [[2, 6, 6, 7], [1, 6, 1, 1], [2, 6, 1, 1], [1, 1, 6, 7], [2, 1, 6, 1], [1, 6, 1, 7]]) {
      check({ ...c, extras: [inLayout(shape, layout)] });
    }
  });

  it("with bias, residual and activation", () => {
    const c: Case = { layout, channels: 5, filters: 10, spatial: [6, 7], kernel: [3, 3], padsBegin: [1, 1], batch: 2, epilogue: addRelu, apply: applyAddRelu, extras: [] };
    for (const shape of [[2, 10, 6, 7], [1, 10, 1, 1], [2, 10, 1, 1], [1, 1, 6, 7], [2, 1, 6, 1], [1, 10, 1, 7]]) {
      check({ ...c, extras: [inLayout(shape, layout)] });
    }
    check({ ...c, extras: [[]] });
    check({ ...c, kernel: [1, 1], padsBegin: [0, 0], extras: [inLayout([1, 1, 6, 1], layout)] });
  });

  it.each<readonly [DType, DType]>([["f64", "f64"], ["i32", "i32"], ["i64", "i64"], ["u8", "i8"], ["i8", "i8"], ["u8", "u8"], ["i16", "u8"]])("of %s by %s", (...dtypes) => {
    const c: Case = { layout, dtypes, weights: "both", channels: 3, filters: 5, padsBegin: [1, 1], spatial: [5, 6], kernel: [3, 3] };
    check(c);
    check({ ...c, channels: 6, filters: 4, groups: 2, strides: [2, 1] });
  });

  it("agree with the reference on random shapes", () => {
    const small = fc.integer({ min: 1, max: 3 });
    const size = fc.integer({ min: 3, max: 12 });
    const channels = fc.integer({ min: 1, max: 20 });
    fc.assert(
      fc.property(channels, channels, size, size, small, small, small, small, small, fc.nat(), (ci, co, h, w, r, s, stride, dilation, pad, seed) => {
        const spatial = [h + dilation * 2, w + dilation * 2];
        check({ layout, channels: ci, filters: co, spatial, kernel: [r, s], strides: [stride, stride], dilations: [dilation, 1], padsBegin: [pad, pad - 1], padsEnd: [0, pad] }, seed);
      }),
      { numRuns: 12 },
    );
  });
}); // prettier-ignore

it("an image that needs no padding is read where it is", () => {
  const types = [tensorType("f32", [1, 8, 8, 16]), tensorType("f32", [3, 3, 16, 8])];
  const op: ConvOp = { kind: "conv", inputs: [0, 1], outputs: [2], origin: [], layout: "nhwc", strides: [1, 1], dilations: [1, 1], padsBegin: [0, 0], padsEnd: [0, 0], groups: 1, epilogue: null }; // prettier-ignore
  const stages = emitConv(op, {
    inputs: types,
    outputs: [tensorType("f32", [1, 6, 6, 8])],
    constants: [undefined, undefined],
  });
  expect(stages.at(-1)?.args[0]).toEqual({ kind: "input", index: 0 });
});
