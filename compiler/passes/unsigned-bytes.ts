/**
 * unsigned-bytes: signed bytes whose zero point is the least of them, as quantizers with signed types make them behind a ReLU, become unsigned
 * ones with zero point 0. So they need no zero point taken off, saturation does the ReLU, and kernels for bytes 0 … 255 can read them.
 *
 *     q = map cast<i8, saturate>(round(…) + -128)        ==>    q = map cast<u8, saturate>(round(…))
 *     map f(cast(q) - -128)                              ==>    map f(cast(q))
 *
 * Maximum poolings, reshapes and transposes in between go along. Where somebody reads such bytes in another way, they stay. (A NaN, which has
 * no integer, becomes the least of them instead of the middle one.) Runs when zero points are literals.
 */
import { argUses, cast, type Expr, exprOperands, mapOperands } from "../../ir/expr.ts";
import type { Graph, MapOp, Op, ValueId } from "../../ir/graph.ts";
import type { Pass } from "./pass.ts";
import { rewriteGraph } from "./rewrite.ts";

export const unsignedBytes: Pass = {
  name: "unsigned-bytes",
  summary: "turn signed bytes above their zero point into unsigned ones",
  run: (graph) => {
    const shifted = shiftedValues(graph);
    if (shifted.size === 0) return graph;
    const isShifted = (id: ValueId): boolean => shifted.has(id);
    // of this graph: in regions the same numbers are other values
    const touched = new Set(graph.ops.filter((op) => [...op.inputs, ...op.outputs].some(isShifted)));
    return rewriteGraph(graph, (rewrite) => {
      const { op, inputs } = rewrite;
      if (!touched.has(op)) return null;
      const spec = op.kind === "map" ? unsignedMap(op, isShifted) : op;
      return rewrite.emit({ ...spec, inputs });
    });
  },
};

const least = -128;

const isLeast = (expr: Expr): boolean => expr.op === "const" && Number(expr.value) === least;

/** A rounded number on its way to a signed byte with the least zero point; null for any other expression. */
function roundedAbove(expr: Expr): Expr | null {
  if (expr.op !== "cast" || expr.to !== "i8" || !expr.saturate) return null;
  const { x } = expr;
  const isSum = x.op === "binary" && x.fn === "add" && isLeast(x.y) && x.x.op === "unary" && x.x.fn === "round";
  return isSum ? x.x : null;
}

/** The operand whose zero point an expression takes off; null for any other expression. */
function operandAbove(expr: Expr): { readonly index: number; readonly widened: Expr } | null {
  if (expr.op !== "binary" || expr.fn !== "sub" || !isLeast(expr.y)) return null;
  const { x } = expr;
  return x.op === "cast" && x.x.op === "arg" ? { index: x.x.index, widened: x } : null;
}

/** How often each operand's zero point is taken off. */
function usesAbove(expr: Expr, counts: number[]): void {
  const found = operandAbove(expr);
  if (found !== null) counts[found.index] = (counts[found.index] ?? 0) + 1;
  else for (const operand of exprOperands(expr)) usesAbove(operand, counts);
}

/** Operands that a map reads only without their zero point. */
function readsAbove({ expr, inputs }: MapOp): (id: ValueId) => boolean {
  const counts = inputs.map(() => 0);
  usesAbove(expr, counts);
  const uses = argUses(expr, inputs.length);
  return (id) => inputs.every((input, i) => input !== id || uses[i] === counts[i]);
}

/** Ops whose results are elements of their first operand as they are. */
const moves = (op: Op): boolean =>
  op.kind === "reshape" ||
  op.kind === "transpose" ||
  (op.kind === "pool" && op.fn === "max" && op.outputs.length === 1);

/** Values that can become unsigned: made so, moved, and read only without their zero point. */
function shiftedValues(graph: Graph): ReadonlySet<ValueId> {
  const shifted = new Set<ValueId>();
  for (const op of graph.ops) {
    const isMade = op.kind === "map" && roundedAbove(op.expr) !== null;
    const [source = -1] = op.inputs;
    if (isMade || (moves(op) && shifted.has(source))) for (const id of op.outputs) shifted.add(id);
  }
  for (let before = -1; before !== shifted.size;) {
    before = shifted.size;
    for (const { value } of graph.outputs) shifted.delete(value);
    for (const op of graph.ops) keepReadable(op, shifted);
  }
  return shifted;
}

/** Takes out what an op reads in another way, and what it moves from there. */
function keepReadable(op: Op, shifted: Set<ValueId>): void {
  const [result = -1] = op.outputs;
  const [source = -1] = op.inputs;
  if (moves(op)) {
    if (!shifted.has(source)) shifted.delete(result);
    else if (!shifted.has(result)) shifted.delete(source);
    return;
  }
  const isFine = op.kind === "map" ? readsAbove(op) : (): boolean => false;
  for (const id of op.inputs) if (shifted.has(id) && !isFine(id)) shifted.delete(id);
}

function unsignedMap(op: MapOp, isShifted: (id: ValueId) => boolean): MapOp {
  const read = (expr: Expr): Expr => {
    const found = operandAbove(expr);
    const isUnsigned = found !== null && isShifted(op.inputs[found.index] ?? -1);
    return isUnsigned ? found.widened : mapOperands(expr, read);
  };
  const rounded = op.outputs.some(isShifted) ? roundedAbove(op.expr) : null;
  return { ...op, expr: rounded === null ? read(op.expr) : cast("u8", read(rounded), true) };
}
