import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { emitMatmul } from "../../compiler/codegen/kernels/matmul.ts";
import { chooseForm } from "../../compiler/codegen/kernels/streams/forms.ts";
import { streamLayout } from "../../compiler/codegen/kernels/streams/layout.ts";
import { streamStages } from "../../compiler/codegen/kernels/streams/streams.ts";
import type { KernelCode } from "../../compiler/codegen/kernel.ts";
import { arg, binary, type Expr } from "../../ir/expr.ts";
import { type MatmulOp, type TensorType, tensorType } from "../../ir/graph.ts";
import { bytesOf, type TensorData } from "../../ir/tensor.ts";
import { expectKernels, numbersOf, randomNumbers, randomTensor, runKernels } from "./harness.ts";
import { defined } from "../../ir/access.ts";
import { nth } from "./tensor-index.ts";
import { hasRelaxedSimd } from "../../runtime/engine.ts";

const tensor = (shape: readonly number[], values: Iterable<number>): TensorData => ({
  dtype: "f32",
  shape,
  elements: Float32Array.from(values),
});

/** Sums of four numbers in [-1, 1), about as trained weights lie: small ones are many, tiny ones few. */
function bellTensor(shape: readonly number[], seed: number): TensorData {
  const next = randomNumbers(seed);
  const count = shape.reduce((product, size) => product * size, 1);
  return tensor(
    shape,
    Array.from({ length: count }, () => 0.05 * (next() + next() + next() + next())),
  );
}

interface Case {
  readonly steps: number;
  readonly columns: number;
  readonly transposeB: boolean;
  /** elements of each operand of the epilogue, which adds them: one, or one for each column */
  readonly extras: readonly (1 | "columns")[];
}

interface Built {
  readonly stages: readonly KernelCode[];
  readonly inputs: readonly TensorData[];
  readonly output: TensorType;
}

function build({ steps, columns, transposeB, extras }: Case, row: TensorData, weights: TensorData): Built {
  const others = extras.map((size, i) => randomTensor("f32", [1, size === 1 ? 1 : columns], i + 1));
  const inputs = [row, weights, ...others];
  const sum = extras.reduce<Expr>((total, _, i) => binary("add", total, arg(i + 1)), arg(0));
  const op: MatmulOp = {
    kind: "matmul",
    inputs: inputs.map((_, i) => i),
    outputs: [inputs.length],
    origin: ["test"],
    transposeA: false,
    transposeB,
    epilogue: extras.length === 0 ? null : sum,
  };
  const output = tensorType("f32", [1, columns]);
  const types = inputs.map(({ dtype, shape }) => tensorType(dtype, shape));
  const stages = streamStages(op, { inputs: types, outputs: [output], constants: [undefined, weights] });
  expect(row.shape).toEqual([1, steps]);
  return { stages: defined(stages), inputs, output };
}

const shapeOf = ({ steps, columns, transposeB }: Case): number[] => (transposeB ? [columns, steps] : [steps, columns]);

function expected({ steps, columns, transposeB }: Case, inputs: readonly TensorData[]): number[] {
  const [row, weights, ...others] = inputs.map(numbersOf) as [number[], number[], ...number[][]];
  return Array.from({ length: columns }, (_, n) => {
    let sum = others.reduce((total, values) => total + nth(values, values.length === 1 ? 0 : n), 0);
    for (let k = 0; k < steps; k++) sum += nth(row, k) * nth(weights, transposeB ? n * steps + k : k * columns + n);
    return sum;
  });
}

function check(size: Case, weights: TensorData, seed: number): void {
  const built = build(size, randomTensor("f32", [1, size.steps], seed), weights);
  expectKernels(built, expected(size, built.inputs), 2e-6);
}

const formOf = (weights: TensorData): string =>
  chooseForm(new Uint32Array(bytesOf(weights.elements).slice().buffer)).kind.name;

