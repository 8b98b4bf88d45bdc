/** Pooling over any number of spatial dims. */
import { dtypeInfo, isBig, isInteger } from "../../ir/dtype.ts";
import type { PoolOp } from "../../ir/graph.ts";
import { allocateElements, elementCount, makeTensor, setElement, type TensorData } from "../../ir/tensor.ts";
import { nth } from "./access.ts";
import { integerRange } from "./casts.ts";
import type { Evaluate } from "./evaluate.ts";
import { numbersOf, tensorOfNumbers } from "./numbers.ts";
import { blockCopier } from "./strided-copy.ts";
import { channelsFirst, channelsLast, planeSize, windowRuns, type WindowRun } from "./windows.ts";

type PoolSpec = Omit<PoolOp, "inputs" | "outputs" | "origin">;

export const evaluatePool: Evaluate<"pool"> = (op, inputs) => {
  const nchw = op.layout === "nchw";
  const x = nchw ? nth(inputs, 0) : channelsFirst(nth(inputs, 0));
  const pooled = op.fn === "max" ? poolMax(op, x) : poolSums(op, x);
  return [nchw ? pooled : channelsLast(pooled)];
};

const pooledShape = (op: PoolSpec, x: TensorData): number[] => [...x.shape.slice(0, 2), ...op.outputSpatial];

/** Calls `visit` for every pair of output and input positions that meet in a window. */
function forEachTap(op: PoolSpec, x: TensorData, visit: (out: number, from: number) => void): void {
  const taps = windowRuns({ ...op, small: op.outputSpatial, big: x.shape.slice(2) });
  const planes = nth(x.shape, 0) * nth(x.shape, 1);
  const size = { out: elementCount(op.outputSpatial), x: planeSize(x) };
  const stride = nth(op.strides, -1);
  const visitRun = (run: WindowRun, out: number, from: number): void => {
    for (let i = 0; i < run.count; i++) visit(out + run.small + i, from + run.big + i * stride);
  };
  for (let plane = 0; plane < planes; plane++) {
    for (const runs of taps) {
      for (const run of runs) visitRun(run, plane * size.out, plane * size.x);
    }
  }
}

/** Remembers the place of the largest element, which serves every element type; NaN wins. */
function poolMax(op: PoolSpec, x: TensorData): TensorData {
  const shape = pooledShape(op, x);
  const places = new Float64Array(elementCount(shape)).fill(-1);
  // comparison means the same for numbers and bigints
  const values = x.elements as ArrayLike<number>;
  forEachTap(op, x, (out, from) => {
    const place = places[out] as number;
    if (place < 0 || isAbove(values[from] as number, values[place] as number)) places[out] = from;
  });
  const elements = allocateElements(x.dtype, places.length);
  const copy = blockCopier(x.dtype, elements, x.elements, 1);
  for (let out = 0; out < places.length; out++) {
    if ((places[out] as number) >= 0) copy(out, places[out] as number);
    else setElement(elements, out, leastValue(x));
  }
  return makeTensor(x.dtype, shape, elements);
}

const isAbove = (value: number, best: number): boolean => !(value <= best) && !Number.isNaN(best);

/** Of a window with no tap inside the input. */
function leastValue({ dtype }: TensorData): number | bigint {
  if (!isInteger(dtype)) return -Infinity;
  if (isBig(dtype)) return dtypeInfo(dtype).class === "signed" ? -(2n ** 63n) : 0n;
  return integerRange(dtype).least;
}

function poolSums(op: PoolSpec, x: TensorData): TensorData {
  const shape = pooledShape(op, x);
  const sums = new Float64Array(elementCount(shape));
  const values = numbersOf(x);
  const { fn, p } = op;
  forEachTap(op, x, (out, from) => {
    sums[out] =
      (sums[out] as number) + (fn === "lp" ? Math.abs(values[from] as number) ** p : (values[from] as number));
  });
  const finish = fn === "lp" ? (sum: number) => sum ** (1 / p) : divideBy(windowCounts(op, x));
  return tensorOfNumbers(x.dtype, shape, sums.map(finish));
}

const divideBy =
  (counts: Float64Array) =>
  (sum: number, at: number): number =>
    sum === 0 ? 0 : sum / (counts[at % counts.length] as number);

/** What an average divides by, per output position: the product over the dims of the taps that count. */
function windowCounts(op: PoolSpec, x: TensorData): Float64Array {
  let counts = Float64Array.of(1);
  for (const [axis, size] of op.outputSpatial.entries()) {
    const along = Float64Array.from({ length: size }, (_, at) => tapsInside(op, nth(x.shape, 2 + axis), axis, at));
    const next = new Float64Array(counts.length * size);
    for (let i = 0; i < next.length; i++)
      next[i] = (counts[Math.floor(i / size)] as number) * (along[i % size] as number);
    counts = next;
  }
  return counts;
}

function tapsInside(op: PoolSpec, size: number, axis: number, at: number): number {
  const begin = at * nth(op.strides, axis) - nth(op.padsBegin, axis);
  const low = op.countPadding ? -nth(op.padsBegin, axis) : 0;
  const high = op.countPadding ? size + nth(op.padsEnd, axis) : size;
  let inside = 0;
  for (let tap = 0; tap < nth(op.kernel, axis); tap++) {
    const position = begin + tap * nth(op.dilations, axis);
    if (position >= low && position < high) inside++;
  }
  return inside;
}
