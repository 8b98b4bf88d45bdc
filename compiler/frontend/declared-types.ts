/** What a model declares of its outputs against what follows from its nodes. */
import { diagnostic, type Diagnostic, showName } from "../../ir/diagnostic.ts";
import type { Graph, ValueType } from "../../ir/graph.ts";
import { acceptsType, showType } from "../../ir/types.ts";
import { openShape } from "./deferred-types.ts";
import type { OnnxValueInfo } from "./onnx.ts";
import { type DimBindings, valueTypeOf } from "./types.ts";

/**
 * WSC2004 for outputs whose declared type cannot be: another kind or element type, another rank, or a fixed dim of another size.
 * Symbols that no input binds take the first size that they stand for. Where sizes were chosen by the user (`strict` is false), a fixed dim
 * in an output's declaration may just be left over from the export: then, and where a symbol has two sizes, it is a warning.
 */
export function checkDeclaredOutputs(
  outputs: readonly OnnxValueInfo[],
  graph: Graph,
  bindings: DimBindings,
  strict: boolean,
): readonly Diagnostic[] {
  const symbols = new Map(bindings);
  const problems: Diagnostic[] = [];
  for (const [i, { name, type }] of outputs.entries()) {
    const actual = graph.values[graph.outputs[i]?.value ?? -1]?.type;
    if (type === null || actual === undefined) continue;
    const loose = valueTypeOf(type, new Map(), name);
    if (!isPossible(loose, actual))
      problems.push(conflict(sameRank(loose, actual) && !strict ? "warning" : "error", name, loose, actual));
    else if (!unify(loose, actual, symbols))
      problems.push(conflict("warning", name, valueTypeOf(type, symbols, name), actual));
  }
  return problems;
}

/** Whether a value of type `actual` can be what `declared` says; of elements of sequences and optionals only the element type counts. */
function isPossible(declared: ValueType, actual: ValueType): boolean {
  if (declared.kind === "tensor" || declared.kind === "dynamic") {
    return acceptsType(declared, actual) || (actual.kind === "dynamic" && acceptsType(actual, declared));
  }
  return acceptsType(openShape(declared), openShape(actual)) || acceptsType(openShape(actual), openShape(declared));
}

function conflict(severity: "error" | "warning", name: string, declared: ValueType, actual: ValueType): Diagnostic {
  const message = `the model declares its shape as ${showType(declared)}, its nodes give ${showType(actual)}`;
  return diagnostic(severity, "WSC2004", message, { subject: `output "${showName(name)}"` });
}

function sameRank(a: ValueType, b: ValueType): boolean {
  const [rankA, rankB] = [rankOf(a), rankOf(b)];
  return rankA !== undefined && rankA === rankB && "dtype" in a && "dtype" in b && a.dtype === b.dtype;
}

function rankOf(type: ValueType): number | undefined {
  switch (type.kind) {
    case "tensor":
      return type.shape.length;
    case "dynamic":
      return type.dims?.length;
    case "sequence":
    case "optional":
      return undefined;
  }
}

/** Binds the symbols of `declared` that have no size yet; false when one has another size. */
function unify(declared: ValueType, actual: ValueType, symbols: Map<string, number>): boolean {
  if (actual.kind !== "tensor" || declared.kind === "sequence" || declared.kind === "optional") return true;
  const dims = declared.kind === "tensor" ? declared.shape : declared.dims;
  return (dims ?? []).every((dim, axis) => {
    const size = actual.shape[axis];
    const known = typeof dim === "number" ? dim : symbols.get(dim);
    if (typeof dim === "string" && known === undefined && size !== undefined) symbols.set(dim, size);
    return known === undefined || known === size;
  });
}
