/** Kernels that leave choices open, with random operands and what they must compute, in float64. */
import fc from "fast-check";
import { type Choose } from "../../compiler/codegen/choice.ts";
import type { KernelCode } from "../../compiler/codegen/kernel.ts";
import { attentionStages, type AttentionSpec } from "../../compiler/codegen/kernels/attention.ts";
import { emitKernels } from "../../compiler/codegen/kernels/registry.ts";
import type { DType } from "../../ir/dtype.ts";
import { arg, binary, type Expr } from "../../ir/expr.ts";
import { type Op, type OpSpec, type TensorType, tensorType } from "../../ir/graph.ts";
import { inferTypes } from "../../ir/infer.ts";
import { makeTensor, type TensorData } from "../../ir/tensor.ts";
import { evaluateOp } from "../../runtime/reference/evaluate.ts";
import { numbersOf, randomTensor } from "./harness.ts";

/** A kernel that can be emitted with other choices; a subject says what it must compute. */
export interface Kernel {
  readonly emit: (choose: Choose) => readonly KernelCode[];
  readonly inputs: readonly TensorData[];
  readonly output: TensorType;
}

export interface Subject extends Kernel {
  readonly expected: readonly number[];
  readonly tolerance: number;
}

const asFloat64 = (tensor: TensorData): TensorData =>
  tensor.dtype === "f32" ? makeTensor("f64", tensor.shape, Float64Array.from(tensor.elements as Float32Array)) : tensor;

interface Operation {
  readonly op: OpSpec;
  readonly inputs: readonly TensorData[];
  /** inputs that are constants */
  readonly constants?: readonly number[];
}

function kernelOf({ op, inputs, constants = [1] }: Operation): Kernel {
  const types = inputs.map(({ dtype, shape }) => tensorType(dtype, shape));
  const output = inferTypes(op, types, ["test"])[0] as TensorType;
  const operands = {
    inputs: types,
    outputs: [output],
    constants: inputs.map((tensor, i) => (constants.includes(i) ? tensor : undefined)),
  };
  const whole = { ...op, outputs: [inputs.length], origin: ["test"] } as Op;
  return { emit: (choose) => emitKernels(whole, operands, choose) ?? [], inputs, output };
}

function subjectOf(operation: Operation): Subject {
  const kernel = kernelOf(operation);
  const { dtype } = kernel.output;
  return {
    ...kernel,
    expected: numbersOf(evaluateOp(operation.op, operation.inputs.map(asFloat64))[0] as TensorData),
    tolerance: dtype === "f32" ? 5e-6 : dtype === "f64" ? 1e-14 : 0,
  };
}

const tensors = (dtypes: readonly DType[], shapes: readonly (readonly number[])[], seed = 1): TensorData[] =>
  shapes.map((shape, i) => randomTensor(dtypes[i] ?? "f32", shape, seed + i));

export interface MatmulCase {
  readonly a: readonly number[];
  readonly b: readonly number[];
  readonly dtypes?: readonly DType[];
  readonly variable?: boolean;
  readonly bias?: boolean;
  /** of the sum and a vector of B's columns */
  readonly epilogue?: Expr;
}

const biased = binary("max", binary("add", arg(0), arg(1)), arg(1));

function matmulOperation({ a, b, dtypes = [], variable = false, bias = false, ...given }: MatmulCase): Operation {
  const epilogue = given.epilogue ?? (bias ? biased : null);
  const inputs = tensors(dtypes, epilogue === null ? [a, b] : [a, b, [b.at(-1) ?? 1]]);
  const op: OpSpec = {
    kind: "matmul",
    inputs: inputs.map((_, i) => i),
    transposeA: false,
    transposeB: false,
    epilogue,
  };
  return { op, inputs, constants: variable ? [] : [1] };
}

export const matmul = (given: MatmulCase): Subject => subjectOf(matmulOperation(given));
export const matmulKernel = (given: MatmulCase): Kernel => kernelOf(matmulOperation(given));

