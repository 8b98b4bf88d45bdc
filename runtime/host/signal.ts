/** Signals: dft, stft, melWeightMatrix. */
import { fail } from "../../ir/diagnostic.ts";
import type { DType } from "../../ir/dtype.ts";
import { elementCount, makeTensor, type TensorData } from "../../ir/tensor.ts";
import { nth } from "../reference/access.ts";
import { viewAxis } from "../reference/axes.ts";
import { type NumberArray, numbersOf, tensorOfNumbers } from "../reference/numbers.ts";
import { dtypeOf, flagOf, type HostFamily, numberAt, numberOf, positiveAxis, tensorAt } from "./arguments.ts";
import { type Complex, makeComplex, realTransformOf, transformOf } from "./fourier.ts";
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

/** Reads `count` complex or real numbers from element `at` on; the rest of the target becomes 0. */
function readComplex(values: NumberArray, at: number, count: number, parts: number, { re, im }: Complex): void {
  if (parts === 2) {
    for (let i = 0; i < count; i++) {
      re[i] = values[at + 2 * i] as number;
      im[i] = values[at + 2 * i + 1] as number;
    }
  } else {
    for (let i = 0; i < count; i++) re[i] = values[at + i] as number;
    im.fill(0, 0, count);
  }
  re.fill(0, count);
  im.fill(0, count);
}

/** Reads the even samples of `count` to re, the odd ones to im, `inner` lanes of each; what is not there is 0. */
function readHalves(values: NumberArray, at: number, count: number, inner: number, { re, im }: Complex): void {
  const pairs = Math.floor(count / 2);
  for (let pair = 0; pair < pairs; pair++) {
    const from = at + 2 * pair * inner;
    for (let lane = 0; lane < inner; lane++) {
      re[pair * inner + lane] = values[from + lane] as number;
      im[pair * inner + lane] = values[from + inner + lane] as number;
    }
  }
  re.fill(0, pairs * inner);
  im.fill(0, pairs * inner);
  if (count % 2 === 0) return;
  for (let lane = 0; lane < inner; lane++) re[pairs * inner + lane] = values[at + (count - 1) * inner + lane] as number;
}

/** Writes the first `count` numbers times a factor, from element `at` on. */
function writeComplex(
  result: NumberArray,
  at: number,
  count: number,
  parts: number,
  { re, im }: Complex,
  factor: number,
): void {
  if (parts === 1) {
    for (let i = 0; i < count; i++) result[at + i] = (re[i] as number) * factor;
    return;
  }
  for (let i = 0; i < count; i++) {
    result[at + 2 * i] = (re[i] as number) * factor;
    result[at + 2 * i + 1] = (im[i] as number) * factor;
  }
}

const swapped = ({ re, im }: Complex): Complex => ({ re: im, im: re });

/** The second half of a real signal's spectrum mirrors the first: X[n - k] = conj(X[k]). */
function mirror({ re, im }: Complex, length: number, inner: number): void {
  for (let k = Math.floor(length / 2) + 1; k < length; k++) {
    for (let lane = 0; lane < inner; lane++) {
      re[k * inner + lane] = re[(length - k) * inner + lane] as number;
      im[k * inner + lane] = -(im[(length - k) * inner + lane] as number);
    }
  }
}

/** Where results are computed: in the elements themselves where these are floats. */
const resultsOf = (dtype: DType, count: number): NumberArray =>
  dtype === "f32" ? new Float32Array(count) : new Float64Array(count);
const tensorOfResults = (dtype: DType, shape: readonly number[], results: NumberArray): TensorData =>
  dtype === "f32" ? makeTensor(dtype, shape, results) : tensorOfNumbers(dtype, shape, results);

const dft: HostFunction = (inputs, attributes) => {
  const x = tensorAt(inputs, 0);
  const axis = positiveAxis(numberAt(inputs, 2, numberOf(attributes, "axis", -2)), x.shape.length);
  const [inverse, onesided] = [flagOf(attributes, "inverse"), flagOf(attributes, "onesided")];
  const { outer, size, inner, parts, values } = lanesOf(x, axis);
  const given = numberAt(inputs, 1, 0);
  const length = given > 0 ? given : inverse && onesided ? 2 * (size - 1) : size;
  if (length < 1) throw fail("WSC7005", `a Fourier transform of length ${length}`);
  const bins = onesided && !inverse ? Math.floor(length / 2) + 1 : length;
  const resultParts = onesided && inverse ? 1 : 2;
  const shape = [...x.shape.slice(0, -1), resultParts].with(axis, bins);
  const result = resultsOf(x.dtype, elementCount(shape));
  if (parts === 1 && !inverse && length % 2 === 0) {
    const transform = realTransformOf(length);
    const [halves, spare] = [makeComplex((length / 2) * inner), makeComplex((length / 2) * inner)];
    const spectrum = makeComplex(length * inner);
    for (let block = 0; block < outer; block++) {
      readHalves(values, block * size * inner, Math.min(size, length), inner, halves);
      transform(halves, spare, spectrum, inner);
      writeComplex(result, block * bins * inner * 2, bins * inner, 2, spectrum, 1);
    }
    return [tensorOfResults(x.dtype, shape, result)];
  }
  const transform = transformOf(length);
  const [signal, other] = [makeComplex(length * inner), makeComplex(length * inner)];
  for (let block = 0; block < outer; block++) {
    readComplex(values, block * size * inner * parts, Math.min(size, length) * inner, parts, signal);
    if (onesided && inverse) mirror(signal, length, inner);
    const spectrum = inverse
      ? swapped(transform(swapped(signal), swapped(other), inner))
      : transform(signal, other, inner);
    writeComplex(
      result,
      block * bins * inner * resultParts,
      bins * inner,
      resultParts,
      spectrum,
      inverse ? 1 / length : 1,
    );
  }
  return [tensorOfResults(x.dtype, shape, result)];
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
  const result = resultsOf(signal.dtype, batch * frames * bins * 2);
  const transform = transformOf(length);
  const [work, other] = [makeComplex(length), makeComplex(length)];
  for (let frame = 0; frame < batch * frames; frame++) {
    const begin = Math.floor(frame / frames) * samples + (frame % frames) * step;
    readComplex(values, begin * parts, length, parts, work);
    if (window !== null) weigh(work, window);
    writeComplex(result, frame * bins * 2, bins, 2, transform(work, other, 1), 1);
  }
  return [tensorOfResults(signal.dtype, [batch, frames, bins, 2], result)];
};

function weigh({ re, im }: Complex, window: NumberArray): void {
  for (let i = 0; i < re.length; i++) {
    re[i] = (re[i] as number) * (window[i] as number);
    im[i] = (im[i] as number) * (window[i] as number);
  }
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
