/** What the models of ai.onnx.ml take and give: rows of numbers, and the names of classes. */
import type { ValueId } from "../../../ir/graph.ts";
import { elementCount, type TensorData, tensorFrom } from "../../../ir/tensor.ts";
import type { NodeContext } from "../operator.ts";
import { bigintAttribute } from "./support.ts";

/** Input 0 as rows in f32, or in f64 where it is; a vector is one row. */
export function rowsOf(node: NodeContext): ValueId {
  const shape = node.shape(0);
  const x = node.dtype(0) === "f64" ? node.input(0) : node.castTo("f32", node.input(0));
  if (shape.length === 0) throw node.shapeError("the input has no dims");
  if (shape.length === 1) return node.reshape(x, [1, ...shape]);
  return node.reshape(x, [shape[0] ?? 0, elementCount(shape.slice(1))]);
}

/** Input 0 as rows in f32. */
export const floatRowsOf = (node: NodeContext): ValueId => node.castTo("f32", rowsOf(node));

/** Names of the classes, of i64 or strings; `ints` is the attribute that has them as integers. */
export function labelsOf(node: NodeContext, ints: "classlabels_int64s" | "classlabels_ints"): TensorData {
  const names = node.strings("classlabels_strings") ?? [];
  if (names.length > 0) return tensorFrom("string", [names.length], names);
  const numbers = bigintAttribute(node, ints) ?? [];
  if (numbers.length > 0) return tensorFrom("i64", [numbers.length], numbers);
  throw node.attributeError(`classlabels_strings or ${ints} must be given`);
}

/** The labels that stand at the places `index`, i64 [rows]. */
export const labelled = (node: NodeContext, labels: TensorData, index: ValueId): ValueId =>
  node.emitOne({ kind: "gather", inputs: [node.constantValue(labels), index], axis: 0 });

/** The place of each row's largest score, the first of equals. */
export const largestOf = (node: NodeContext, scores: ValueId): ValueId =>
  node.emitOne({ kind: "argReduce", inputs: [scores], fn: "max", axis: 1, keepDims: false, selectLast: false });
