/** Transpose, slice, pad, concat and broadcasting as copies of boxes (strided-copy.ts), for elements of any size. */
import { defined, nth } from "../../../ir/access.ts";
import { type DType, storageBytes } from "../../../ir/dtype.ts";
import type { ConcatOp, PadOp, SliceOp, TensorType, TransposeOp } from "../../../ir/graph.ts";
import { elementCount, rowMajorStrides } from "../../../ir/tensor.ts";
import { type KernelArg, type KernelCode, type KernelEmitter, kernelKey, kernelType } from "../kernel.ts";
import type { View } from "../views.ts";
import { type FunctionBuilder, type Local } from "../wasm/index.ts";
import { isUnitBytes, type UnitBytes } from "./byte-runs.ts";
import { type Axis, broadcastStrides } from "./index-space.ts";
import { forEachRow } from "./rows-loop.ts";
import { copyStages, fillRun } from "./strided-copy.ts";

const input = (index: number): KernelArg => ({ kind: "input", index });
const output: KernelArg = { kind: "output", index: 0 };

/** Bytes of one element, which one instruction moves. */
export function unitBytes({ dtype }: TensorType): UnitBytes {
  const bytes = storageBytes(dtype);
  if (!isUnitBytes(bytes)) throw new Error(`internal: elements of ${bytes} bytes`);
  return bytes;
}

/** Row-major strides in bytes. */
const byteStrides = (type: TensorType): number[] => {
  const bytes = unitBytes(type);
  return rowMajorStrides(type.shape).map((stride) => stride * bytes);
};

const pairAxes = (sizes: readonly number[], from: readonly number[], to: readonly number[]): Axis[] =>
  sizes.map((size, axis) => ({ size, strides: [from[axis] ?? 0, to[axis] ?? 0] }));

const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0);

export const emitTranspose: KernelEmitter<TransposeOp> = (op, { inputs, outputs }) => {
  const [x, { shape }] = [nth(inputs, 0), nth(outputs, 0)];
  const from = rowMajorStrides(x.shape);
  const strides = op.perm.map((axis) => nth(from, axis));
  return emitViewedCopy("transpose", x.dtype, { offset: 0, shape, strides });
};

export const emitSlice: KernelEmitter<SliceOp> = ({ starts, sizes, steps }, { inputs }) => {
  const x = nth(inputs, 0);
  const from = rowMajorStrides(x.shape);
  const strides = from.map((stride, axis) => stride * nth(steps, axis));
  const offset = elementCount(sizes) === 0 ? 0 : dot(starts, from);
  return emitViewedCopy("slice", x.dtype, { offset, shape: sizes, strides });
};

/** Makes a tensor of elements that are apart in another one. */
export function emitViewedCopy(
  kind: string,
  dtype: DType,
  { offset, shape, strides }: Pick<View, "offset" | "shape" | "strides">,
): readonly KernelCode[] {
  const target: TensorType = { kind: "tensor", dtype, shape };
  const bytes = unitBytes(target);
  const from = strides.map((stride) => stride * bytes);
  const box = {
    elementBytes: bytes,
    axes: pairAxes(shape, from, byteStrides(target)),
    sourceOffset: offset * bytes,
    targetOffset: 0,
  };
  return copyStages(kind, box, input(0), output);
}

export const emitConcat: KernelEmitter<ConcatOp> = (op, { inputs, outputs }) => {
  const strides = byteStrides(nth(outputs, 0));
  const stages: KernelCode[] = [];
  let at = 0;
  for (const [index, x] of inputs.entries()) {
    const box = {
      elementBytes: unitBytes(x),
      axes: pairAxes(x.shape, byteStrides(x), strides),
      sourceOffset: 0,
      targetOffset: at * nth(strides, op.axis),
    };
    stages.push(...copyStages("concat", box, input(index), output));
    at += nth(x.shape, op.axis);
  }
  return stages;
};

/** A tensor repeated to a larger shape by numpy's rules. */
export function broadcastStages(x: TensorType, y: TensorType, source: KernelArg): KernelCode[] {
  const bytes = unitBytes(x);
  const from = broadcastStrides(x.shape, y.shape).map((stride) => stride * bytes);
  const box = {
    elementBytes: bytes,
    axes: pairAxes(y.shape, from, byteStrides(y)),
    sourceOffset: 0,
    targetOffset: 0,
  };
  return copyStages("broadcast", box, source, output);
}

// ---- pad --------------------------------------------------------------------------------------------------------------------------

/** Positions of an axis whose source moves by a constant step. */
interface Segment {
  readonly first: number;
  readonly size: number;
  readonly source: number;
  readonly step: number;
}

/** More boxes than this (wide pads of tiny tensors) are left to the host. */
const mostBoxes = 729;

