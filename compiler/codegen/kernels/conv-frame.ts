/**
 * What surrounds the window kernels of a convolution: the image is made channels-last, zero-padded and of the arithmetic's element type
 * where it is not so already, and a result that the op wants channels-first is turned at the end, with the epilogue.
 */
import { type DType, storageBytes } from "../../../ir/dtype.ts";
import type { ConvLayout, ConvOp, TensorType } from "../../../ir/graph.ts";
import type { KernelArg, KernelCode, Operands } from "../kernel.ts";
import { broadcastStrides } from "./index-space.ts";
import { type Epilogue, makeEpilogue, noEpilogue } from "./product/epilogue.ts";
import { plainAxis, type RestrideAxis, restrideStage } from "./product/restride.ts";
import { givesSmall } from "./product/requantized.ts";
import type { WindowExtra } from "./window-product.ts";

/** Scratch numbers of a convolution's stages; weights packed at run time count on from `weights`. */
export const convScratch = { image: 0, result: 1, weights: 2 } as const;

/** Sizes of an image tensor, whatever its layout. */
export interface ImageShape {
  readonly batch: number;
  readonly channels: number;
  readonly spatial: readonly number[];
}

export function imageShapeOf(type: TensorType, layout: ConvLayout): ImageShape {
  const { shape } = type;
  const [batch = 1] = shape;
  return layout === "nchw"
    ? { batch, channels: shape[1] ?? 1, spatial: shape.slice(2) }
    : { batch, channels: shape.at(-1) ?? 1, spatial: shape.slice(1, -1) };
}

/** Taps of a convolution's weights along the spatial dims. */
export const kernelShape = ({ shape }: TensorType, layout: ConvLayout): readonly number[] =>
  layout === "nchw" ? shape.slice(2) : shape.slice(0, -2);

const product = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);

/** Both layouts put the elements in the same order. */
const layoutsAgree = ({ channels, spatial }: ImageShape): boolean => channels === 1 || product(spatial) === 1;

/** The part of a padded image that is read along one dim. */
export interface ImageDim {
  /** elements of zero before the first of the source; negative ones cut elements off */
  readonly before: number;
  /** elements of the padded image */
  readonly size: number;
}

/** Elements of the padded image along a dim that some window touches. */
const touchedSize = (count: number, stride: number, taps: number, dilation: number): number =>
  count === 0 ? 0 : (count - 1) * stride + (taps - 1) * dilation + 1;

/** What a convolution's `count` windows read along dim `dim` of an image of `size` elements; all of an image that needs no padding. */
export function windowedDim(op: ConvOp, dim: number, size: number, count: number, taps: number): ImageDim {
  const before = op.padsBegin[dim] ?? 0;
  const touched = touchedSize(count, op.strides[dim] ?? 1, taps, op.dilations[dim] ?? 1);
  return { before, size: before === 0 && touched <= size ? size : touched };
}

export interface PreparedImage {
  readonly arg: KernelArg;
  readonly stages: readonly KernelCode[];
}

/** Elements that kernels may read behind the last one, where they read in pairs. */
const slackBytes = 16;

/** The image as window kernels read it: channels-last, padded, of dtype `to`, with room behind it where they read more than the windows. */
export function prepareImage(
  type: TensorType,
  layout: ConvLayout,
  dims: readonly ImageDim[],
  to: DType,
  readsBeyond = false,
): PreparedImage {
  const shape = imageShapeOf(type, layout);
  const isSame = type.dtype === to && (layout === "nhwc" || layoutsAgree(shape));
  const isWhole = dims.every((dim, i) => dim.before === 0 && dim.size === shape.spatial[i]);
  if (isSame && isWhole && !readsBeyond) return { arg: { kind: "input", index: 0 }, stages: [] };
  const elements = shape.batch * shape.channels * product(dims.map((dim) => dim.size));
  const arg: KernelArg = {
    kind: "scratch",
    id: convScratch.image,
    byteLength: elements * storageBytes(to) + slackBytes,
  };
  const { axes, start } = imageAxes(shape, layout, dims, storageBytes(type.dtype));
  const spec = { name: "pad_image", from: type.dtype, to, start, axes, epilogue: null };
  return { arg, stages: [restrideStage(spec, [{ kind: "input", index: 0 }, arg])] };
}

