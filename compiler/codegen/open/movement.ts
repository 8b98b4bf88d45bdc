/** Transpose, slice, concat and expand as copies of boxes whose extents and strides are open: runs, fills, or elements one by one. */
import { nth } from "../../../ir/access.ts";
import { addDims, countOf, type Dim, divideExactly, mulDims } from "../../../ir/dim.ts";
import { type DType, storageBytes } from "../../../ir/dtype.ts";
import { arg } from "../../../ir/expr.ts";
import type { ConcatOp, TransposeOp } from "../../../ir/graph.ts";
import type { ExpandOp, OpenPadOp, OpenSliceOp, RepeatOp } from "../../../ir/open/graph.ts";
import { kernelKey } from "../kernel.ts";
import { copyRun, isUnitBytes, loadUnit, storeUnit, type UnitBytes } from "../kernels/byte-runs.ts";
import { type FunctionBuilder, type Local, pushBound } from "../wasm/index.ts";
import {
  type OpenFunction,
  openFunction,
  type OpenKernelArg,
  type OpenKernelCode,
  type OpenOperand,
  type OpenOperands,
  type Size,
  SizeParams,
} from "./kernel.ts";
import { openMapStage } from "./map.ts";
import {
  addBound,
  alongOpenRow,
  copyOf,
  forEachOpenRow,
  mergeOpenAxes,
  type OpenAxis,
  openBroadcastStrides,
  openRowCount,
  openStrides,
  sizedAxes,
} from "./rows.ts";

export function unitBytesOf(dtype: DType): UnitBytes {
  const bytes = storageBytes(dtype);
  if (!isUnitBytes(bytes)) throw new Error(`internal: elements of ${bytes} bytes`);
  return bytes;
}

/** A box to copy; strides are [source, target] in elements, `sourceAt` and `targetAt` elements as well. */
interface OpenBox {
  readonly dtype: DType;
  readonly axes: readonly OpenAxis[];
  readonly sourceAt: Dim;
  readonly targetAt: Dim;
}

const input = (index: number): OpenKernelArg => ({ kind: "input", index });
const output: OpenKernelArg = { kind: "output", index: 0 };

const boxAxes = (sizes: readonly Dim[], from: readonly Dim[], to: readonly Dim[]): OpenAxis[] =>
  sizes.map((size, axis) => ({ size, strides: [nth(from, axis), nth(to, axis)] }));

const dot = (a: readonly Dim[], b: readonly Dim[]): Dim => addDims(...a.map((dim, axis) => mulDims(dim, nth(b, axis))));

export function emitOpenTranspose(
  { perm }: Pick<TransposeOp, "perm">,
  operands: OpenOperands,
): readonly OpenKernelCode[] {
  const x = nth(operands.inputs, 0);
  return [transposeStage(x, perm, input(0), output)];
}

/** The stage of a transposition between any places. */
export function transposeStage(
  x: OpenOperand,
  perm: readonly number[],
  source: OpenKernelArg,
  target: OpenKernelArg,
): OpenKernelCode {
  const strides = openStrides(x.dims);
  const dims = perm.map((axis) => nth(x.dims, axis));
  const from = perm.map((axis) => nth(strides, axis));
  return copyStage(
    "transpose",
    { dtype: x.dtype, axes: boxAxes(dims, from, openStrides(dims)), sourceAt: 0, targetAt: 0 },
    source,
    target,
  );
}

export function emitOpenSlice(
  op: Pick<OpenSliceOp, "starts" | "sizes" | "steps">,
  { inputs }: OpenOperands,
): readonly OpenKernelCode[] {
  const { dtype, dims } = nth(inputs, 0);
  const strides = openStrides(dims);
  const from = strides.map((stride, axis) => mulDims(stride, nth(op.steps, axis)));
  const box = {
    dtype,
    axes: boxAxes(op.sizes, from, openStrides(op.sizes)),
    sourceAt: dot(op.starts, strides),
    targetAt: 0,
  };
  return [copyStage("slice", box, input(0), output)];
}

