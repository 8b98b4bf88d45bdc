/** Index arithmetic that kernels share: cutting a flat index into axes, blocks of an axis, merging axes. */
import { nth } from "../../../ir/access.ts";
import { type Bound, type FunctionBuilder, type Local, mulConst, addConst, pushBound } from "../wasm/index.ts";

/** The least multiple of `unit` that is not below `value`. */
export const roundUp = (value: number, unit: number): number => Math.ceil(value / unit) * unit;

/** Adds index * stride (bytes) to the i32 on the stack. */
export function pushOffset(f: FunctionBuilder, index: Bound, stride: number): void {
  if (typeof index === "number") {
    addConst(f, index * stride);
    return;
  }
  if (stride === 0) return;
  f.get(index);
  mulConst(f, stride);
  f.op("i32.add");
}

/** The same where the stride may be known only when the code runs. */
export function pushStep(f: FunctionBuilder, index: Bound, stride: Bound): void {
  if (typeof stride === "number") {
    pushOffset(f, index, stride);
    return;
  }
  if (index === 0) return;
  pushBound(f, index);
  f.get(stride);
  f.op("i32.mul");
  f.op("i32.add");
}

/** As `decodeIndex`, for sizes that may be known only when the code runs; the first is not looked at then. */
export function decodeBounds(f: FunctionBuilder, flat: Local, sizes: readonly Bound[]): Bound[] {
  const known = sizes.filter((size) => typeof size === "number");
  return known.length === sizes.length ? decodeIndex(f, flat, known) : decodeLocals(f, flat, sizes);
}

/** Indices along axes of a flat index, each a local that may be written to; the size of the first axis is not looked at. */
export function decodeLocals(f: FunctionBuilder, flat: Local, sizes: readonly Bound[]): Local[] {
  const rest = f.local("i32");
  f.get(flat);
  f.set(rest);
  const indices = sizes.map(() => f.local("i32"));
  for (const [axis, index] of [...indices.entries()].toReversed()) {
    f.get(rest);
    if (axis > 0) {
      pushBound(f, nth(sizes, axis));
      f.op("i32.rem_u");
    }
    f.set(index);
    if (axis === 0) break;
    f.get(rest);
    pushBound(f, nth(sizes, axis));
    f.op("i32.div_u");
    f.set(rest);
  }
  f.release(rest);
  return indices;
}

/** Indices along axes of the given sizes (row-major) of a flat index; axes of one element give the constant 0. */
export function decodeIndex(f: FunctionBuilder, flat: Local, sizes: readonly number[]): Bound[] {
  const indices = new Array<Bound>(sizes.length).fill(0);
  const wide = sizes.flatMap((size, axis) => (size > 1 ? [axis] : []));
  const rest = f.local("i32");
  f.get(flat);
  f.set(rest);
  for (const axis of wide.toReversed()) {
    const index = f.local("i32");
    indices[axis] = index;
    f.get(rest);
    if (axis !== wide[0]) {
      f.i32(sizes[axis] ?? 1);
      f.op("i32.rem_u");
    }
    f.set(index);
    if (axis !== wide[0]) {
      f.get(rest);
      f.i32(sizes[axis] ?? 1);
      f.op("i32.div_u");
      f.set(rest);
    }
  }
  f.release(rest);
  return indices;
}

/** Elements [from, to) of block `index` when `size` elements are cut into blocks of `block`. */
export function blockRange(f: FunctionBuilder, index: Bound, block: number, size: number): { from: Bound; to: Bound } {
  if (typeof index === "number") return { from: index * block, to: Math.min(size, (index + 1) * block) };
  const [from, to] = [f.local("i32"), f.local("i32")];
  f.get(index);
  mulConst(f, block);
  f.tee(from);
  addConst(f, block);
  f.set(to);
  if (size % block !== 0) {
    f.i32(size);
    f.get(to);
    f.i32(size);
    f.get(to);
    f.op("i32.lt_u");
    f.select("i32");
    f.set(to);
  }
  return { from, to };
}

/** An axis with its stride in each of several operands. */
export interface Axis {
  readonly size: number;
  readonly strides: readonly number[];
}

/** Merges neighbouring axes wherever all operands step through them as through one; axes of one element vanish. */
export function mergeAxes(axes: readonly Axis[]): Axis[] {
  const merged: Axis[] = [];
  for (const axis of axes) {
    if (axis.size === 1) continue;
    const last = merged.at(-1);
    if (last?.strides.every((stride, i) => stride === (axis.strides[i] ?? 0) * axis.size) === true) {
      merged[merged.length - 1] = { size: last.size * axis.size, strides: axis.strides };
    } else {
      merged.push(axis);
    }
  }
  return merged;
}

/** Strides (elements) with which a dense tensor broadcasts to a shape by numpy rules: 0 where it has one element. */
export function broadcastStrides(shape: readonly number[], to: readonly number[]): number[] {
  const strides = new Array<number>(to.length).fill(0);
  let stride = 1;
  for (let i = 1; i <= shape.length; i++) {
    const size = shape[shape.length - i] ?? 1;
    strides[to.length - i] = size === 1 ? 0 : stride;
    stride *= size;
  }
  return strides;
}
