import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { DType } from "../../ir/dtype.ts";
import { arg, binary, type Expr } from "../../ir/expr.ts";
import { type ConvTransposeOp, type TensorType, tensorType } from "../../ir/graph.ts";
import { inferTypes } from "../../ir/infer.ts";
import { elementCount, type TensorData } from "../../ir/tensor.ts";
import { emitConvTranspose } from "../../compiler/codegen/kernels/conv-transpose.ts";
import { expectKernels, numbersOf, randomTensor } from "./harness.ts";
import { broadcastAt, indicesOf, nth } from "./tensor-index.ts";

interface Case {
  readonly batch?: number;
  readonly channels: number;
  readonly filters: number;
  readonly spatial: readonly number[];
  readonly kernel: readonly number[];
  readonly strides?: readonly number[];
  readonly dilations?: readonly number[];
  readonly padsBegin?: readonly number[];
  readonly padsEnd?: readonly number[];
  readonly outputPadding?: readonly number[];
  readonly groups?: number;
  readonly dtypes?: readonly [DType, DType];
  /** constant, variable, or one after the other */
  readonly weights?: "constant" | "variable" | "both";
  readonly epilogue?: Expr;
  readonly extras?: readonly (readonly number[])[];
}

type Spec = Omit<ConvTransposeOp, "outputs" | "origin">;

/** Scatters, as the definition says; the kernel gathers. */
function reference(op: Spec, c: Case, inputs: readonly TensorData[], output: TensorType): number[] {
  const [x, w, ...extras] = inputs as [TensorData, TensorData, ...TensorData[]];
  const [xs, ws] = [numbersOf(x), numbersOf(w)];
  const sums = new Array<number>(elementCount(output.shape)).fill(0);
  const [perGroup, channelsPerGroup] = [c.filters / op.groups, c.channels / op.groups];
  const taps = indicesOf([perGroup, ...c.kernel]);
  for (const index of indicesOf(x.shape)) {
    const [n, channel, ...position] = index as [number, number, ...number[]];
    for (const [filter, ...tap] of taps as [number, ...number[]][]) {
      const at = position.map((p, i) => p * nth(op.strides, i) + nth(tap, i) * nth(op.dilations, i) - nth(op.padsBegin, i));
      if (at.some((p, i) => p < 0 || p >= nth(output.shape, 2 + i))) continue;
      const m = Math.floor(channel / channelsPerGroup) * perGroup + filter;
      const wAt = broadcastAt(w.shape, [channel, filter, ...tap]);
      const product = nth(xs, broadcastAt(x.shape, index)) * nth(ws, wAt);
      const outAt = broadcastAt(output.shape, [n, m, ...at]);
      sums[outAt] = nth(sums, outAt) + product;
    }
  }
  const extraValues = extras.map(numbersOf);
  return indicesOf(output.shape).map((index, i) =>
    extras.reduce((sum, extra, e) => sum + nth(nth(extraValues, e), broadcastAt(extra.shape, index)), nth(sums, i)),
  );
} // prettier-ignore

const constancies = { constant: [true], variable: [false], both: [true, false] } as const;

function check(c: Case, seed = 1): void {
  const { batch = 1, groups = 1, kernel } = c;
  const [xType, wType] = c.dtypes ?? ["f32", "f32"];
  const inputs = [
    randomTensor(xType, [batch, c.channels, ...c.spatial], seed),
    randomTensor(wType, [c.channels, c.filters / groups, ...kernel], seed + 1),
    ...(c.extras ?? []).map((shape, i) => randomTensor("f32", shape, seed + 2 + i)),
  ];
  const types = inputs.map(({ dtype, shape }) => tensorType(dtype, shape));
  const zeros = kernel.map(() => 0);
  const spec: Spec = {
    kind: "convTranspose",
    inputs: inputs.map((_, i) => i),
    strides: c.strides ?? kernel.map(() => 1),
    dilations: c.dilations ?? kernel.map(() => 1),
    padsBegin: c.padsBegin ?? zeros,
    padsEnd: c.padsEnd ?? c.padsBegin ?? zeros,
    outputPadding: c.outputPadding ?? zeros,
    groups,
    epilogue: c.epilogue ?? null,
  };
  const output = inferTypes(spec, types, ["test"])[0] as TensorType;
  const op: ConvTransposeOp = { ...spec, outputs: [inputs.length], origin: [] };
  const expected = reference(spec, c, inputs, output);
  const tolerance = xType === "f64" ? 1e-14 : xType === "f32" ? 2e-6 : 0;
  for (const isConstant of constancies[c.weights ?? "constant"]) {
    const constants = inputs.map((tensor, i) => (i === 1 && isConstant ? tensor : undefined));
    const stages = emitConvTranspose(op, { inputs: types, outputs: [output], constants });
    expectKernels({ stages, inputs, output }, expected, tolerance);
  }
}

