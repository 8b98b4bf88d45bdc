/** Evaluates ops over constants while a model is compiled. The results keep their lineage: another compilation of the model knows them again. */
import { exactJson } from "../ir/exact-json.ts";
import type { OpSpec } from "../ir/graph.ts";
import { derived } from "../ir/lineage.ts";
import type { TensorData } from "../ir/tensor.ts";
import { evaluateOp } from "../runtime/reference/evaluate.ts";

export function evaluateConstants(op: OpSpec, operands: readonly TensorData[]): readonly TensorData[] {
  const recipe = exactJson({ ...op, inputs: [], outputs: [], origin: [] });
  return evaluateOp(op, operands).map((result, index) => derived(`${index} ${recipe}`, operands, result));
}
