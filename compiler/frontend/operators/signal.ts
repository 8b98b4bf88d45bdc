/** Fourier transforms as products with constant matrices, window functions and the mel filter bank. */
import type { DType } from "../../../ir/dtype.ts";
import { tensorType, type ValueId } from "../../../ir/graph.ts";
import { arg } from "../../../ir/expr.ts";
import { elementCount, makeTensor, tensorFrom } from "../../../ir/tensor.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { computeDType, toDType, widen } from "./precision.ts";
import { applyMatrix } from "./resample.ts";
import { mul } from "./scalar.ts";
import { checkedConstant, constantScalar, dtypeAttribute, indexTensor, literal, sliceOf } from "./support.ts";
import { type Attributes, operator } from "./table.ts";

/** One transform along an axis: n input samples to `bins` results. */
interface Transform {
  readonly length: number;
  readonly bins: number;
  readonly inverse: boolean;
}

/** Angle of entry (bin, sample), reduced to one turn first: large products would lose digits. */
function angle({ length, inverse }: Transform, bin: number, sample: number): number {
  const turn = ((bin * sample) % length) / length;
  return (inverse ? 2 : -2) * Math.PI * turn;
}

/** [rows, length] of a transform: interleaved cosines and sines per bin as the result needs them, divided by n when inverse. */
function fourierMatrix(
  node: NodeContext,
  dtype: DType,
  transform: Transform,
  entry: (angle: number, row: number) => number,
  rowsPerBin: number,
): ValueId {
  const { length, bins, inverse } = transform;
  const scale = inverse ? 1 / length : 1;
  const shape = checkedConstant(node, dtype, [bins * rowsPerBin, length]);
  const values = new Array<number>(elementCount(shape));
  for (let i = 0; i < values.length; i++) {
    const row = Math.floor(i / length);
    values[i] = scale * entry(angle(transform, Math.floor(row / rowsPerBin), i % length), row % rowsPerBin);
  }
  return node.constantValue(tensorFrom(dtype, shape, values));
}

/** re, im of a real signal [..., n along axis, ...] as rows re 0, im 0, re 1, … along that axis. */
const realToComplex = (node: NodeContext, x: ValueId, axis: number, transform: Transform): ValueId =>
  applyMatrix(
    node,
    fourierMatrix(node, node.typeOf(x).dtype, transform, (a, part) => (part === 0 ? Math.cos(a) : Math.sin(a)), 2),
    x,
    axis,
  );

/** A complex signal [..., n, 2] (the last two dims) to [..., bins, 2]: one product with a matrix [2 n, 2 bins]. */
function complexToComplex(node: NodeContext, x: ValueId, transform: Transform): ValueId {
  const { dtype, shape } = node.typeOf(x);
  const { length, bins, inverse } = transform;
  const scale = inverse ? 1 / length : 1;
  const matrix = new Array<number>(4 * length * bins);
  for (let row = 0; row < 2 * length; row++) {
    for (let column = 0; column < 2 * bins; column++) {
      const a = angle(transform, Math.floor(column / 2), Math.floor(row / 2));
      // (x + iy)(c + is): re = xc - ys, im = xs + yc
      const [fromImaginary, toImaginary] = [row % 2 === 1, column % 2 === 1];
      const value = fromImaginary === toImaginary ? Math.cos(a) : fromImaginary ? -Math.sin(a) : Math.sin(a);
      matrix[row * 2 * bins + column] = scale * value;
    }
  }
  const constant = node.constantValue(tensorFrom(dtype, checkedConstant(node, dtype, [2 * length, 2 * bins]), matrix));
  const flat = node.reshape(x, [elementCount(shape.slice(0, -2)), 2 * length]);
  const product = node.emitOne({
    kind: "matmul",
    inputs: [flat, constant],
    transposeA: false,
    transposeB: false,
    epilogue: null,
  });
  return node.reshape(product, [...shape.slice(0, -2), bins, 2]);
}