export interface ConvCase {
  readonly x: readonly number[];
  readonly w: readonly number[];
  readonly layout?: "nchw" | "nhwc";
  readonly dtypes?: readonly DType[];
  readonly stride?: number;
  readonly pad?: number;
  readonly groups?: number;
  readonly epilogue?: Expr | null;
}

function convOperation({ x, w, layout = "nhwc", dtypes = [], stride = 1, pad = 1, groups = 1, epilogue = null }: ConvCase): Operation {
  const even = (value: number): readonly number[] => [value, value];
  const more = { layout, strides: even(stride), dilations: even(1), padsBegin: even(pad), padsEnd: even(pad), groups };
  const op: OpSpec = { kind: "conv", inputs: [0, 1], epilogue, ...more };
  return { op, inputs: tensors(dtypes, [x, w]) };
} // prettier-ignore

export const conv = (given: ConvCase): Subject => subjectOf(convOperation(given));
export const convKernel = (given: ConvCase): Kernel => kernelOf(convOperation(given));

export function convTranspose(): Subject {
  const pads = { padsBegin: [1, 1], padsEnd: [1, 1], outputPadding: [0, 0] };
  const op: OpSpec = { kind: "convTranspose", inputs: [0, 1], epilogue: null, strides: [2, 2], dilations: [1, 1], groups: 1, ...pads }; // prettier-ignore
  return subjectOf({ op, inputs: tensors([], [[1, 5, 6, 7], [5, 6, 3, 3]]) }); // prettier-ignore
}

export function pool(fn: "max" | "average"): Subject {
  const windows = { kernel: [3, 2], strides: [1, 1], dilations: [1, 1], padsBegin: [1, 0], padsEnd: [1, 1] };
  const op: OpSpec = { kind: "pool", inputs: [0], fn, layout: "nhwc", outputSpatial: [9, 14], countPadding: false, p: 0, ...windows }; // prettier-ignore
  return subjectOf({ op, inputs: tensors([], [[1, 9, 14, 6]]), constants: [] });
}

export interface AttentionSizes {
  readonly rows: number;
  readonly keys: number;
  readonly depth: number;
  readonly width: number;
}

/** Two heads side by side, whose rows lie apart. */
export function attentionSpec({ rows, keys, depth, width }: AttentionSizes): AttentionSpec {
  const along = (columns: number): { offset: number; batch: number[] } => ({ offset: 0, batch: [columns] });
  return {
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
}

export function attention(sizes: AttentionSizes): Subject {
  const spec = attentionSpec(sizes);
  const { rows, keys, depth, width } = sizes;
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

/** What a random kernel is made from. */
export interface Shape {
  readonly kind: "matmul" | "conv" | "grouped" | "attention";
  readonly m: number;
  readonly k: number;
  readonly n: number;
  readonly variable: boolean;
  readonly seed: number;
}

export function randomShape(largest: number): fc.Arbitrary<Shape> {
  const size = fc.integer({ min: 1, max: largest });
  const kind = fc.constantFrom<Shape["kind"]>("matmul", "conv", "grouped", "attention");
  return fc.record({ kind, m: size, k: size, n: size, variable: fc.boolean(), seed: fc.nat() });
}

export function subjectOfShape({ kind, m, k, n, variable, seed }: Shape): Subject {
  const [side, groups, isEven] = [3 + (m % 12), 1 + (n % 3), seed % 2 === 0];
  switch (kind) {
    case "matmul":
      return matmul({ a: [2, m, k], b: [k, n], variable, bias: isEven });
    case "conv":
      return conv({ x: [1, side, 1 + (k % 11), n], w: [3, 3, n, k], stride: isEven ? 1 : 2 });
    case "grouped": {
      const [perGroup, stride] = [isEven ? 3 : 16, 1 + (k % 2)];
      return conv({ x: [1, 7, side, 4 * groups], w: [3, 1 + (m % 3), 4, perGroup * groups], groups, stride });
    }
    case "attention":
      return attention({ rows: m, keys: 3 + k, depth: n, width: 1 + (seed % 40) });
  }
}
