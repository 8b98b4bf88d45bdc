/** Convolution and transposed convolution over any number of spatial dims; channels-last operands are brought to channels-first. */
import { epilogueOperands } from "../../ir/graph.ts";
import { elementCount, type TensorData } from "../../ir/tensor.ts";
import { nth } from "./access.ts";
import { type Accumulator, accumulatorType, makeAccumulator, type Run } from "./accumulate.ts";
import { applyEpilogue } from "./elementwise.ts";
import type { Evaluate } from "./evaluate.ts";
import { channelsFirst, channelsLast, filtersFirst, planeSize, type Window, windowRuns } from "./windows.ts";

export const evaluateConv: Evaluate<"conv"> = (op, inputs, [result]) => {
  const nchw = op.layout === "nchw";
  const x = nchw ? nth(inputs, 0) : channelsFirst(nth(inputs, 0));
  const w = nchw ? nth(inputs, 1) : filtersFirst(nth(inputs, 1));
  const shape = nchw ? result.shape : channelsFirstShape(result.shape);
  const sums = convolve(op, x, w, shape);
  return [applyEpilogue(op.epilogue, nchw ? sums : channelsLast(sums), inputs.slice(epilogueOperands.conv))];
};

const channelsFirstShape = (shape: readonly number[]): number[] => [
  nth(shape, 0),
  nth(shape, -1),
  ...shape.slice(1, -1),
];

interface Windowed {
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly padsBegin: readonly number[];
  readonly groups: number;
}

function convolve(op: Windowed, x: TensorData, w: TensorData, shape: readonly number[]): TensorData {
  const window: Window = { ...op, small: shape.slice(2), big: x.shape.slice(2), kernel: w.shape.slice(2) };
  const stride = nth(op.strides, -1);
  const taps = windowRuns(window).map((runs) =>
    runs.map(({ count, small, big }): Run => ({ count, accumulator: small, accumulatorStride: 1, x: big, xStride: stride })),
  ); // prettier-ignore
  const accumulator = makeAccumulator(accumulatorType(x.dtype), elementCount(shape), w, x);
  const [batch, filters] = [nth(shape, 0), nth(shape, 1)];
  const perGroup = { filters: filters / op.groups, channels: nth(w.shape, 1) };
  for (let n = 0; n < batch; n++) {
    for (let m = 0; m < filters; m++) {
      const firstChannel = Math.floor(m / perGroup.filters) * perGroup.channels;
      for (let c = 0; c < perGroup.channels; c++) {
        const planes = {
          accumulator: (n * filters + m) * elementCount(window.small),
          x: (n * nth(x.shape, 1) + firstChannel + c) * planeSize(x),
        };
        addPlane(accumulator, taps, (m * perGroup.channels + c) * taps.length, planes);
      }
    }
  }
  return accumulator.finish(shape);
}

/** One channel of x times one plane of weights, which starts at `weights`. */
function addPlane(
  accumulator: Accumulator,
  taps: readonly (readonly Run[])[],
  weights: number,
  planes: { readonly accumulator: number; readonly x: number },
): void {
  for (let tap = 0; tap < taps.length; tap++) {
    for (const run of nth(taps, tap)) accumulator.add(weights + tap, run, planes.accumulator, planes.x);
  }
}

export const evaluateConvTranspose: Evaluate<"convTranspose"> = (op, inputs, [result]) => {
  const sums = spread(op, nth(inputs, 0), nth(inputs, 1), result.shape);
  return [applyEpilogue(op.epilogue, sums, inputs.slice(epilogueOperands.convTranspose))];
};

/** Every input element adds its multiple of the kernel to the output. */
function spread(op: Windowed, x: TensorData, w: TensorData, shape: readonly number[]): TensorData {
  const window: Window = { ...op, small: x.shape.slice(2), big: shape.slice(2), kernel: w.shape.slice(2) };
  const stride = nth(op.strides, -1);
  const taps = windowRuns(window).map((runs) =>
    runs.map(({ count, small, big }): Run => ({ count, accumulator: big, accumulatorStride: stride, x: small, xStride: 1 })),
  ); // prettier-ignore
  const accumulator = makeAccumulator(accumulatorType(x.dtype), elementCount(shape), w, x);
  const [batch, channels, filters] = [nth(x.shape, 0), nth(x.shape, 1), nth(w.shape, 1)];
  for (let n = 0; n < batch; n++) {
    for (let c = 0; c < channels; c++) {
      const firstFilter = Math.floor(c / (channels / op.groups)) * filters;
      for (let m = 0; m < filters; m++) {
        const planes = {
          accumulator: (n * nth(shape, 1) + firstFilter + m) * elementCount(window.big),
          x: (n * channels + c) * planeSize(x),
        };
        addPlane(accumulator, taps, (c * filters + m) * taps.length, planes);
      }
    }
  }
  return accumulator.finish(shape);
}