/** Cuts or fills (with zeros) an axis to a length. */
function fitted(node: NodeContext, x: ValueId, axis: number, length: number): ValueId {
  const { dtype, shape } = node.typeOf(x);
  const size = shape[axis] ?? 0;
  if (size >= length) return sliceOf(node, x, axis, 0, length);
  const after = shape.map((_, i) => (i === axis ? length - size : 0));
  return node.emitOne({
    kind: "pad",
    mode: "constant",
    inputs: [x, literal(node, dtype, 0)],
    before: shape.map(() => 0),
    after,
  });
}

/** The other half of a spectrum of a real signal, by conjugate symmetry; the transform along `axis` of [..., bins, ..., 2] is real. */
function onesidedInverse(node: NodeContext, x: ValueId, axis: number, length: number): ValueId {
  const { dtype } = node.typeOf(x);
  const bins = Math.floor(length / 2) + 1;
  const half = fitted(node, x, axis, bins);
  const last = node.typeOf(half).shape.length - 1;
  const weight = (bin: number): number => (bin === 0 || 2 * bin === length ? 1 : 2) / length;
  const part = (index: number, entry: (a: number) => number, sign: number): ValueId => {
    const values = Array.from({ length: length * bins }, (_, i) => {
      const [sample, bin] = [Math.floor(i / bins), i % bins];
      return sign * weight(bin) * entry((2 * Math.PI * ((sample * bin) % length)) / length);
    });
    const matrix = node.constantValue(tensorFrom(dtype, [length, bins], values));
    return applyMatrix(node, matrix, sliceOf(node, half, last, index, 1), axis);
  };
  return node.map({ op: "binary", fn: "add", x: arg(0), y: arg(1) }, part(0, Math.cos, 1), part(1, Math.sin, -1));
}

/** x [..., n along axis, ..., 1 or 2] transformed along `axis`, which is not the last. */
function dft(node: NodeContext, x: ValueId, axis: number, transform: Transform): ValueId {
  const { shape } = node.typeOf(x);
  const last = shape.length - 1;
  const moved = [...shape.keys()].filter((i) => i !== axis && i !== last);
  const perm = [...moved, axis, last];
  const back = [...shape.keys()].map((i) => perm.indexOf(i));
  const signal = node.transpose(fitted(node, x, axis, transform.length), perm);
  const real = shape[last] === 1;
  const rows = real
    ? realToComplex(node, node.reshape(signal, node.typeOf(signal).shape.slice(0, -1)), last - 1, transform)
    : signal;
  const spectrum = real
    ? node.reshape(rows, [...moved.map((i) => shape[i] ?? 1), transform.bins, 2])
    : complexToComplex(node, rows, transform);
  return node.transpose(spectrum, back);
}

const tooLong = "a transform too long for a matrix";

/** Beyond this a product costs more than a fast transform on the host: in floats 443 real samples (half of their spectrum: 626), 313 complex ones, in doubles 90 and 64. */
const maxMatrixElements = { f32: 3 * 2 ** 17, f64: 2 ** 14 };

/** Whether the matrix of a transform of real (1) or complex (2) numbers is too large for a product. */
const isTooLong = (dtype: DType, length: number, bins: number, parts: number): boolean =>
  2 * parts * length * bins > maxMatrixElements[dtype === "f64" ? "f64" : "f32"];

function onHost(
  node: NodeContext,
  x: ValueId,
  attributes: { readonly axis: number; readonly inverse: boolean; readonly onesided: boolean },
  length: number,
): ValueId[] {
  const { dtype, shape } = node.typeOf(x);
  const [inverse, onesided] = [attributes.inverse, attributes.onesided];
  const bins = onesided && !inverse ? Math.floor(length / 2) + 1 : length;
  const type = tensorType(dtype, [...shape.with(attributes.axis, bins).slice(0, -1), inverse && onesided ? 1 : 2]);
  const operands = [x, node.scalar("i64", length)];
  return node.host("dft", operands, [type], tooLong, attributes).map((value) => toDType(node, node.dtype(0), value));
}

