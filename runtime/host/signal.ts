/** Signals: dft, stft, melWeightMatrix. */
import { fail } from "../../ir/diagnostic.ts";
import { elementCount, type TensorData } from "../../ir/tensor.ts";
import { nth } from "../reference/access.ts";
import { viewAxis } from "../reference/axes.ts";
import { type NumberArray, numbersOf, tensorOfNumbers } from "../reference/numbers.ts";
import { dtypeOf, flagOf, type HostFamily, numberAt, numberOf, positiveAxis, tensorAt } from "./arguments.ts";
import { type Complex, fourier, makeComplex } from "./fourier.ts";
import type { HostFunction } from "./value.ts";

/** A tensor whose last dim is 1 (real) or 2 (re, im), read as lanes along another axis. */
interface Lanes {
  readonly outer: number;
  readonly size: number;
  /** elements between neighbours along the axis, the last dim not counted */
  readonly inner: number;
  readonly parts: number;
  readonly values: NumberArray;
}

function lanesOf(x: TensorData, axis: number): Lanes {
  const parts = nth(x.shape, -1);
  return { ...viewAxis(x.shape.slice(0, -1), axis), parts, values: numbersOf(x) };
}

/** A lane, cut or filled with zeros to `length`. */
function readLane({ size, inner, parts, values }: Lanes, outer: number, lane: number, length: number): Complex {
  const result = makeComplex(length);
  for (let i = 0; i < Math.min(size, length); i++) {
    const at = ((outer * size + i) * inner + lane) * parts;
    result.re[i] = values[at] as number;
    if (parts === 2) result.im[i] = values[at + 1] as number;
  }
  return result;
}

/** The second half of a real signal's spectrum mirrors the first: X[n - k] = conj(X[k]). */
function mirror(half: Complex, length: number): void {
  for (let k = Math.floor(length / 2) + 1; k < length; k++) {
    half.re[k] = half.re[length - k] as number;
    half.im[k] = -(half.im[length - k] as number);
  }
}

const dft: HostFunction = (inputs, attributes) => {
  const x = tensorAt(inputs, 0);
  const axis = positiveAxis(numberAt(inputs, 2, numberOf(attributes, "axis", -2)), x.shape.length);
  const [inverse, onesided] = [flagOf(attributes, "inverse"), flagOf(attributes, "onesided")];
  const lanes = lanesOf(x, axis);
  const given = numberAt(inputs, 1, 0);
  const length = given > 0 ? given : inverse && onesided ? 2 * (lanes.size - 1) : lanes.size;
  if (length < 1) throw fail("WSC7005", `a Fourier transform of length ${length}`);
  const bins = onesided && !inverse ? Math.floor(length / 2) + 1 : length;
  const parts = onesided && inverse ? 1 : 2;
  const shape = [...x.shape.slice(0, -1), parts].with(axis, bins);
  const result = new Float64Array(elementCount(shape));
  for (let outer = 0; outer < lanes.outer; outer++) {
    for (let lane = 0; lane < lanes.inner; lane++) {
      const signal = readLane(lanes, outer, lane, length);
      if (onesided && inverse) mirror(signal, length);
      const spectrum = fourier(signal, inverse);
      for (let k = 0; k < bins; k++) {
        const at = ((outer * bins + k) * lanes.inner + lane) * parts;
        result[at] = spectrum.re[k] as number;
        if (parts === 2) result[at + 1] = spectrum.im[k] as number;
      }
    }
  }
  return [tensorOfNumbers(x.dtype, shape, result)];
};

const stft: HostFunction = (inputs, attributes) => {
  const signal = tensorAt(inputs, 0);
  const window = inputs[1] === undefined ? null : numbersOf(tensorAt(inputs, 1));
  const step = numberOf(attributes, "frameStep");
  const length = numberOf(attributes, "frameLength", window?.length);
  const bins = flagOf(attributes, "onesided", true) ? Math.floor(length / 2) + 1 : length;
  const [batch, samples, parts] = signal.shape as readonly [number, number, number];
  if (step < 1 || length < 1 || length > samples) {
    throw fail("WSC7005", `frames of ${length} every ${step} do not fit a signal of ${samples}`);
  }
  const frames = Math.floor((samples - length) / step) + 1;
  const values = numbersOf(signal);
  const result = new Float64Array(batch * frames * bins * 2);
  for (let frame = 0; frame < batch * frames; frame++) {
    const begin = Math.floor(frame / frames) * samples + (frame % frames) * step;
    const spectrum = fourier(readFrame(values, begin, length, parts, window), false);
    for (let k = 0; k < bins; k++) {
      result[(frame * bins + k) * 2] = spectrum.re[k] as number;
      result[(frame * bins + k) * 2 + 1] = spectrum.im[k] as number;
    }
  }
  return [tensorOfNumbers(signal.dtype, [batch, frames, bins, 2], result)];
};

function readFrame(
  values: NumberArray,
  begin: number,
  length: number,
  parts: number,
  window: NumberArray | null,
): Complex {
  const frame = makeComplex(length);
  for (let i = 0; i < length; i++) {
    const weight = window === null ? 1 : (window[i] as number);
    frame.re[i] = (values[(begin + i) * parts] as number) * weight;
    if (parts === 2) frame.im[i] = (values[(begin + i) * parts + 1] as number) * weight;
  }
  return frame;
}

const toMel = (hertz: number): number => 2595 * Math.log10(1 + hertz / 700);
const fromMel = (mel: number): number => 700 * (10 ** (mel / 2595) - 1);

/** Triangles over the spectrum's bins, one per mel bin, as the operator's specification builds them. */
const melWeightMatrix: HostFunction = (inputs, attributes) => {
  const [bins, length, rate, low, high] = [0, 1, 2, 3, 4].map((i) => numberAt(inputs, i)) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const rows = Math.floor(length / 2) + 1;
  const step = (toMel(high) - toMel(low)) / (bins + 2);
  const edges = Array.from({ length: bins + 2 }, (_, i) =>
    Math.floor(((length + 1) * fromMel(toMel(low) + i * step)) / rate),
  );
  const weights = new Float64Array(rows * bins);
  for (let bin = 0; bin < bins; bin++) {
    const [begin, peak, end] = edges.slice(bin, bin + 3) as [number, number, number];
    const put = (row: number, weight: number): void => {
      if (row < rows) weights[row * bins + bin] = weight;
    };
    for (let row = begin; row < peak; row++) put(row, (row - begin) / (peak - begin));
    put(peak, 1);
    for (let row = peak; row < end; row++) put(row, (end - row) / (end - peak));
  }
  return [tensorOfNumbers(dtypeOf(attributes, "to"), [rows, bins], weights)];
};

export const signalFunctions: HostFamily = [
  ["dft", dft],
  ["stft", stft],
  ["melWeightMatrix", melWeightMatrix],
];
