/**
 * fuse-epilogue: bias, activation and residual maps behind a convolution or matrix product become its epilogue, when they are the only
 * readers of its result and do not change its shape.
 */
import { arg, type Expr, substitute } from "../../ir/expr.ts";
import { epilogueOperands, type MapOp, type Op, type OpOf, type OpSpec, type ValueId } from "../../ir/graph.ts";
import { sameShape } from "../../ir/types.ts";
import type { Pass } from "./pass.ts";
import { type Rewrite, rewriteGraph } from "./rewrite.ts";
import { exprSize } from "./simplify-expr.ts";

const mostNodes = 64;
const mostOperands = 4;

export const fuseEpilogue: Pass = {
  name: "fuse-epilogue",
  summary: "apply bias, activations and residuals where the sum is made",
  run: (graph) => rewriteGraph(graph, fuseIntoProducer),
};

type Accumulating = OpOf<keyof typeof epilogueOperands>;

const accumulates = (op: Op | undefined): op is Accumulating =>
  op !== undefined && Object.hasOwn(epilogueOperands, op.kind);

function fuseIntoProducer(rewrite: Rewrite): readonly ValueId[] | null {
  const { op, inputs } = rewrite;
  if (op.kind !== "map") return null;
  // the last candidate computed is the one whose operands are sure to be there
  for (const id of inputs.toReversed()) {
    const producer = rewrite.producer(id);
    if (!accumulates(producer) || !isOnlyReader(rewrite, id)) continue;
    const fused = withEpilogue(producer, op, inputs, id);
    if (fused !== null) return [rewrite.emitOne(fused, producer)];
  }
  return null;
}

function isOnlyReader(rewrite: Rewrite, id: ValueId): boolean {
  const { shape } = rewrite.builder.tensorTypeOf(id);
  const result = rewrite.resultShape();
  const here = rewrite.inputs.filter((other) => other === id).length;
  return rewrite.uses(id) === here && sameShape(result, shape);
}

/** The producer with the map's expression behind its own epilogue; null when it would grow too large. */
function withEpilogue(
  producer: Accumulating,
  map: MapOp,
  operands: readonly ValueId[],
  accumulated: ValueId,
): OpSpec | null {
  const fixed = epilogueOperands[producer.kind];
  const extras = producer.inputs.slice(fixed);
  const before: Expr = producer.epilogue ?? arg(0);
  const epilogue = substitute(map.expr, (index) => {
    const operand = operands[index] as ValueId;
    if (operand === accumulated) return before;
    const known = extras.indexOf(operand);
    return arg(1 + (known >= 0 ? known : extras.push(operand) - 1));
  });
  if (extras.length > mostOperands || exprSize(epilogue) > mostNodes) return null;
  return { ...producer, inputs: [...producer.inputs.slice(0, fixed), ...extras], epilogue };
}
