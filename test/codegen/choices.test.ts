/** Everything that kernel emitters offer to choose from is right: each candidate of each family against float64, in both SIMD modes. */
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { type AskedChoice, type Choose, chooseWished, distinct, modelChoice } from "../../compiler/codegen/choice.ts";
import type { KernelCode } from "../../compiler/codegen/kernel.ts";
import { attentionStages, type AttentionSpec } from "../../compiler/codegen/kernels/attention.ts";
import { emitKernels } from "../../compiler/codegen/kernels/registry.ts";
import type { DType } from "../../ir/dtype.ts";
import { arg, binary } from "../../ir/expr.ts";
import { type Op, type OpSpec, type TensorType, tensorType } from "../../ir/graph.ts";
import { inferTypes } from "../../ir/infer.ts";
import { makeTensor, type TensorData } from "../../ir/tensor.ts";
import { evaluateOp } from "../../runtime/reference/evaluate.ts";
import { expectKernels, numbersOf, randomNumbers, randomTensor } from "./harness.ts";
import { nth } from "./tensor-index.ts";

/** A kernel that can be emitted with other choices, and what it must compute. */
interface Subject {
  readonly emit: (choose: Choose) => readonly KernelCode[];
  readonly inputs: readonly TensorData[];
  readonly output: TensorType;
  readonly expected: readonly number[];
  readonly tolerance: number;
}

const asFloat64 = (tensor: TensorData): TensorData =>
  tensor.dtype === "f32" ? makeTensor("f64", tensor.shape, Float64Array.from(tensor.elements as Float32Array)) : tensor;

function subjectOf(op: OpSpec, inputs: readonly TensorData[], constants: readonly number[] = [1]): Subject {
  const types = inputs.map(({ dtype, shape }) => tensorType(dtype, shape));
  const output = inferTypes(op, types, ["test"])[0] as TensorType;
  const operands = {
    inputs: types,
    outputs: [output],
    constants: inputs.map((tensor, i) => (constants.includes(i) ? tensor : undefined)),
  };
  const whole = { ...op, outputs: [inputs.length], origin: ["test"] } as Op;
  return {
    emit: (choose) => emitKernels(whole, operands, choose) ?? [],
    inputs,
    output,
    expected: numbersOf(evaluateOp(op, inputs.map(asFloat64))[0] as TensorData),
    tolerance: output.dtype === "f32" ? 5e-6 : output.dtype === "f64" ? 1e-14 : 0,
  };
}

const tensors = (dtypes: readonly DType[], shapes: readonly (readonly number[])[], seed = 1): TensorData[] =>
  shapes.map((shape, i) => randomTensor(dtypes[i] ?? "f32", shape, seed + i));

interface MatmulCase {
  readonly a: readonly number[];
  readonly b: readonly number[];
  readonly dtypes?: readonly DType[];
  readonly variable?: boolean;
  readonly bias?: boolean;
}

function matmul({ a, b, dtypes = [], variable = false, bias = false }: MatmulCase): Subject {
  const epilogue = bias ? binary("max", binary("add", arg(0), arg(1)), arg(1)) : null;
  const inputs = tensors(dtypes, bias ? [a, b, [b.at(-1) ?? 1]] : [a, b]);
  const op: OpSpec = {
    kind: "matmul",
    inputs: inputs.map((_, i) => i),
    transposeA: false,
    transposeB: false,
    epilogue,
  };
  return subjectOf(op, inputs, variable ? [] : [1]);
}

interface ConvCase {
  readonly x: readonly number[];
  readonly w: readonly number[];
  readonly layout?: "nchw" | "nhwc";
  readonly dtypes?: readonly DType[];
  readonly stride?: number;
  readonly pad?: number;
  readonly groups?: number;
}

function conv({ x, w, layout = "nhwc", dtypes = [], stride = 1, pad = 1, groups = 1 }: ConvCase): Subject {
  const even = (value: number): readonly number[] => [value, value];
  const more = { layout, strides: even(stride), dilations: even(1), padsBegin: even(pad), padsEnd: even(pad), groups };
  const op: OpSpec = { kind: "conv", inputs: [0, 1], epilogue: null, ...more };
  return subjectOf(op, tensors(dtypes, [x, w]));
}

function convTranspose(): Subject {
  const pads = { padsBegin: [1, 1], padsEnd: [1, 1], outputPadding: [0, 0] };
  const op: OpSpec = { kind: "convTranspose", inputs: [0, 1], epilogue: null, strides: [2, 2], dilations: [1, 1], groups: 1, ...pads }; // prettier-ignore
  return subjectOf(op, tensors([], [[1, 5, 6, 7], [5, 6, 3, 3]])); // prettier-ignore
}

function pool(fn: "max" | "average"): Subject {
  const windows = { kernel: [3, 2], strides: [1, 1], dilations: [1, 1], padsBegin: [1, 0], padsEnd: [1, 1] };
  const op: OpSpec = { kind: "pool", inputs: [0], fn, layout: "nhwc", outputSpatial: [9, 14], countPadding: false, p: 0, ...windows }; // prettier-ignore
  return subjectOf(op, tensors([], [[1, 9, 14, 6]]), []);
}

