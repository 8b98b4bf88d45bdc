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
import { type TransposedDim, type TransposedPhase, transposedPhases } from "./transposed-phases.ts";

/** Attributes and sizes along one spatial dim. */
interface Dim extends TransposedDim {
  readonly size: number;
  readonly out: number;
  /** elements of the weights from tap to tap */
  readonly weightStride: number;
}

/** A phase with the number of its outputs. */
interface Phase extends TransposedPhase {
  readonly count: number;
}

const phasesOf = (dim: Dim): Phase[] =>
  transposedPhases(dim)
    .filter(({ outFirst }) => outFirst < dim.out)
    .map((phase) => ({ ...phase, count: Math.ceil((dim.out - phase.outFirst) / dim.stride) }));

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
