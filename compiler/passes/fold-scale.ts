/**
 * fold-scale: a per-channel scale behind a convolution or product with constant weights goes into the weights, and what is added (bias,
 * BatchNorm's shift) becomes one constant.
 *
 *     conv(x, w) ; map ($0 + b) * s + t    ==>    conv(x, w * s) ; map $0 + (b * s + t)
 *
 * The map's expression is taken apart as S * $acc + B; the outermost part that is not affine in the accumulator (an activation) stays.
 */
import type { DType } from "../../ir/dtype.ts";
import { arg, argUses, binary, type Expr, exprOperands, lit, substitute, unary, walkExpr } from "../../ir/expr.ts";
import type { MapOp, Op, OpOf, ValueId } from "../../ir/graph.ts";
import { elementCount, type TensorData } from "../../ir/tensor.ts";
import { withShape } from "../../ir/tensor-source.ts";
import { evaluateConstants } from "../evaluate-constants.ts";
import { foldOp } from "./fold-constants.ts";
import type { Pass } from "./pass.ts";
import { type Rewrite, rewriteGraph } from "./rewrite.ts";
import { simplifyExpr } from "./simplify-expr.ts";

export const foldScale: Pass = {
  name: "fold-scale",
  summary: "fold BatchNorm and other channel scales into constant weights",
  run: (graph) => rewriteGraph(graph, foldIntoWeights, foldOp),
};

type Weighted = OpOf<"conv" | "matmul">;

function foldIntoWeights(rewrite: Rewrite): readonly ValueId[] | null {
  const { op } = rewrite;
  if (op.kind !== "map") return null;
  for (const [index, id] of rewrite.inputs.entries()) {
    const producer = rewrite.producer(id);
    if (!isFoldable(rewrite, producer, id)) continue;
    const folded = foldMap(rewrite, op, producer, index);
    if (folded !== null) return [folded];
  }
  return null;
}

function isFoldable(rewrite: Rewrite, producer: Op | undefined, id: ValueId): producer is Weighted {
  if (producer?.kind !== "conv" && producer?.kind !== "matmul") return false;
  const weights = producer.inputs[1];
  const here = rewrite.inputs.filter((other) => other === id).length;
  const { dtype } = rewrite.builder.tensorTypeOf(id);
  return (
    producer.epilogue === null &&
    weights !== undefined &&
    rewrite.builder.constantOf(weights) !== undefined &&
    rewrite.uses(id) === here &&
    (dtype === "f32" || dtype === "f64")
  );
}

function foldMap(rewrite: Rewrite, op: MapOp, producer: Weighted, index: number): ValueId | null {
  const { dtype } = rewrite.builder.tensorTypeOf(rewrite.inputs[index] as ValueId);
  const found = findAffine(op.expr, { index, dtype });
  const constants = rewrite.inputs.map((id) => rewrite.builder.constantOf(id));
  if (found === null) return null;
  const scale = evaluateClosed(found.scale, constants);
  if (scale === null) return null;
  const factor = channelScale(rewrite, producer, scale, rewrite.inputs[index] as ValueId);
  if (factor === null || isOne(factor)) return null;
  const weights = scaledWeights(rewrite, producer.inputs[1] as ValueId, factor);
  const [x, , ...rest] = producer.inputs;
  const scaled = rewrite.emitOne({ ...producer, inputs: [x as ValueId, weights, ...rest] }, producer);
  return remainder(rewrite, op, found, constants, index, scaled);
}

/** The map that is left: its affine part reads `scaled` and adds the constant B, if B is one. */
function remainder(
  rewrite: Rewrite,
  op: MapOp,
  found: Affine & { readonly whole: Expr },
  constants: readonly (TensorData | undefined)[],
  index: number,
  scaled: ValueId,
): ValueId {
  const operands = rewrite.inputs.map((id, i) => (i === index ? scaled : id));
  const shift = found.shift === null ? null : evaluateClosed(found.shift, constants);
  let affine: Expr = arg(index);
  if (shift !== null) affine = binary("add", arg(index), arg(operands.push(rewrite.builder.constant(shift)) - 1));
  else if (found.shift !== null) affine = binary("add", arg(index), found.shift);
  const expr = replaceNode(op.expr, found.whole, affine);
  return rewrite.emitOne({ kind: "map", inputs: operands, expr });
}

function replaceNode(expr: Expr, target: Expr, replacement: Expr): Expr {
  if (expr === target) return replacement;
  switch (expr.op) {
    case "arg":
    case "const":
      return expr;
    case "unary":
    case "cast":
      return { ...expr, x: replaceNode(expr.x, target, replacement) };
    case "binary":
      return { ...expr, x: replaceNode(expr.x, target, replacement), y: replaceNode(expr.y, target, replacement) };
    case "select":
      return {
        ...expr,
        cond: replaceNode(expr.cond, target, replacement),
        x: replaceNode(expr.x, target, replacement),
        y: replaceNode(expr.y, target, replacement),
      };
  }
}

/** The operand of a map that the weighted op gives. */
interface Operand {
  readonly index: number;
  readonly dtype: DType;
}

interface Affine {
  readonly scale: Expr;
  /** null: zero */
  readonly shift: Expr | null;
}

