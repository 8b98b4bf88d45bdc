/** One sweep over an open graph by a rule that sees the ops before it as they have become. */
import { nth } from "../../ir/access.ts";
import type { ValueId } from "../../ir/graph.ts";
import type { OpenGraph, OpenOp, OpenType } from "../../ir/open/graph.ts";

/** What a rule sees of the graph: ops before the current one as they have become. */
export interface Site {
  readonly typeOf: (value: ValueId) => OpenType;
  readonly constantOf: (value: ValueId) => OpenGraph["values"][number]["constant"];
  readonly producer: (value: ValueId) => OpenOp | undefined;
  readonly uses: (value: ValueId) => number;
}

/** An op in place of another, with the same result; null to keep it. Ops that nothing reads any more are dropped. */
export type Rule = (op: OpenOp, site: Site) => OpenOp | null;

export function rewritten(graph: OpenGraph, rule: Rule): OpenGraph {
  const uses = countUses(graph);
  const producers = new Map<ValueId, OpenOp>();
  const site: Site = {
    typeOf: (value) => nth(graph.values, value).type,
    constantOf: (value) => nth(graph.values, value).constant,
    producer: (value) => producers.get(value),
    uses: (value) => uses.get(value) ?? 0,
  };
  const ops = graph.ops.map((op) => {
    const made = rule(op, site) ?? op;
    producers.set(nth(made.outputs, 0), made);
    return made;
  });
  return { ...graph, ops: liveOps(graph, ops) };
}

function countUses({ ops, outputs }: OpenGraph): ReadonlyMap<ValueId, number> {
  const uses = new Map<ValueId, number>();
  const count = (value: ValueId): void => {
    uses.set(value, (uses.get(value) ?? 0) + 1);
  };
  for (const { inputs } of ops) inputs.forEach(count);
  for (const { value } of outputs) count(value);
  return uses;
}

function liveOps({ outputs }: OpenGraph, ops: readonly OpenOp[]): readonly OpenOp[] {
  const read = new Set(outputs.map(({ value }) => value));
  const live: OpenOp[] = [];
  for (const op of ops.toReversed()) {
    if (!op.outputs.some((value) => read.has(value))) continue;
    live.push(op);
    for (const input of op.inputs) read.add(input);
  }
  return live.reverse();
}