const dftAlong = (axisOf: (node: NodeContext) => number) => (node: NodeContext) => {
  const { dtype, shape } = node.type(0);
  const axis = node.axis(axisOf(node), shape.length);
  const parts = shape.at(-1) ?? 0;
  if (axis === shape.length - 1 || shape.length < 2 || (parts !== 1 && parts !== 2)) {
    throw node.shapeError(
      `[${shape.join(", ")}] is no signal along axis ${axis}: the last dim must be 1 (real) or 2 (complex)`,
    );
  }
  const inverse = node.int("inverse", 0) !== 0;
  const onesided = node.int("onesided", 0) !== 0;
  const halved = inverse && onesided;
  const length = node.hasInput(1)
    ? Number(constantScalar(node, 1))
    : halved
      ? 2 * ((shape[axis] ?? 1) - 1)
      : (shape[axis] ?? 0);
  if (!(length >= 1)) throw node.shapeError(`the transform's length is ${length}`);
  const x = widen(node, node.input(0));
  const bins = onesided ? Math.floor(length / 2) + 1 : length;
  if (isTooLong(node.typeOf(x).dtype, length, bins, halved ? 1 : parts))
    return onHost(node, x, { axis, inverse, onesided }, length);
  if (halved && parts === 2) return [toDType(node, dtype, onesidedInverse(node, x, axis, length))];
  return [toDType(node, dtype, dft(node, x, axis, { length, bins, inverse }))];
};

function stftOnHost(
  node: NodeContext,
  window: ValueId | null,
  shape: readonly number[],
  attributes: { readonly frameStep: number; readonly frameLength: number; readonly onesided: boolean },
): ValueId[] {
  const signal = widen(node, node.input(0));
  const { dtype } = node.typeOf(signal);
  const operands = window === null ? [signal] : [signal, window];
  const spectra = node.host("stft", operands, [tensorType(dtype, shape)], tooLong, attributes);
  return spectra.map((value) => toDType(node, node.dtype(0), value));
}

/** Frames of the signal, windowed, each transformed. */
function stft(node: NodeContext): ValueId[] {
  const { dtype, shape } = node.type(0);
  const [batch = 1, samples = 0, parts = 1] = shape;
  const step = Number(constantScalar(node, 1));
  const window = node.hasInput(2) ? widen(node, node.input(2)) : null;
  const given = node.hasInput(3) ? Number(constantScalar(node, 3)) : undefined;
  const length = given ?? (window === null ? samples : (node.typeOf(window).shape[0] ?? 0));
  if (step < 1 || length < 1 || length > samples)
    throw node.shapeError(`frames of ${length} every ${step} of ${samples} samples`);
  const onesided = node.int("onesided", 1) !== 0 && parts === 1;
  const frames = Math.floor((samples - length) / step) + 1;
  const bins = onesided ? Math.floor(length / 2) + 1 : length;
  if (isTooLong(dtype, length, bins, parts))
    return stftOnHost(node, window, [batch, frames, bins, 2], { frameStep: step, frameLength: length, onesided });
  const index = indexTensor([frames, length], (i) => Math.floor(i / length) * step + (i % length));
  const signal = node.reshape(widen(node, node.input(0)), [batch, samples, parts]);
  const cut = node.emitOne({ kind: "gather", inputs: [signal, node.constantValue(index)], axis: 1 });
  const windowed = window === null ? cut : node.map(mul(arg(0), arg(1)), cut, node.reshape(window, [length, 1]));
  return [toDType(node, dtype, dft(node, windowed, 2, { length, bins, inverse: false }))];
}