const mentions = (expr: Expr, index: number): boolean => {
  let found = false;
  walkExpr(expr, (e) => {
    if (e.op === "arg" && e.index === index) found = true;
  });
  return found;
};

/** The outermost subexpression that is affine in the operand, reached through nodes that read it in one place only. */
function findAffine(expr: Expr, operand: Operand): (Affine & { readonly whole: Expr }) | null {
  for (let at: Expr | undefined = expr; at !== undefined; at = onlyChildWith(at, operand.index)) {
    const affine = decompose(at, operand);
    if (affine !== null && at.op !== "arg") return { ...affine, whole: at };
  }
  return null;
}

function onlyChildWith(expr: Expr, index: number): Expr | undefined {
  const children = exprOperands(expr).filter((child) => mentions(child, index));
  return children.length === 1 ? children[0] : undefined;
}

/** expr = scale * $index + shift, or null. */
function decompose(expr: Expr, operand: Operand): Affine | null {
  const { index, dtype } = operand;
  if (expr.op === "arg" && expr.index === index) return { scale: lit(dtype, 1), shift: null };
  if (expr.op === "unary" && expr.fn === "neg") {
    const x = decompose(expr.x, operand);
    return x === null ? null : { scale: unary("neg", x.scale), shift: x.shift === null ? null : unary("neg", x.shift) };
  }
  if (expr.op !== "binary") return null;
  const inX = mentions(expr.x, index);
  const inY = mentions(expr.y, index);
  if (inX === inY) return null;
  const inner = decompose(inX ? expr.x : expr.y, operand);
  return inner === null ? null : combine(expr.fn, inner, inX ? expr.y : expr.x, inX);
}

/** `inner fn other`, or `other fn inner` when the affine side is the right one. */
function combine(fn: string, inner: Affine, other: Expr, innerIsLeft: boolean): Affine | null {
  switch (fn) {
    case "add":
      return { scale: inner.scale, shift: inner.shift === null ? other : binary("add", inner.shift, other) };
    case "sub":
      if (innerIsLeft)
        return {
          scale: inner.scale,
          shift: inner.shift === null ? unary("neg", other) : binary("sub", inner.shift, other),
        };
      return {
        scale: unary("neg", inner.scale),
        shift: inner.shift === null ? other : binary("sub", other, inner.shift),
      };
    case "mul":
      return {
        scale: binary("mul", inner.scale, other),
        shift: inner.shift === null ? null : binary("mul", inner.shift, other),
      };
    case "div":
      if (!innerIsLeft) return null;
      return {
        scale: binary("div", inner.scale, other),
        shift: inner.shift === null ? null : binary("div", inner.shift, other),
      };
    default:
      return null;
  }
}

/** The value of an expression all of whose operands are constants. */
function evaluateClosed(expr: Expr, constants: readonly (TensorData | undefined)[]): TensorData | null {
  const isClosed = argUses(expr, constants.length).every((uses, i) => uses === 0 || constants[i] !== undefined);
  if (!isClosed) return null;
  const used: TensorData[] = [];
  const renumbered = substitute(expr, (index) => {
    const constant = constants[index] as TensorData;
    if (!used.includes(constant)) used.push(constant);
    return arg(used.indexOf(constant));
  });
  const inputs = used.length > 0 ? used : [{ dtype: "f32" as const, shape: [], elements: new Float32Array(1) }];
  const dtypes = inputs.map(({ dtype }) => dtype);
  const op = { kind: "map" as const, inputs: inputs.map((_, i) => i), expr: simplifyExpr(renumbered, dtypes) };
  return evaluateConstants(op, inputs)[0] ?? null;
}

const isOne = ({ elements }: TensorData): boolean =>
  (elements as ArrayLike<number>).length > 0 && Array.from(elements as ArrayLike<number>).every((e) => e === 1);

/** The scale in a shape that broadcasts to the weights, when it varies along the output channels only. */
function channelScale({ builder }: Rewrite, op: Weighted, scale: TensorData, result: ValueId): TensorData | null {
  const weights = op.inputs[1] as ValueId;
  const { shape: weightShape, dtype } = builder.tensorTypeOf(weights);
  const { shape: resultShape } = builder.tensorTypeOf(result);
  const channel = op.kind === "conv" && op.layout === "nchw" ? 1 : resultShape.length - 1;
  const offset = resultShape.length - scale.shape.length;
  if (scale.dtype !== dtype || scale.shape.some((dim, i) => dim !== 1 && i + offset !== channel)) return null;
  const axis = weightAxis(op, weightShape.length);
  const shape = weightShape.map((_, i) => (i === axis ? elementCount(scale.shape) : 1));
  return withShape(scale, shape);
}

function scaledWeights(rewrite: Rewrite, weights: ValueId, factor: TensorData): ValueId {
  const inputs = [weights, rewrite.builder.constant(factor)];
  return rewrite.emitOne({ kind: "map", inputs, expr: binary("mul", arg(0), arg(1)) });
}

/** The weights' axis that runs over output channels. */
function weightAxis(op: Weighted, rank: number): number {
  if (op.kind === "conv") return op.layout === "nchw" ? 0 : rank - 1;
  return op.transposeB ? rank - 2 : rank - 1;
}
