/** fold-constants: evaluates ops all of whose operands are constants, unless the result would be much larger than they are. */
import type { FoldHook } from "../../ir/builder.ts";
import { WscError } from "../../ir/diagnostic.ts";
import { storageBytes } from "../../ir/dtype.ts";
import type { ValueType } from "../../ir/graph.ts";
import { elementCount, type TensorData } from "../../ir/tensor.ts";
import { isEvaluable } from "../../runtime/reference/evaluate.ts";
import { evaluateConstants, isSound } from "../evaluate-constants.ts";
import type { Pass } from "./pass.ts";
import { rewriteGraph } from "./rewrite.ts";

/** Results up to this size are always worth it. */
const smallBytes = 64 * 1024;
/** A larger result may be at most so many times the size of what it comes from. */
const growth = 2;

export const foldConstants: Pass = {
  name: "fold-constants",
  summary: "evaluate ops over constants",
  run: (graph) =>
    rewriteGraph(graph, ({ op, inputs, builder }) => {
      const constants: TensorData[] = [];
      for (const id of inputs) {
        const constant = builder.constantOf(id);
        if (constant === undefined) return null;
        constants.push(constant);
      }
      const results = foldOp(
        { ...op, inputs },
        constants,
        op.outputs.map((id) => graph.values[id]?.type as ValueType),
      );
      return results?.map((tensor) => builder.constant(tensor)) ?? null;
    }),
};

/** Evaluates an op when it is worth it; the hook that builders take. An op that fails stays: it may stand where no run comes. */
export const foldOp: FoldHook = (op, inputs, types) => {
  if (!isEvaluable(op.kind) || !isWorthFolding(inputs, types) || !isSound(op, inputs)) return null;
  try {
    return evaluateConstants(op, inputs);
  } catch (error) {
    if (error instanceof WscError) return null;
    throw error;
  }
};

function isWorthFolding(inputs: readonly TensorData[], types: readonly ValueType[]): boolean {
  const bytesIn = inputs.reduce((sum, { dtype, shape }) => sum + elementCount(shape) * storageBytes(dtype), 0);
  let bytesOut = 0;
  for (const type of types) {
    if (type.kind !== "tensor") return false;
    bytesOut += elementCount(type.shape) * storageBytes(type.dtype);
  }
  return bytesOut <= Math.max(smallBytes, growth * bytesIn);
}
