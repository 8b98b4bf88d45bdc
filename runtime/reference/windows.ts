/**
 * Sliding windows over spatial dims, for convolutions and pooling: which positions of a small image and a big one meet at each tap, where
 * big = small * stride + tap * dilation - pad along every dim. In a convolution the output is the small image, in a transposed one the input.
 */
import { elementCount, rowMajorStrides, type TensorData } from "../../ir/tensor.ts";
import { nth } from "./access.ts";
import { forEachPosition } from "./axes.ts";
import { transposeTensor } from "./movement.ts";

export interface Window {
  readonly small: readonly number[];
  readonly big: readonly number[];
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly padsBegin: readonly number[];
}

/** Positions along the last dims that one tap joins: `small` steps by 1, `big` by the stride of the last dim. */
export interface WindowRun {
  readonly count: number;
  readonly small: number;
  readonly big: number;
}

interface Range {
  readonly begin: number;
  readonly end: number;
}

/** Small positions along one dim whose partner at `tap` lies inside the big image. */
function reach(window: Window, axis: number, tap: number): Range {
  const stride = nth(window.strides, axis);
  const shift = nth(window.padsBegin, axis) - tap * nth(window.dilations, axis);
  const begin = Math.max(0, Math.ceil(shift / stride));
  const end = Math.min(nth(window.small, axis), Math.floor((nth(window.big, axis) - 1 + shift) / stride) + 1);
  return { begin, end: Math.max(begin, end) };
}

/** For every tap (row-major over the kernel): the runs that it joins. */
export function windowRuns(window: Window): readonly (readonly WindowRun[])[] {
  const taps: WindowRun[][] = [];
  const unit = window.kernel.map((_, axis) => window.kernel.map((_, other) => (other === axis ? 1 : 0)));
  forEachPosition(window.kernel, unit, (...tap) => {
    taps.push(mergeRuns(tapRuns(window, tap), nth(window.strides, -1)));
  });
  return taps;
}

function tapRuns(window: Window, tap: readonly number[]): WindowRun[] {
  const ranges = tap.map((t, axis) => reach(window, axis, t));
  const rank = ranges.length;
  const smallStrides = rowMajorStrides(window.small);
  const bigStrides = rowMajorStrides(window.big);
  const partner = (axis: number, at: number): number =>
    at * nth(window.strides, axis) + nth(tap, axis) * nth(window.dilations, axis) - nth(window.padsBegin, axis);
  const start = { small: 0, big: 0 };
  for (const [axis, { begin }] of ranges.entries()) {
    start.small += begin * nth(smallStrides, axis);
    start.big += partner(axis, begin) * nth(bigStrides, axis);
  }
  const sizes = ranges.map(({ begin, end }) => end - begin);
  const steps = [smallStrides.slice(0, -1), bigStrides.slice(0, -1).map((s, axis) => s * nth(window.strides, axis))];
  const runs: WindowRun[] = [];
  const count = nth(sizes, rank - 1);
  if (count === 0) return runs;
  forEachPosition(sizes.slice(0, -1), steps, (small, big) => {
    runs.push({ count, small: start.small + small, big: start.big + big });
  });
  return runs;
}

/** Joins runs that follow on each other on both sides: a kernel of one tap and stride 1 becomes one long run. */
function mergeRuns(runs: readonly WindowRun[], stride: number): WindowRun[] {
  const merged: WindowRun[] = [];
  for (const run of runs) {
    const last = merged.at(-1);
    const follows = last && run.small === last.small + last.count && run.big === last.big + last.count * stride;
    if (follows) merged[merged.length - 1] = { ...last, count: last.count + run.count };
    else merged.push(run);
  }
  return merged;
}

/** Moves the channels of [N, spatial…, C] to the front: [N, C, spatial…]. */
export function channelsFirst(x: TensorData): TensorData {
  const rank = x.shape.length;
  const spatial = Array.from({ length: rank - 2 }, (_, i) => i + 1);
  return transposeTensor(x, [0, rank - 1, ...spatial]);
}

/** Moves the channels of [N, C, spatial…] to the end: [N, spatial…, C]. */
export function channelsLast(x: TensorData): TensorData {
  const spatial = Array.from({ length: x.shape.length - 2 }, (_, i) => i + 2);
  return transposeTensor(x, [0, ...spatial, 1]);
}

/** Weights [kernel…, C, M] as [M, C, kernel…]. */
export function filtersFirst(w: TensorData): TensorData {
  const rank = w.shape.length;
  const kernel = Array.from({ length: rank - 2 }, (_, i) => i);
  return transposeTensor(w, [rank - 1, rank - 2, ...kernel]);
}

/** Elements of one channel. */
export const planeSize = (x: { readonly shape: readonly number[] }): number => elementCount(x.shape.slice(2));
