/** Linear models of ai.onnx.ml: rows times transposed coefficients, plus intercepts. */
import { arg, binary, lit, select } from "../../../ir/expr.ts";
import type { ValueId } from "../../../ir/graph.ts";
import { tensorFrom } from "../../../ir/tensor.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { floatRowsOf, labelled, labelsOf, largestOf } from "./ml-rows.ts";
import { postTransformOf, spread, transformed } from "./post-transform.ts";
import { add } from "./scalar.ts";
import { concatOf } from "./support.ts";
import { type Attributes, operatorOf } from "./table.ts";

/** x [rows, columns] times `coefficients` [targets, columns] transposed, plus `intercepts` (none, one for all, or one per target): [rows, targets]. */
export function linearScores(
  node: NodeContext,
  x: ValueId,
  targets: number,
  coefficients: readonly number[],
  intercepts: readonly number[],
): ValueId {
  const columns = node.typeOf(x).shape[1] ?? 0;
  if (coefficients.length !== targets * columns) {
    throw node.attributeError(`${coefficients.length} coefficients for ${targets} targets of ${columns} columns`);
  }
  if (![0, 1, targets].includes(intercepts.length))
    throw node.attributeError(`${intercepts.length} intercepts for ${targets} targets`);
  const weights = node.constantValue(tensorFrom("f32", [targets, columns], coefficients));
  const product = node.emitOne({
    kind: "matmul",
    inputs: [x, weights],
    transposeA: false,
    transposeB: true,
    epilogue: null,
  });
  if (intercepts.length === 0) return product;
  const added = node.constantValue(tensorFrom("f32", [intercepts.length], intercepts));
  return node.map(add(arg(0), arg(1)), product, added);
}

function linearRegressor(node: NodeContext): readonly ValueId[] {
  const targets = node.int("targets", 1);
  const transform = postTransformOf(node);
  const intercepts = node.floats("intercepts") ?? [];
  // onnxruntime leaves out intercepts that are not one per target
  const used = intercepts.length === targets ? intercepts : [];
  const scores = linearScores(node, floatRowsOf(node), targets, node.floats("coefficients") ?? [], used);
  return [transformed(node, transform, scores)];
}

/**
 * The scores give the label before they are transformed. One row of coefficients for two classes is a margin: what it gives is the score of the second
 * class, and 1 less that the first one's, as in onnxruntime.
 */
function linearClassifier(node: NodeContext): readonly ValueId[] {
  const labels = labelsOf(node, "classlabels_ints");
  const transform = postTransformOf(node);
  const intercepts = node.floats("intercepts") ?? [];
  const targets = intercepts.length;
  if (targets === 0)
    throw node.unsupported("a linear classifier without intercepts, which onnxruntime refuses as well");
  const scores = linearScores(node, floatRowsOf(node), targets, node.floats("coefficients") ?? [], intercepts);
  if (targets > 1) {
    if (labels.elements.length < targets)
      throw node.attributeError(`${labels.elements.length} labels for ${targets} classes`);
    return [labelled(node, labels, largestOf(node, scores)), transformed(node, transform, scores)];
  }
  const isTwo = labels.elements.length === 2;
  const [rows = 0] = node.typeOf(scores).shape;
  const isSecond = select(binary("gt", arg(0), lit("f32", 0)), lit("i64", 1), lit("i64", 0));
  const index = node.reshape(node.map(isSecond, scores), [rows]);
  const plain = labels.dtype === "string" ? tensorFrom("string", [2], ["0", "1"]) : tensorFrom("i64", [2], [0n, 1n]);
  const label = labelled(node, isTwo ? labels : plain, index);
  if (!isTwo) return [label, transformed(node, transform, scores)];
  const both = spread("f32", transform, "share", arg(0));
  return [
    label,
    concatOf(
      node,
      both.map((score) => node.map(score, scores)),
      1,
    ),
  ];
}

const linear: Attributes = { coefficients: "floats", intercepts: "floats", post_transform: "string" };

/** Operators of this family. */
export const linearModelOperators: readonly OperatorDef[] = [
  operatorOf("ai.onnx.ml", "LinearRegressor", linearRegressor, [
    { since: 1, attributes: { ...linear, targets: "int" } },
  ]),
  operatorOf("ai.onnx.ml", "LinearClassifier", linearClassifier, [
    {
      since: 1,
      outputs: [1, 2],
      attributes: { ...linear, classlabels_ints: "ints", classlabels_strings: "strings", multi_class: "int" },
    },
  ]),
];
