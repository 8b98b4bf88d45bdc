/** Ops over constants become constants while a model is lowered, so that shape arithmetic disappears. Big results stay ops: weights are not multiplied here. */
import type { FoldHook } from "../../ir/builder.ts";
import type { OpKind, ValueType } from "../../ir/graph.ts";
import { elementCount } from "../../ir/tensor.ts";
import { evaluateOp, isEvaluable } from "../../runtime/reference/evaluate.ts";

/** Elements of the largest result that is computed while lowering. */
const maxResultElements = 64 * 1024;
/** Elements of the largest operand that is read in full for a small result (a mean over weights, say). */
const maxOperandElements = 1024 * 1024;

/** Kinds whose cost follows their result, however large the operand: picking a few elements out of a table. */
const pickingKinds: ReadonlySet<OpKind> = new Set<OpKind>(["slice", "gather", "gatherElements", "gatherND"]);

const elementsOf = (type: ValueType): number => (type.kind === "tensor" ? elementCount(type.shape) : Infinity);

/** Folds results of up to 64 Ki elements, and any reshape (a view). */
export const foldConstants: FoldHook = (op, inputs, types) => {
  if (!isEvaluable(op.kind)) return null;
  if (op.kind !== "reshape") {
    if (types.some((type) => elementsOf(type) > maxResultElements)) return null;
    const tooLarge = inputs.some(({ shape }) => elementCount(shape) > maxOperandElements);
    if (tooLarge && !pickingKinds.has(op.kind)) return null;
  }
  return evaluateOp(op, inputs);
};
