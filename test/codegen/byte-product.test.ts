/** Convolutions as byte products: the very integers of the sums, however many eighth bits there are. */
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { chooseWished } from "../../compiler/codegen/choice.ts";
import type { Operands } from "../../compiler/codegen/kernel.ts";
import { isByteProduct } from "../../compiler/codegen/kernels/bytes/byte-product.ts";
import { layoutOf } from "../../compiler/codegen/kernels/bytes/rows.ts";
import { emitConv } from "../../compiler/codegen/kernels/conv.ts";
import type { IntegerRange } from "../../compiler/codegen/value-range.ts";
import { arg, binary, cast, type Expr, lit } from "../../ir/expr.ts";
import { type ConvOp, tensorType } from "../../ir/graph.ts";
import { inferTypes } from "../../ir/infer.ts";
import { elementCount, type TensorData, tensorFrom } from "../../ir/tensor.ts";
import { evaluateOp } from "../../runtime/reference/evaluate.ts";
import { expectKernels, numbersOf, randomNumbers, randomTensor } from "./harness.ts";

interface Case {
  readonly source: "u8" | "i16";
  readonly batch: number;
  readonly image: readonly [number, number];
  readonly channels: number;
  readonly filters: number;
  readonly kernel: readonly [number, number];
  readonly pad: number;
  readonly stride: number;
  /** of 100 elements so many are above 127 */
  readonly high: number;
  readonly weights: "random" | "least" | "most";
  readonly epilogue: "none" | "requantized" | "residual";
  readonly seed: number;
}

const base: Case = { source: "u8", batch: 1, image: [5, 7], channels: 24, filters: 20, kernel: [1, 1], pad: 0, stride: 1, high: 5, weights: "random", epilogue: "none", seed: 1 }; // prettier-ignore

const requantized: Expr = binary("mul", binary("add", cast("f32", arg(0)), arg(1)), lit("f32", 1 / 512));
const epilogues: Readonly<Record<Case["epilogue"], Expr | null>> = {
  none: null,
  requantized: cast("u8", requantized, true),
  residual: cast("i16", cast("u8", binary("add", requantized, cast("f32", arg(2))), true)),
};

function imageOf({ source, batch, image, channels, high, seed }: Case): TensorData {
  const random = randomNumbers(seed);
  const share = (): number => (random() + 1) / 2;
  const shape = [batch, ...image, channels];
  const values = Array.from({ length: elementCount(shape) }, () => {
    const low = Math.floor(share() * 128) % 128;
    return share() * 100 < high ? 128 + low : low;
  });
  return tensorFrom(source, shape, values);
}

function weightsOf({ kernel, channels, filters, weights, seed }: Case): TensorData {
  const shape = [...kernel, channels, filters];
  if (weights === "random") return randomTensor("i8", shape, seed + 1);
  return tensorFrom("i8", shape, new Array<number>(elementCount(shape)).fill(weights === "least" ? -128 : 127));
}

const convOf = (c: Pick<Case, "stride" | "pad">, epilogue: Expr | null, inputs: number): ConvOp => ({
  kind: "conv",
  inputs: Array.from({ length: inputs }, (_, i) => i),
  outputs: [inputs],
  origin: ["test"],
  layout: "nhwc",
  strides: [c.stride, c.stride],
  dilations: [1, 1],
  padsBegin: [c.pad, c.pad],
  padsEnd: [c.pad, c.pad],
  groups: 1,
  epilogue,
});

const bytes: IntegerRange = { low: 0, high: 255 };

/** The op with its operands, as the kernels get them. */
function subject(c: Case): {
  readonly op: ConvOp;
  readonly operands: Operands;
  readonly inputs: readonly TensorData[];
} {
  const [x, w] = [imageOf(c), weightsOf(c)];
  const sums = evaluateOp(convOf(c, null, 2), [x, w])[0] as TensorData;
  const bias = randomTensor("f32", [1, 1, 1, c.filters], c.seed + 2);
  const residual = randomTensor("u8", sums.shape, c.seed + 3);
  const extras = { none: [], requantized: [bias], residual: [bias, residual] }[c.epilogue];
  const inputs = [x, w, ...extras];
  const op = convOf(c, epilogues[c.epilogue], inputs.length);
  const types = inputs.map(({ dtype, shape }) => tensorType(dtype, shape));
  const outputs = inferTypes(op, types, ["test"]) as Operands["outputs"];
  const constants = inputs.map((tensor, i) => (i === 1 ? tensor : undefined));
  return { op, inputs, operands: { inputs: types, outputs, constants, rangeOf: () => bytes } };
}

