/**
 * canonicalize: one form for things that can be said in several ways, so that later passes see few patterns.
 * - scalar constants move into `map` expressions, operands that an expression does not read or that are equal go, expressions are simplified;
 * - movements that do nothing vanish; chains of reshapes, transposes and casts become one; a transpose that moves only dims of 1 is a reshape;
 * - a broadcast of a constant scalar stays a scalar where a map reads it.
 */
import { type Expr, isComputable, lit, substitute } from "../../ir/expr.ts";
import type { MapOp, OpOf, ValueId } from "../../ir/graph.ts";
import { broadcastShapes, elementCount } from "../../ir/tensor.ts";
import { sameShape } from "../../ir/types.ts";
import type { Pass } from "./pass.ts";
import { type Rewrite, rewriteGraph } from "./rewrite.ts";
import { sameExpr, simplifyExpr } from "./simplify-expr.ts";

export const canonicalize: Pass = {
  name: "canonicalize",
  summary: "bring ops into their one canonical form",
  run: (graph) => rewriteGraph(graph, canonicalForm),
};

function canonicalForm(rewrite: Rewrite): readonly ValueId[] | null {
  const { op } = rewrite;
  switch (op.kind) {
    case "map":
      return canonicalMap(rewrite, op);
    case "reshape":
      return canonicalReshape(rewrite, op);
    case "transpose":
      return canonicalTranspose(rewrite, op);
    case "slice":
      return isWhole(rewrite, op) ? [input(rewrite, 0)] : null;
    case "pad":
      return [...op.before, ...op.after].every((amount) => amount === 0) ? [input(rewrite, 0)] : null;
    case "concat":
      return rewrite.inputs.length === 1 ? [input(rewrite, 0)] : null;
    case "reduce":
      return op.axes.length === 0 && op.fn !== "mean" ? [input(rewrite, 0)] : null;
    default:
      return null;
  }
}

function input({ inputs }: Rewrite, index: number): ValueId {
  const id = inputs[index];
  if (id === undefined) throw new Error(`internal: no input ${index}`);
  return id;
}

const isWhole = (rewrite: Rewrite, op: OpOf<"slice">): boolean =>
  sameShape(rewrite.builder.tensorTypeOf(input(rewrite, 0)).shape, op.sizes) && op.steps.every((step) => step === 1);

/** Rewrites a map over fewer operands: literals inlined, repeated and unread operands dropped. */
function canonicalMap(rewrite: Rewrite, op: MapOp): readonly ValueId[] | null {
  const { inputs, builder } = rewrite;
  const shape = broadcastShapes(inputs.map((id) => builder.tensorTypeOf(id).shape)) ?? [];
  const dtypes = inputs.map((id) => builder.tensorTypeOf(id).dtype);
  const literals = inputs.map((id) => literalOf(rewrite, id));
  const inlined = substitute(op.expr, (index) => literals[index] ?? { op: "arg", index });
  const simplified = simplifyExpr(inlined, dtypes);
  if (simplified.op === "arg" && sameShape(builder.tensorTypeOf(input(rewrite, simplified.index)).shape, shape)) {
    return [input(rewrite, simplified.index)];
  }
  const { expr, kept } = dropUnread(simplified, inputs);
  const operands = withShape(rewrite, kept, shape);
  const unchanged =
    sameExpr(expr, op.expr) && operands.length === inputs.length && operands.every((id, i) => id === inputs[i]);
  return unchanged ? null : [rewrite.emitOne({ kind: "map", inputs: operands, expr })];
}

/** A constant of one element as a literal, if expressions may hold its type. */
function literalOf({ builder }: Rewrite, id: ValueId): Expr | null {
  const constant = builder.constantOf(id);
  if (constant === undefined || elementCount(constant.shape) !== 1 || !isComputable(constant.dtype)) return null;
  const value = constant.elements[0];
  if (value === undefined || typeof value === "string") return null;
  return lit(constant.dtype, constant.dtype === "bool" ? Number(value) !== 0 : value);
}

function dropUnread(
  expr: Expr,
  inputs: readonly ValueId[],
): { readonly expr: Expr; readonly kept: readonly ValueId[] } {
  const kept: ValueId[] = [];
  const renumbered = substitute(expr, (index) => {
    const id = inputs[index];
    if (id === undefined) throw new Error(`internal: expression reads $${index}`);
    if (!kept.includes(id)) kept.push(id);
    return { op: "arg", index: kept.indexOf(id) };
  });
  const unchanged = kept.length === inputs.length && kept.every((id, index) => id === inputs[index]);
  return { expr: unchanged ? expr : renumbered, kept };
}

/** Operands that still broadcast to `shape`: dropping a literal must not shrink the result, nor leave a map without operands. */
function withShape(
  { inputs, builder }: Rewrite,
  kept: readonly ValueId[],
  shape: readonly number[],
): readonly ValueId[] {
  const reached = broadcastShapes(kept.map((id) => builder.tensorTypeOf(id).shape));
  if (kept.length > 0 && reached !== null && sameShape(reached, shape)) return kept;
  const missing = inputs.filter((id) => !kept.includes(id));
  const whole = missing.find((id) => sameShape(builder.tensorTypeOf(id).shape, shape));
  return whole === undefined ? [...kept, ...missing] : [...kept, whole];
}

function canonicalReshape(rewrite: Rewrite, op: OpOf<"reshape">): readonly ValueId[] | null {
  const { builder } = rewrite;
  const source = input(rewrite, 0);
  if (sameShape(builder.tensorTypeOf(source).shape, op.shape)) return [source];
  const before = rewrite.producer(source);
  if (before?.kind !== "reshape") return null;
  return [rewrite.emitOne({ kind: "reshape", inputs: before.inputs, shape: op.shape }, before)];
}

function canonicalTranspose(rewrite: Rewrite, op: OpOf<"transpose">): readonly ValueId[] | null {
  const { builder } = rewrite;
  const source = input(rewrite, 0);
  const { shape } = builder.tensorTypeOf(source);
  if (op.perm.every((from, to) => from === to)) return [source];
  const moved = op.perm.filter((axis) => shape[axis] !== 1);
  if (moved.every((axis, index) => index === 0 || axis > (moved[index - 1] ?? -1))) {
    return [rewrite.emitOne({ kind: "reshape", inputs: [source], shape: op.perm.map((axis) => shape[axis] ?? 1) })];
  }
  const before = rewrite.producer(source);
  if (before?.kind !== "transpose") return null;
  const perm = op.perm.map((axis) => before.perm[axis] ?? 0);
  if (perm.every((from, to) => from === to)) return [before.inputs[0] ?? source];
  return [rewrite.emitOne({ kind: "transpose", inputs: before.inputs, perm }, before)];
}
