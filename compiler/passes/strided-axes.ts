/**
 * How a value that is only moved and broadcast finds its elements in constants: each axis is a nest of loops, and a loop says how far apart its
 * neighbours are in each constant (0 where they are the same element). Reshapes split and join axes, and so far as they cut no loop in
 * uneven parts, nothing is copied.
 */
import { rowMajorStrides } from "../../ir/tensor.ts";

export interface Loop {
  readonly size: number;
  /** elements from neighbour to neighbour, by constant */
  readonly strides: readonly number[];
}

/** By axis, its loops from the outermost on; an axis of one element has none. */
export type Axes = readonly (readonly Loop[])[];

/** Axes of `shape`, to which constants of the given shapes are broadcast. */
export function axesOf(shape: readonly number[], constants: readonly (readonly number[])[]): Axes {
  const strides = constants.map((other) => {
    const skip = shape.length - other.length;
    const own = rowMajorStrides(other);
    return shape.map((_, axis) => (other[axis - skip] === 1 ? 0 : (own[axis - skip] ?? 0)));
  });
  return shape.map((size, axis) => (size === 1 ? [] : [{ size, strides: strides.map((list) => list[axis] ?? 0) }]));
}

/** Axis i is the former axis perm[i]. */
export const transposedAxes = (axes: Axes, perm: readonly number[]): Axes => perm.map((from) => axes[from] ?? []);

/** The same elements in another shape; null where an axis would begin or end within a loop that it does not divide. */
export function reshapedAxes(axes: Axes, shape: readonly number[]): Axes | null {
  const loops = axes.flat();
  const result: Loop[][] = [];
  for (const size of shape) {
    const own: Loop[] = [];
    for (let missing = size; missing !== 1;) {
      const loop = loops.shift();
      if (loop === undefined || missing === 0) return null;
      if (missing % loop.size === 0) {
        own.push(loop);
        missing /= loop.size;
      } else if (loop.size % missing === 0) {
        const inner = loop.size / missing;
        own.push({ size: missing, strides: loop.strides.map((stride) => stride * inner) });
        loops.unshift({ size: inner, strides: loop.strides });
        missing = 1;
      } else return null;
    }
    result.push(own);
  }
  return result;
}

/** Elements of an axis. */
export const axisSize = (loops: readonly Loop[]): number => loops.reduce((size, loop) => size * loop.size, 1);

/** Positions in one constant of all elements of an axis. */
export function offsetsOf(loops: readonly Loop[], constant: number): Float64Array {
  let offsets = Float64Array.of(0);
  for (const { size, strides } of loops) {
    const stride = strides[constant] ?? 0;
    const next = new Float64Array(offsets.length * size);
    let at = 0;
    for (const offset of offsets) for (let i = 0; i < size; i++) next[at++] = offset + i * stride;
    offsets = next;
  }
  return offsets;
}