function check(c: Case): void {
  const { op, operands, inputs } = subject(c);
  expect(isByteProduct(op, operands)).toBe(true);
  const stages = emitConv(op, operands, chooseWished(new Map([["algorithm", "bytes"]]), []));
  expect(stages.slice(-2).map(({ key }) => key.split(" ")[0])).toEqual(["byte_rows", "product"]);
  const expected = numbersOf(evaluateOp(op, inputs)[0] as TensorData);
  expectKernels({ stages, inputs, output: operands.outputs[0] ?? tensorType("i32", []) }, expected, 0);
}

describe("byte products are exact", () => {
  it.each<readonly [string, Partial<Case>]>([
    ["with few high bits", {}],
    ["without any", { high: 0 }],
    ["with all high bits set", { high: 100 }],
    ["with lists too long for sums of 16 bits, and the least weights", { channels: 640, image: [1, 5], high: 100, weights: "least" }],
    ["with as long lists as such sums can hold", { channels: 508, image: [1, 4], high: 100, weights: "least" }],
    ["with the largest weights", { channels: 300, high: 60, weights: "most" }],
    ["from 16-bit elements", { source: "i16", channels: 37, high: 30 }],
    ["over every second pixel of a batch", { batch: 3, image: [6, 5], stride: 2, channels: 21 }],
    ["of padded windows", { kernel: [3, 3], pad: 1, channels: 16 }],
    ["of strided windows of a batch", { kernel: [3, 2], pad: 1, channels: 8, batch: 2, image: [6, 9], stride: 2, source: "i16" }],
    ["of windows in one line", { kernel: [1, 3], channels: 5 }],
    ["for one pixel", { image: [1, 1], channels: 5, filters: 3 }],
    ["requantized", { epilogue: "requantized", filters: 33 }],
    ["onto a residual", { epilogue: "residual", image: [4, 9], filters: 16, stride: 2 }],
  ])("%s", (_, change) => {
    check({ ...base, ...change });
  }); // prettier-ignore

  it("on random shapes", () => {
    const size = (max: number): fc.Arbitrary<number> => fc.integer({ min: 1, max });
    const shape = fc.oneof(
      fc.record({ kernel: fc.constant([1, 1] as const), channels: size(70) }),
      fc.record({ kernel: fc.tuple(size(3), size(3)), channels: fc.constantFrom(16, 32, 48) }),
    );
    const others = fc.record({
      source: fc.constantFrom<Case["source"]>("u8", "i16"),
      batch: size(2),
      image: fc.tuple(fc.integer({ min: 3, max: 8 }), fc.integer({ min: 3, max: 8 })),
      pad: size(2),
      filters: size(40),
      stride: size(3),
      high: fc.constantFrom(0, 1, 10, 50, 100),
      weights: fc.constantFrom<Case["weights"]>("random", "least", "most"),
      epilogue: fc.constantFrom<Case["epilogue"]>("none", "requantized", "residual"),
      seed: fc.nat(1000),
    });
    fc.assert(
      fc.property(shape, others, (sizes, more) => {
        check({ ...sizes, ...more });
      }),
      { numRuns: 40 },
    );
  });
});

it("has room for the longest list of every group", () => {
  for (const elements of [1, 3, 16, 17, 64, 1000]) {
    const { rows, rowStride, lists, byteLength } = layoutOf({
      dtype: "u8",
      axes: [{ size: 5, stride: 1 }],
      pieces: { count: 1, stride: 0 },
      elements,
    });
    const perGroup = (byteLength - lists) / Math.ceil(rows / 2);
    const longest = 4 + Math.ceil(elements / 4) * (4 + 4 * 2);
    expect(rowStride).toBeGreaterThanOrEqual(2 * elements);
    expect(perGroup).toBeGreaterThanOrEqual(longest);
  }
});

describe("what is no byte product", () => {
  const { op, operands } = subject(base);
  const [x, w] = operands.inputs as [Operands["inputs"][number], Operands["inputs"][number]];
  it.each<readonly [string, Partial<ConvOp>, Partial<Operands>]>([
    ["values on both sides of zero", {}, { rangeOf: () => ({ low: -128, high: 127 }) }],
    ["values beyond a byte", {}, { rangeOf: () => ({ low: 0, high: 256 }) }],
    ["weights that are not known", {}, { constants: [] }],
    ["weights of 16 bits", {}, { inputs: [x, { ...w, dtype: "i16" }] }],
    ["dilation", { dilations: [1, 2] }, {}],
    ["windows of ragged pieces", {}, { inputs: [x, { ...w, shape: [3, 3, 5, 20] }] }],
    ["groups", { groups: 2 }, {}],
    ["channels first", { layout: "nchw" }, {}],
    ["signed bytes", {}, { inputs: [{ ...x, dtype: "i8" }, w] }],
  ])("%s", (_, other, others) => {
    expect(isByteProduct({ ...op, ...other }, { ...operands, ...others })).toBe(false);
  });
});
