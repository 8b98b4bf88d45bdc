/**
 * recognize-normalization: exporters spell LayerNorm and RMSNorm out; they become one op again.
 *
 *     d = x - mean(x) ; d / sqrt(mean(d * d) + eps)    ==>    normalize(x)
 *     x / sqrt(mean(x * x) + eps)                      ==>    normalize(x), not centered
 *     normalize(x) * scale + bias                      ==>    normalize(x, scale, bias)
 */
import type { Expr } from "../../ir/expr.ts";
import type { ValueId } from "../../ir/graph.ts";
import { sameShape } from "../../ir/types.ts";
import type { Pass } from "./pass.ts";
import { type Rewrite, rewriteGraph } from "./rewrite.ts";

export const recognizeNormalization: Pass = {
  name: "recognize-normalization",
  summary: "find layer and RMS normalisation written out as arithmetic",
  run: (graph) => rewriteGraph(graph, (rewrite) => normalized(rewrite) ?? withAffine(rewrite)),
};

/** A map of one binary operation over two values. */
interface Binary {
  readonly fn: string;
  readonly x: ValueId;
  readonly y: ValueId;
}

function asBinary(expr: Expr, inputs: readonly ValueId[]): Binary | null {
  if (expr.op !== "binary" || expr.x.op !== "arg" || expr.y.op !== "arg") return null;
  const x = inputs[expr.x.index];
  const y = inputs[expr.y.index];
  return x === undefined || y === undefined ? null : { fn: expr.fn, x, y };
}

function producedBinary(rewrite: Rewrite, value: ValueId, fn: string): Binary | null {
  const op = rewrite.producer(value);
  const found = op?.kind === "map" ? asBinary(op.expr, op.inputs) : null;
  return found?.fn === fn ? found : null;
}

interface Deviation {
  /** what is averaged: the squares' base */
  readonly base: ValueId;
  readonly axes: readonly number[];
  readonly epsilon: number;
}

function normalized(rewrite: Rewrite): readonly ValueId[] | null {
  const { op, inputs } = rewrite;
  const found = op.kind === "map" ? asBinary(op.expr, inputs) : null;
  if (found === null) return null;
  const [numerator, deviation] = dividend(rewrite, found) ?? [null, null];
  if (numerator === null || deviation.base !== numerator) return null;
  const source = centeredSource(rewrite, numerator, deviation.axes);
  const centered = source !== null;
  return [
    rewrite.emitOne({
      kind: "normalize",
      inputs: [source ?? numerator],
      axes: deviation.axes,
      epsilon: deviation.epsilon,
      centered,
    }),
  ];
}

/** x / sqrt(…), or x * (1 / sqrt(…)) either way round. */
function dividend(rewrite: Rewrite, { fn, x, y }: Binary): [ValueId, Deviation] | null {
  if (fn === "div") {
    const deviation = standardDeviation(rewrite, y);
    return deviation === null ? null : [x, deviation];
  }
  if (fn !== "mul") return null;
  for (const [numerator, factor] of [
    [x, y],
    [y, x],
  ] as const) {
    const root = reciprocalOf(rewrite, factor);
    const deviation = root === null ? null : standardDeviation(rewrite, root);
    if (deviation !== null) return [numerator, deviation];
  }
  return null;
}

function reciprocalOf(rewrite: Rewrite, value: ValueId): ValueId | null {
  const op = rewrite.producer(value);
  if (op?.kind !== "map" || op.expr.op !== "binary" || op.expr.fn !== "div") return null;
  const { x, y } = op.expr;
  return x.op === "const" && Number(x.value) === 1 && y.op === "arg" ? (op.inputs[y.index] ?? null) : null;
}

/** sqrt(mean(base * base, axes) + epsilon), in one map or two. */
function standardDeviation(rewrite: Rewrite, value: ValueId): Deviation | null {
  const op = rewrite.producer(value);
  if (op?.kind !== "map" || op.expr.op !== "unary" || op.expr.fn !== "sqrt") return null;
  const [inner, inputs] = through(rewrite, op.expr.x, op.inputs);
  if (inner.op !== "binary" || inner.fn !== "add" || inner.x.op !== "arg" || inner.y.op !== "const") return null;
  const mean = inputs[inner.x.index];
  const reduce = mean === undefined ? undefined : rewrite.producer(mean);
  if (reduce?.kind !== "reduce" || reduce.fn !== "mean" || !reduce.keepDims) return null;
  const squares = producedBinary(rewrite, reduce.inputs[0] as ValueId, "mul");
  if (squares === null || squares.x !== squares.y) return null;
  return { base: squares.x, axes: reduce.axes, epsilon: Number(inner.y.value) };
}

/** If an expression is just an operand that another map makes, that map's expression. */
function through(rewrite: Rewrite, expr: Expr, inputs: readonly ValueId[]): readonly [Expr, readonly ValueId[]] {
  if (expr.op !== "arg") return [expr, inputs];
  const op = rewrite.producer(inputs[expr.index] ?? -1);
  return op?.kind === "map" ? [op.expr, op.inputs] : [expr, inputs];
}

/** x, when the value is x - mean(x) over the same axes. */
function centeredSource(rewrite: Rewrite, value: ValueId, axes: readonly number[]): ValueId | null {
  const difference = producedBinary(rewrite, value, "sub");
  const mean = difference === null ? undefined : rewrite.producer(difference.y);
  if (difference === null || mean?.kind !== "reduce" || mean.fn !== "mean" || !mean.keepDims) return null;
  const sameAxes = mean.axes.length === axes.length && mean.axes.every((axis, i) => axis === axes[i]);
  return mean.inputs[0] === difference.x && sameAxes ? difference.x : null;
}

/** Takes a scale, then a bias, into the normalisation before them. */
function withAffine(rewrite: Rewrite): readonly ValueId[] | null {
  const { op, inputs } = rewrite;
  const found = op.kind === "map" ? asBinary(op.expr, inputs) : null;
  if (found === null || (found.fn !== "mul" && found.fn !== "add")) return null;
  const wanted = found.fn === "mul" ? 1 : 2;
  for (const [value, operand] of [
    [found.x, found.y],
    [found.y, found.x],
  ] as const) {
    const norm = rewrite.producer(value);
    if (norm?.kind !== "normalize" || norm.inputs.length !== wanted || rewrite.uses(value) !== 1) continue;
    if (!fits(rewrite, value, operand)) continue;
    return [rewrite.emitOne({ ...norm, inputs: [...norm.inputs, operand] }, norm)];
  }
  return null;
}

/** The operand must broadcast into the value's shape and have its dtype. */
function fits(rewrite: Rewrite, value: ValueId, operand: ValueId): boolean {
  const type = rewrite.builder.tensorTypeOf(operand);
  const { shape, dtype } = rewrite.builder.tensorTypeOf(value);
  const result = rewrite.resultShape();
  const isConstant = rewrite.builder.constantOf(operand) !== undefined;
  return isConstant && type.dtype === dtype && sameShape(result, shape);
}
