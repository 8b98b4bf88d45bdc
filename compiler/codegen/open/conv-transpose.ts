/**
 * Transposed convolutions over images of open size, channels-last, with constant weights: as in kernels/conv-transpose.ts a product for each
 * combination of phases, whose windows run over the taps backwards.
 */
import { defined, nth } from "../../../ir/access.ts";
import { NotOpen, staticDims } from "../../../ir/assumptions.ts";
import { addDims, ceilDiv, type Dim, subDims } from "../../../ir/dim.ts";
import { epilogueOperands } from "../../../ir/graph.ts";
import type { OpenConvTransposeOp } from "../../../ir/open/graph.ts";
import { arithFor } from "../kernels/product/arith.ts";
import { makeEpilogue } from "../kernels/product/epilogue.ts";
import { transposedPhases, type TransposedPhase } from "../kernels/transposed-phases.ts";
import { extraArgs } from "./conv-plane.ts";
import { expectChannelsLast, openImage, paddedImage, planePair } from "./image.ts";
import type { OpenKernelCode, OpenOperands } from "./kernel.ts";
import { type OpenWindowDim, openWindowStage } from "./window-product.ts";

type OpenConvTranspose = Omit<OpenConvTransposeOp, "inputs" | "outputs" | "origin">;

export function emitOpenConvTranspose(op: OpenConvTranspose, operands: OpenOperands): readonly OpenKernelCode[] {
  expectChannelsLast(op.layout);
  const { inputs, constants, output } = operands;
  const [x, w] = [nth(inputs, 0), nth(inputs, 1)];
  const constant = constants[1];
  if (constant === undefined || x.dtype !== "f32" || w.dtype !== "f32") {
    throw new NotOpen(
      `a transposed convolution of ${x.dtype} with ${constant === undefined ? "computed" : w.dtype} weights`,
    );
  }
  const image = openImage(x);
  const result = openImage(output);
  const kernel = planePair(constant.shape.slice(2), 1);
  const strides = planePair(op.strides, 1);
  const dilations = planePair(op.dilations, 1);
  const pads = planePair(op.padsBegin, 0);
  const phases = ([0, 1] as const).map((at) =>
    transposedPhases({
      kernel: nth(kernel, at),
      stride: nth(strides, at),
      dilation: nth(dilations, at),
      pad: nth(pads, at),
    }),
  );
  const sizes = [result.rows, result.columns] as const;
  const inSizes = [image.rows, image.columns] as const;
  const counts = phases.map((list, at) => list.map((phase) => countOf(phase, nth(sizes, at), nth(strides, at))));
  const before = ([0, 1] as const).map((at) =>
    Math.max(0, ...nth(phases, at).map(({ first, taps }) => (taps === 0 ? 0 : -first))),
  );
  // windows may end behind the image: by how much follows from the last phase's count
  const after = ([0, 1] as const).map((at) => beyond(nth(phases, at), nth(counts, at), nth(inSizes, at)));
  const margins = {
    before: [nth(before, 0), nth(before, 1)] as const,
    after: [nth(after, 0), nth(after, 1)] as const,
  };
  const padded = paddedImage(image, { kind: "input", index: 0 }, margins, 0);
  const arith = arithFor("f32", "f32", true);
  const extras = inputs.slice(epilogueOperands.convTranspose);
  const epilogue = makeEpilogue(
    op.epilogue,
    "f32",
    extras.map(({ dtype }) => dtype),
    output.dtype,
  );
  const perGroup = nth(constant.shape, 1);
  const taps = kernel[0] * kernel[1];
  const dimOf = (at: 0 | 1, index: number): OpenWindowDim => {
    const phase = nth(nth(phases, at), index);
    const perTap = at === 1 ? 1 : kernel[1];
    return {
      count: nth(nth(counts, at), index),
      step: 1,
      taps: phase.taps,
      tapStep: phase.tapStep,
      first: phase.first + nth(before, at),
      outFirst: phase.outFirst,
      outStep: nth(strides, at),
      weightFirst: phase.kernelFirst * perTap,
      weightStep: phase.kernelStep * perTap,
    };
  };
  const stages = nth(phases, 0).flatMap((_, row) =>
    nth(phases, 1).map((__, column) =>
      openWindowStage(
        {
          name: `conv_transpose_${constant.shape.join("x")}_${row}_${column}`,
          arith,
          image: padded.image,
          groups: op.groups,
          dims: [dimOf(0, row), dimOf(1, column)],
          weights: {
            group: (image.channels / op.groups) * perGroup * taps,
            channel: perGroup * taps,
            filter: taps,
          },
          result,
          epilogue,
          extras,
        },
        {
          image: padded.arg,
          weights: { input: 1, constant: defined(constant) },
          extras: extraArgs(operands),
          out: { kind: "output", index: 0 },
        },
      ),
    ),
  );
  return [...padded.stages, ...stages];
}

/** Outputs of a phase. */
const countOf = ({ outFirst }: TransposedPhase, size: Dim, stride: number): Dim =>
  ceilDiv(subDims(size, outFirst), stride);

/** Elements behind the image that windows touch: outputs are counted by the image, so that it is a number. */
function beyond(phases: readonly TransposedPhase[], counts: readonly Dim[], size: Dim): number {
  const ends = phases.map(({ first, taps, tapStep }, i) =>
    taps === 0 ? 0 : subDims(addDims(nth(counts, i), first + (taps - 1) * tapStep), size),
  );
  return Math.max(0, ...staticDims(ends, "the windows"));
}
