/** Arithmetic on shapes and strides that the families share. */
import { rowMajorStrides } from "../../ir/tensor.ts";
import { nth } from "./access.ts";

/** Strides that read `from` as if it had shape `to`: 0 along the axes that are broadcast. */
export function broadcastStrides(from: readonly number[], to: readonly number[]): number[] {
  const missing = to.length - from.length;
  const own = rowMajorStrides(from);
  return to.map((_, axis) => (axis < missing || from[axis - missing] === 1 ? 0 : nth(own, axis - missing)));
}

export interface CollapsedAxes {
  /** at least one axis */
  readonly shape: readonly number[];
  /** one list per operand */
  readonly strides: readonly (readonly number[])[];
}

/** Drops axes of size 1 and joins neighbours that every operand steps through as one axis. */
export function collapseAxes(shape: readonly number[], strides: readonly (readonly number[])[]): CollapsedAxes {
  const sizes: number[] = [];
  const kept: number[][] = strides.map(() => []);
  for (const [axis, size] of shape.entries()) {
    if (size === 1) continue;
    const last = sizes.length - 1;
    if (last >= 0 && kept.every((own, i) => own[last] === nth(nth(strides, i), axis) * size)) {
      sizes[last] = (sizes[last] as number) * size;
      for (const [i, own] of kept.entries()) own[last] = nth(nth(strides, i), axis);
    } else {
      sizes.push(size);
      for (const [i, own] of kept.entries()) own.push(nth(nth(strides, i), axis));
    }
  }
  if (sizes.length > 0) return { shape: sizes, strides: kept };
  return { shape: [1], strides: strides.map(() => [0]) };
}

/** A shape seen from one axis: elements before it, along it and after it. */
export interface AxisView {
  readonly outer: number;
  readonly size: number;
  readonly inner: number;
}

export function viewAxis(shape: readonly number[], axis: number): AxisView {
  let [outer, inner] = [1, 1];
  for (let i = 0; i < axis; i++) outer *= nth(shape, i);
  for (let i = axis + 1; i < shape.length; i++) inner *= nth(shape, i);
  return { outer, size: nth(shape, axis), inner };
}

/**
 * Offsets of all positions of a shape (row-major), for any number of stride lists at once: `visit` gets one offset per list.
 */
export function forEachPosition(
  shape: readonly number[],
  strides: readonly (readonly number[])[],
  visit: (...offsets: number[]) => void,
): void {
  if (shape.includes(0)) return;
  const position = new Array<number>(shape.length).fill(0);
  const offsets = new Array<number>(strides.length).fill(0);
  for (;;) {
    visit(...offsets);
    if (!step(shape, strides, position, offsets)) return;
  }
}

/** Next position, with its offsets; false after the last. */
function step(
  shape: readonly number[],
  strides: readonly (readonly number[])[],
  position: number[],
  offsets: number[],
): boolean {
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const wraps = position[axis] === nth(shape, axis) - 1;
    const distance = wraps ? 1 - nth(shape, axis) : 1;
    position[axis] = (position[axis] as number) + distance;
    for (const [i, own] of strides.entries()) offsets[i] = (offsets[i] as number) + distance * nth(own, axis);
    if (!wraps) return true;
  }
  return false;
}
