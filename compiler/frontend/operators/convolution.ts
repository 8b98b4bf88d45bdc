/** Conv, ConvTranspose, ConvInteger and CausalConvWithState. Bias is a map of its own: fusion makes it the kernel's epilogue. */
import { type DType, dtypeInfo } from "../../../ir/dtype.ts";
import { staticDims } from "../../../ir/assumptions.ts";
import type { Dim } from "../../../ir/dim.ts";
import { arg, binary } from "../../../ir/expr.ts";
import type { ValueId } from "../../../ir/graph.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { commonDType } from "./elementwise.ts";
import { toDType, widen } from "./precision.ts";
import { alongAxis, concatOf, literal, sliceOf } from "./support.ts";
import { withoutZeroPoint } from "./linear.ts";
import { mapIn } from "./precision.ts";
import { swish } from "./scalar.ts";
import { type Attributes, operator, operatorOf } from "./table.ts";
import {
  autoPadOf,
  kernelOf,
  padsOf,
  perDim,
  spatialOf,
  span,
  spatialDimsOf,
  splitPadding,
  type Windows,
  windowsOf,
} from "./window.ts";

/** The kernel's spatial dims as the weights have them; WSC3004 when kernel_shape says otherwise. */
export function kernelShape(node: NodeContext, dims: number): readonly number[] {
  const weights = node.shape(1);
  if (weights.length !== dims + 2)
    throw node.shapeError(`weights of rank ${weights.length} for an input of rank ${dims + 2}`);
  const kernel = kernelOf(node, dims, weights.slice(2));
  if (kernel.join() !== weights.slice(2).join()) {
    throw node.shapeError(`kernel_shape [${kernel.join(",")}] contradicts the weights [${weights.join(",")}]`);
  }
  return kernel;
}

export function groupsOf(node: NodeContext): number {
  const groups = node.int("group", 1);
  if (groups < 1) throw node.attributeError(`group must be positive, not ${groups}`);
  return groups;
}

/** Adds a vector over the channels (axis 1), if there is one. */
export function withBias(node: NodeContext, value: ValueId, index: number): ValueId {
  if (!node.hasInput(index)) return value;
  const dims = node.dimsOf(value);
  const [channels] = staticDims(dims.slice(1, 2), "channels") as readonly [number];
  if (node.shape(index).join() !== String(channels)) {
    throw node.shapeError(`a bias of shape [${node.shape(index).join(",")}] for ${channels} channels`);
  }
  const bias = node.reshape(widen(node, node.input(index)), alongAxis(dims.length - 1, 0, channels));
  return node.map(binary("add", arg(0), arg(1)), value, bias);
}

/** An nchw convolution of values, without bias. */
export const convOf = (node: NodeContext, x: ValueId, w: ValueId, windows: Windows, groups: number): ValueId =>
  node.emitOne({
    kind: "conv",
    inputs: [x, w],
    layout: "nchw",
    strides: windows.strides,
    dilations: windows.dilations,
    padsBegin: windows.padsBegin,
    padsEnd: windows.padsEnd,
    groups,
    epilogue: null,
  });

export function conv(node: NodeContext): readonly ValueId[] {
  const dtype = commonDType(node, "float");
  const spatial = spatialDimsOf(node, 0);
  const windows = windowsOf(node, spatial, kernelShape(node, spatial.length));
  const [x, w] = [widen(node, node.input(0)), widen(node, node.input(1))];
  return [toDType(node, dtype, withBias(node, convOf(node, x, w, windows, groupsOf(node)), 2))];
}

