/** Strings and complex numbers have no kernels: ops that move them run as the host function `evaluate`, which takes the op as JSON. */
import { dtypeInfo } from "../../ir/dtype.ts";
import type { Json, OpKind, OpSpec, Value, ValueId, ValueType } from "../../ir/graph.ts";
import { inferTypes } from "../../ir/infer.ts";

const movementKinds: ReadonlySet<OpKind> = new Set<OpKind>([
  "reshape", "transpose", "slice", "pad", "concat", "gather", "gatherElements", "gatherND", "scatterElements", "scatterND",
]); // prettier-ignore

const isHostOnly = ({ type }: Value): boolean => {
  if (type.kind !== "tensor" && type.kind !== "dynamic") return false;
  const { class: cls } = dtypeInfo(type.dtype);
  return cls === "string" || cls === "complex";
};

/** The host op that stands for `spec`, with its result types; null when `spec` can stay (other element types, or constants to fold). */
export function hostMovement(
  spec: OpSpec,
  valueOf: (id: ValueId) => Value,
  origin: readonly string[],
): { readonly spec: OpSpec; readonly types: readonly ValueType[] } | null {
  if (!movementKinds.has(spec.kind)) return null;
  const operands = spec.inputs.map(valueOf);
  if (!operands.some(isHostOnly) || operands.every(({ constant }) => constant !== undefined)) return null;
  const types = inferTypes(spec, operands.map(({ type }) => type), origin); // prettier-ignore
  const { inputs, ...op } = spec;
  const reason = "strings and complex numbers are moved on the host";
  return { spec: { kind: "host", fn: "evaluate", inputs, attributes: { op: op as unknown as Json }, reason }, types };
}
