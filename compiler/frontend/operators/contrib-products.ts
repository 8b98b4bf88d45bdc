/** Products of matrices of com.microsoft whose elements are integers of 16 bits, or of which one is sparse. */
import { arg, binary, lit } from "../../../ir/expr.ts";
import { type DType, dtypeInfo, isFloat } from "../../../ir/dtype.ts";
import type { ValueId } from "../../../ir/graph.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { commonDType } from "./elementwise.ts";
import { matmulOf } from "./linear.ts";
import { toDType } from "./precision.ts";
import { operatorOf } from "./table.ts";

const domain = "com.microsoft";

/** Integers of 16 bits, summed up in 32 bits, which are signed unless both matrices are unsigned. */
function matmulInteger16(node: NodeContext): readonly ValueId[] {
  const types = [node.dtype(0), node.dtype(1)];
  for (const dtype of types) {
    if (dtype !== "i16" && dtype !== "u16") throw node.typeError(`elements must be i16 or u16, not ${dtype}`);
  }
  const sum: DType = types.includes("i16") ? "i32" : "u32";
  return [matmulOf(node, toDType(node, sum, node.input(0)), toDType(node, sum, node.input(1)))];
}

/** alpha A B of a sparse initializer A, which the reader has written out. */
function sparseToDenseMatMul(node: NodeContext): readonly ValueId[] {
  const dtype = commonDType(node, "numeric");
  if (!isFloat(dtype) && dtypeInfo(dtype).bits < 32) throw node.typeError(`elements have 32 or 64 bits, not ${dtype}`);
  for (const index of [0, 1]) {
    if (node.rank(index) !== 2)
      throw node.shapeError(`input ${index} must be a matrix, not of rank ${node.rank(index)}`);
  }
  const isSwapped = (name: string): boolean => node.int(name, 0) !== 0;
  const product = matmulOf(node, node.input(0), node.input(1), isSwapped("transA"), isSwapped("transB"));
  const alpha = node.float("alpha", 1);
  if (alpha === 1) return [product];
  if (!isFloat(dtype)) throw node.attributeError(`alpha must be 1 where elements are ${dtype}, not ${alpha}`);
  return [node.map(binary("mul", lit(dtype, alpha), arg(0)), product)];
}

export const contribProductOperators: readonly OperatorDef[] = [
  operatorOf(domain, "MatMulInteger16", matmulInteger16, [{ since: 1, inputs: [2, 2] }]),
  operatorOf(domain, "SparseToDenseMatMul", sparseToDenseMatMul, [
    { since: 1, inputs: [2, 2], attributes: { alpha: "float", transA: "int", transB: "int" } },
  ]),
];
