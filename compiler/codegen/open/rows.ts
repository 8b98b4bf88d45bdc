/** Loops over index spaces whose extents and strides are sizes, and along rows whose length is one. The open twin of kernels/rows-loop.ts. */
import { nth } from "../../../ir/access.ts";
import { type Dim, mulDims, sameDim } from "../../../ir/dim.ts";
import { decodeLocals } from "../kernels/index-space.ts";
import { type Bound, type FunctionBuilder, type Local, pushBound } from "../wasm/index.ts";
import type { OpenFunction, OpenOperand, Size, SizeParams } from "./kernel.ts";

/** An axis with its stride in each of several operands. */
export interface OpenAxis {
  readonly size: Dim;
  readonly strides: readonly Dim[];
}

/** Merges neighbouring axes wherever all operands step through them as through one; axes of one element vanish. */
export function mergeOpenAxes(axes: readonly OpenAxis[]): readonly OpenAxis[] {
  const merged: OpenAxis[] = [];
  for (const axis of axes) {
    if (axis.size === 1) continue;
    const last = merged.at(-1);
    const joins =
      last?.strides.every((stride, i) => sameDim(stride, mulDims(nth(axis.strides, i), axis.size))) === true;
    if (last !== undefined && joins)
      merged[merged.length - 1] = { size: mulDims(last.size, axis.size), strides: axis.strides };
    else merged.push(axis);
  }
  return merged;
}

/** Units of an index space. */
export const openRowCount = (axes: readonly OpenAxis[]): Dim => mulDims(...axes.map(({ size }) => size));

/** Row-major strides, in elements. */
export function openStrides(dims: readonly Dim[]): readonly Dim[] {
  const strides: Dim[] = [];
  let stride: Dim = 1;
  for (const dim of dims.toReversed()) {
    strides.unshift(stride);
    stride = mulDims(stride, dim);
  }
  return strides;
}

/** Strides (elements) with which an operand broadcasts to dims that it is known to broadcast to: 0 where it has one element. */
export function openBroadcastStrides({ dims }: OpenOperand, to: readonly Dim[]): readonly Dim[] {
  const own = openStrides(dims).map((stride, axis) => (dims[axis] === 1 ? 0 : stride));
  return [...new Array<Dim>(to.length - dims.length).fill(0), ...own];
}

/** An axis as a kernel knows it. */
export interface SizedAxis {
  readonly size: Size;
  readonly strides: readonly Size[];
  /** per operand, the whole way along the axis */
  readonly whole: readonly Size[];
}

/** Axes in a kernel's terms. How long the outermost one is decides how many units there are, and nothing in the code. */
export const sizedAxes = (axes: readonly OpenAxis[], params: SizeParams): readonly SizedAxis[] =>
  axes.map(({ size, strides }, axis) => ({
    size: axis === 0 ? 0 : params.of(size),
    strides: strides.map((stride) => params.of(stride)),
    whole: axis === 0 ? [] : strides.map((stride) => params.of(mulDims(stride, size))),
  }));

/** local += amount, or -= */
export function addBound(f: FunctionBuilder, local: Local, amount: Bound, sign: 1 | -1 = 1): void {
  if (amount === 0) return;
  f.get(local);
  pushBound(f, amount);
  f.op(sign === 1 ? "i32.add" : "i32.sub");
  f.set(local);
}

/** local = min(local, size - count) */
export function clampTo(f: FunctionBuilder, local: Local, size: Bound, count: number): void {
  const most = f.local("i32");
  pushBound(f, size);
  f.i32(count);
  f.op("i32.sub");
  f.set(most);
  f.get(local);
  f.get(most);
  f.get(local);
  f.get(most);
  f.op("i32.lt_u");
  f.select("i32");
  f.set(local);
  f.release(most);
}

/** A copy of an i32. */
export function copyOf(f: FunctionBuilder, local: Local): Local {
  const copy = f.local("i32");
  f.get(local);
  f.set(copy);
  return copy;
}

/** for (row = begin; row < end; row++) body(pointers, row), one pointer per base; the body must leave them as they are. */
export function forEachOpenRow(
  { f, begin, end, bound }: OpenFunction,
  axes: readonly SizedAxis[],
  bases: readonly Local[],
  body: (pointers: readonly Local[], row: Local) => void,
): void {
  const indices = decodeLocals(
    f,
    begin,
    axes.map(({ size }) => bound(size)),
  );
  const pointers = bases.map((base, operand) => {
    const pointer = copyOf(f, base);
    for (const [axis, { strides }] of axes.entries()) {
      f.get(pointer);
      f.get(nth(indices, axis));
      pushBound(f, bound(nth(strides, operand)));
      f.op("i32.mul");
      f.op("i32.add");
      f.set(pointer);
    }
    return pointer;
  });
  const row = copyOf(f, begin);
  const advance = (axis: number): void => {
    const { size, strides, whole } = nth(axes, axis);
    for (const [operand, pointer] of pointers.entries()) addBound(f, pointer, bound(nth(strides, operand)));
    // the outermost axis never wraps: the loop ends first
    if (axis === 0) return;
    const index = nth(indices, axis);
    addBound(f, index, 1);
    f.get(index);
    pushBound(f, bound(size));
    f.op("i32.eq");
    f.if(() => {
      f.i32(0);
      f.set(index);
      for (const [operand, pointer] of pointers.entries()) addBound(f, pointer, bound(nth(whole, operand)), -1);
      advance(axis - 1);
    });
  };
  f.get(row);
  f.get(end);
  f.op("i32.lt_u");
  f.if(() => {
    f.loop((again) => {
      body(pointers, row);
      if (axes.length > 0) advance(axes.length - 1);
      addBound(f, row, 1);
      f.get(row);
      f.get(end);
      f.op("i32.lt_u");
      f.brIf(again);
    });
  });
  f.release(row, ...pointers, ...indices);
}

/** What moves along a row: bytes from element to element, 0 for what stays. */
export interface RowCursor {
  readonly pointer: Local;
  readonly bytes: number;
}

/** So many elements of a row at a time. */
export interface RowLevel {
  readonly elements: number;
  readonly body: () => void;
}

/** Along a row: as many whole groups of the first level as there are, then of the next one; the last level takes single elements. Moves the cursors. */
export function alongOpenRow(
  f: FunctionBuilder,
  length: Bound,
  cursors: readonly RowCursor[],
  levels: readonly RowLevel[],
): void {
  const [rest, counter] = [f.local("i32"), f.local("i32")];
  pushBound(f, length);
  f.set(rest);
  for (const { elements, body } of levels) {
    f.get(rest);
    f.i32(elements);
    f.op("i32.div_u");
    f.tee(counter);
    f.if(() => {
      f.loop((again) => {
        body();
        for (const { pointer, bytes } of cursors) addBound(f, pointer, elements * bytes);
        f.get(counter);
        f.i32(1);
        f.op("i32.sub");
        f.tee(counter);
        f.brIf(again);
      });
    });
    f.get(rest);
    f.i32(elements);
    f.op("i32.rem_u");
    f.set(rest);
  }
  f.release(rest, counter);
}
