/** Who decides what kernels leave open: asked once for each kernel of a program, with a name by which its choices can be remembered. */
import type { Op, TensorType } from "../../ir/graph.ts";
import { printAttributes } from "../../ir/text/attributes.ts";
import { printExpr } from "../../ir/text/expr.ts";
import { showType } from "../../ir/types.ts";
import { type Choose, joinedChoice, modelChoice } from "./choice.ts";
import type { KernelCode, Operands } from "./kernel.ts";
import type { AttentionSpec } from "./kernels/attention.ts";

/** A kernel that is to be emitted. */
export interface KernelRequest {
  /** the operation with its types and attributes; kernels of one name offer the same choices */
  readonly name: () => string;
  readonly inputs: readonly TensorType[];
  readonly outputs: readonly TensorType[];
  /** its stages, or null where there is no kernel */
  readonly emit: (choose: Choose) => readonly KernelCode[] | null;
}

export type Scheduler = (request: KernelRequest) => readonly KernelCode[] | null;

/** Leaves all choices to the cost model. */
export const modelScheduler: Scheduler = ({ emit }) => emit(modelChoice);

/** The same for engines that join pairs of vectors. */
export const joinedScheduler: Scheduler = ({ emit }) => emit(joinedChoice);

/** `matmul(f32[1,128,768], f32[768,768] constant) {transposeA = false, …} : f32[1,128,768]`: an op without its values' names. */
export function kernelName(op: Op, { inputs, outputs, constants }: Operands): string {
  const operands = inputs.map((type, i) => `${showType(type)}${constants[i] === undefined ? "" : " constant"}`);
  return `${op.kind}(${operands.join(", ")})${printAttributes(op)} : ${outputs.map(showType).join(", ")}`;
}

/** An attention, with where its operands lie. */
export function attentionName({ epilogue, ...rest }: AttentionSpec, output: TensorType): string {
  const fields = Object.entries(rest).map(([field, value]) => `${field} = ${JSON.stringify(value)}`);
  const clause = epilogue === null ? "" : ` epilogue ${printExpr(epilogue)}`;
  return `attention {${fields.join(", ")}}${clause} : ${showType(output)}`;
}
