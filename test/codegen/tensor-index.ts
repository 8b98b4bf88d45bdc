/** Index arithmetic for naive references. */
import { elementCount, rowMajorStrides } from "../../ir/tensor.ts";

/** The index of the element at a position in a dense tensor. */
export function indexOf(flat: number, shape: readonly number[]): number[] {
  const index = new Array<number>(shape.length).fill(0);
  let rest = flat;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index[axis] = rest % (shape[axis] ?? 1);
    rest = Math.floor(rest / (shape[axis] ?? 1));
  }
  return index;
}

/** Position in a dense tensor of the element that broadcasts to an index of a result. */
export function broadcastAt(shape: readonly number[], index: readonly number[]): number {
  const strides = rowMajorStrides(shape);
  const skip = index.length - shape.length;
  return shape.reduce((at, size, axis) => at + (size === 1 ? 0 : (index[axis + skip] ?? 0) * (strides[axis] ?? 0)), 0);
}

/** All indices of a shape, row-major. */
export const indicesOf = (shape: readonly number[]): number[][] =>
  Array.from({ length: elementCount(shape) }, (_, flat) => indexOf(flat, shape));

/** Element `i` of a list that has it. */
export function nth<T>(list: ArrayLike<T>, i: number): T {
  const value = list[i];
  if (value === undefined) throw new RangeError(`no element ${i} of ${list.length}`);
  return value;
}
