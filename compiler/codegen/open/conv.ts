/** Convolutions over images of open size, channels-last, with constant weights. */
import { defined, nth } from "../../../ir/access.ts";
import { NotOpen } from "../../../ir/assumptions.ts";
import { countOf, type Dim } from "../../../ir/dim.ts";
import { epilogueOperands, tensorType } from "../../../ir/graph.ts";
import { arithFor } from "../kernels/product/arith.ts";
import { makeEpilogue } from "../kernels/product/epilogue.ts";
import type { WinogradPlan } from "../kernels/winograd/plan.ts";
import { type ConvPlane, extraArgs, type OpenConv } from "./conv-plane.ts";
import { depthwiseStages } from "./depthwise.ts";
import { expectChannelsLast, type Margins, openImage, paddedImage, planePair } from "./image.ts";
import type { OpenKernelCode, OpenOperands } from "./kernel.ts";
import { constantProduct } from "./matmul.ts";
import { chooseOpenWinograd, openWinogradStage } from "./winograd.ts";
import { type OpenWindowDim, openWindowStage } from "./window-product.ts";

export function emitOpenConv(op: OpenConv, operands: OpenOperands): readonly OpenKernelCode[] {
  expectChannelsLast(op.layout);
  const [x, w] = [nth(operands.inputs, 0), nth(operands.inputs, 1)];
  const constant = operands.constants[1];
  if (constant === undefined || x.dtype !== "f32" || w.dtype !== "f32") {
    throw new NotOpen(`a convolution of ${x.dtype} with ${constant === undefined ? "computed" : w.dtype} weights`);
  }
  const { shape } = constant;
  const plane: ConvPlane = {
    kernel: planePair(shape.slice(0, -2), 1),
    strides: planePair(op.strides, 1),
    dilations: planePair(op.dilations, 1),
    before: planePair(op.padsBegin, 0),
    after: planePair(op.padsEnd, 0),
  };
  const [perGroup, filters] = [nth(shape, shape.length - 2), nth(shape, shape.length - 1)];
  if (isPointwise(plane) && op.groups === 1) {
    const product = { kind: "matmul", transposeA: false, transposeB: false, epilogue: op.epilogue } as const;
    return constantProduct(product, operands, tensorType(w.dtype, [perGroup, filters]), perGroup);
  }
  const isDepthwise = perGroup === 1 && filters === op.groups && filters > 1;
  if (isDepthwise) return depthwiseStages(op, plane, operands);
  const direct = directStages(op, plane, operands);
  const choice = chooseOpenWinograd(op, plane, constant, openImage(x).channels);
  if (choice === null) return direct;
  const { batch, rows, columns } = openImage(operands.output);
  const pixels = { left: choice.leastPixels, relation: "<=", right: countOf([batch, rows, columns]) } as const;
  return [
    ...direct.map((code): OpenKernelCode => ({ ...code, when: { ...pixels, holds: false } })),
    ...tiledStages(op, choice.plan, operands).map((code): OpenKernelCode => ({
      ...code,
      when: { ...pixels, holds: true },
    })),
  ];
}

/** Every pixel by itself. */
const isPointwise = ({ kernel, strides, before, after }: ConvPlane): boolean =>
  [...kernel, ...strides].every((size) => size === 1) && [...before, ...after].every((amount) => amount === 0);

function tiledStages(op: OpenConv, plan: WinogradPlan, operands: OpenOperands): readonly OpenKernelCode[] {
  const { inputs, constants, output } = operands;
  const extras = inputs.slice(epilogueOperands.conv);
  const dtypes = extras.map(({ dtype }) => dtype);
  return [
    openWinogradStage(
      {
        plan,
        image: openImage(nth(inputs, 0)),
        result: openImage(output),
        epilogue: makeEpilogue(op.epilogue, "f32", dtypes, output.dtype),
        extras,
      },
      {
        image: { kind: "input", index: 0 },
        weights: { input: 1, constant: defined(constants[1]) },
        extras: extraArgs(operands),
        out: { kind: "output", index: 0 },
      },
    ),
  ];
}

function directStages(op: OpenConv, plane: ConvPlane, operands: OpenOperands): readonly OpenKernelCode[] {
  const { inputs, constants, output } = operands;
  const constant = defined(constants[1]);
  const { shape } = constant;
  const arith = arithFor("f32", "f32", true);
  const extras = inputs.slice(epilogueOperands.conv);
  const dtypes = extras.map(({ dtype }) => dtype);
  const margins: Margins = { before: plane.before, after: plane.after };
  const padded = paddedImage(openImage(nth(inputs, 0)), { kind: "input", index: 0 }, margins, 0);
  const result = openImage(output);
  const perTap = nth(shape, shape.length - 1) * nth(shape, shape.length - 2);
  const dim = (at: 0 | 1, count: Dim): OpenWindowDim => ({
    count,
    step: nth(plane.strides, at),
    taps: nth(plane.kernel, at),
    tapStep: nth(plane.dilations, at),
    first: 0,
    outFirst: 0,
    outStep: 1,
    weightFirst: 0,
    weightStep: at === 1 ? perTap : perTap * plane.kernel[1],
  });
  const stage = openWindowStage(
    {
      name: `conv_${shape.join("x")}`,
      arith,
      image: padded.image,
      groups: op.groups,
      dims: [dim(0, result.rows), dim(1, result.columns)],
      weights: { group: result.channels / op.groups, channel: result.channels, filter: 1 },
      result,
      epilogue: makeEpilogue(op.epilogue, "f32", dtypes, output.dtype),
      extras,
    },
    {
      image: padded.arg,
      weights: { input: 1, constant },
      extras: extraArgs(operands),
      out: { kind: "output", index: 0 },
    },
  );
  return [...padded.stages, stage];
}
