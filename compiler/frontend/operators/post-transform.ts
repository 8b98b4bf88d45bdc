/** What the models of ai.onnx.ml do with their scores [rows, classes] at the end. */
import type { DType } from "../../../ir/dtype.ts";
import { arg, binary, type Expr, lit, select } from "../../../ir/expr.ts";
import type { ValueId } from "../../../ir/graph.ts";
import type { NodeContext } from "../operator.ts";
import { reduceOf } from "./norm.ts";
import { castExpr } from "./precision.ts";
import { abs, add, div, exp, log, mul, neg, sigmoid, sqrt, square, sub } from "./scalar.ts";

/** By the number that TreeEnsemble gives them; the older operators name them. */
export const postTransforms = ["NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"] as const;
export type PostTransform = (typeof postTransforms)[number];

/** The transform that an attribute names, by name or number; WSC3006 when there is none. */
export function postTransformOf(node: NodeContext): PostTransform {
  const attribute = node.attribute("post_transform");
  const given = attribute?.kind === "int" ? postTransforms[Number(attribute.value)] : node.string("post_transform", "NONE"); // prettier-ignore
  const found = postTransforms.find((name) => name === given);
  if (found === undefined) throw node.attributeError(`there is no post_transform ${String(given)}`);
  return found;
}

/** The normal distribution's quantile. */
export const probit = (t: DType, x: Expr): Expr =>
  mul(lit(t, Math.SQRT2), inverseErf(t, sub(mul(lit(t, 2), x), lit(t, 1))));

/** Scores of f32 or f64, transformed row by row. A score that stands alone only takes PROBIT, as in onnxruntime. */
export function transformed(node: NodeContext, transform: PostTransform, scores: ValueId): ValueId {
  const { dtype: t, shape } = node.typeOf(scores);
  if (shape.at(-1) === 1 && transform !== "PROBIT") return scores;
  switch (transform) {
    case "NONE":
      return scores;
    case "LOGISTIC":
      return node.map(sigmoid(arg(0)), scores);
    case "SOFTMAX":
      return node.emitOne({ kind: "softmax", inputs: [scores], axis: shape.length - 1, log: false });
    case "SOFTMAX_ZERO":
      return softmaxZero(node, scores);
    case "PROBIT":
      return node.map(probit(t, arg(0)), scores);
  }
}

/** How one score becomes those of two classes: a share and what is left of 1, a margin and its opposite, or itself alone, as the first. */
export type Spread = "share" | "margin" | "alone";

/** Both scores in f32, transformed, of one in `t`. What onnxruntime leaves unwritten, the second score of `alone` and of PROBIT, is 0. */
export function spread(t: DType, transform: PostTransform, how: Spread, score: Expr): readonly [Expr, Expr] {
  const narrow = (x: Expr): Expr => castExpr(t, "f32", x);
  if (transform === "PROBIT") return [probit("f32", narrow(score)), lit("f32", 0)];
  if (how === "alone") return [narrow(score), lit("f32", 0)];
  if (transform === "LOGISTIC") return [sigmoid(narrow(neg(score))), sigmoid(narrow(score))];
  return how === "share" ? [narrow(sub(lit(t, 1), score)), narrow(score)] : [narrow(neg(score)), narrow(score)];
}

/** Softmax in which scores of (nearly) zero stay so: they stand for classes without evidence. */
function softmaxZero(node: NodeContext, scores: ValueId): ValueId {
  const { dtype: t, shape } = node.typeOf(scores);
  const axes = [shape.length - 1];
  const largest = reduceOf(node, "max", scores, axes);
  const isZero = binary("le", abs(arg(0)), lit(t, 1e-7));
  const power = select(isZero, mul(arg(0), exp(sub(lit(t, 0), arg(1)))), exp(sub(arg(0), arg(1))));
  const powers = node.map(power, scores, largest);
  const safe = select(binary("eq", arg(1), lit(t, 0)), lit(t, 1), arg(1));
  return node.map(div(arg(0), safe), powers, reduceOf(node, "sum", powers, axes));
}

/** Winitzki's approximation (2008) with a = 0.147, which ONNX's runtimes use. */
function inverseErf(t: DType, x: Expr): Expr {
  const a = 0.147;
  const logarithm = log(mul(sub(lit(t, 1), x), add(lit(t, 1), x)));
  const middle = add(lit(t, 2 / (Math.PI * a)), mul(lit(t, 0.5), logarithm));
  const size = sqrt(sub(sqrt(sub(square(middle), mul(lit(t, 1 / a), logarithm))), middle));
  return select(binary("lt", x, lit(t, 0)), sub(lit(t, 0), size), size);
}
