/** Matrix products: MatMul, Gemm and MatMulInteger. Einsum has a file of its own. */
import { nth } from "../../../ir/access.ts";
import { type Dim, showDims } from "../../../ir/dim.ts";
import { type DType, dtypeInfo } from "../../../ir/dtype.ts";
import { arg, cast, type Expr, lit } from "../../../ir/expr.ts";
import type { ValueId } from "../../../ir/graph.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { commonDType } from "./elementwise.ts";
import { computeDType, mapIn, toDType, widen, widened } from "./precision.ts";
import { add, mul, sub } from "./scalar.ts";
import { operator } from "./table.ts";

/** numpy.matmul of values of any rank >= 1: a vector on the left is a row, on the right a column, and loses that dim again. */
export function matmulOf(node: NodeContext, a: ValueId, b: ValueId, transposeA = false, transposeB = false): ValueId {
  const [left, right] = [node.dimsOf(a), node.dimsOf(b)];
  if (left.length === 0 || right.length === 0) throw node.shapeError("a scalar cannot be multiplied as a matrix");
  const row = left.length === 1 ? node.reshape(a, [1, ...left]) : a;
  const column = right.length === 1 ? node.reshape(b, [...right, 1]) : b;
  const product = node.emitOne({ kind: "matmul", inputs: [row, column], transposeA, transposeB, epilogue: null });
  if (left.length > 1 && right.length > 1) return product;
  const shape = node.dimsOf(product);
  const [m, n] = [left.length === 1 ? [] : shape.slice(-2, -1), right.length === 1 ? [] : shape.slice(-1)];
  return node.reshape(product, [...shape.slice(0, -2), ...m, ...n]);
}

function matmul(node: NodeContext): readonly ValueId[] {
  commonDType(node, "numeric");
  return [widened(node, [node.input(0), node.input(1)], ([a = 0, b = 0]) => matmulOf(node, a, b))];
}

/** x times a factor, which costs nothing when it is 1. An integer product is scaled in f64 and truncated. */
export function scaled(t: DType, factor: number, x: Expr): Expr {
  if (factor === 1) return x;
  if (dtypeInfo(t).class === "float") return mul(lit(t, factor), x);
  return Number.isInteger(factor) ? mul(lit(t, factor), x) : cast(t, mul(lit("f64", factor), cast("f64", x)));
}

/** alpha A B + beta C, with A and B transposed on demand and C broadcast to the product. */
export function gemm(node: NodeContext): readonly ValueId[] {
  const dtype = commonDType(node, "numeric");
  const compute = computeDType(dtype);
  if (node.rank(0) !== 2 || node.rank(1) !== 2) throw node.shapeError("A and B must be matrices");
  const [alpha, beta] = [node.float("alpha", 1), node.float("beta", 1)];
  const [a, b] = [widen(node, node.input(0)), widen(node, node.input(1))];
  const product = matmulOf(node, a, b, node.int("transA", 0) !== 0, node.int("transB", 0) !== 0);
  if (!node.hasInput(2) || beta === 0) {
    const alone = alpha === 1 ? product : node.map(scaled(compute, alpha, arg(0)), product);
    return [toDType(node, dtype, alone)];
  }
  checkBias(node, node.dimsOf(product), node.dims(2));
  const sum = ([x = arg(0), c = arg(1)]: readonly Expr[]): Expr =>
    add(scaled(compute, alpha, x), scaled(compute, beta, c));
  return [mapIn(node, compute, dtype, [product, node.input(2)], sum)];
}

/** C may be broadcast to the product, but must not enlarge it. */
function checkBias(node: NodeContext, product: readonly Dim[], bias: readonly Dim[]): void {
  const fitsAxis = (dim: Dim, i: number): boolean =>
    dim === 1 || node.decide(dim, "==", nth(product, product.length - bias.length + i));
  if (bias.length > 2 || !bias.every(fitsAxis)) {
    throw node.shapeError(`C ${showDims(bias)} does not broadcast to ${showDims(product)}`);
  }
}

/** x minus its zero point, in i32. */
export function withoutZeroPoint(node: NodeContext, x: ValueId, zeroPoint: ValueId | null): ValueId {
  if (zeroPoint === null) return toDType(node, "i32", x);
  return mapIn(node, "i32", "i32", [x, zeroPoint], ([v = arg(0), zero = arg(1)]) => sub(v, zero));
}

/** A zero point input for rows of A ([M] or [..., M, 1]) as a value that broadcasts to A; null when it is absent. */
function rowZeroPoint(node: NodeContext, index: number): ValueId | null {
  if (!node.hasInput(index)) return null;
  const shape = node.shape(index);
  return shape.length === 1 && shape[0] !== 1 ? node.reshape(node.input(index), [...shape, 1]) : node.input(index);
}

function matmulInteger(node: NodeContext): readonly ValueId[] {
  for (const index of [0, 1]) {
    if (dtypeInfo(node.dtype(index)).bits !== 8)
      throw node.typeError(`elements must be i8 or u8, not ${node.dtype(index)}`);
  }
  const [aZero, bZero] = [rowZeroPoint(node, 2), node.hasInput(3) ? node.input(3) : null];
  // The kernel takes narrow integers as they are and accumulates in i32.
  if (aZero === null && bZero === null) return [matmulOf(node, node.input(0), node.input(1))];
  const a = withoutZeroPoint(node, node.input(0), aZero);
  const b = withoutZeroPoint(node, node.input(1), bZero);
  return [matmulOf(node, a, b)];
}

const gemmAttributes = { alpha: "float", beta: "float", transA: "int", transB: "int" } as const;

export const linearOperators: readonly OperatorDef[] = [
  operator("MatMul", matmul, [{ since: [1, 9, 13], inputs: [2, 2] }]),
  operator("Gemm", gemm, [
    { since: 6, inputs: [3, 3], attributes: { ...gemmAttributes, broadcast: "int" } },
    { since: [7, 9], attributes: gemmAttributes },
    { since: [11, 13], inputs: [2, 3], optionalInputs: [2] },
  ]),
  operator("MatMulInteger", matmulInteger, [{ since: 10, inputs: [2, 4], optionalInputs: [2, 3] }]),
];
