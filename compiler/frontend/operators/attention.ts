/** Attention of ai.onnx. Those of com.microsoft are in contrib-attention.ts and group-query-attention.ts. */
import { type DType, dtypeOfOnnxId } from "../../../ir/dtype.ts";
import type { ValueId } from "../../../ir/graph.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { attend, headsApart, headsTogether, withPast } from "./attend.ts";
import { attentionMask, type Mask, maskedSoftmax } from "./attention-mask.ts";
import { commonDType } from "./elementwise.ts";
import { computeDType, toDType } from "./precision.ts";
import { type Attributes, operator } from "./table.ts";

/** Heads apart; four dims have them apart. */
const splitHeads = (node: NodeContext, value: ValueId, attribute: string): ValueId =>
  node.typeOf(value).shape.length === 4 ? value : headsApart(node, value, node.int(attribute, 0), attribute);

/** Softmax in `softmax_precision`, which may be more or less than the compute type. */
function probabilities(node: NodeContext, scores: ValueId, mask: Mask | null): ValueId {
  const { dtype } = node.typeOf(scores);
  const id = node.int("softmax_precision");
  const precision = id === undefined ? dtype : dtypeOfOnnxId(id);
  if (precision === undefined) throw node.attributeError("softmax_precision is no element type");
  if (precision === "f64") return toDType(node, dtype, maskedSoftmax(node, toDType(node, "f64", scores), mask));
  const rounded = (value: ValueId): ValueId => toDType(node, dtype, toDType(node, precision, value));
  return rounded(maskedSoftmax(node, rounded(scores), mask));
}

function maskOf(node: NodeContext, dtype: DType, queries: number, keys: number): Mask | null {
  return attentionMask(node, {
    dtype,
    queries,
    keys,
    past: node.hasInput(4) ? (node.shape(4)[2] ?? 0) : 0,
    causal: node.int("is_causal", 0) !== 0,
    left: node.int("left_window_size", -1),
    right: node.int("right_window_size", -1),
    mask: node.hasInput(3) ? node.input(3) : null,
    nonpad: node.hasInput(6) ? node.input(6) : null,
  });
}

function attention(node: NodeContext): readonly ValueId[] {
  const dtype = commonDType(node, "float", 2);
  const query = splitHeads(node, node.input(0), "q_num_heads");
  const [pastKey = null, pastValue = null] = [4, 5].map((index) => (node.hasInput(index) ? node.input(index) : null));
  const key = withPast(node, pastKey, splitHeads(node, node.input(1), "kv_num_heads"));
  const value = withPast(node, pastValue, splitHeads(node, node.input(2), "kv_num_heads"));
  const mask = maskOf(node, computeDType(dtype), node.typeOf(query).shape[2] ?? 0, node.typeOf(key).shape[2] ?? 0);
  const { output, stages } = attend(
    node,
    { query, key, value },
    {
      scale: node.float("scale"),
      softcap: node.float("softcap", 0),
      mask,
      normalize: (scores, laid) => probabilities(node, scores, laid),
    },
  );
  const result = toDType(node, dtype, node.rank(0) === 4 ? output : headsTogether(node, output));
  const shown = stages[node.int("qk_matmul_output_mode", 0)];
  if (shown === undefined) throw node.attributeError("qk_matmul_output_mode must be 0, 1, 2 or 3");
  if (!node.wantsOutput(3)) return [result, key, value];
  const [batch = 0, heads = 0, queries = 0] = node.typeOf(query).shape;
  const shape = [batch, heads, queries, node.typeOf(key).shape[2] ?? 0];
  return [result, key, value, toDType(node, dtype, node.reshape(shown, shape))];
}

const attentionAttributes: Attributes = {
  is_causal: "int",
  kv_num_heads: "int",
  q_num_heads: "int",
  qk_matmul_output_mode: "int",
  scale: "float",
  softcap: "float",
  softmax_precision: "int",
};

export const attentionOperators: readonly OperatorDef[] = [
  operator("Attention", attention, [
    { since: 23, inputs: [3, 6], outputs: [1, 4], attributes: attentionAttributes, optionalInputs: [3, 4, 5] },
    { since: 24, inputs: [3, 7], optionalInputs: [3, 4, 5, 6] },
    { since: 25, attributes: { ...attentionAttributes, left_window_size: "int", right_window_size: "int" } },
  ]),
];
