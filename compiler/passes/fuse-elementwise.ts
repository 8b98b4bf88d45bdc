/**
 * fuse-elementwise: a map that is read once, by another map of the same shape, moves into its reader's expression. Bounded by the
 * size of the expression and the number of operands, so that one kernel stays one kernel.
 */
import { arg, type Expr, substitute } from "../../ir/expr.ts";
import type { MapOp, Op, ValueId } from "../../ir/graph.ts";
import { sameShape } from "../../ir/types.ts";
import type { Pass } from "./pass.ts";
import { type Rewrite, rewriteGraph } from "./rewrite.ts";
import { exprSize } from "./simplify-expr.ts";

const mostNodes = 96;
const mostOperands = 8;

export const fuseElementwise: Pass = {
  name: "fuse-elementwise",
  summary: "merge maps into the maps that read them",
  run: (graph) => rewriteGraph(graph, mergeProducers),
};

function mergeProducers(rewrite: Rewrite): readonly ValueId[] | null {
  const { op } = rewrite;
  if (op.kind !== "map") return null;
  let fused: Fused = { expr: op.expr, operands: rewrite.inputs, merged: [] };
  for (const id of rewrite.inputs) fused = absorb(rewrite, fused, id) ?? fused;
  if (fused.merged.length === 0) return null;
  return [rewrite.emitOne({ kind: "map", inputs: fused.operands, expr: fused.expr }, ...fused.merged)];
}

interface Fused {
  readonly expr: Expr;
  readonly operands: readonly ValueId[];
  readonly merged: readonly Op[];
}

function absorb(rewrite: Rewrite, into: Fused, id: ValueId): Fused | null {
  const producer = rewrite.producer(id);
  if (producer?.kind !== "map" || rewrite.uses(id) > usesHere(rewrite, id) || !sameSize(rewrite, id)) return null;
  const fused = inline(into, id, producer);
  return exprSize(fused.expr) <= mostNodes && fused.operands.length <= mostOperands ? fused : null;
}

const usesHere = ({ inputs }: Rewrite, id: ValueId): number => inputs.filter((other) => other === id).length;

/** The producer must have the reader's shape: a smaller one would be computed again for every repetition. */
function sameSize(rewrite: Rewrite, id: ValueId): boolean {
  const { shape } = rewrite.builder.tensorTypeOf(id);
  const result = rewrite.resultShape();
  return sameShape(result, shape);
}

function inline(into: Fused, id: ValueId, producer: MapOp): Fused {
  const operands = into.operands.filter((other) => other !== id);
  const indexOf = (operand: ValueId): number => {
    const known = operands.indexOf(operand);
    return known >= 0 ? known : operands.push(operand) - 1;
  };
  const inner = substitute(producer.expr, (index) => arg(indexOf(producer.inputs[index] as ValueId)));
  const expr = substitute(into.expr, (index) => {
    const operand = into.operands[index] as ValueId;
    return operand === id ? inner : arg(indexOf(operand));
  });
  return { expr, operands, merged: [producer, ...into.merged] };
}