export function emitOpenConcat(
  { axis }: Pick<ConcatOp, "axis">,
  { inputs, output: whole }: OpenOperands,
): readonly OpenKernelCode[] {
  const strides = openStrides(whole.dims);
  let at: Dim = 0;
  return inputs.map(({ dtype, dims }, index) => {
    const box = {
      dtype,
      axes: boxAxes(dims, openStrides(dims), strides),
      sourceAt: 0,
      targetAt: mulDims(at, nth(strides, axis)),
    };
    at = addDims(at, nth(dims, axis));
    return copyStage("concat", box, input(index), output);
  });
}

/** Puts `added` behind the first `past` positions of each matrix of a result with room between them. */
export function emitOpenAppend(past: Dim, added: OpenOperand, { pitch }: OpenOperand): readonly OpenKernelCode[] {
  if (pitch === undefined) throw new Error("internal: positions are added where no room is");
  const { dtype, dims } = added;
  const bytes = unitBytesOf(dtype);
  const [positions, inner] = [nth(dims, dims.length - 2), nth(dims, dims.length - 1)];
  const matrices = countOf(dims.slice(0, -2));
  const own = divideExactly(pitch, bytes);
  if (own === null) throw new Error("internal: matrices begin within an element");
  const box = {
    dtype,
    axes: [
      { size: matrices, strides: [mulDims(positions, inner), own] },
      { size: mulDims(positions, inner), strides: [1, 1] },
    ],
    sourceAt: 0,
    targetAt: mulDims(past, inner),
  };
  return [copyStage("append", box, input(1), output)];
}

export function emitOpenExpand(
  { shape }: Pick<ExpandOp, "shape">,
  { inputs }: OpenOperands,
): readonly OpenKernelCode[] {
  const x = nth(inputs, 0);
  const box = {
    dtype: x.dtype,
    axes: boxAxes(shape, openBroadcastStrides(x, shape), openStrides(shape)),
    sourceAt: 0,
    targetAt: 0,
  };
  return [copyStage("expand", box, input(0), output)];
}

/** Every element so many times in a row along each axis: each axis is two, of which the second stands still in the source. */
export function emitOpenRepeat(
  { factors }: Pick<RepeatOp, "factors">,
  { inputs, output: whole }: OpenOperands,
): readonly OpenKernelCode[] {
  const x = nth(inputs, 0);
  const [from, to] = [openStrides(x.dims), openStrides(whole.dims)];
  const axes = x.dims.flatMap((size, axis): OpenAxis[] => {
    const [factor, stride] = [nth(factors, axis), nth(to, axis)];
    return [
      { size, strides: [nth(from, axis), mulDims(stride, factor)] },
      { size: factor, strides: [0, stride] },
    ];
  });
  return [copyStage("repeat", { dtype: x.dtype, axes, sourceAt: 0, targetAt: 0 }, input(0), output)];
}

/** The value everywhere, and the tensor in its place. */
export function emitOpenPad(
  { before }: Pick<OpenPadOp, "before">,
  { inputs, output: whole }: OpenOperands,
): readonly OpenKernelCode[] {
  const [x, value] = [nth(inputs, 0), nth(inputs, 1)];
  const strides = openStrides(whole.dims);
  const box = {
    dtype: x.dtype,
    axes: boxAxes(x.dims, openStrides(x.dims), strides),
    sourceAt: 0,
    targetAt: dot(before, strides),
  };
  return [openMapStage(arg(0), [value], whole, [input(1), output]), copyStage("pad", box, input(0), output)];
}

type Inner = "run" | "element";