export const emitPad: KernelEmitter<PadOp> = (op, operands) => {
  const [x, y] = [nth(operands.inputs, 0), nth(operands.outputs, 0)];
  const segments = x.shape.map((size, axis) => axisSegments(op, size, nth(op.before, axis), nth(op.after, axis)));
  const isPadded = elementCount(y.shape) !== elementCount(x.shape);
  const stages = op.mode === "constant" && isPadded ? [fillStage(y, operands.inputs.length > 1)] : [];
  for (const choice of product(segments)) {
    const box = {
      elementBytes: unitBytes(x),
      axes: pairAxes(
        choice.map(({ size }) => size),
        byteStrides(x).map((stride, axis) => stride * nth(choice, axis).step),
        byteStrides(y),
      ),
      sourceOffset: dot(choice.map(({ source }) => source), byteStrides(x)), // prettier-ignore
      targetOffset: dot(choice.map(({ first }) => first), byteStrides(y)), // prettier-ignore
    };
    stages.push(...copyStages("pad", box, input(0), output));
  }
  return stages;
};

/** Whether a pad is few enough boxes for kernels. */
export const canPad = (op: PadOp, x: TensorType): boolean =>
  x.shape.reduce(
    (boxes, size, axis) => boxes * axisSegments(op, size, nth(op.before, axis), nth(op.after, axis)).length,
    1,
  ) <= mostBoxes;

/** Which source index each position of an axis takes; only the copied part for mode constant. */
function sourceIndex(mode: PadOp["mode"], position: number, size: number): number {
  switch (mode) {
    case "constant":
      return position;
    case "edge":
      return Math.min(size - 1, Math.max(0, position));
    case "wrap":
      return ((position % size) + size) % size;
    case "reflect": {
      const period = Math.max(1, 2 * (size - 1));
      const folded = ((position % period) + period) % period;
      return folded < size ? folded : period - folded;
    }
  }
}

function axisSegments({ mode }: PadOp, size: number, before: number, after: number): Segment[] {
  if (mode === "constant" || (before === 0 && after === 0)) return [{ first: before, size, source: 0, step: 1 }];
  if (size === 0) return [];
  const segments: { first: number; size: number; source: number; step: number }[] = [];
  for (let position = -before; position < size + after; position++) {
    const source = sourceIndex(mode, position, size);
    const last = segments.at(-1);
    const step = last === undefined ? 0 : source - (last.source + (last.size - 1) * last.step);
    const continues = last !== undefined && Math.abs(step) <= 1 && (last.size === 1 || step === last.step);
    if (continues) {
      last.step = step;
      last.size++;
    } else segments.push({ first: position + before, size: 1, source, step: 0 });
  }
  return segments;
}

function product<T>(choices: readonly (readonly T[])[]): T[][] {
  return choices.reduce<T[][]>((heads, options) => heads.flatMap((head) => options.map((o) => [...head, o])), [[]]);
}

/** Fills the output with the scalar of input 1, or with zeros. */
function fillStage(y: TensorType, hasValue: boolean): KernelCode {
  const bytes = elementCount(y.shape) * unitBytes(y);
  const row = largestPiece(bytes, unitBytes(y));
  const rows = [{ size: bytes / row, strides: [0, row] }];
  const elementBytes = unitBytes(y);
  return {
    key: kernelKey("fill", bytes, row, elementBytes, hasValue),
    units: bytes === 0 ? 0 : bytes / row,
    args: [hasValue ? input(1) : output, output],
    work: elementCount(y.shape),
    emit: (module) =>
      module.function("fill", kernelType(2), (f) => {
        emitFill(f, rows, row, elementBytes, hasValue);
      }),
  };
}

/** Bytes of a piece that divides the whole, up to 16 KiB if there is one of whole elements. */
function largestPiece(bytes: number, elementBytes: number): number {
  const elements = bytes / elementBytes;
  for (let pieces = Math.max(1, Math.ceil(bytes / 16_384)); pieces <= elements && pieces < 65_536; pieces++) {
    if (elements % pieces === 0) return bytes / pieces;
  }
  return bytes;
}

const splatLoads = {
  1: "v128.load8_splat",
  2: "v128.load16_splat",
  4: "v128.load32_splat",
  8: "v128.load64_splat",
  16: "v128.load",
} as const;

function emitFill(
  f: FunctionBuilder,
  rows: readonly Axis[],
  bytes: number,
  elementBytes: UnitBytes,
  hasValue: boolean,
): void {
  const [value, target, begin, end] = f.params as [Local, Local, Local, Local];
  const vector = f.local("v128");
  if (hasValue) {
    f.get(value);
    f.load(splatLoads[elementBytes]);
  } else f.splatConst("i32x4", 0);
  f.set(vector);
  forEachRow(f, begin, end, rows, [value, target], ([, to]) => {
    fillRun(f, vector, defined(to), bytes);
  });
}
