/** Convolutions: any rank, both layouts, groups, strides, dilations, pads. */
import { type ConvOp, epilogueOperands, type TensorType } from "../../../ir/graph.ts";
import { type Choose, modelChoice } from "../choice.ts";
import type { KernelCode, KernelEmitter, Operands } from "../kernel.ts";
import { byteProductStages } from "./bytes/byte-product.ts";
import {
  convScratch,
  type ImageDim,
  imageShapeOf,
  kernelShape,
  prepareImage,
  prepareResult,
  windowedDim,
} from "./conv-frame.ts";
import { chooseConvSchedule } from "./conv-schedule.ts";
import { depthwiseStages } from "./depthwise.ts";
import { type WindowDim, type WindowProduct, windowStages } from "./window-product.ts";
import { arithFor } from "./product/arith.ts";
import { tileArith, type WinogradPlan } from "./winograd/plan.ts";
import { winogradStages } from "./winograd/winograd.ts";
import { storageBytes } from "../../../ir/dtype.ts";

const at = (list: readonly number[], i: number): number => list[i] ?? 1;

export const emitConv: KernelEmitter<ConvOp> = (op, operands, choose = modelChoice) => {
  const schedule = chooseConvSchedule(op, operands, choose);
  switch (schedule.algorithm) {
    case "direct":
      return directStages(op, operands, choose);
    case "bytes":
      return byteProductStages(op, operands, choose);
    case "depthwise":
      return depthwiseStages(op, operands, choose);
    case "winograd":
      return tiledStages(op, operands, schedule.plan, choose);
  }
};

function tiledStages(op: ConvOp, operands: Operands, plan: WinogradPlan, choose: Choose): KernelCode[] {
  const result = prepareResult(op, operands, op.layout, tileArith(plan).acc, epilogueOperands.conv);
  const constant = operands.constants[1];
  if (constant === undefined) throw new Error("internal: Winograd with variable weights");
  const extras = result.extras.map(({ dtype, strides }) => {
    const [batch = 0, row = 0, column = 0, channel = 0] = strides.map((stride) => stride * storageBytes(dtype));
    return [batch, row, column, channel] as const;
  });
  const stages = winogradStages(
    plan,
    { epilogue: result.epilogue, extras },
    {
      image: { kind: "input", index: 0 },
      weights: { input: 1, constant },
      extras: result.extras.map((extra) => extra.arg),
      out: result.arg,
      scratchId: convScratch.weights,
    },
    choose,
  );
  return [...stages, ...result.stages];
}

function directStages(op: ConvOp, operands: Operands, choose: Choose): KernelCode[] {
  const [x, w] = operands.inputs as readonly [TensorType, TensorType];
  const output = operands.outputs[0] as TensorType;
  const arith = arithFor(x.dtype, w.dtype, operands.constants[1] !== undefined);
  const dims = windowDims(op, x, w, output);
  const inShape = imageShapeOf(x, op.layout);
  const readsBeyond = (inShape.channels / op.groups) % arith.kStep !== 0;
  const image = prepareImage(x, op.layout, imageDims(op, dims), arith.a, readsBeyond);
  const result = prepareResult(op, operands, op.layout, arith.acc, epilogueOperands.conv);
  const outShape = imageShapeOf(output, op.layout);
  const window: WindowProduct = {
    name: `conv_${w.shape.join("x")}`,
    arith,
    batch: inShape.batch,
    groups: op.groups,
    channels: inShape.channels / op.groups,
    filters: outShape.channels / op.groups,
    dims,
    weights: weightStrides(op, w),
    epilogue: result.epilogue,
    extras: result.extras,
  };
  const args = {
    image: image.arg,
    weights: { input: 1, dtype: w.dtype, constant: operands.constants[1] },
    out: result.arg,
    scratchId: convScratch.weights,
  };
  const stages = windowStages(window, args, choose);
  return [...image.stages, ...stages, ...result.stages];
}

/** A whole image is taken as it is even if windows leave its end alone. */
function imageDims(op: ConvOp, dims: readonly WindowDim[]): ImageDim[] {
  return dims.map((dim, i) => ({ before: op.padsBegin[i] ?? 0, size: dim.imageSize }));
}

function windowDims(op: ConvOp, x: TensorType, w: TensorType, output: TensorType): WindowDim[] {
  const input = imageShapeOf(x, op.layout).spatial;
  const kernel = kernelShape(w, op.layout);
  const perTap = op.layout === "nchw" ? 1 : at(w.shape, w.shape.length - 1) * at(w.shape, w.shape.length - 2);
  return imageShapeOf(output, op.layout).spatial.map((count, i) => {
    const [step, taps, tapStep] = [at(op.strides, i), at(kernel, i), at(op.dilations, i)];
    return {
      count,
      step,
      taps,
      tapStep,
      first: 0,
      imageSize: windowedDim(op, i, input[i] ?? 0, count, taps).size,
      outFirst: 0,
      outStep: 1,
      outSize: count,
      weightFirst: 0,
      weightStep: kernel.slice(i + 1).reduce((a, b) => a * b, perTap),
    };
  });
}

function weightStrides(op: ConvOp, w: TensorType): WindowProduct["weights"] {
  if (op.layout === "nhwc") {
    const filters = at(w.shape, w.shape.length - 1);
    return { group: filters / op.groups, channel: filters, filter: 1 };
  }
  const [filters = 0, channels = 1, ...kernel] = w.shape;
  const taps = kernel.reduce((a, b) => a * b, 1);
  return { group: (filters / op.groups) * channels * taps, channel: taps, filter: channels * taps };
}
