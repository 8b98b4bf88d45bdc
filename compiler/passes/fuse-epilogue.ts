/**
 * fuse-epilogue: bias, activation and residual maps behind a convolution or matrix product become its epilogue, when they are the only
 * readers of its result and do not change its shape. Where a map reads two accumulators (a residual block that begins with a convolution on
 * both sides), what it makes of one of them alone, down to a narrower type, goes to that producer: bytes are stored in place of sums.
 */
import { storageBytes } from "../../ir/dtype.ts";
import { arg, type Expr, exprOperands, mapOperands, substitute, walkExpr } from "../../ir/expr.ts";
import { epilogueOperands, type Op, type OpOf, type OpSpec, type ValueId } from "../../ir/graph.ts";
import { sameShape } from "../../ir/types.ts";
import type { Pass } from "./pass.ts";
import { type Rewrite, rewriteGraph } from "./rewrite.ts";
import { exprSize, sameExpr } from "./simplify-expr.ts";

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

/** A map that is to be fused: its expression and operands. */
interface Pending {
  readonly expr: Expr;
  readonly operands: readonly ValueId[];
}

function fuseIntoProducer(rewrite: Rewrite): readonly ValueId[] | null {
  const { op, inputs } = rewrite;
  if (op.kind !== "map") return null;
  const narrowed = narrowOthers(rewrite, { expr: op.expr, operands: inputs });
  const pending = narrowed ?? { expr: op.expr, operands: inputs };
  // the last candidate computed is the one whose operands are sure to be there
  for (const id of pending.operands.toReversed()) {
    const producer = rewrite.producer(id);
    if (!accumulates(producer) || !inputs.includes(id) || !isOnlyReader(rewrite, id)) continue;
    const fused = withEpilogue(producer, pending, id);
    if (fused !== null) return [rewrite.emitOne(fused, producer)];
  }
  return narrowed === null ? null : [rewrite.emitOne({ ...op, inputs: narrowed.operands, expr: narrowed.expr })];
}

/** Where several operands are accumulators: all but the last give what the map makes of them alone, if that is narrower. */
function narrowOthers(rewrite: Rewrite, whole: Pending): Pending | null {
  const { operands } = whole;
  const isAccumulator = (id: ValueId): boolean => accumulates(rewrite.producer(id)) && isOnlyReader(rewrite, id);
  const accumulators = [...new Set(operands.filter(isAccumulator))];
  let pending: Pending | null = null;
  for (const id of accumulators.slice(0, -1)) pending = narrowOne(rewrite, pending ?? whole, id) ?? pending;
  return pending;
}

function narrowOne(rewrite: Rewrite, { expr, operands }: Pending, id: ValueId): Pending | null {
  const producer = rewrite.producer(id);
  const own = outermostNarrowing(rewrite, expr, operands, id);
  if (own === null || !accumulates(producer)) return null;
  const fused = withEpilogue(producer, { expr: own, operands }, id);
  if (fused === null) return null;
  const index = operands.indexOf(id);
  // the operand now holds what the subexpression gave
  const rest = replaced(expr, own, arg(index));
  const result = rewrite.emitOne(fused, producer);
  return { expr: rest, operands: operands.map((operand) => (operand === id ? result : operand)) };
}

/** The outermost cast to a narrow type that reads the accumulator and constants only, if that is all that reads the accumulator. */
function outermostNarrowing(rewrite: Rewrite, expr: Expr, operands: readonly ValueId[], id: ValueId): Expr | null {
  const isOwn = (index: number): boolean => operands[index] === id;
  const isConstant = (index: number): boolean => rewrite.builder.constantOf(operands[index] ?? -1) !== undefined;
  const bytes = storageBytes(rewrite.builder.tensorTypeOf(id).dtype);
  let found: Expr | null = null;
  const seek = (e: Expr): boolean => {
    const reads = argsOf(e);
    if (!reads.some(isOwn)) return true;
    const isNarrowing = e.op === "cast" && storageBytes(e.to) > 0 && storageBytes(e.to) < bytes;
    if (isNarrowing && reads.every((index) => isOwn(index) || isConstant(index))) {
      if (found !== null && !sameExpr(found, e)) return false;
      found = e;
      return true;
    }
    return e.op !== "arg" && exprOperands(e).every(seek);
  };
  return seek(expr) ? found : null;
}

function argsOf(expr: Expr): readonly number[] {
  const indices: number[] = [];
  walkExpr(expr, (e) => {
    if (e.op === "arg") indices.push(e.index);
  });
  return indices;
}

/** The expression with a subexpression replaced, wherever it stands. */
function replaced(expr: Expr, part: Expr, by: Expr): Expr {
  if (sameExpr(expr, part)) return by;
  return mapOperands(expr, (operand) => replaced(operand, part, by));
}

function isOnlyReader(rewrite: Rewrite, id: ValueId): boolean {
  const { shape } = rewrite.builder.tensorTypeOf(id);
  const result = rewrite.resultShape();
  const here = rewrite.inputs.filter((other) => other === id).length;
  return rewrite.uses(id) === here && sameShape(result, shape);
}

/** The producer with the map's expression behind its own epilogue; null when it would grow too large. */
function withEpilogue(producer: Accumulating, { expr, operands }: Pending, accumulated: ValueId): OpSpec | null {
  const fixed = epilogueOperands[producer.kind];
  const extras = producer.inputs.slice(fixed);
  const before: Expr = producer.epilogue ?? arg(0);
  const epilogue = substitute(expr, (index) => {
    const operand = operands[index] as ValueId;
    if (operand === accumulated) return before;
    const known = extras.indexOf(operand);
    return arg(1 + (known >= 0 ? known : extras.push(operand) - 1));
  });
  if (extras.length > mostOperands || exprSize(epilogue) > mostNodes) return null;
  return { ...producer, inputs: [...producer.inputs.slice(0, fixed), ...extras], epilogue };
}
