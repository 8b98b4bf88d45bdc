/** Ops over constants become constants while a model is lowered, so that shape arithmetic disappears. Big results stay ops: weights are not multiplied here. */
import type { FoldHook } from "../../ir/builder.ts";
import { dtypeInfo, isFloat, isInteger } from "../../ir/dtype.ts";
import type { OpKind, OpSpec, ValueType } from "../../ir/graph.ts";
import { elementCount, type TensorData } from "../../ir/tensor.ts";
import { isEvaluable } from "../../runtime/reference/evaluate.ts";
import { evaluateConstants, isSound } from "../evaluate-constants.ts";

/** Elements of the largest result that is computed while lowering. */
const maxResultElements = 64 * 1024;
/** Elements of the largest operand that is read in full for a small result (a mean over weights, say). */
const maxOperandElements = 1024 * 1024;

/** Kinds whose cost follows their result, however large the operand: picking a few elements out of a table. */
const pickingKinds: ReadonlySet<OpKind> = new Set<OpKind>(["slice", "gather", "gatherElements", "gatherND"]);

const elementsOf = (type: ValueType): number => (type.kind === "tensor" ? elementCount(type.shape) : Infinity);

/** Weights of 8 bits or less that are dequantized: a product may want the integers (passes/integer-products.ts, passes/weight-only.ts). */
const isDequantization = (op: OpSpec, [x]: readonly TensorData[], [type]: readonly ValueType[]): boolean =>
  op.kind === "map" &&
  x !== undefined &&
  isInteger(x.dtype) &&
  dtypeInfo(x.dtype).bits <= 8 &&
  x.shape.length > 1 &&
  type?.kind === "tensor" &&
  isFloat(type.dtype);

/** Folds results of up to 64 Ki elements, and any reshape (a view). */
export const foldConstants: FoldHook = (op, inputs, types) => {
  if (!isEvaluable(op.kind) || isDequantization(op, inputs, types) || !isSound(op, inputs)) return null;
  if (op.kind !== "reshape") {
    if (types.some((type) => elementsOf(type) > maxResultElements)) return null;
    const tooLarge = inputs.some(({ shape }) => elementCount(shape) > maxOperandElements);
    if (tooLarge && !pickingKinds.has(op.kind)) return null;
  }
  return evaluateConstants(op, inputs);
};