/** A sum of cosines over the window: a0 - a1 cos(2πi/N) + a2 cos(4πi/N). */
const window = (a0: number, a1: number, a2: number) => (node: NodeContext) => {
  const size = Number(constantScalar(node, 0));
  const dtype = dtypeAttribute(node, "output_datatype", "f32");
  const [count] = checkedConstant(node, dtype, [size]) as [number];
  const period = node.int("periodic", 1) !== 0 ? count : count - 1;
  const values = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const turn = (2 * Math.PI * i) / period;
    values[i] = period === 0 ? 1 : a0 - a1 * Math.cos(turn) + a2 * Math.cos(2 * turn);
  }
  return [constantOf(node, dtype, [count], values)];
};

/** A constant of any numeric type from numbers; integers get what a cast gives them. */
function constantOf(node: NodeContext, dtype: DType, shape: readonly number[], values: Float64Array): ValueId {
  const elements = computeDType(dtype) === "f32" ? Float32Array.from(values) : values;
  const compute = elements === values ? "f64" : "f32";
  return node.castTo(dtype, node.constantValue(makeTensor(compute, shape, elements)));
}

const melOf = (hertz: number): number => 2595 * Math.log10(1 + hertz / 700);
const hertzOf = (mel: number): number => 700 * (10 ** (mel / 2595) - 1);

/** Triangles between neighbouring mel frequencies, [spectrogram bins, mel bins]. */
function melWeightMatrix(node: NodeContext): ValueId[] {
  const [melBins = 0, length = 0, rate = 1, low = 0, high = 0] = [0, 1, 2, 3, 4].map((i) =>
    Number(constantScalar(node, i)),
  );
  const bins = Math.floor(length / 2) + 1;
  const dtype = dtypeAttribute(node, "output_datatype", "f32");
  const shape = checkedConstant(node, dtype, [bins, melBins]);
  const step = (melOf(high) - melOf(low)) / (melBins + 2);
  const edges = Float64Array.from({ length: melBins + 2 }, (_, i) =>
    Math.floor(((length + 1) * hertzOf(melOf(low) + i * step)) / rate),
  );
  const weights = new Float64Array(bins * melBins);
  for (let mel = 0; mel < melBins; mel++) {
    const [begin = 0, centre = 0, end = 0] = edges.slice(mel, mel + 3);
    for (let bin = begin; bin < Math.min(bins, Math.max(end, centre + 1)); bin++) {
      const height = bin < centre ? (bin - begin) / (centre - begin) : (end - bin) / (end - centre);
      weights[bin * melBins + mel] = bin === centre ? 1 : height;
    }
  }
  return [constantOf(node, dtype, shape, weights)];
}

const dftAttributes: Attributes = { inverse: "int", onesided: "int" };
const windowAttributes: Attributes = { output_datatype: "int", periodic: "int" };

/** Operators of this family. */
export const signalOperators: readonly OperatorDef[] = [
  operator(
    "DFT",
    dftAlong((node) => node.int("axis", 1)),
    [
      { since: 17, inputs: [1, 2], attributes: { ...dftAttributes, axis: "int" } },
      {
        since: 20,
        inputs: [1, 3],
        optionalInputs: [1],
        attributes: dftAttributes,
        lower: dftAlong((node) => (node.hasInput(2) ? Number(constantScalar(node, 2)) : -2)),
      },
    ],
  ),
  operator("STFT", stft, [{ since: 17, inputs: [2, 4], optionalInputs: [2], attributes: { onesided: "int" } }]),
  operator("HannWindow", window(0.5, 0.5, 0), [{ since: 17, attributes: windowAttributes }]),
  operator("HammingWindow", window(25 / 46, 1 - 25 / 46, 0), [{ since: 17, attributes: windowAttributes }]),
  operator("BlackmanWindow", window(0.42, 0.5, 0.08), [{ since: 17, attributes: windowAttributes }]),
  operator("MelWeightMatrix", melWeightMatrix, [{ since: 17, inputs: [5, 5], attributes: { output_datatype: "int" } }]),
];
