/** Static ops that stay on the host: what has strings, and kinds without a kernel for their types. */
import { nth } from "../../ir/access.ts";
import { type DType, dtypeInfo } from "../../ir/dtype.ts";
import {
  epilogueOperands,
  type Json,
  type MapOp,
  type Op,
  type TensorType,
  tensorType,
  type ValueId,
  type ValueType,
} from "../../ir/graph.ts";
import type { HostStep, SlotId } from "../../ir/program.ts";
import type { TensorData } from "../../ir/tensor.ts";

/** A constant that memory cannot hold. */
export function hostConstant({ dtype, shape, elements }: TensorData, output: SlotId): HostStep {
  const values = Array.from(elements as readonly string[]);
  return {
    kind: "host",
    fn: "constant",
    attributes: { dtype, shape: [...shape], elements: values },
    inputs: [],
    outputs: [output],
    reason: `a constant of ${dtype}`,
    origin: [],
  };
}

/** Kinds whose fields are plain JSON when they have no epilogue. */
const hasExpressions = (op: Op): boolean =>
  op.kind === "map" || op.kind === "recurrent" || ("epilogue" in op && op.epilogue !== null);

/** Why an op is left to the reference. */
export const hostReason = ({ kind }: Op): string => `${kind} has no kernel for these types`;

/** The op evaluated by the reference; null for ops that carry expressions or regions. */
export function hostEvaluate(op: Op, inputs: readonly SlotId[], outputs: readonly SlotId[]): HostStep | null {
  if (hasExpressions(op) || op.kind === "if" || op.kind === "loop" || op.kind === "scan") return null;
  const fields = Object.entries(op).filter(([key]) => key !== "inputs" && key !== "outputs" && key !== "origin");
  return {
    kind: "host",
    fn: "evaluate",
    attributes: { op: Object.fromEntries<Json>(fields as [string, Json][]) },
    inputs,
    outputs,
    reason: hostReason(op),
    origin: op.origin,
  };
}

type EpilogueOp = Extract<Op, { readonly kind: keyof typeof epilogueOperands }>;

export interface SplitOp {
  readonly plain: EpilogueOp;
  /** of the accumulator, then `map.inputs` */
  readonly map: MapOp;
  readonly accumulator: TensorType;
}

/** An op with an epilogue as the op without, and a map; null when there is none. */
export function splitEpilogue(op: Op, typeOf: (value: ValueId) => ValueType): SplitOp | null {
  if (!("epilogue" in op) || op.epilogue === null) return null;
  const fixed = epilogueOperands[op.kind];
  const output = typeOf(nth(op.outputs, 0)) as TensorType;
  const operand = typeOf(nth(op.inputs, 0)) as TensorType;
  return {
    plain: { ...op, inputs: op.inputs.slice(0, fixed), epilogue: null },
    map: { kind: "map", expr: op.epilogue, inputs: op.inputs.slice(fixed), outputs: op.outputs, origin: op.origin },
    accumulator: tensorType(accumulatorType(operand.dtype), output.shape),
  };
}

/** Integers narrower than 32 bits accumulate, and come out, in i32. */
function accumulatorType(dtype: DType): DType {
  const { class: cls, bits } = dtypeInfo(dtype);
  return (cls === "signed" || cls === "unsigned") && bits < 32 ? "i32" : dtype;
}