describe("transposed convolutions", () => {
  it.each<Case>([
    { channels: 4, filters: 6, spatial: [3, 4], kernel: [2, 2], strides: [2, 2] },
    {
      channels: 5,
      filters: 3,
      spatial: [4, 5],
      kernel: [3, 3],
      strides: [2, 2],
      padsBegin: [1, 1],
      outputPadding: [1, 1],
      batch: 2,
    },
    { channels: 8, filters: 9, spatial: [6, 5], kernel: [3, 3] },
    { channels: 3, filters: 4, spatial: [5, 4], kernel: [1, 2], strides: [3, 4], outputPadding: [2, 1] },
    {
      channels: 3,
      filters: 4,
      spatial: [5, 4],
      kernel: [3, 2],
      strides: [2, 4],
      dilations: [3, 2],
      padsBegin: [1, 0],
      padsEnd: [2, 1],
    },
    { channels: 2, filters: 1, spatial: [5, 6], kernel: [4, 4], strides: [2, 1], padsBegin: [1, 1] },
    { channels: 3, filters: 3, spatial: [6], kernel: [5], strides: [2], padsBegin: [3], padsEnd: [4] },
    { channels: 2, filters: 3, spatial: [2, 3, 3], kernel: [2, 3, 2], strides: [2, 1, 2] },
    { channels: 4, filters: 6, spatial: [4, 3], kernel: [3, 3], strides: [2, 2], groups: 2 },
    { channels: 4, filters: 4, spatial: [4, 3], kernel: [3, 3], strides: [1, 2], groups: 4 },
  ])("%j", (c) => {
    check({ ...c, weights: "both" });
  });

  it.each<readonly [DType, DType]>([["f64", "f64"], ["i32", "i32"], ["u8", "i8"]])("of %s by %s", (...dtypes) => {
    check({ dtypes, channels: 3, filters: 5, spatial: [4, 4], kernel: [3, 3], strides: [2, 2] });
    check({ dtypes, channels: 3, filters: 5, spatial: [4, 4], kernel: [3, 3], weights: "variable" });
  }); // prettier-ignore

  it("add a bias and a residual", () => {
    const epilogue = binary("add", binary("add", arg(0), arg(1)), arg(2));
    const c: Case = { channels: 4, filters: 6, spatial: [3, 4], kernel: [3, 2], strides: [2, 2], epilogue };
    check({ ...c, extras: [[6, 1, 1], [1, 6, 7, 8]] });
    check({ ...c, filters: 1, extras: [[1, 1, 1], [1, 1, 7, 8]] });
  }); // prettier-ignore

  it("agree with the reference on random shapes", () => {
    const small = fc.integer({ min: 1, max: 4 });
    fc.assert(
      fc.property(small, small, small, small, small, small, fc.integer({ min: 0, max: 2 }), fc.nat(), (ci, co, k, stride, dilation, size, pad, seed) => {
        fc.pre(stride * (size - 1) + (k - 1) * dilation + 1 > 2 * pad);
        check({ channels: ci * 3, filters: co * 3, spatial: [size, size + 2], kernel: [k, 3], strides: [stride, 2], dilations: [dilation, 1], padsBegin: [pad, 1] }, seed);
      }),
      { numRuns: 20 },
    );
  }); // prettier-ignore
});

it("a phase that no tap reaches is one more product, of nothing", () => {
  const types = [tensorType("f32", [1, 2, 3]), tensorType("f32", [2, 2, 1])];
  const op: ConvTransposeOp = { kind: "convTranspose", inputs: [0, 1], outputs: [2], origin: [], strides: [2], dilations: [1], padsBegin: [0], padsEnd: [0], outputPadding: [0], groups: 1, epilogue: null }; // prettier-ignore
  const constants = [undefined, randomTensor("f32", [2, 2, 1], 1)];
  const stages = emitConvTranspose(op, { inputs: types, outputs: [tensorType("f32", [1, 2, 5])], constants });
  expect(stages.filter((stage) => stage.key.startsWith("product"))).toHaveLength(2);
});