interface AttentionSizes {
  readonly rows: number;
  readonly keys: number;
  readonly depth: number;
  readonly width: number;
}

/** Two heads side by side, whose rows lie apart. */
function attention({ rows, keys, depth, width }: AttentionSizes): Subject {
  const along = (columns: number): { offset: number; batch: number[] } => ({ offset: 0, batch: [columns] });
  const spec: AttentionSpec = {
    batch: [2],
    rows,
    keys,
    depth,
    width,
    q: { ...along(depth), row: 2 * depth },
    k: { ...along(depth), key: 2 * depth, column: 1 },
    v: { ...along(width), key: 2 * width, column: 1 },
    out: { batch: [width], row: 2 * width },
    epilogue: null,
    extras: [],
  };
  const inputs = tensors([], [[rows, 2, depth], [keys, 2, depth], [keys, 2, width]]); // prettier-ignore
  const heads = inputs.map((tensor) => evaluateOp({ kind: "transpose", inputs: [0], perm: [1, 0, 2] }, [asFloat64(tensor)])[0] as TensorData); // prettier-ignore
  const [q, k, v] = heads as [TensorData, TensorData, TensorData];
  const times = { kind: "matmul", inputs: [0, 1], transposeA: false, epilogue: null } as const;
  const scores = evaluateOp({ ...times, transposeB: true }, [q, k]);
  const shares = evaluateOp({ kind: "softmax", inputs: [0], axis: 2, log: false }, scores)[0] as TensorData;
  const result = evaluateOp({ ...times, transposeB: false }, [shares, v]);
  return {
    emit: (choose) => attentionStages(spec, choose),
    inputs,
    output: tensorType("f32", [rows, 2, width]),
    expected: numbersOf(evaluateOp({ kind: "transpose", inputs: [0], perm: [1, 0, 2] }, result)[0] as TensorData),
    tolerance: 5e-6,
  };
}

function askedOf({ emit }: Subject, wishes: ReadonlyMap<string, string>): readonly AskedChoice[] {
  const asked: AskedChoice[] = [];
  emit(chooseWished(wishes, asked));
  return asked;
}

function checkWishes(subject: Subject, wishes: ReadonlyMap<string, string>): void {
  const stages = subject.emit(chooseWished(wishes, []));
  try {
    expectKernels({ ...subject, stages }, subject.expected, subject.tolerance);
  } catch (error) {
    throw new Error(`with ${JSON.stringify([...wishes])}: ${String(error)}`, { cause: error });
  }
}

/** Every candidate of every choice, one changed at a time; what several forms of an algorithm offer is tried in one of them. */
function checkAll(subject: Subject): string[] {
  const algorithms = askedOf(subject, new Map()).filter(({ aspect }) => aspect === "algorithm");
  const starts = algorithms.flatMap(({ aspect, candidates }) => candidates.map((name) => new Map([[aspect, name]])));
  const tried = new Set<string>();
  for (const under of starts.length === 0 ? [new Map<string, string>()] : starts) {
    checkWishes(subject, under);
    for (const [aspect, name] of under) tried.add(`${aspect}: ${name}`);
    const family = [...under.values()].join().split(" ")[0] ?? "";
    for (const { aspect, candidates } of askedOf(subject, under).filter((asked) => asked.aspect !== "algorithm")) {
      for (const candidate of candidates.slice(1)) {
        const name = `${family} ${aspect}: ${candidate}`.trimStart();
        if (!tried.has(name)) checkWishes(subject, new Map([...under, [aspect, candidate]]));
        tried.add(name);
      }
    }
  }
  return [...tried];
}

