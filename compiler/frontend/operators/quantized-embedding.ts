/** QEmbedLayerNormalization of com.microsoft: EmbedLayerNormalization whose tables are 8-bit integers, each with one scale and zero point. */
import { nth } from "../../../ir/access.ts";
import { floatAttribute, GraphWriter, intAttribute } from "../graph-writer.ts";
import type { OnnxGraph } from "../onnx.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { tensorFrom } from "../../../ir/tensor.ts";
import { indexTensor } from "./support.ts";
import { operatorOf } from "./table.ts";

/** Where the inputs of one table are, and its scale and zero point. */
const tables = {
  word: [2, 8, 13],
  position: [3, 9, 14],
  segment: [4, 10, 15],
  gamma: [5, 11, 16],
  beta: [6, 12, 17],
} as const;

/** ONNX's number of i32. */
const int32 = 6;

function quantizedEmbedding(node: NodeContext): OnnxGraph {
  const writer = GraphWriter.for(node.node);
  const { inputs } = node.node;
  const [batch = 0, length = 0] = node.shape(0);
  if (node.hasInput(1) !== node.hasInput(4)) throw node.shapeError("segment ids and their embeddings come together");
  const scalar = (index: number): string =>
    writer.node("Reshape", [nth(inputs, index), writer.constant(tensorFrom("i64", [0], []))]);
  /** The rows of a table, or all of it, as floats. */
  const floats = ([table, scale, zeroPoint]: readonly [number, number, number], rows: string | null): string => {
    const integers = rows === null ? nth(inputs, table) : writer.node("Gather", [nth(inputs, table), rows]);
    return writer.node("DequantizeLinear", [integers, scalar(scale), scalar(zeroPoint)]);
  };
  const positions = writer.constant(indexTensor([1, length], (i) => i));
  const words = floats(tables.word, nth(inputs, 0));
  const placed = writer.node("Add", [words, floats(tables.position, positions)]);
  const sum = node.hasInput(1) ? writer.node("Add", [placed, floats(tables.segment, nth(inputs, 1))]) : placed;
  const normal = writer.node("LayerNormalization", [sum, floats(tables.gamma, null), floats(tables.beta, null)], {
    attributes: { axis: intAttribute(-1), epsilon: floatAttribute(node.float("epsilon", 1e-12)) },
  });
  return writer.finish([normal, node.hasInput(7) ? counted(writer, nth(inputs, 7)) : zeros(writer, batch)]);
}

const zeros = (writer: GraphWriter, count: number): string =>
  writer.constant(tensorFrom("i32", [count], new Array<number>(count).fill(0)));

/** How many tokens of each sample the mask counts. */
function counted(writer: GraphWriter, mask: string): string {
  const isOne = writer.node("Equal", [mask, writer.constant(tensorFrom("i32", [], [1]))]);
  const ones = writer.node("Cast", [isOne], { attributes: { to: intAttribute(int32) } });
  const axes = writer.constant(tensorFrom("i64", [1], [1]));
  return writer.node("ReduceSum", [ones, axes], { attributes: { keepdims: intAttribute(0) } });
}

export const quantizedEmbeddingOperators: readonly OperatorDef[] = [
  operatorOf("com.microsoft", "QEmbedLayerNormalization", quantizedEmbedding, [
    {
      since: 1,
      inputs: [17, 18],
      outputs: [1, 2],
      optionalInputs: [1, 4, 7, 10, 15],
      attributes: { epsilon: "float" },
    },
  ]),
];
