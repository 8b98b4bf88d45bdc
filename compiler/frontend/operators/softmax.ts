/**
 * Softmax, LogSoftmax and Hardmax. Until opset 12 the input is coerced to two dims at `axis` and the function runs over the whole second
 * one; from 13 on it runs along one axis.
 */
import { countOf, sameDim } from "../../../ir/dim.ts";
import { arg, binary, cast } from "../../../ir/expr.ts";
import type { ValueId } from "../../../ir/graph.ts";
import { elementCount } from "../../../ir/tensor.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { commonDType } from "./elementwise.ts";
import { widened } from "./precision.ts";
import { alongAxis, countFrom } from "./support.ts";
import { operator } from "./table.ts";

type AlongAxis = (node: NodeContext, x: ValueId, axis: number) => ValueId;

const softmax: AlongAxis = (node, x, axis) => node.emitOne({ kind: "softmax", inputs: [x], axis, log: false });
const logSoftmax: AlongAxis = (node, x, axis) => node.emitOne({ kind: "softmax", inputs: [x], axis, log: true });

/** One at the first largest element along the axis, zero elsewhere. */
const hardmax: AlongAxis = (node, x, axis) => {
  const { dtype, shape } = node.typeOf(x);
  if (elementCount(shape) === 0) return x;
  const best = node.emitOne({ kind: "argReduce", inputs: [x], fn: "max", axis, keepDims: true, selectLast: false });
  const size = shape[axis] ?? 1;
  const position = node.reshape(countFrom(node, size), alongAxis(shape.length, axis, size));
  return node.map(cast(dtype, binary("eq", arg(0), arg(1))), best, position);
};

const direct = (run: AlongAxis) => (node: NodeContext) => {
  commonDType(node, "float");
  const rank = node.rank(0);
  if (rank === 0) throw node.shapeError("a scalar has no axis");
  const axis = node.axis(node.int("axis", -1), rank);
  return [widened(node, [node.input(0)], ([x = 0]) => run(node, x, axis))];
};

/** The coercion to two dims is a pair of reshapes, which falls away where only one dim is involved. */
const flattened = (run: AlongAxis) => (node: NodeContext) => {
  commonDType(node, "float");
  const shape = node.dims(0);
  // Only counted from the front may the axis be the rank: the whole input is one row after the other then.
  const asked = node.int("axis", 1);
  const axis = node.axis(asked, shape.length, asked >= 0);
  const size = countOf(shape.slice(axis));
  const lone = shape.findIndex((dim, at) => at >= axis && sameDim(dim, size));
  if (lone >= 0) return [widened(node, [node.input(0)], ([x = 0]) => run(node, x, lone))];
  const rows = countOf(shape.slice(0, axis));
  const flat = node.reshape(node.input(0), [rows, size]);
  return [
    node.reshape(
      widened(node, [flat], ([x = 0]) => run(node, x, 1)),
      shape,
    ),
  ];
};

const axisOperator = (name: string, run: AlongAxis): OperatorDef =>
  operator(name, flattened(run), [
    { since: [1, 11], attributes: { axis: "int" } },
    { since: 13, lower: direct(run) },
  ]);

export const softmaxOperators: readonly OperatorDef[] = [
  axisOperator("Softmax", softmax),
  axisOperator("LogSoftmax", logSoftmax),
  axisOperator("Hardmax", hardmax),
];
