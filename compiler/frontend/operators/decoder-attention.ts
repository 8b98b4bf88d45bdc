/**
 * DecoderMaskedMultiHeadAttention of com.microsoft: one token of a decoder against its cache, or against an encoder's keys and values that were
 * computed before. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.DecoderMaskedMultiHeadAttention
 */
import type { ValueId } from "../../../ir/graph.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { headsTogether } from "./attend.ts";
import { attended, cached, scoresOf, withHeads } from "./contrib-attention.ts";
import { commonDType } from "./elementwise.ts";
import { toDType } from "./precision.ts";
import { sliceOf } from "./support.ts";
import { operatorOf } from "./table.ts";

/** Q, K and V; without a key the query holds all three, one behind the other. */
function parts(node: NodeContext): readonly ValueId[] {
  if (node.hasInput(1) !== node.hasInput(2)) throw node.shapeError("key and value are given together or not at all");
  if (node.hasInput(1)) return [node.input(0), node.input(1), node.input(2)];
  const width = (node.shape(0).at(-1) ?? 0) / 3;
  if (!Number.isInteger(width))
    throw node.shapeError(`a query of shape [${node.shape(0).join(",")}] holds no Q, K and V`);
  return [0, 1, 2].map((part) => sliceOf(node, node.input(0), 2, part * width, width));
}

function decoderMaskedAttention(node: NodeContext): readonly ValueId[] {
  const dtype = commonDType(node, "float", 3);
  const shape = node.shape(0);
  if (shape.length !== 3 || shape[1] !== 1)
    throw node.shapeError(`a query of shape [${shape.join(",")}] is not one token`);
  const shared = node.int("past_present_share_buffer", 0) !== 0;
  const isCross = node.hasInput(1) && node.rank(1) === 4;
  if (!isCross && shared && !node.hasInput(7)) throw node.shapeError("past_sequence_length says what the buffer holds");
  if (!shared && node.hasInput(7)) throw node.attributeError("past_sequence_length is for past_present_share_buffer");
  const [query = 0, ...states] = withHeads(node, parts(node), 10);
  const cache = cached(node, states, { key: 5, value: 6, length: 7, beams: 9 });
  const [key, value] = cache.read;
  const { output, stages } = attended(node, { heads: { query, key, value }, mask: 3, bias: 4, tokens: cache.tokens });
  const results = [toDType(node, dtype, headsTogether(node, output)), ...cache.present];
  return node.wantsOutput(3) ? [...results, toDType(node, dtype, scoresOf(node, stages[2], cache, 7))] : results;
}

export const decoderAttentionOperators: readonly OperatorDef[] = [
  operatorOf("com.microsoft", "DecoderMaskedMultiHeadAttention", decoderMaskedAttention, [
    {
      since: 1,
      inputs: [1, 11],
      outputs: [1, 4],
      optionalInputs: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
      attributes: {
        mask_filter_value: "float",
        num_heads: "int!",
        output_qk: "int",
        past_present_share_buffer: "int",
        scale: "float",
      },
    },
  ]),
];