describe("streamed products", () => {
  const size = fc.record({
    steps: fc.integer({ min: 1, max: 70 }),
    columns: fc.integer({ min: 1, max: 150 }),
    transposeB: fc.boolean(),
    extras: fc.array(fc.constantFrom<1 | "columns">(1, "columns"), { maxLength: 2 }),
  });

  it("agree with float64", () => {
    fc.assert(
      fc.property(size, fc.integer({ min: 0, max: 60_000 }), (drawn, seed) => {
        check(drawn, bellTensor(shapeOf(drawn), seed), seed);
      }),
      { numRuns: 40, seed: 5 },
    );
  });

  it.each([
    ["f32", (i: number): number => 2 ** ((i % 200) - 100)],
    ["tops", (i: number): number => ((i % 997) - 498) / 512],
  ] as const)("have every bit of the weights: %s", (form, valueOf) => {
    const given: Case = { steps: 90, columns: 101, transposeB: false, extras: [] };
    const values = Float32Array.from({ length: 90 * 101 }, (_, i) => valueOf(i));
    // for `tops`: highest bytes of their own, few enough for the list
    if (form === "tops") {
      values.set([2 ** -149, -(2 ** -120), 3e38], 500);
      values.set([-3e-30, 1.0000001e-12], 9088);
    }
    const weights = tensor([90, 101], values);
    expect(formOf(weights)).toBe(form);
    for (const step of [0, 4, 5, 63, 89]) {
      const row = tensor(
        [1, 90],
        Array.from({ length: 90 }, (_, k) => (k === step ? 1 : 0)),
      );
      const { elements } = runKernels({ ...build(given, row, weights), relaxedSimd: hasRelaxedSimd() });
      expect(elements).toEqual(values.slice(step * 101, (step + 1) * 101).map((value) => value + 0));
    }
  });

  it("leave weights as they are whose highest bytes are many", () => {
    const next = randomNumbers(3);
    const spread = tensor(
      [64, 64],
      Array.from({ length: 4096 }, () => next() * 10 ** (30 * next())),
    );
    expect(formOf(spread)).toBe("f32");
    check({ steps: 64, columns: 64, transposeB: true, extras: [1] }, spread, 2);
  });

  it("take seven eighths of the memory, and a little", () => {
    const weights = bellTensor([512, 1024], 4);
    const { stages } = build(
      { steps: 512, columns: 1024, transposeB: false, extras: [] },
      bellTensor([1, 512], 1),
      weights,
    );
    const packed = defined(stages.flatMap(({ args }) => args).find((argument) => argument.kind === "packed"));
    expect(packed.byteLength / (512 * 1024 * 4)).toBeLessThan(0.875 + 0.02);
    expect(packed.byteLength / (512 * 1024 * 4)).toBeGreaterThan(0.875);
  });

  it("lie an odd number of pages apart, and a part of one", () => {
    for (const [steps, columns] of [[768, 4096], [4096, 4096], [768, 2304], [40, 30]] as const) {
      for (const form of [chooseForm(new Uint32Array(1)), chooseForm(Uint32Array.from({ length: 99 }, (_, i) => i << 24))]) {
        const { streamBytes, groups, groupBytes } = streamLayout({ steps, columns, rowStride: columns, columnStride: 1 }, form);
        expect([Math.floor(streamBytes / 4096) % 2, streamBytes % 4096]).toEqual([1, 512]);
        expect(streamBytes).toBeGreaterThanOrEqual(groups * groupBytes);
      }
    }
  }); // prettier-ignore

  it("are the same whether the target of packing is aligned or not", () => {
    const given: Case = { steps: 40, columns: 30, transposeB: false, extras: [] };
    const { stages } = build(given, bellTensor([1, 40], 1), bellTensor([40, 30], 2));
    const packed = defined(stages.flatMap(({ args }) => args).find((argument) => argument.kind === "packed"));
    const [aligned, shifted] = [0, 1].map((start) => {
      const bytes = new Uint8Array(packed.byteLength + 4).fill(0xff);
      packed.write(bytes.subarray(start, start + packed.byteLength));
      return bytes.slice(start, start + packed.byteLength);
    });
    expect(shifted).toEqual(aligned);
  });

  it("are chosen for one row and a large constant matrix", () => {
    const kinds = (rows: number, columns: number, round = (x: number): number => x): string[] => {
      const weights = tensor([256, columns], numbersOf(bellTensor([256, columns], 1)).map(round));
      const op: MatmulOp = {
        kind: "matmul",
        inputs: [0, 1],
        outputs: [2],
        origin: [],
        transposeA: false,
        transposeB: false,
        epilogue: null,
      };
      const inputs = [tensorType("f32", [rows, 256]), tensorType("f32", [256, columns])];
      const operands = { inputs, outputs: [tensorType("f32", [rows, columns])], constants: [undefined, weights] };
      return emitMatmul(op, operands).map(({ key }) => nth(key.split(" "), 0));
    };
    expect(kinds(1, 2048)).toEqual(["streams"]);
    expect(kinds(2, 2048)).toEqual(["product"]);
    // sixteen bits are fewer still
    expect(kinds(1, 2048, (x) => Math.round(x * 1024) / 1024)).toEqual(["product"]);
    expect(kinds(1, 2000)).toEqual(["product"]);
  });
});
