/** Inputs that only JavaScript reads: they stay where the caller has them, and are not copied to linear memory and back. */
import type { Graph, Op, ValueId } from "../../ir/graph.ts";
import { isBitView } from "./op-home.ts";

export function hostInputs(graph: Graph): ReadonlySet<ValueId> {
  const readers = new Map<ValueId, Op[]>(graph.inputs.map(({ value }) => [value, []]));
  for (const op of graph.ops) for (const input of op.inputs) readers.get(input)?.push(op);
  const given = new Set(graph.outputs.map(({ value }) => value));
  const isInJavaScript = (op: Op): boolean => op.kind === "deferred" || (op.kind === "host" && !isBitView(graph, op));
  const found = [...readers].filter(([value, ops]) => ops.length > 0 && ops.every(isInJavaScript) && !given.has(value));
  return new Set(found.map(([value]) => value));
}