/** Strides in elements of [batch, spatial…, channels] in a layout. */
function layoutStrides({ batch, channels, spatial }: ImageShape, layout: ConvLayout): number[] {
  const dense = layout === "nchw" ? [batch, channels, ...spatial] : [batch, ...spatial, channels];
  const strides = dense.map((_, i) => product(dense.slice(i + 1)));
  if (layout === "nhwc") return strides;
  const [batchStride = 0, channelStride = 0, ...rest] = strides;
  return [batchStride, ...rest, channelStride];
}

function imageAxes(
  shape: ImageShape,
  layout: ConvLayout,
  dims: readonly ImageDim[],
  bytes: number,
): { axes: RestrideAxis[]; start: number } {
  const strides = layoutStrides(shape, layout).map((stride) => stride * bytes);
  let start = 0;
  const spatial = dims.map(({ before, size }, i): RestrideAxis => {
    const stride = strides[i + 1] ?? 0;
    const skipped = Math.max(0, -before);
    const zeros = Math.min(size, Math.max(0, before));
    const valid = Math.max(0, Math.min((shape.spatial[i] ?? 0) - skipped, size - zeros));
    start += skipped * stride;
    return { size, stride, extras: [], before: zeros, valid };
  });
  return {
    axes: [plainAxis(shape.batch, strides[0] ?? 0), ...spatial, plainAxis(shape.channels, strides.at(-1) ?? 0)],
    start,
  };
}

/** Where window kernels put their results and what they do with them, and what is done afterwards. */
export interface PreparedResult {
  readonly arg: KernelArg;
  readonly epilogue: Epilogue;
  readonly extras: readonly WindowExtra[];
  readonly stages: readonly KernelCode[];
}

interface WithEpilogue {
  readonly epilogue: Parameters<typeof makeEpilogue>[0];
}

/** The operands of a channels-last epilogue, which follow the `fixed` ones. */
export function resultExtras({ inputs, outputs }: Operands, layout: ConvLayout, fixed: number): readonly WindowExtra[] {
  const output = outputs[0] as TensorType;
  return inputs.slice(fixed).map((type, i): WindowExtra => {
    const strides = broadcastStrides(type.shape, output.shape);
    const [batch = 0, second = 0, ...rest] = strides;
    const channelsLast = layout === "nchw" ? [batch, ...rest, second] : strides;
    return { dtype: type.dtype, arg: { kind: "input", index: fixed + i }, strides: channelsLast };
  });
}

/** Puts results into the output directly, or, where layouts differ, into scratch from which a last stage makes the output. */
export function prepareResult(op: WithEpilogue, operands: Operands, layout: ConvLayout, accumulator: DType, fixed: number): PreparedResult {
  const output = operands.outputs[0] as TensorType;
  const shape = imageShapeOf(output, layout);
  const products = product(operands.inputs[1]?.shape ?? []) / Math.max(1, shape.channels);
  const isSmall = accumulator === "i32" && givesSmall(op.epilogue, operands, fixed, products);
  const extras = resultExtras(operands, layout, fixed);
  const epilogue = makeEpilogue(op.epilogue, accumulator, extras.map(({ dtype }) => dtype), output.dtype, isSmall);
  const out: KernelArg = { kind: "output", index: 0 };
  if (layout === "nhwc" || layoutsAgree(shape)) return { arg: out, epilogue, extras, stages: [] };
  const scratch: KernelArg = { kind: "scratch", id: convScratch.result, byteLength: product(output.shape) * storageBytes(accumulator) };
  const stage = turnStage(shape, epilogue, extras, scratch);
  return { arg: scratch, epilogue: noEpilogue(accumulator), extras: [], stages: [stage] };
} // prettier-ignore

/** Channels-last accumulators to a channels-first output, with the epilogue. */
function turnStage(
  shape: ImageShape,
  epilogue: Epilogue,
  extras: readonly WindowExtra[],
  scratch: KernelArg,
): KernelCode {
  const { accumulator } = epilogue;
  const strides = layoutStrides(shape, "nhwc");
  const sizes = [shape.batch, ...shape.spatial, shape.channels];
  const axis = (i: number): RestrideAxis => {
    const others = extras.map((extra) => (extra.strides[i] ?? 0) * storageBytes(extra.dtype));
    return plainAxis(sizes[i] ?? 1, (strides[i] ?? 0) * storageBytes(accumulator), others);
  };
  const axes = [axis(0), axis(sizes.length - 1), ...shape.spatial.map((_, i) => axis(i + 1))];
  const spec = { name: "turn_image", from: accumulator, to: accumulator, start: 0, axes, epilogue };
  return restrideStage(spec, [scratch, ...extras.map((extra) => extra.arg), { kind: "output", index: 0 }]);
}