/** Zero points are taken off before the padding, so that the padding counts as zero. That of the weights may differ per output channel. */
function convInteger(node: NodeContext): readonly ValueId[] {
  for (const index of [0, 1]) {
    if (dtypeInfo(node.dtype(index)).bits !== 8)
      throw node.typeError(`elements must be i8 or u8, not ${node.dtype(index)}`);
  }
  const spatial = spatialOf(node, 0);
  const windows = windowsOf(node, spatial, kernelShape(node, spatial.length));
  const x = withoutZeroPoint(node, node.input(0), node.hasInput(2) ? node.input(2) : null);
  const w = withoutZeroPoint(node, node.input(1), weightZeroPoint(node, spatial.length));
  return [convOf(node, x, w, windows, groupsOf(node))];
}

function weightZeroPoint(node: NodeContext, dims: number): ValueId | null {
  if (!node.hasInput(3)) return null;
  const [channels, ...more] = node.shape(3);
  if (channels === undefined || channels === 1 || more.length > 0) return node.input(3);
  return node.reshape(node.input(3), alongAxis(dims + 2, 0, channels));
}

interface TransposedPadding {
  readonly begin: number[];
  readonly end: number[];
  readonly outputPadding: number[];
}

/**
 * Padding of a transposed convolution. With `output_shape` or SAME the padding follows from the size that is asked for:
 * total = stride (input - 1) + output_padding + span - output. A shape beyond what the kernel reaches grows at the end; SAME does not.
 */
function transposedPadding(node: NodeContext, dims: readonly Dim[], windows: Windows): TransposedPadding {
  const mode = autoPadOf(node);
  // what is padded does not depend on the image unless a size is asked for
  if (mode !== "SAME_UPPER" && mode !== "SAME_LOWER" && node.ints("output_shape") === undefined)
    return {
      ...padsOf(node, dims.length),
      outputPadding: perDim(node, "output_padding", dims.length, 0, 0),
    };
  const input = staticDims(dims, "a transposed convolution that pads");
  const outputPadding = perDim(node, "output_padding", input.length, 0, 0);
  const same = mode === "SAME_UPPER" || mode === "SAME_LOWER";
  const shape = outputShape(node, input.length);
  const asked = shape ?? (same ? input.map((size, i) => size * (windows.strides[i] ?? 1)) : null);
  if (asked === null) return { ...padsOf(node, input.length), outputPadding };
  const begin: number[] = [];
  const end: number[] = [];
  for (const [i, size] of input.entries()) {
    const natural = (size - 1) * (windows.strides[i] ?? 1) + span(windows.kernel[i] ?? 1, windows.dilations[i] ?? 1);
    const total = natural + (outputPadding[i] ?? 0) - (asked[i] ?? 0);
    const [before, after] = splitPadding(Math.max(0, total), mode);
    begin.push(before);
    end.push(after);
    if (total < 0 && shape !== null) outputPadding[i] = (outputPadding[i] ?? 0) - total;
  }
  return { begin, end, outputPadding };
}

/** `output_shape`: the spatial dims; some exporters write batch and channels, too. */
function outputShape(node: NodeContext, dims: number): readonly number[] | null {
  const shape = node.ints("output_shape");
  if (shape === undefined) return null;
  if (shape.length !== dims && shape.length !== dims + 2) {
    throw node.attributeError(`output_shape has ${shape.length} entries for ${dims} spatial dims`);
  }
  return shape.slice(-dims);
}

function convTranspose(node: NodeContext): readonly ValueId[] {
  const dtype = commonDType(node, "float");
  const spatial = spatialDimsOf(node, 0);
  const windows: Windows = {
    kernel: kernelShape(node, spatial.length),
    strides: perDim(node, "strides", spatial.length, 1, 1),
    dilations: perDim(node, "dilations", spatial.length, 1, 1),
    padsBegin: [],
    padsEnd: [],
  };
  const { begin, end, outputPadding } = transposedPadding(node, spatial, windows);
  const product = node.emitOne({
    kind: "convTranspose",
    inputs: [widen(node, node.input(0)), widen(node, node.input(1))],
    strides: windows.strides,
    dilations: windows.dilations,
    padsBegin: begin,
    padsEnd: end,
    outputPadding,
    groups: groupsOf(node),
    epilogue: null,
  });
  return [toDType(node, dtype, withBias(node, product, 2))];
}