describe("every candidate is right", () => {
  it.each<readonly [string, Subject, readonly string[]]>([
    ["matrix product", matmul({ a: [40, 37], b: [37, 29], bias: true }), ["tile: 3x12", "tile: 5x4", "rest tile: 1x16", "rows: 20 at once", "B: packed, a stream for each vector"]],
    ["product in parts", matmul({ a: [40, 1600], b: [1600, 17] }), ["run: 2 parts", "run: whole"]],
    ["product of one row", matmul({ a: [1, 66], b: [66, 21] }), ["B: packed", "B: packed, a stream for each vector"]],
    ["product with a variable B", matmul({ a: [9, 20], b: [20, 24], variable: true }), ["B: packed"]],
    ["product in blocks of rows", matmul({ a: [2, 150, 8], b: [8, 12] }), ["rows: 75 at once"]],
    ["product of bytes", matmul({ a: [9, 33], b: [33, 10], dtypes: ["u8", "i8"] }), ["tile: 1x4"]],
    ["product in float64", matmul({ a: [7, 9], b: [9, 11], dtypes: ["f64", "f64"] }), ["tile: 3x6"]],
    ["convolution", conv({ x: [1, 9, 11, 3], w: [3, 2, 3, 10], stride: 2 }), ["tile: 4x8", "rest tile: 2x12"]],
    ["3x3 convolution", conv({ x: [1, 14, 13, 9], w: [3, 3, 9, 14] }), ["algorithm: direct", "algorithm: winograd F(4,3)xF(4,3)", "algorithm: winograd F(2,3)xF(4,3)", "direct tile: 3x12", "winograd tile: 3x12", "winograd block: 9 tiles"]],
    ["3x3 convolution in groups", conv({ x: [2, 6, 6, 6], w: [3, 3, 3, 8], groups: 2 }), ["algorithm: winograd F(2,3)xF(2,3)"]],
    ["1x1 convolution", conv({ x: [1, 12, 12, 20], w: [1, 1, 20, 21], pad: 0 }), ["tile: 4x8", "rows: 72 at once"]],
    ["channels-first convolution", conv({ x: [1, 5, 7, 8], w: [13, 5, 3, 3], layout: "nchw" }), ["tile: 2x12"]],
    ["depthwise convolution", conv({ x: [1, 8, 13, 6], w: [3, 3, 1, 6], groups: 6 }), ["columns: 1", "columns: 3", "columns: 6"]],
    ["transposed convolution", convTranspose(), ["phase 0 tile: 3x4", "phase 3 rest tile: 1x8"]],
    ["maximum pooling", pool("max"), ["columns: 1", "columns: 6"]],
    ["average pooling", pool("average"), ["columns: 1", "columns: 4"]],
    ["attention", attention({ rows: 25, keys: 21, depth: 8, width: 16 }), ["scores tile: 4x8", "result tile: 3x12", "V: as it is"]],
    ["attention over many keys", attention({ rows: 20, keys: 2100, depth: 4, width: 5 }), ["rows: all", "result run: whole"]],
  ])("%s", (_, subject, some) => {
    expect(checkAll(subject)).toEqual(expect.arrayContaining([...some]));
  });
}); // prettier-ignore

/** Takes any candidate. */
function chooseRandom(seed: number): Choose {
  const random = randomNumbers(seed);
  return ({ candidates }) => nth(candidates, Math.min(candidates.length - 1, Math.floor(((random() + 1) / 2) * candidates.length))); // prettier-ignore
}

it("random choices together are right on random shapes", () => {
  const size = fc.integer({ min: 1, max: 40 });
  const random = fc.record({ kind: fc.constantFrom("matmul", "conv", "grouped", "attention"), m: size, k: size, n: size, variable: fc.boolean(), seed: fc.nat() }); // prettier-ignore
  fc.assert(
    fc.property(random, ({ kind, m, k, n, variable, seed }) => {
      const side = 3 + (m % 12);
      const subjects: Readonly<Record<typeof kind, () => Subject>> = {
        matmul: () => matmul({ a: [2, m, k], b: [k, n], variable, bias: seed % 2 === 0 }),
        conv: () => conv({ x: [1, side, 1 + (k % 11), n], w: [3, 3, n, k] }),
        grouped: () => conv({ x: [1, 7, side, 4 * (1 + (n % 3))], w: [3, 2, 4, 3 * (1 + (n % 3))], groups: 1 + (n % 3), stride: 2 }),
        attention: () => attention({ rows: m, keys: 3 + k, depth: n, width: 1 + (seed % 20) }),
      };
      const subject = subjects[kind]();
      expectKernels({ ...subject, stages: subject.emit(chooseRandom(seed)) }, subject.expected, subject.tolerance);
    }),
    { numRuns: 40 },
  );
}); // prettier-ignore

describe("choices", () => {
  it("take the first candidate unless another one is wished", () => {
    const choice = { aspect: "tile", candidates: [3, 2, 1], words: String };
    const asked: AskedChoice[] = [];
    expect(modelChoice(choice)).toBe(3);
    expect(chooseWished(new Map([["tile", "2"]]), asked)(choice)).toBe(2);
    expect(chooseWished(new Map([["tile", "7"]]), asked)(choice)).toBe(3);
    expect(asked).toEqual([
      { aspect: "tile", candidates: ["3", "2", "1"], taken: "2" },
      { aspect: "tile", candidates: ["3", "2", "1"], taken: "3" },
    ]);
    expect(() => modelChoice<number>({ ...choice, candidates: [] })).toThrow("internal");
    expect(distinct([1, 11, 2], (value) => String(value)[0] ?? "")).toEqual([1, 2]);
  });

  it("have an aspect and words of their own", () => {
    const subjects = [matmul({ a: [40, 1600], b: [1600, 29] }), conv({ x: [1, 14, 13, 9], w: [3, 3, 9, 14] }), convTranspose(), attention({ rows: 25, keys: 21, depth: 8, width: 16 })]; // prettier-ignore
    for (const subject of subjects) {
      const asked = askedOf(subject, new Map());
      expect(new Set(asked.map(({ aspect }) => aspect)).size).toBe(asked.length);
      for (const { candidates } of asked) expect(new Set(candidates).size).toBe(candidates.length);
    }
  });
});
