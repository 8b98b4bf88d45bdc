/** Where an op runs: in kernels, as a view of bytes that are there, or in JavaScript. Known from its types, so no constant is read for it. */
import { dtypeInfo } from "../../ir/dtype.ts";
import { type Graph, type Op, regionsOf, type TensorType, type ValueId, type ValueType } from "../../ir/graph.ts";
import { nth } from "../../ir/access.ts";
import { hostReason } from "./host-steps.ts";
import { hasKernels } from "./kernels/registry.ts";

export const typeOf = (graph: Graph, value: ValueId): ValueType => nth(graph.values, value).type;

/** True for a value that kernels can work on: a tensor of known shape whose elements are bytes. */
export const isNumericTensor = (type: ValueType): type is TensorType =>
  type.kind === "tensor" && type.dtype !== "string";

/** Bits under another type of their width are the same bytes; elements of less than a byte are stored with their sign. */
export function isBitView(graph: Graph, { fn, inputs, outputs }: Extract<Op, { kind: "host" }>): boolean {
  const isWhole = (type: ValueType): boolean => isNumericTensor(type) && dtypeInfo(type.dtype).bits >= 8;
  return fn === "bitCast" && [...inputs, ...outputs].every((value) => isWhole(typeOf(graph, value)));
}

export type OpHome =
  { readonly kind: "kernels" | "view" | "control flow" } | { readonly kind: "JavaScript"; readonly reason: string };

export function homeOf(graph: Graph, op: Op): OpHome {
  if (op.kind === "deferred") return { kind: "JavaScript", reason: op.reason };
  if (op.kind === "host") return isBitView(graph, op) ? { kind: "view" } : { kind: "JavaScript", reason: op.reason };
  if (regionsOf(op).length > 0) return { kind: "control flow" };
  const types = [...op.inputs, ...op.outputs].map((value) => typeOf(graph, value));
  if (!types.every(isNumericTensor)) return { kind: "JavaScript", reason: hostReason(op) };
  if (op.kind === "reshape") return { kind: "view" };
  const [inputs, outputs] = [types.slice(0, op.inputs.length), types.slice(op.inputs.length)];
  const constants = op.inputs.map((value) => nth(graph.values, value).constant);
  const isKernel = hasKernels(op, { inputs, outputs, constants });
  return isKernel ? { kind: "kernels" } : { kind: "JavaScript", reason: hostReason(op) };
}
