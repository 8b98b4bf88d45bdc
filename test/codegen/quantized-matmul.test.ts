import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { emitQuantizedMatmul } from "../../compiler/codegen/kernels/quantized-matmul.ts";
import { type DType, dtypeInfo } from "../../ir/dtype.ts";
import { arg, binary, cast, type Expr, lit } from "../../ir/expr.ts";
import { type QuantizedMatmulOp, tensorType, type TensorType } from "../../ir/graph.ts";
import { inferTypes } from "../../ir/infer.ts";
import { elementCount, type TensorData, tensorFrom } from "../../ir/tensor.ts";
import { expectKernels, numbersOf, randomNumbers, randomTensor } from "./harness.ts";
import { broadcastAt, indexOf, nth } from "./tensor-index.ts";

type Bits = "i8" | "u8" | "i4" | "u4" | "i2" | "u2";
/** The middle of the type's range, one number for all columns and blocks, integers or any numbers of their own for each. */
type Zeros = "middle" | "one" | "integers" | "floats";

interface Case {
  readonly a: readonly number[];
  readonly columns: number;
  readonly blockSize: number;
  readonly dtype: Bits;
  readonly zeros?: Zeros;
  /** one scale for all, one for each column, or one for each block too */
  readonly scales?: "all" | "columns" | "blocks";
  readonly epilogue?: Expr | null;
  readonly extras?: readonly (readonly number[])[];
  readonly apply?: (acc: number, extras: readonly number[]) => number;
}

const leastOf = (dtype: DType): number => (dtype.startsWith("u") ? 0 : -(2 ** (dtypeInfo(dtype).bits - 1)));

/** Integers over the whole range of the type. */
function randomWeights(dtype: Bits, shape: readonly number[], seed: number): TensorData {
  const next = randomNumbers(seed);
  const span = 2 ** dtypeInfo(dtype).bits;
  const values = Array.from({ length: elementCount(shape) }, () => leastOf(dtype) + Math.floor(((next() + 1) / 2) * span));
  return tensorFrom(dtype, shape, values);
} // prettier-ignore

function zerosOf(dtype: Bits, kind: Zeros, shape: readonly number[], seed: number): TensorData {
  const { bits } = dtypeInfo(dtype);
  const middle = leastOf(dtype) + 2 ** (bits - 1);
  if (kind === "middle") return tensorFrom("f32", [1, 1], [middle]);
  if (kind === "one") return tensorFrom("f32", [1, 1], [middle + 1]);
  const numbers = Array.from(randomTensor("f32", shape, seed).elements as Float32Array, (value) => middle + value * 2 ** (bits - 1)); // prettier-ignore
  return tensorFrom("f32", shape, kind === "floats" ? numbers : numbers.map(Math.round));
}

function reference(c: Case, inputs: readonly TensorData[], output: TensorType): number[] {
  const [a, weights, scales, zeros, ...extras] = inputs.map(numbersOf) as [number[], number[], number[], number[], ...number[][]]; // prettier-ignore
  const [, , scaleData, zeroData] = inputs as [TensorData, TensorData, TensorData, TensorData];
  const inner = c.a.at(-1) ?? 0;
  return Array.from({ length: elementCount(output.shape) }, (_, flat) => {
    const [row, n] = [Math.floor(flat / c.columns), flat % c.columns];
    let sum = 0;
    for (let k = 0; k < inner; k++) {
      const at = [n, Math.floor(k / c.blockSize)];
      const scale = nth(scales, broadcastAt(scaleData.shape, at));
      const zero = nth(zeros, broadcastAt(zeroData.shape, at));
      sum += nth(a, row * inner + k) * (nth(weights, n * inner + k) - zero) * scale;
    }
    const index = indexOf(flat, output.shape);
    const values = extras.map((extra, i) => nth(extra, broadcastAt(c.extras?.[i] ?? [], index)));
    return c.apply === undefined ? sum : c.apply(sum, values);
  });
}

/** Checks one product and gives the bytes of its packed weights. */
function check(c: Case, seed = 1): number {
  const inner = c.a.at(-1) ?? 0;
  const blocks = Math.ceil(inner / c.blockSize);
  const scaleShape = { all: [1, 1], columns: [c.columns, 1], blocks: [c.columns, blocks] }[c.scales ?? "blocks"];
  const inputs = [
    randomTensor("f32", c.a, seed),
    randomWeights(c.dtype, [c.columns, inner], seed + 1),
    randomTensor("f32", scaleShape, seed + 2),
    zerosOf(c.dtype, c.zeros ?? "middle", [c.columns, blocks], seed + 3),
    ...(c.extras ?? []).map((shape, i) => randomTensor("f32", shape, seed + 4 + i)),
  ];
  const types = inputs.map(({ dtype, shape }) => tensorType(dtype, shape));
  const spec = { kind: "quantizedMatmul" as const, inputs: inputs.map((_, i) => i), blockSize: c.blockSize, epilogue: c.epilogue ?? null }; // prettier-ignore
  const output = inferTypes(spec, types, ["test"])[0] as TensorType;
  const op: QuantizedMatmulOp = { ...spec, outputs: [inputs.length], origin: ["test"] };
  const constants = inputs.map((tensor, i) => (i >= 1 && i <= 3 ? tensor : undefined));
  const stages = emitQuantizedMatmul(op, { inputs: types, outputs: [output], constants });
  expectKernels({ stages, inputs, output }, reference(c, inputs, output), 3e-6);
  const packed = stages.flatMap(({ args }) => args).find((argument) => argument.kind === "packed");
  return packed?.byteLength ?? 0;
}

