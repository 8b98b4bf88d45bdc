/**
 * fold-quantizers: a quantizer's division goes into the constant factors of what it divides.
 *
 *     round(div(add(mul(cast($0), $1), $2), 0.05))    ==>    round(add(mul(cast($0), $1 / 0.05), $2 / 0.05))
 *
 * Quotients are f32, as in onnxruntime's integer kernels, which multiply a sum by the quotient of the scales: what lies halfway between two
 * integers, or as near to that as a few roundings of f32 move it, may go to the other one. What has no constant factor keeps its division.
 * Runs when zero points are literals and maps have merged; operands that are not read any more go with the next canonicalize.
 */
import { arg, type Expr, lit, mapOperands } from "../../ir/expr.ts";
import type { MapOp, ValueId } from "../../ir/graph.ts";
import { makeTensor } from "../../ir/tensor.ts";
import type { Pass } from "./pass.ts";
import { type Rewrite, rewriteGraph } from "./rewrite.ts";
import { sameExpr } from "./simplify-expr.ts";

export const foldQuantizers: Pass = {
  name: "fold-quantizers",
  summary: "divide constant factors by a quantizer's scale, not every element",
  run: (graph) => rewriteGraph(graph, (rewrite) => (rewrite.op.kind === "map" ? folded(rewrite, rewrite.op) : null)),
};

function folded(rewrite: Rewrite, op: MapOp): readonly ValueId[] | null {
  const operands = [...rewrite.inputs];
  const expr = foldDivisions(op.expr, { rewrite, operands, made: new Map() });
  return sameExpr(expr, op.expr) ? null : [rewrite.emitOne({ ...op, inputs: operands, expr })];
}

/** A map while it is rewritten. */
interface Folding {
  readonly rewrite: Rewrite;
  /** the map's own, then quotients */
  readonly operands: ValueId[];
  /** indices of quotients by dividend and scale: parts of an expression may stand in it twice */
  readonly made: Map<string, number>;
}

function foldDivisions(expr: Expr, folding: Folding): Expr {
  const quotient = expr.op === "unary" && expr.fn === "round" ? foldedQuotient(expr.x, folding) : null;
  if (expr.op === "unary" && quotient !== null) return { ...expr, x: foldDivisions(quotient, folding) };
  return mapOperands(expr, (operand) => foldDivisions(operand, folding));
}

/** A sum of products that is divided by a positive number, without the division; null for any other expression. */
function foldedQuotient(expr: Expr, folding: Folding): Expr | null {
  if (expr.op !== "binary" || expr.fn !== "div" || expr.y.op !== "const" || expr.y.dtype !== "f32") return null;
  const scale = Number(expr.y.value);
  return scale > 0 && Number.isFinite(scale) ? divided(expr.x, scale, folding) : null;
}

function divided(expr: Expr, scale: number, folding: Folding): Expr | null {
  if (expr.op !== "binary") return dividedConstant(expr, scale, folding);
  const { fn, x, y } = expr;
  if (fn === "mul") {
    const right = dividedConstant(y, scale, folding);
    const left = right === null ? dividedConstant(x, scale, folding) : x;
    return left === null ? null : { ...expr, x: left, y: right ?? y };
  }
  if (fn !== "add" && fn !== "sub" && fn !== "min" && fn !== "max") return null;
  const [left, right] = [divided(x, scale, folding), divided(y, scale, folding)];
  return left === null || right === null ? null : { ...expr, x: left, y: right };
}

/** A literal or a constant operand, divided; null for what is not constant, or where the quotients would lose digits. */
function dividedConstant(expr: Expr, scale: number, { rewrite, operands, made }: Folding): Expr | null {
  if (expr.op === "const") {
    const [quotient] = expr.dtype === "f32" ? (quotients([Number(expr.value)], scale) ?? []) : [];
    return quotient === undefined ? null : lit("f32", quotient);
  }
  const dividend = expr.op === "arg" ? operands[expr.index] : undefined;
  const constant = dividend === undefined ? undefined : rewrite.builder.constantOf(dividend);
  if (constant?.dtype !== "f32") return null;
  const key = `${dividend} ${scale}`;
  const known = made.get(key);
  if (known !== undefined) return arg(known);
  const elements = quotients(constant.elements as Float32Array, scale);
  if (elements === null) return null;
  const index = operands.push(rewrite.builder.constant(makeTensor("f32", constant.shape, elements))) - 1;
  made.set(key, index);
  return arg(index);
}

const leastNormal = 2 ** -126;

/** Quotients in f32; null where one of them is no normal number or zero. */
function quotients(dividends: ArrayLike<number>, scale: number): Float32Array | null {
  const result = Float32Array.from(dividends, (dividend) => dividend / scale);
  const isExact = (quotient: number, i: number): boolean =>
    dividends[i] === 0 || (Math.abs(quotient) >= leastNormal && Number.isFinite(quotient));
  return result.every(isExact) ? result : null;
}
