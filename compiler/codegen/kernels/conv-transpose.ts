/**
 * Transposed convolutions by gathering. Along a dim with stride s, the outputs o with (o + pad) mod s = r take the same taps k, those with
 * k * dilation mod s = r, so that each phase r is a dense window product over the image:
 *
 *     out[o] = sum over k in taps(r) of x[(o + pad - k * dilation) / s] * w[k]
 *
 * One product for each combination of phases writes every s-th element; the windows run over the taps backwards, where x is forward.
 */
import { type ConvTransposeOp, epilogueOperands, type TensorType } from "../../../ir/graph.ts";
import { choosePart, modelChoice } from "../choice.ts";
import type { KernelEmitter } from "../kernel.ts";
import { convScratch, type ImageDim, imageShapeOf, prepareImage, prepareResult } from "./conv-frame.ts";
import { type WindowDim, type WindowProduct, windowStages } from "./window-product.ts";
import { arithFor } from "./product/arith.ts";

/** Attributes and sizes along one spatial dim. */
interface Dim {
  readonly size: number;
  readonly out: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly pad: number;
  /** elements of the weights from tap to tap */
  readonly weightStride: number;
}

/** The outputs of one phase: positions in the image are those of the unpadded one. */
interface Phase {
  readonly outFirst: number;
  readonly count: number;
  readonly taps: number;
  readonly tapStep: number;
  /** image position of the first output's first tap */
  readonly first: number;
  /** the kernel tap that the window's first tap is, and from tap to tap */
  readonly kernelFirst: number;
  readonly kernelStep: number;
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));
const modulo = (a: number, m: number): number => ((a % m) + m) % m;

function phaseOf(dim: Dim, r: number): Phase | null {
  const { stride, dilation, pad, kernel } = dim;
  const outFirst = modulo(r - pad, stride);
  if (outFirst >= dim.out) return null;
  const count = Math.ceil((dim.out - outFirst) / stride);
  const common = gcd(stride, dilation);
  const [period, tapStep] = [stride / common, dilation / common];
  const tap = firstTap(kernel, period, dilation, stride, r);
  if (tap === null) return { outFirst, count, taps: 0, tapStep: 1, first: 0, kernelFirst: 0, kernelStep: 0 };
  const taps = Math.ceil((kernel - tap) / period);
  const at = (outFirst + pad - tap * dilation) / stride;
  const first = at - (taps - 1) * tapStep;
  return { outFirst, count, taps, tapStep, first, kernelFirst: tap + (taps - 1) * period, kernelStep: -period };
}

/** The least tap k with k * dilation mod stride = r. */
function firstTap(kernel: number, period: number, dilation: number, stride: number, r: number): number | null {
  for (let tap = 0; tap < Math.min(kernel, period); tap++) if ((tap * dilation) % stride === r) return tap;
  return null;
}

const phasesOf = (dim: Dim): Phase[] =>
  Array.from({ length: dim.stride }, (_, r) => phaseOf(dim, r)).filter((phase) => phase !== null);

export const emitConvTranspose: KernelEmitter<ConvTransposeOp> = (op, operands, choose = modelChoice) => {
  const [x, w] = operands.inputs as readonly [TensorType, TensorType];
  const output = operands.outputs[0] as TensorType;
  const arith = arithFor(x.dtype, w.dtype, operands.constants[1] !== undefined);
  const dims = dimsOf(op, x, w, output);
  const phases = dims.map(phasesOf);
  const ranges = phases.map((list, i) => imageRange(list, dims[i]?.size ?? 1));
  const image = prepareImage(x, "nchw", ranges, arith.a, arith.kStep > 1);
  const result = prepareResult(op, operands, "nchw", arith.acc, epilogueOperands.convTranspose);
  const { channels, batch } = imageShapeOf(x, "nchw");
  const [, perGroup = 1] = w.shape;
  const taps = dims.reduce((count, dim) => count * dim.kernel, 1);
  const products = combinations(phases).flatMap((combination, index) => {
    const window: WindowProduct = {
      name: `conv_transpose_${w.shape.join("x")}_${index}`,
      arith,
      batch,
      groups: op.groups,
      channels: channels / op.groups,
      filters: perGroup,
      dims: combination.map((phase, i) => windowDim(phase, dims[i] as Dim, ranges[i] as ImageDim)),
      weights: { group: (channels / op.groups) * perGroup * taps, channel: perGroup * taps, filter: taps },
      epilogue: result.epilogue,
      extras: result.extras,
    };
    const args = {
      image: image.arg,
      weights: { input: 1, dtype: w.dtype, constant: operands.constants[1] },
      out: result.arg,
      scratchId: convScratch.weights + index,
    };
    return windowStages(window, args, choosePart(`phase ${index}`, choose));
  });
  return [...image.stages, ...products, ...result.stages];
};

function dimsOf(op: ConvTransposeOp, x: TensorType, w: TensorType, output: TensorType): Dim[] {
  const kernel = w.shape.slice(2);
  const out = imageShapeOf(output, "nchw").spatial;
  return imageShapeOf(x, "nchw").spatial.map((size, i) => ({
    size,
    out: out[i] ?? 0,
    kernel: kernel[i] ?? 1,
    stride: op.strides[i] ?? 1,
    dilation: op.dilations[i] ?? 1,
    pad: op.padsBegin[i] ?? 0,
    weightStride: kernel.slice(i + 1).reduce((a, b) => a * b, 1),
  }));
}

/** The part of the image, with zeros around it, that the windows of all phases touch; the whole image where they stay inside. */
function imageRange(phases: readonly Phase[], size: number): ImageDim {
  const touching = phases.filter((phase) => phase.taps > 0);
  const first = Math.min(0, ...touching.map((phase) => phase.first));
  const end = Math.max(
    size,
    ...touching.map((phase) => phase.first + phase.count - 1 + (phase.taps - 1) * phase.tapStep + 1),
  );
  return { before: -first, size: end - first };
}

function windowDim(phase: Phase, dim: Dim, range: ImageDim): WindowDim {
  return {
    count: phase.count,
    step: 1,
    taps: phase.taps,
    tapStep: phase.tapStep,
    first: phase.taps === 0 ? 0 : phase.first + range.before,
    imageSize: range.size,
    outFirst: phase.outFirst,
    outStep: dim.stride,
    outSize: dim.out,
    weightFirst: phase.kernelFirst * dim.weightStride,
    weightStep: phase.kernelStep * dim.weightStride,
  };
}

function combinations(phases: readonly (readonly Phase[])[]): Phase[][] {
  let all: Phase[][] = [[]];
  for (const list of phases) all = all.flatMap((combination) => list.map((phase) => [...combination, phase]));
  return all;
}
