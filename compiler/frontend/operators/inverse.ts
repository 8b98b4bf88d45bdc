/** Inverse of com.microsoft: Gauss-Jordan elimination with pivoting, written out column by column over whole batches, so that it runs as kernels. */
import { arg, binary, lit, select } from "../../../ir/expr.ts";
import { tensorType, type ValueId } from "../../../ir/graph.ts";
import { elementCount, tensorFrom } from "../../../ir/tensor.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { commonDType } from "./elementwise.ts";
import { reduceOf } from "./norm.ts";
import { toDType } from "./precision.ts";
import { abs, add, div, mul, sub } from "./scalar.ts";
import { concatOf, countFrom, range, sliceOf } from "./support.ts";
import { operatorOf } from "./table.ts";

/** Largest matrix that is eliminated by ops of its own, one round a column; the host does larger ones. */
const longestElimination = 48;

function inverse(node: NodeContext): readonly ValueId[] {
  const dtype = commonDType(node, "float");
  const shape = node.shape(0);
  const [rows, columns] = shape.slice(-2);
  if (rows === undefined || columns === undefined || rows !== columns)
    throw node.shapeError(`inverses are of square matrices, not [${shape.join(", ")}]`);
  if (elementCount(shape) === 0) return [node.input(0)];
  if (rows > longestElimination)
    return node.host(
      "inverse",
      [node.input(0)],
      [tensorType(dtype, shape)],
      `matrices of more than ${longestElimination} rows`,
    );
  const batch = elementCount(shape) / (rows * rows);
  const left = node.reshape(toDType(node, "f64", node.input(0)), [batch, rows, rows]);
  const unit = tensorFrom(
    "f64",
    [1, rows, rows],
    range(rows * rows).map((i) => (i % (rows + 1) === 0 ? 1 : 0)),
  );
  const right = node.broadcastTo(node.constantValue(unit), [batch, rows, rows]);
  const done = range(rows).reduce((both, column) => eliminated(node, both, column), concatOf(node, [left, right], 2));
  return [node.reshape(toDType(node, dtype, sliceOf(node, done, 2, rows, rows)), shape)];
}

/** [b, n, 2n] with the row of the column's largest element swapped to the diagonal, scaled to 1 there and taken off all other rows. */
function eliminated(node: NodeContext, both: ValueId, column: number): ValueId {
  const { shape } = node.typeOf(both);
  const [, n = 0] = shape;
  const below = sliceOf(node, sliceOf(node, both, 2, column, 1), 1, column, n - column);
  const found = node.emitOne({
    kind: "argReduce",
    inputs: [node.map(abs(arg(0)), below)],
    fn: "max",
    axis: 1,
    keepDims: true,
    selectLast: false,
  });
  const rows = node.reshape(countFrom(node, n), [n, 1]);
  const chosen = node.map(binary("eq", add(arg(0), lit("i64", column)), arg(1)), found, rows);
  const pivot = reduceOf(node, "sum", node.map(select(arg(0), arg(1), lit("f64", 0)), chosen, both), [1]);
  const scaled = node.map(div(arg(0), arg(1)), pivot, sliceOf(node, pivot, 2, column, 1));
  const swapped = node.map(select(arg(0), arg(1), arg(2)), chosen, sliceOf(node, both, 1, column, 1), both);
  const others = sub(arg(0), mul(arg(1), arg(2)));
  const isDiagonal = binary("eq", arg(3), lit("i64", column));
  return node.map(select(isDiagonal, arg(2), others), swapped, sliceOf(node, swapped, 2, column, 1), scaled, rows);
}

/** Operators of this family. */
export const inverseOperators: readonly OperatorDef[] = [
  operatorOf("com.microsoft", "Inverse", inverse, [{ since: 1 }]),
];
