/** CDist of com.microsoft: distances between the rows of two matrices by |a|² - 2ab + |b|², as onnxruntime computes them, from one product. */
import { arg, lit } from "../../../ir/expr.ts";
import type { ValueId } from "../../../ir/graph.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { commonDType } from "./elementwise.ts";
import { matmulOf } from "./linear.ts";
import { reduceOf } from "./norm.ts";
import { toDType, widen } from "./precision.ts";
import { abs, add, mul, sqrt, square } from "./scalar.ts";
import { operatorOf } from "./table.ts";

function distances(node: NodeContext): readonly ValueId[] {
  const dtype = commonDType(node, "float");
  const [left, right] = [node.shape(0), node.shape(1)];
  if (left.length !== 2 || right.length !== 2 || left[1] !== right[1])
    throw node.shapeError(`distances between the rows of [${left.join(",")}] and of [${right.join(",")}]`);
  const metric = node.string("metric", "sqeuclidean");
  if (metric !== "euclidean" && metric !== "sqeuclidean")
    throw node.attributeError(`metric is ${JSON.stringify(metric)}, must be "euclidean" or "sqeuclidean"`);
  const [a, b] = [widen(node, node.input(0)), widen(node, node.input(1))];
  const compute = node.typeOf(a).dtype;
  const squares = (x: ValueId): ValueId => reduceOf(node, "sum", node.map(square(arg(0)), x), [1]);
  const columns = node.transpose(squares(b), [1, 0]);
  // rounding may leave a little less than nothing between equal rows
  const sum = abs(add(add(mul(lit(compute, -2), arg(0)), arg(1)), arg(2)));
  const distance = metric === "euclidean" ? sqrt(sum) : sum;
  return [toDType(node, dtype, node.map(distance, matmulOf(node, a, b, false, true), squares(a), columns))];
}

export const distanceOperators: readonly OperatorDef[] = [
  operatorOf("com.microsoft", "CDist", distances, [{ since: 1, inputs: [2, 2], attributes: { metric: "string" } }]),
];
