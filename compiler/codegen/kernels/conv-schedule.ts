/** Which algorithm does a convolution: a decision from types alone, as data. */
import type { ConvOp, TensorType } from "../../../ir/graph.ts";
import type { Operands } from "../kernel.ts";
import { imageShapeOf } from "./conv-frame.ts";

export type ConvSchedule =
  /** products over a padded channels-last image */
  | { readonly algorithm: "direct" }
  /** one filter for each channel: vectors of channels */
  | { readonly algorithm: "depthwise" };

export function chooseConvSchedule(op: ConvOp, operands: Operands): ConvSchedule {
  const [x] = operands.inputs as readonly [TensorType];
  const { channels } = imageShapeOf(x, op.layout);
  const filters = imageShapeOf(operands.outputs[0] as TensorType, op.layout).channels;
  const isDepthwise = op.groups === channels && filters === channels && channels > 1;
  return { algorithm: isDepthwise ? "depthwise" : "direct" };
}
