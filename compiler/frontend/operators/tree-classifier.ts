/**
 * TreeEnsembleClassifier. Votes of leaves add up to scores, base values are added, the best class is the label. What two classes mean depends on
 * how the votes were written: a model may vote for both, or for one class alone, whose score is then the probability of the second
 * class (if no vote is negative) or a margin for it. The rules here are onnxruntime's.
 */
import { arg, binary, type Expr, lit, select } from "../../../ir/expr.ts";
import type { DType } from "../../../ir/dtype.ts";
import type { ValueId } from "../../../ir/graph.ts";
import { type TensorData, tensorFrom } from "../../../ir/tensor.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { runForest, type Votes } from "./forest.ts";
import { labelled, labelsOf, largestOf, rowsOf } from "./ml-rows.ts";
import { postTransformOf, spread, transformed } from "./post-transform.ts";
import { castExpr } from "./precision.ts";
import { add, gt, neg } from "./scalar.ts";
import { concatOf, sliceOf } from "./support.ts";
import { type Attributes, operatorOf } from "./table.ts";
import { floatsOf, integersOf, listAttributes, listedForest, listTensors } from "./tree-lists.ts";

/** Three classes and more: the best of those that have a score. */
function ofMany(node: NodeContext, votes: Votes, base: readonly number[], labels: TensorData): readonly ValueId[] {
  const { dtype: t } = node.typeOf(votes.scores);
  const transform = postTransformOf(node);
  if (base.length > 0) {
    const bases = node.constantValue(tensorFrom(t, [base.length], base));
    const scores = node.map(add(arg(0), arg(1)), votes.scores, bases);
    return [labelled(node, labels, largestOf(node, scores)), transformed(node, transform, node.castTo("f32", scores))];
  }
  const running = node.map(select(arg(1), arg(0), lit(t, -Infinity)), votes.scores, votes.cast);
  const label = labelled(node, labels, largestOf(node, running));
  return [label, transformed(node, transform, node.castTo("f32", votes.scores))];
}

/** How the votes of a model with two classes were written. */
interface BinaryForm {
  /** all votes are for one class */
  readonly isOneSided: boolean;
  /** and none is negative: they add up to a probability */
  readonly isShare: boolean;
}

function binaryForm(node: NodeContext): BinaryForm {
  const isOneSided = new Set(integersOf(node, "class_ids")).size === 1;
  return { isOneSided, isShare: isOneSided && floatsOf(node, "class_weights").every((weight) => !(weight < 0)) };
}

/** Expressions over the score of the first class ($0), whether it has one ($1), and the same of the second ($2, $3). */
interface BinaryScores {
  /** scores of both classes where the second one has votes */
  readonly pair: readonly [Expr, Expr];
  /** the score where only the first one has; null where both count always */
  readonly single: Expr | null;
  /** what decides for the second class */
  readonly decisive: Expr;
}

const [first, hasFirst, second, hasSecond] = [arg(0), arg(1), arg(2), arg(3)];

function binaryScores(t: DType, base: readonly number[]): BinaryScores {
  const [base0, base1] = base;
  const zero = lit(t, 0);
  const own = select(hasFirst, base0 === undefined ? first : add(first, lit(t, base0)), zero);
  if (base1 === undefined) return { pair: [own, second], single: own, decisive: select(hasSecond, second, own) };
  // both base values: the second class's score is the first one's sum, and its opposite the first's
  const margin = add(lit(t, base1), first);
  const against = select(hasSecond, select(hasFirst, neg(margin), zero), own);
  const pair = [against, select(hasSecond, margin, zero)] as const;
  return { pair, single: null, decisive: select(hasSecond, margin, own) };
}

function ofTwo(node: NodeContext, votes: Votes, base: readonly number[], labels: TensorData): readonly ValueId[] {
  const { dtype: t } = node.typeOf(votes.scores);
  const transform = postTransformOf(node);
  const { isOneSided, isShare } = binaryForm(node);
  const columns = [0, 1].flatMap((column) =>
    [votes.scores, votes.cast].map((value) => sliceOf(node, value, 1, column, 1)),
  );
  const { pair, single, decisive } = binaryScores(t, base);
  const isSecond = gt(decisive, lit(t, isShare ? 0.5 : 0));
  const index = node.map(select(isSecond, lit("i64", 1), lit("i64", 0)), ...columns);
  const rows = node.typeOf(index).shape[0] ?? 0;
  // models that vote for both classes have 0 and 1 for labels, whatever integers they name
  const names = isOneSided || labels.dtype === "string" ? labels : tensorFrom("i64", [2], [0n, 1n]);
  const label = labelled(node, names, node.reshape(index, [rows]));
  const joined = concatOf(
    node,
    pair.map((score) => node.map(castExpr(t, "f32", score), ...columns)),
    1,
  );
  const both = transformed(node, transform, joined);
  if (single === null) return [label, both];
  const how = isShare ? "share" : isOneSided || base.length === 0 ? "margin" : "alone";
  const alone = concatOf(
    node,
    spread(t, transform, how, single).map((score) => node.map(score, ...columns)),
    1,
  );
  const hasBoth = columns[3] as ValueId;
  return [label, node.map(select(arg(0), arg(1), arg(2)), hasBoth, both, alone)];
}

/** A single class: its score, and 1 for a label where it is positive, 0 elsewhere. */
function ofOne(node: NodeContext, votes: Votes, base: readonly number[], labels: TensorData): readonly ValueId[] {
  if (labels.dtype === "string") throw node.unsupported("a single class with a string for a name");
  if (base.length > 1) throw node.attributeError(`${base.length} base_values for a single class`);
  const { dtype: t, shape } = node.typeOf(votes.scores);
  const score = node.map(add(arg(0), lit(t, base[0] ?? 0)), votes.scores);
  const label = node.map(select(binary("gt", arg(0), lit(t, 0)), lit("i64", 1), lit("i64", 0)), score);
  return [node.reshape(label, [shape[0] ?? 0]), transformed(node, postTransformOf(node), node.castTo("f32", score))];
}

function treeEnsembleClassifier(node: NodeContext): readonly ValueId[] {
  const labels = labelsOf(node, "classlabels_int64s");
  const classes = labels.elements.length;
  const base = floatsOf(node, "base_values");
  const fits = classes > 2 ? [0, classes].includes(base.length) : base.length <= 2;
  if (!fits) throw node.attributeError(`${base.length} base_values for ${classes} classes`);
  const votes = runForest(node, rowsOf(node), "sum", classes, () => listedForest(node, "class", classes));
  if (classes === 1) return ofOne(node, votes, base, labels);
  return (classes === 2 ? ofTwo : ofMany)(node, votes, base, labels);
}

const attributes: Attributes = {
  ...listAttributes("class"),
  classlabels_int64s: "ints",
  classlabels_strings: "strings",
};

/** Operators of this family. */
export const treeClassifierOperators: readonly OperatorDef[] = [
  operatorOf("ai.onnx.ml", "TreeEnsembleClassifier", treeEnsembleClassifier, [
    { since: 1, outputs: [1, 2], attributes },
    { since: 3, attributes: { ...attributes, ...listTensors("class") } },
  ]),
];