/** Depthwise, looking back only: the state (zeros at the start) goes before the input, and the new tail is the next state. */
function causalConvWithState(node: NodeContext): readonly ValueId[] {
  const dtype = commonDType(node, "float");
  const [batch = 0, channels = 0, length = 0] = node.shape(0);
  const taps = node.shape(1)[2] ?? 1;
  const dilation = node.int("dilation", 1);
  if (dilation < 1) throw node.attributeError(`dilation is ${dilation}`);
  const kept = (taps - 1) * dilation;
  const past = node.hasInput(3) ? node.input(3) : node.broadcastTo(literal(node, dtype, 0), [batch, channels, kept]);
  const padded = kept === 0 ? node.input(0) : concatOf(node, [past, node.input(0)], 2);
  const windows: Windows = { kernel: [taps], strides: [1], dilations: [dilation], padsBegin: [0], padsEnd: [0] };
  const product = convOf(node, widen(node, padded), widen(node, node.input(1)), windows, channels);
  const output = activated(node, dtype, withBias(node, product, 2));
  return node.wantsOutput(1) ? [output, sliceOf(node, padded, 2, length, kept)] : [output];
}

/** What com.microsoft's may ask for besides, mostly of graphics cards, and the value with which it does not. */
const furtherLayouts = {
  channels_last: 0,
  input_channel_offset: 0,
  input_channels: 0,
  ndim: 1,
  state_length: 0,
  state_update_capacity: 0,
  state_window: 0,
} as const;

function contribCausalConv(node: NodeContext): readonly ValueId[] {
  for (const [name, plain] of Object.entries(furtherLayouts))
    if (node.int(name, plain) !== plain) throw node.unsupported(`${name} ${node.int(name, plain)}`);
  if (node.int("state_channels_last", -1) > 0) throw node.unsupported("state_channels_last 1");
  return causalConvWithState(node);
}

function activated(node: NodeContext, dtype: DType, value: ValueId): ValueId {
  const activation = node.string("activation", "none");
  if (activation === "none") return toDType(node, dtype, value);
  if (activation !== "silu" && activation !== "swish") {
    throw node.attributeError(`activation must be silu, swish or none, not ${JSON.stringify(activation)}`);
  }
  const compute = node.typeOf(value).dtype;
  return mapIn(node, compute, dtype, [value], ([x = arg(0)]) => swish(compute, 1, x));
}

export const convAttributes: Attributes = {
  auto_pad: "string",
  dilations: "ints",
  group: "int",
  kernel_shape: "ints",
  pads: "ints",
  strides: "ints",
};

export const convolutionOperators: readonly OperatorDef[] = [
  operator("Conv", conv, [{ since: [1, 11, 22], inputs: [2, 3], attributes: convAttributes, optionalInputs: [2] }]),
  operator("ConvTranspose", convTranspose, [
    {
      since: [1, 11, 22],
      inputs: [2, 3],
      attributes: { ...convAttributes, output_padding: "ints", output_shape: "ints" },
      optionalInputs: [2],
    },
  ]),
  operator("ConvInteger", convInteger, [
    { since: 10, inputs: [2, 4], attributes: convAttributes, optionalInputs: [2, 3] },
  ]),
  operator("CausalConvWithState", causalConvWithState, [
    { since: 27, inputs: [2, 4], outputs: [1, 2], attributes: { activation: "string" }, optionalInputs: [2, 3] },
  ]),
  operatorOf("com.microsoft", "CausalConvWithState", contribCausalConv, [
    {
      since: 1,
      inputs: [2, 4],
      outputs: [1, 2],
      optionalInputs: [2, 3],
      attributes: {
        activation: "string",
        dilation: "int",
        state_channels_last: "int",
        ...(Object.fromEntries(Object.keys(furtherLayouts).map((name) => [name, "int"])) as Attributes),
      },
    },
  ]),
];
