/** Softmax and normalization: statistics in double. */
import { elementCount, rowMajorStrides, type TensorData } from "../../ir/tensor.ts";
import { nth } from "./access.ts";
import { forEachPosition, viewAxis } from "./axes.ts";
import type { Evaluate } from "./evaluate.ts";
import { broadcastTensor } from "./movement.ts";
import { doublesOf, numbersOf, type NumberArray, tensorOfNumbers } from "./numbers.ts";

export const evaluateSoftmax: Evaluate<"softmax"> = (op, [x]) => {
  const values = doublesOf(x);
  const { outer, size, inner } = viewAxis(x.shape, op.axis);
  for (let lane = 0; lane < outer * inner; lane++) {
    const base = Math.floor(lane / inner) * size * inner + (lane % inner);
    softmaxLane(values, base, size, inner, op.log);
  }
  return [tensorOfNumbers(x.dtype, x.shape, values)];
};

function softmaxLane(values: Float64Array, base: number, size: number, step: number, log: boolean): void {
  let most = -Infinity;
  for (let i = 0; i < size; i++) most = Math.max(most, values[base + i * step] as number);
  let sum = 0;
  for (let i = 0; i < size; i++) sum += Math.exp((values[base + i * step] as number) - most);
  const logSum = Math.log(sum);
  for (let i = 0; i < size; i++) {
    const shifted = (values[base + i * step] as number) - most;
    values[base + i * step] = log ? shifted - logSum : Math.exp(shifted) / sum;
  }
}

export const evaluateNormalize: Evaluate<"normalize"> = (op, [x, scale, bias]) => {
  const { shape } = x;
  const values = doublesOf(x);
  const group = statisticsAxes(shape, op.axes);
  const within = positions(shape, op.axes);
  forEachPosition(group.shape, [group.strides], (base) => {
    normalizeGroup(values, base, within, op.centered, op.epsilon);
  });
  scaleAndShift(values, broadcastNumbers(scale, shape), broadcastNumbers(bias, shape));
  return [tensorOfNumbers(x.dtype, shape, values)];
};

/** The axes that statistics are kept apart along. */
function statisticsAxes(shape: readonly number[], axes: readonly number[]): { shape: number[]; strides: number[] } {
  const strides = rowMajorStrides(shape);
  const apart = [...shape.keys()].filter((axis) => !axes.includes(axis));
  return { shape: apart.map((axis) => nth(shape, axis)), strides: apart.map((axis) => nth(strides, axis)) };
}

/** Offsets of the elements of one group from its first. */
function positions(shape: readonly number[], axes: readonly number[]): Float64Array {
  const strides = rowMajorStrides(shape);
  const own = axes.map((axis) => nth(shape, axis));
  const offsets = new Float64Array(elementCount(own));
  let count = 0;
  forEachPosition(own, [axes.map((axis) => nth(strides, axis))], (offset) => {
    offsets[count++] = offset;
  });
  return offsets;
}

function normalizeGroup(
  values: Float64Array,
  base: number,
  within: Float64Array,
  centered: boolean,
  epsilon: number,
): void {
  let mean = 0;
  if (centered) for (const offset of within) mean += (values[base + offset] as number) / within.length;
  let variance = 0;
  for (const offset of within) variance += ((values[base + offset] as number) - mean) ** 2 / within.length;
  const deviation = Math.sqrt(variance + epsilon);
  for (const offset of within) values[base + offset] = ((values[base + offset] as number) - mean) / deviation;
}

function broadcastNumbers(x: TensorData | undefined, shape: readonly number[]): NumberArray | null {
  return x === undefined ? null : numbersOf(broadcastTensor(x, shape));
}

function scaleAndShift(values: Float64Array, scale: NumberArray | null, bias: NumberArray | null): void {
  for (let i = 0; i < values.length; i++) values[i] = (values[i] as number) * (scale?.[i] ?? 1) + (bias?.[i] ?? 0);
}
