/**
 * Where arithmetic happens. Small floats (f16, bf16, f8…) are computed in f32 and rounded once at the end of each operator, as ONNX's
 * reference does; a later pass drops the casts between neighbours. Structured ops (matmul, conv, reduce…) get their operands cast by a
 * `map` of their own.
 */
import { type DType, dtypeInfo } from "../../../ir/dtype.ts";
import { cast, type Expr, exprDType } from "../../../ir/expr.ts";
import type { ValueId } from "../../../ir/graph.ts";
import type { NodeContext } from "../operator.ts";

/** The type that values of a dtype are computed in. */
export function computeDType(dtype: DType): DType {
  const info = dtypeInfo(dtype);
  if (info.class === "small-float") return "f32";
  if (info.bits < 8 && info.class === "signed") return "i8";
  if (info.bits < 8 && info.class === "unsigned") return "u8";
  return dtype;
}

/** The float type for functions that ONNX also allows on integers: f64 where f32 would lose digits. */
export function floatFor(dtype: DType): DType {
  const { class: cls, bits } = dtypeInfo(dtype);
  if (cls === "float") return dtype;
  return cls !== "small-float" && bits >= 32 ? "f64" : "f32";
}

export const castExpr = (from: DType, to: DType, x: Expr): Expr => (from === to ? x : cast(to, x));

/** An elementwise expression over operands in their compute type; the result comes back in `result`. */
export function mapIn(
  node: NodeContext,
  compute: DType,
  result: DType,
  operands: readonly ValueId[],
  build: (args: readonly Expr[]) => Expr,
): ValueId {
  const dtypes = operands.map((id) => node.dtypeOf(id));
  const args = dtypes.map((dtype, index): Expr => castExpr(dtype, compute, { op: "arg", index }));
  const expr = build(args);
  return node.map(castExpr(exprDType(expr, dtypes), result, expr), ...operands);
}

/** Elementwise over operands of one dtype, computed in its compute type, giving that dtype. */
export function mapSame(
  node: NodeContext,
  operands: readonly ValueId[],
  build: (t: DType, args: readonly Expr[]) => Expr,
): ValueId {
  const [first] = operands;
  if (first === undefined) throw new Error("internal: a map of nothing");
  const dtype = node.dtypeOf(first);
  const compute = computeDType(dtype);
  return mapIn(node, compute, dtype, operands, (args) => build(compute, args));
}

/** A value in a dtype; itself when it is already. */
export const toDType = (node: NodeContext, dtype: DType, value: ValueId): ValueId =>
  node.dtypeOf(value) === dtype ? value : node.castTo(dtype, value);

/** A value in its compute type. */
export const widen = (node: NodeContext, value: ValueId): ValueId =>
  toDType(node, computeDType(node.dtypeOf(value)), value);

/** Runs a structured op on operands in their compute type and casts its result back to the first one's dtype. */
export function widened(
  node: NodeContext,
  operands: readonly ValueId[],
  body: (operands: readonly ValueId[]) => ValueId,
): ValueId {
  const [first] = operands;
  if (first === undefined) throw new Error("internal: no operands to widen");
  const dtype = node.dtypeOf(first);
  return toDType(node, dtype, body(operands.map((operand) => widen(node, operand))));
}
