/** What a model declares of its outputs against what follows from its nodes. */
import { diagnostic, type Diagnostic, showName } from "../../ir/diagnostic.ts";
import { type Graph, isHostType, type ValueType } from "../../ir/graph.ts";
import { acceptsType, showType } from "../../ir/types.ts";
import { openShape } from "./deferred-types.ts";
import type { OnnxValueInfo } from "./onnx.ts";
import { type DimBindings, valueTypeOf } from "./types.ts";

/**
 * WSC2004 for outputs that are not as declared: an error for another kind or element type, a warning for another shape, which is a claim of
 * the exporter and no more: the output keeps its own. Symbols that no input binds take the first size that they stand for.
 */
export function checkDeclaredOutputs(
  outputs: readonly OnnxValueInfo[],
  graph: Graph,
  bindings: DimBindings,
): readonly Diagnostic[] {
  const symbols = new Map(bindings);
  const problems: Diagnostic[] = [];
  for (const [i, { name, type }] of outputs.entries()) {
    const actual = graph.values[graph.outputs[i]?.value ?? -1]?.type;
    if (type === null || actual === undefined) continue;
    const loose = valueTypeOf(type, new Map(), name);
    if (!isPossible(openShape(loose), openShape(actual))) problems.push(conflict("error", name, loose, actual));
    else if (!isPossible(loose, actual)) problems.push(conflict("warning", name, loose, actual));
    else if (!unify(loose, actual, symbols))
      problems.push(conflict("warning", name, valueTypeOf(type, symbols, name), actual));
  }
  return problems;
}

/** The type of an output that is put off: nothing but the model says what its shape will be, so no dim of it is certain. */
export const claimedType = (declared: ValueType): ValueType =>
  declared.kind === "tensor" ? { kind: "dynamic", dtype: declared.dtype, dims: declared.shape } : declared;

/** Whether a value of type `actual` can be what `declared` says; of elements of sequences and optionals only the element type counts. */
function isPossible(declared: ValueType, actual: ValueType): boolean {
  if (declared.kind === "tensor" || declared.kind === "dynamic") {
    return acceptsType(declared, actual) || (actual.kind === "dynamic" && acceptsType(actual, declared));
  }
  return acceptsType(openShape(declared), openShape(actual)) || acceptsType(openShape(actual), openShape(declared));
}

function conflict(severity: "error" | "warning", name: string, declared: ValueType, actual: ValueType): Diagnostic {
  const message = `the model declares it as ${showType(declared)}, its nodes give ${showType(actual)}`;
  return diagnostic(severity, "WSC2004", message, { subject: `output "${showName(name)}"` });
}

/** Binds the symbols of `declared` that have no size yet; false when one has another size. */
function unify(declared: ValueType, actual: ValueType, symbols: Map<string, number>): boolean {
  if (actual.kind !== "tensor" || isHostType(declared)) return true;
  const dims = declared.kind === "tensor" ? declared.shape : declared.dims;
  return (dims ?? []).every((dim, axis) => {
    const size = actual.shape[axis];
    const known = typeof dim === "number" ? dim : symbols.get(dim);
    if (typeof dim === "string" && known === undefined && size !== undefined) symbols.set(dim, size);
    return known === undefined || known === size;
  });
}