const dtypes: readonly Bits[] = ["i8", "u8", "i4", "u4", "i2", "u2"];
const zeroKinds: readonly Zeros[] = ["middle", "one", "integers", "floats"];

describe("products with weights of few bits", () => {
  it.each(dtypes)("agree with float64 for all zero points and numbers of rows: %s", (dtype) => {
    for (const zeros of zeroKinds) {
      for (const rows of [1, 2, 3, 5, 9]) {
        check({ a: [rows, 53], columns: 37, blockSize: 16, dtype, zeros }, rows);
      }
    }
  });

  it("take ragged blocks, odd ones, blocks longer than the reduction and long ones", () => {
    for (const dtype of ["i4", "u8"] as const) {
      for (const [inner, blockSize] of [[1, 16], [16, 16], [17, 16], [33, 7], [40, 1], [5, 64], [600, 1024], [1100, 1024], [1031, 1031], [1400, 700]] as const) {
        for (const rows of inner > 1000 ? [1, 9] : [1, 2, 3, 11]) check({ a: [rows, inner], columns: inner > 1000 ? 5 : 19, blockSize, dtype, zeros: "integers" }, inner);
      }
    }
  }); // prettier-ignore

  it.each([1, 3, 4, 8, 15, 16, 17, 31, 32, 33, 70])("of %d columns", (columns) => {
    for (const rows of [1, 2, 4, 12]) {
      check({ a: [rows, 24], columns, blockSize: 16, dtype: "u4" }, columns);
      check({ a: [rows, 24], columns, blockSize: 16, dtype: "i8", zeros: "floats" }, columns);
    }
  });

  it("broadcast scales for all blocks and for all columns", () => {
    for (const scales of ["all", "columns", "blocks"] as const) {
      for (const rows of [1, 2, 20]) check({ a: [rows, 80], columns: 12, blockSize: 32, dtype: "i8", scales });
      check({ a: [2, 80], columns: 24, blockSize: 80, dtype: "u4", scales, zeros: "integers" });
    }
  });

  it("treat batches as rows", () => {
    check({ a: [2, 1, 3, 40], columns: 20, blockSize: 8, dtype: "i4" });
    check({ a: [3, 5, 40], columns: 20, blockSize: 8, dtype: "i8" });
  });

  it("give the epilogue of nothing for an inner dimension of 0, and nothing for no rows or columns", () => {
    for (const rows of [1, 3, 10]) {
      check({ a: [rows, 0], columns: 5, blockSize: 16, dtype: "i8", extras: [[5]], epilogue: binary("add", arg(0), arg(1)), apply: (x, [y = 0]) => x + y });
    }
    check({ a: [0, 16], columns: 5, blockSize: 16, dtype: "i8" });
    check({ a: [2, 16], columns: 0, blockSize: 16, dtype: "i4" });
  }); // prettier-ignore

  it("apply epilogues with operands per column, row, element and batch", () => {
    const epilogue = binary("max", binary("add", binary("mul", arg(0), arg(1)), arg(2)), lit("f32", 0));
    const apply = (x: number, [y = 0, z = 0]: readonly number[]): number => Math.max(0, x * y + z);
    for (const [batch, rows] of [[1, 1], [2, 1], [2, 3], [3, 7]] as const) {
      const operands = [[], [21], [rows, 1], [rows, 21], [batch, 1, 1], [batch, 1, 21], [batch, rows, 21], [1]];
      for (const [i, first] of operands.entries()) {
        const second = nth(operands, (i * 3 + 1) % operands.length);
        check({ a: [batch, rows, 20], columns: 21, blockSize: 16, dtype: "u4", zeros: "integers", extras: [first, second], epilogue, apply });
      }
    }
  }); // prettier-ignore

  it("may give another type", () => {
    const epilogue = cast("i32", binary("mul", arg(0), lit("f32", 0)));
    for (const rows of [1, 9]) check({ a: [rows, 40], columns: 18, blockSize: 16, dtype: "i8", epilogue, apply: () => 0 });
  }); // prettier-ignore

  it("agree with float64 on random shapes", () => {
    const size = fc.tuple(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 80 })); // prettier-ignore
    fc.assert(
      fc.property(size, fc.constantFrom(...dtypes), fc.constantFrom(...zeroKinds), fc.nat(), (sizes, dtype, zeros, seed) => {
        const [rows, inner, columns, blockSize] = sizes;
        check({ a: [rows, inner], columns, blockSize, dtype, zeros }, seed);
      }),
      { numRuns: 25, seed: 3 },
    );
  }); // prettier-ignore

  it("keep weights in 8 or 4 bits", () => {
    const slack = 16;
    for (const rows of [1, 2, 8, 10]) {
      expect(check({ a: [rows, 64], columns: 48, blockSize: 32, dtype: "u4" })).toBe(64 * 24 + 48 * 2 * 4 + slack);
      expect(check({ a: [rows, 64], columns: 48, blockSize: 32, dtype: "i8" })).toBe(64 * 48 + 48 * 2 * 4 + slack);
    }
  });
});
