/**
 * widen-small-floats: f16 and bf16 models are computed in f32. Lowering writes every operation as widen, compute, narrow; this pass drops
 * the narrow-then-widen between two operations, so that values stay f32 from the first operation to the last. Results differ from a
 * machine that rounds after each operation by being more exact.
 */
import { type DType, dtypeInfo } from "../../ir/dtype.ts";
import { arg, cast, type Expr, walkExpr } from "../../ir/expr.ts";
import type { MapOp, Op, ValueId } from "../../ir/graph.ts";
import { sameShape } from "../../ir/types.ts";
import type { Pass } from "./pass.ts";
import { type Rewrite, rewriteGraph } from "./rewrite.ts";

export const widenSmallFloats: Pass = {
  name: "widen-small-floats",
  summary: "keep f16 and bf16 values in f32 between operations",
  run: (graph) => rewriteGraph(graph, (rewrite) => readWide(rewrite) ?? moveWide(rewrite)),
};

const isHalf = (dtype: DType): boolean => dtype === "f16" || dtype === "bf16";

/** The f32 expression that a map narrows at its very end. */
function narrowed(op: Op | undefined): { readonly map: MapOp; readonly wide: Expr } | null {
  if (op?.kind !== "map" || op.expr.op !== "cast" || !isHalf(op.expr.to)) return null;
  return { map: op, wide: op.expr.x };
}

/** The f32 twin of a half value, if its maker narrows one. */
function wideTwin(rewrite: Rewrite, value: ValueId): ValueId | null {
  const type = rewrite.builder.typeOf(value);
  if (type.kind !== "tensor" || !isHalf(type.dtype)) return null;
  const found = narrowed(rewrite.producer(value));
  if (found === null) return null;
  const { map, wide } = found;
  if (wide.op === "arg") {
    const source = map.inputs[wide.index] as ValueId;
    const { dtype, shape } = rewrite.builder.tensorTypeOf(source);
    return dtype === "f32" && sameShape(shape, type.shape) ? source : null;
  }
  const twin = rewrite.emitOne({ kind: "map", inputs: map.inputs, expr: wide }, map);
  return rewrite.builder.tensorTypeOf(twin).dtype === "f32" ? twin : null;
}

/** A map reads the twins of those half operands that it only widens. */
function readWide(rewrite: Rewrite): readonly ValueId[] | null {
  const { op, inputs } = rewrite;
  if (op.kind !== "map") return null;
  const twins = inputs.map((id, index) => (isOnlyWidened(op.expr, index) ? wideTwin(rewrite, id) : null));
  if (twins.every((twin) => twin === null)) return null;
  const expr = unwrapCasts(op.expr, (index) => twins[index] !== null);
  return [rewrite.emitOne({ kind: "map", inputs: inputs.map((id, i) => twins[i] ?? id), expr })];
}

function isOnlyWidened(expr: Expr, index: number): boolean {
  let reads = 0;
  let widened = 0;
  walkExpr(expr, (e) => {
    if (e.op === "arg" && e.index === index) reads++;
    if (e.op === "cast" && e.to === "f32" && e.x.op === "arg" && e.x.index === index) widened++;
  });
  return reads > 0 && reads === widened;
}

/** cast(f32, $i) becomes $i for the chosen operands. */
function unwrapCasts(expr: Expr, isTwin: (index: number) => boolean): Expr {
  switch (expr.op) {
    case "arg":
    case "const":
      return expr;
    case "cast":
      if (expr.to === "f32" && expr.x.op === "arg" && isTwin(expr.x.index)) return expr.x;
      return { ...expr, x: unwrapCasts(expr.x, isTwin) };
    case "unary":
      return { ...expr, x: unwrapCasts(expr.x, isTwin) };
    case "binary":
      return { ...expr, x: unwrapCasts(expr.x, isTwin), y: unwrapCasts(expr.y, isTwin) };
    case "select":
      return {
        ...expr,
        cond: unwrapCasts(expr.cond, isTwin),
        x: unwrapCasts(expr.x, isTwin),
        y: unwrapCasts(expr.y, isTwin),
      };
  }
}

const dataOperands: Readonly<Partial<Record<Op["kind"], "all" | "first">>> = {
  reshape: "all",
  transpose: "all",
  slice: "all",
  concat: "all",
  gather: "first",
  gatherElements: "first",
  gatherND: "first",
};

/** A movement moves the twins and narrows afterwards. */
function moveWide(rewrite: Rewrite): readonly ValueId[] | null {
  const { op, inputs } = rewrite;
  const operands = dataOperands[op.kind];
  const [first] = inputs;
  if (operands === undefined || first === undefined) return null;
  const type = rewrite.builder.typeOf(first);
  if (type.kind !== "tensor" || dtypeInfo(type.dtype).class !== "small-float") return null;
  const moved = operands === "all" ? inputs : [first];
  if (!moved.every((id) => narrowed(rewrite.producer(id)) !== null)) return null;
  const twins = moved.map((id) => wideTwin(rewrite, id));
  if (twins.some((twin) => twin === null)) return null;
  const wide = rewrite.emitOne({ ...op, inputs: inputs.map((id, i) => twins[i] ?? id) });
  return [rewrite.emitOne({ kind: "map", inputs: [wide], expr: cast(type.dtype, arg(0)) })];
}
