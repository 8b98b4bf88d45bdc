import type { ConvOp } from "../../../ir/graph.ts";
import type { KernelCode, Operands } from "../kernel.ts";
export function depthwiseStages(op: ConvOp, operands: Operands): KernelCode[] {
  throw new Error("later" + op.kind + operands.inputs.length);
}
