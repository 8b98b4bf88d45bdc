/** Norms and moments along axes, in the compute type, keeping the reduced dims: what several normalisations and reductions share. */
import { arg, binary, type Expr, lit } from "../../../ir/expr.ts";
import type { ReduceOp, ValueId } from "../../../ir/graph.ts";
import type { NodeContext } from "../operator.ts";
import { abs, add, div, sqrt, square, sub } from "./scalar.ts";

/** A reduction; over no axes the value itself. */
export const reduceOf = (
  node: NodeContext,
  fn: ReduceOp["fn"],
  value: ValueId,
  axes: readonly number[],
  keepDims = true,
): ValueId => (axes.length === 0 ? value : node.emitOne({ kind: "reduce", inputs: [value], fn, axes, keepDims }));

/** (sum |x|^p)^(1/p). */
export function lpNorm(node: NodeContext, x: ValueId, p: number, axes: readonly number[]): ValueId {
  const { dtype } = node.typeOf(x);
  const power = (base: Expr, exponent: number): Expr => binary("pow", base, lit(dtype, exponent));
  if (p === 1) return reduceOf(node, "sum", node.map(abs(arg(0)), x), axes);
  if (p === 2) return node.map(sqrt(arg(0)), reduceOf(node, "sum", node.map(square(arg(0)), x), axes));
  const sum = reduceOf(node, "sum", node.map(power(abs(arg(0)), p), x), axes);
  return node.map(power(arg(0), 1 / p), sum);
}

export const meanOf = (node: NodeContext, x: ValueId, axes: readonly number[]): ValueId =>
  reduceOf(node, "mean", x, axes);

/** Mean square distance from a mean over the same axes (no Bessel correction). */
export function varianceOf(node: NodeContext, x: ValueId, mean: ValueId, axes: readonly number[]): ValueId {
  return meanOf(node, node.map(square(sub(arg(0), arg(1))), x, mean), axes);
}

/** 1 / sqrt(variance + epsilon). */
export function inverseDeviation(node: NodeContext, variance: ValueId, epsilon: number): ValueId {
  const { dtype } = node.typeOf(variance);
  return node.map(div(lit(dtype, 1), sqrt(add(arg(0), lit(dtype, epsilon)))), variance);
}
