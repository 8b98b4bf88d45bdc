/** Truth values and comparisons, elementwise. Strings are compared and chosen on the host. */
import { type BinaryFunction, arg, binary, select, unary } from "../../../ir/expr.ts";
import { dtypeInfo } from "../../../ir/dtype.ts";
import { type TensorType, tensorType, type ValueId, type ValueType } from "../../../ir/graph.ts";
import { broadcastShapes } from "../../../ir/tensor.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { alignedInputs, alignment, allInputs, binaryRow, commonDType, type TypeSet, unaryRow } from "./elementwise.ts";
import { computeDType, castExpr, mapIn } from "./precision.ts";
import { operator } from "./table.ts";

const binaries: readonly (readonly [name: string, since: readonly number[], accepts: TypeSet, fn: BinaryFunction])[] = [
  ["And", [7], "bool", "and"],
  ["Or", [7], "bool", "or"],
  ["Xor", [7], "bool", "xor"],
  ["Greater", [7, 9, 13], "numeric", "gt"],
  ["Less", [7, 9, 13], "numeric", "lt"],
  ["GreaterOrEqual", [12, 16], "numeric", "ge"],
  ["LessOrEqual", [12, 16], "numeric", "le"],
];

/** The type of a host function's result that is broadcast from the node's inputs; dynamic where an input's shape is not known yet. */
function broadcastType(node: NodeContext, dtype: TensorType["dtype"]): ValueType {
  const types = Array.from({ length: node.inputCount }, (_, index) => node.anyType(index));
  const shapes = types.map((type) => (type.kind === "tensor" ? type.shape : null));
  if (shapes.includes(null)) return { kind: "dynamic", dtype, dims: null };
  const shape = broadcastShapes(shapes.filter((known) => known !== null));
  if (shape === null) throw node.shapeError("the inputs do not broadcast");
  return tensorType(dtype, shape);
}

const equal = (node: NodeContext): readonly ValueId[] => equalOf(node, allInputs(node));
const alignedEqual = (node: NodeContext): readonly ValueId[] => equalOf(node, alignedInputs(node));

function equalOf(node: NodeContext, operands: readonly ValueId[]): readonly ValueId[] {
  if (node.dtype(0) === "string" && node.dtype(1) === "string") {
    return node.host("stringEqual", operands, [broadcastType(node, "bool")], "works on strings");
  }
  const compute = computeDType(commonDType(node, "numeric or bool"));
  return [mapIn(node, compute, "bool", operands, ([x = arg(0), y = arg(1)]) => binary("eq", x, y))];
}

function where(node: NodeContext): readonly ValueId[] {
  const dtype = node.dtype(1);
  if (node.dtype(0) !== "bool") throw node.typeError(`the condition must be bool, not ${node.dtype(0)}`);
  if (node.dtype(2) !== dtype) throw node.typeError(`the choices differ in type: ${dtype} and ${node.dtype(2)}`);
  switch (dtypeInfo(dtype).class) {
    case "string":
      return node.host("stringWhere", allInputs(node), [broadcastType(node, dtype)], "works on strings");
    case "complex":
      throw node.typeError("complex elements are not supported");
    case "float":
    case "small-float":
    case "signed":
    case "unsigned":
    case "bool": {
      const compute = computeDType(dtype);
      const [x, y] = [castExpr(dtype, compute, arg(1)), castExpr(dtype, compute, arg(2))];
      return [node.map(castExpr(compute, dtype, select(arg(0), x, y)), ...allInputs(node))];
    }
  }
}

export const logicOperators: readonly OperatorDef[] = [
  ...binaries.map(([name, since, accepts, fn]) =>
    binaryRow(name, since, accepts, (_, x, y) => binary(fn, x, y), {
      result: "bool",
      // GreaterOrEqual and LessOrEqual came when broadcasting was there.
      ...(since[0] === 7 ? { alignedSince: 1 } : {}),
    }),
  ),
  unaryRow("Not", [1], "bool", (_, x) => unary("not", x)),
  operator("Equal", equal, [
    { since: 1, inputs: [2, 2], attributes: alignment, lower: alignedEqual },
    { since: [7, 11, 13, 19], attributes: {}, lower: equal },
  ]),
  operator("Where", where, [{ since: [9, 16], inputs: [3, 3] }]),
];
