/** Det: Gaussian elimination with pivoting, written out step by step over whole batches, so that it runs as kernels. */
import { arg, binary, lit, select } from "../../../ir/expr.ts";
import type { ValueId } from "../../../ir/graph.ts";
import { tensorType } from "../../../ir/graph.ts";
import { elementCount, makeTensor } from "../../../ir/tensor.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { commonDType } from "./elementwise.ts";
import { reduceOf } from "./norm.ts";
import { toDType } from "./precision.ts";
import { abs, div, mul, sub } from "./scalar.ts";
import { countFrom, sliceOf } from "./support.ts";
import { operator } from "./table.ts";

/** Largest matrix that is eliminated by ops of its own, one round a column; the host does larger ones, which take it less time than so many kernels. */
const longestElimination = 4;

function det(node: NodeContext): readonly ValueId[] {
  const dtype = commonDType(node, "float");
  const shape = node.shape(0);
  const [rows, columns] = shape.slice(-2);
  if (rows === undefined || columns === undefined || rows !== columns)
    throw node.shapeError(`determinants are of square matrices, not [${shape.join(", ")}]`);
  const batch = shape.slice(0, -2);
  if (rows > longestElimination)
    return node.host("det", [node.input(0)], [tensorType(dtype, batch)], `matrices of more than ${longestElimination} rows`); // prettier-ignore
  const stack = node.reshape(toDType(node, "f64", node.input(0)), [elementCount(batch), rows, rows]);
  return [node.reshape(toDType(node, dtype, eliminate(node, stack)), batch)];
}

/** The determinants [b] of matrices [b, n, n] of f64. */
function eliminate(node: NodeContext, stack: ValueId): ValueId {
  const { shape } = node.typeOf(stack);
  const [count = 0, size = 0] = shape;
  let product = node.constantValue(makeTensor("f64", [count], new Float64Array(count).fill(1)));
  let rest = stack;
  for (let n = size; n > 0; n--) {
    const { pivot, sign, remaining } = pivotedRows(node, rest, count, n);
    const head = sliceOf(node, pivot, 2, 0, 1);
    product = node.map(mul(arg(0), mul(arg(1), arg(2))), product, sign, node.reshape(head, [count]));
    if (n > 1) rest = reduced(node, remaining, pivot, head, n);
  }
  return product;
}

/** The row [b, 1, n] with the largest leading element, the others [b, n - 1, n] with the first in its place, and the swap's sign [b]. */
function pivotedRows(
  node: NodeContext,
  rest: ValueId,
  count: number,
  n: number,
): { readonly pivot: ValueId; readonly sign: ValueId; readonly remaining: ValueId } {
  const sizes = node.map(abs(arg(0)), sliceOf(node, rest, 2, 0, 1));
  const found = node.emitOne({
    kind: "argReduce",
    inputs: [sizes],
    fn: "max",
    axis: 1,
    keepDims: true,
    selectLast: false,
  });
  const chosen = node.map(binary("eq", arg(0), arg(1)), found, node.reshape(countFrom(node, n), [n, 1]));
  const alone = node.map(select(arg(0), arg(1), lit("f64", 0)), chosen, rest);
  const first = sliceOf(node, rest, 1, 0, 1);
  const swapped = node.map(select(arg(0), arg(1), arg(2)), chosen, first, rest);
  const sign = node.map(select(binary("eq", arg(0), lit("i64", 0)), lit("f64", 1), lit("f64", -1)), found);
  return {
    pivot: reduceOf(node, "sum", alone, [1]),
    sign: node.reshape(sign, [count]),
    remaining: sliceOf(node, swapped, 1, 1, n - 1),
  };
}

/** The rows below the pivot, without its column; where the column is all zeros the product is zero already. */
function reduced(node: NodeContext, remaining: ValueId, pivot: ValueId, head: ValueId, n: number): ValueId {
  const safe = node.map(select(binary("eq", arg(0), lit("f64", 0)), lit("f64", 1), arg(0)), head);
  const factors = node.map(div(arg(0), arg(1)), sliceOf(node, remaining, 2, 0, 1), safe);
  const tail = sliceOf(node, pivot, 2, 1, n - 1);
  return node.map(sub(arg(0), mul(arg(1), arg(2))), sliceOf(node, remaining, 2, 1, n - 1), factors, tail);
}

/** Operators of this family. */
export const determinantOperators: readonly OperatorDef[] = [operator("Det", det, [{ since: [11, 22] }])];