/** Copies a box from one argument to another. */
function copyStage(kind: string, box: OpenBox, source: OpenKernelArg, target: OpenKernelArg): OpenKernelCode {
  const bytes = unitBytesOf(box.dtype);
  const merged = mergeOpenAxes(box.axes);
  const last = merged.at(-1) ?? { size: 1, strides: [1, 1] };
  const inner: Inner = last.strides.every((stride) => stride === 1) ? "run" : "element";
  const params = new SizeParams();
  const inBytes = (dim: Dim): Dim => mulDims(dim, bytes);
  const rows = merged.slice(0, -1).map(({ size, strides }) => ({ size, strides: strides.map(inBytes) }));
  const length = params.of(inner === "run" ? inBytes(last.size) : last.size);
  const steps = last.strides.map((stride) => params.of(inBytes(stride)));
  const starts = [params.of(inBytes(box.sourceAt)), params.of(inBytes(box.targetAt))];
  const axes = sizedAxes(rows, params);
  return {
    key: kernelKey("open copy", inner, bytes, axes, length, steps, starts),
    units: openRowCount(rows),
    args: [source, target],
    sizes: params.dims,
    work: countOf(box.axes.map(({ size }) => size)),
    emit: (module) =>
      openFunction(module, kind, 2, params.dims.length, (site) => {
        const { f, addresses, bound } = site;
        for (const [i, address] of addresses.entries()) addBound(f, address, bound(nth(starts, i)));
        forEachOpenRow(site, axes, addresses, ([from, to]) => {
          if (from === undefined || to === undefined) throw new Error("internal: a copy without operands");
          if (inner === "run") copyOpenRun(site, from, to, length);
          else copyElements(site, from, to, length, steps, bytes);
        });
      }),
  };
}

/** Bytes one behind the other; the runs do not overlap. */
export function copyOpenRun({ f, bound }: OpenFunction, from: Local, to: Local, length: Size): void {
  const bytes = bound(length);
  if (typeof bytes === "number") {
    copyRun(f, from, to, bytes);
    return;
  }
  f.get(to);
  f.get(from);
  pushBound(f, bytes);
  f.memoryCopy();
}

function copyElements(
  site: OpenFunction,
  from: Local,
  to: Local,
  length: Size,
  steps: readonly Size[],
  bytes: UnitBytes,
): void {
  const { f, bound } = site;
  const [source, target] = [copyOf(f, from), copyOf(f, to)];
  const body = (): void => {
    f.get(target);
    f.get(source);
    loadUnit(f, bytes);
    storeUnit(f, bytes);
    addBound(f, source, bound(nth(steps, 0)));
    addBound(f, target, bound(nth(steps, 1)));
  };
  alongOpenRow(f, bound(length), [], [{ elements: 1, body }]);
  f.release(source, target);
}

// ---- numbers of the shape as data -----------------------------------------------------------------------------------------------------

/** Writes its size parameters as integers. */
export function emitOpenSizes(elements: readonly Dim[], dtype: "i32" | "i64"): readonly OpenKernelCode[] {
  const params = new SizeParams();
  const values = elements.map((dim) => params.of(dim));
  return [
    {
      key: kernelKey("open sizes", values, dtype),
      units: 1,
      args: [output],
      sizes: params.dims,
      work: elements.length,
      emit: (module) =>
        openFunction(module, "sizes", 1, params.dims.length, ({ f, addresses, bound }) => {
          for (const [i, value] of values.entries()) {
            f.get(nth(addresses, 0));
            pushBound(f, bound(value));
            storeInteger(f, dtype, i);
          }
        }),
    },
  ];
}

function storeInteger(f: FunctionBuilder, dtype: "i32" | "i64", index: number): void {
  if (dtype === "i64") f.op("i64.extend_i32_s");
  f.store(`${dtype}.store`, index * storageBytes(dtype));
}

/** start, start + step, … */
export function emitOpenCount(start: Dim, step: number, size: Dim, dtype: "i32" | "i64"): readonly OpenKernelCode[] {
  const params = new SizeParams();
  const [first, length] = [params.of(start), params.of(size)];
  return [
    {
      key: kernelKey("open count", first, length, step, dtype),
      units: 1,
      args: [output],
      sizes: params.dims,
      work: size,
      emit: (module) =>
        openFunction(module, "count", 1, params.dims.length, ({ f, addresses, bound }) => {
          const [target, value] = [copyOf(f, nth(addresses, 0)), f.local("i32")];
          pushBound(f, bound(first));
          f.set(value);
          const body = (): void => {
            f.get(target);
            f.get(value);
            storeInteger(f, dtype, 0);
            addBound(f, value, step);
          };
          alongOpenRow(f, bound(length), [{ pointer: target, bytes: storageBytes(dtype) }], [{ elements: 1, body }]);
        }),
    },
  ];
}
