/**
 * QAttention of com.microsoft: Attention whose projection is a product of 8-bit integers, scaled to f32; everything behind it is in f32.
 * https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.QAttention
 */
import { dtypeInfo } from "../../../ir/dtype.ts";
import type { ValueId } from "../../../ir/graph.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { attendProjected, refuseCudaOnly } from "./contrib-attention.ts";
import { scaledProduct } from "./quantized-linear.ts";
import { asScalar } from "./support.ts";
import { operatorOf } from "./table.ts";

function quantizedAttention(node: NodeContext): readonly ValueId[] {
  refuseCudaOnly(node);
  for (const index of [0, 1]) {
    if (dtypeInfo(node.dtype(index)).bits !== 8)
      throw node.typeError(`elements must be i8 or u8, not ${node.dtype(index)}`);
  }
  if (node.dtype(2) !== "f32") throw node.unsupported(`a bias of ${node.dtype(2)}`);
  const zero = node.hasInput(6) ? asScalar(node, node.input(6)) : null;
  const operand = { value: node.input(0), scale: asScalar(node, node.input(3)), zero };
  const [projection = 0] = scaledProduct(node, operand, { scale: 4, zero: 7, bias: 2 });
  const width = node.typeOf(projection).shape.at(-1) ?? 0;
  const size = width / 3;
  if (node.rank(0) !== 3 || !Number.isInteger(size)) {
    throw node.shapeError(
      `${width} columns of weights for Q, K and V of an input of shape [${node.shape(0).join(",")}]`,
    );
  }
  return attendProjected(node, { projection, dtype: "f32", sizes: [size, size, size], mask: 5, bias: 9, past: 8 });
}

export const quantizedAttentionOperators: readonly OperatorDef[] = [
  operatorOf("com.microsoft", "QAttention", quantizedAttention, [
    {
      since: 1,
      inputs: [5, 9],
      outputs: [1, 2],
      optionalInputs: [5, 6, 7, 8],
      attributes: {
        do_rotary: "int",
        mask_filter_value: "float",
        num_heads: "int!",
        past_present_share_buffer: "int",
        scale: "float",
        unidirectional: "int",
      },
    },
  ]),
];
