/** What can be said about an operand whose shape only a run knows; none of this defers. */
import type { DType } from "../../../ir/dtype.ts";
import type { DynamicType, ValueType } from "../../../ir/graph.ts";
import type { NodeContext } from "../operator.ts";

/** The element type of a tensor input. */
export function elementTypeOf(node: NodeContext, index: number): DType {
  const type = node.anyType(index);
  if (type.kind === "tensor" || type.kind === "dynamic") return type.dtype;
  throw node.typeError(`input ${index} is a ${type.kind}, a tensor is expected`);
}

/** Dims of a tensor input as far as they are known; null when not even their number is. */
export function dimsOf(node: NodeContext, index: number): DynamicType["dims"] {
  const type = node.anyType(index);
  if (type.kind === "tensor") return type.shape;
  return type.kind === "dynamic" ? type.dims : null;
}

export const rankOf = (node: NodeContext, index: number): number | null => dimsOf(node, index)?.length ?? null;

/** A dim that only a run knows, called after the node's first result: no two nodes share one, as their counts may differ. */
export const ownDim = (node: NodeContext, what: string): string =>
  `${node.node.outputs.find((name) => name !== "") ?? ""}.${what}`;

/** A tensor of any shape. */
export const anyShape = (dtype: DType): ValueType => ({ kind: "dynamic", dtype, dims: null });

/** A tensor whose dims are known in part; static when all of them are numbers. */
export function typeOfDims(dtype: DType, dims: DynamicType["dims"]): ValueType {
  if (dims === null) return anyShape(dtype);
  const numbers = dims.filter((dim) => typeof dim === "number");
  return numbers.length === dims.length ? { kind: "tensor", dtype, shape: numbers } : { kind: "dynamic", dtype, dims };
}
