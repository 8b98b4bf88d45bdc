/**
 * The operators of com.microsoft.nchwc, which onnxruntime's full optimization writes for convolutions: channels in blocks of 8 or 16, the last one
 * filled up with zeros. Here a value in blocks is an ordinary [batch, channels, height, width] of whole blocks; only weights, which lie in
 * the file in their blocks, are laid out anew. https://github.com/microsoft/onnxruntime/blob/main/onnxruntime/core/optimizer/nchwc_transformer.h
 */
import type { ValueId } from "../../../ir/graph.ts";
import { blockAttribute, nchwcDomain } from "../block-sizes.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { convAttributes, convOf, groupsOf, withBias } from "./convolution.ts";
import { commonDType } from "./elementwise.ts";
import { activated, activationOf } from "./fused-activations.ts";
import { averagePool, globalPool, maxPool } from "./pooling.ts";
import { upsampleByInts } from "./resize.ts";
import { literal, movedAxis, sliceOf } from "./support.ts";
import { type Attributes, type Lower, operatorOf, type VersionRow } from "./table.ts";
import { kernelOf, spatialOf, windowsOf } from "./window.ts";

function blockOf(node: NodeContext): number {
  const block = node.int(blockAttribute, 16);
  if (block !== 8 && block !== 16) throw node.attributeError(`${blockAttribute} is ${block}, must be 8 or 16`);
  return block;
}

const expectImages = (node: NodeContext): void => {
  if (node.rank(0) !== 4) throw node.shapeError(`images of shape [${node.shape(0).join(",")}] must have rank 4`);
};

/** Fills the channels up to whole blocks; with `channels_last` they come last. */
function reorderInput(node: NodeContext): readonly ValueId[] {
  commonDType(node, "float");
  expectImages(node);
  const last = node.int("channels_last", 0) !== 0;
  const x = last ? node.transpose(node.input(0), movedAxis(4, 3, 1)) : node.input(0);
  const { dtype, shape } = node.typeOf(x);
  const [, channels = 0] = shape;
  const block = blockOf(node);
  const missing = Math.ceil(channels / block) * block - channels;
  if (missing === 0) return [x];
  const inputs = [x, literal(node, dtype, 0)];
  return [node.emitOne({ kind: "pad", inputs, mode: "constant", before: [0, 0, 0, 0], after: [0, missing, 0, 0] })];
}

/** The first `channels`, put last on demand. */
function reorderOutput(node: NodeContext): readonly ValueId[] {
  expectImages(node);
  const given = node.shape(0)[1] ?? 0;
  const channels = node.int("channels", given);
  if (channels < 1 || channels > given) throw node.attributeError(`channels is ${channels} of ${given}`);
  const x = sliceOf(node, node.input(0), 1, 0, channels);
  return [node.int("channels_last", 0) !== 0 ? node.transpose(x, movedAxis(4, 1, 3)) : x];
}

/**
 * Weights [outputs, inputs, height, width] out of their blocks, which lie as [outputs / b, inputs / b, height, width, b inputs, b outputs], or,
 * where the input has too few channels for a block or one for each group, as [outputs / b, inputs, height, width, b outputs].
 */
function unblocked(node: NodeContext, groups: number): ValueId {
  const shape = node.shape(1);
  const [outputs = 0, inputs = 0, height = 0, width = 0] = shape;
  const block = blockOf(node);
  const byOutputs = groups === 1 ? inputs < block : inputs === 1;
  if (shape.length !== 4 || outputs % block !== 0 || (!byOutputs && inputs % block !== 0)) {
    throw node.shapeError(`weights of shape [${shape.join(",")}] do not lie in blocks of ${block} channels`);
  }
  const blocks = outputs / block;
  if (byOutputs) {
    const laid = node.reshape(node.input(1), [blocks, inputs, height, width, block]);
    return node.reshape(node.transpose(laid, [0, 4, 1, 2, 3]), shape);
  }
  const laid = node.reshape(node.input(1), [blocks, inputs / block, height, width, block, block]);
  return node.reshape(node.transpose(laid, [0, 5, 1, 4, 2, 3]), shape);
}

/** Inputs: X, W, bias, and what is added before the activation. */
function conv(node: NodeContext): readonly ValueId[] {
  commonDType(node, "float");
  expectImages(node);
  const groups = groupsOf(node);
  const weights = unblocked(node, groups);
  const kernel = kernelOf(node, 2, node.shape(1).slice(2));
  if (kernel.join() !== node.shape(1).slice(2).join()) {
    throw node.shapeError(`kernel_shape [${kernel.join(",")}] contradicts the weights [${node.shape(1).join(",")}]`);
  }
  const windows = windowsOf(node, spatialOf(node, 0), kernel);
  const product = withBias(node, convOf(node, node.input(0), weights, windows, groups), 2);
  const apply = activationOf(node, node.floats("activation_params") ?? []);
  return [activated(node, apply, product, ...(node.hasInput(3) ? [node.input(3)] : []))];
}

const pool: Attributes = {
  auto_pad: "string",
  ceil_mode: "int",
  dilations: "ints",
  kernel_shape: "ints!",
  pads: "ints",
  strides: "ints",
};
const block: Attributes = { [blockAttribute]: "int" };

const nchwc = (name: string, lower: Lower, row: Omit<VersionRow, "since"> = {}): OperatorDef =>
  operatorOf(nchwcDomain, name, lower, [{ since: 1, ...row }]);

/** Operators of this family. */
export const nchwcOperators: readonly OperatorDef[] = [
  nchwc("ReorderInput", reorderInput, { attributes: { ...block, channels_last: "int" } }),
  nchwc("ReorderOutput", reorderOutput, { attributes: { channels: "int", channels_last: "int" } }),
  nchwc("Conv", conv, {
    inputs: [2, 4],
    optionalInputs: [2, 3],
    attributes: { ...convAttributes, ...block, activation: "string", activation_params: "floats" },
  }),
  nchwc("MaxPool", maxPool, { attributes: { ...pool, storage_order: "int" } }),
  nchwc("AveragePool", averagePool, { attributes: { ...pool, count_include_pad: "int" } }),
  nchwc("GlobalMaxPool", globalPool("max")),
  nchwc("GlobalAveragePool", globalPool("mean")),
  nchwc("Upsample", upsampleByInts, {
    attributes: { coordinate_transformation_mode: "string", mode: "string", scales: "ints!" },
  }),
];
