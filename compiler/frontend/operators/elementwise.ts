/** Elementwise operators as rows: name, versions, element types and an expression. */
import { type DType, dtypeInfo, isFloat, isInteger } from "../../../ir/dtype.ts";
import { arg, type Expr } from "../../../ir/expr.ts";
import type { ValueId } from "../../../ir/graph.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { computeDType, floatFor, mapIn } from "./precision.ts";
import { type Attributes, operator, operatorOf, variadic } from "./table.ts";

/** Element types that an operator takes. */
export type TypeSet = "float" | "numeric" | "integer" | "unsigned" | "bool" | "numeric or bool";

const isNumeric = (dtype: DType): boolean => isFloat(dtype) || isInteger(dtype);
const membership: Readonly<Record<TypeSet, (dtype: DType) => boolean>> = {
  float: isFloat,
  numeric: isNumeric,
  integer: isInteger,
  unsigned: (dtype) => dtypeInfo(dtype).class === "unsigned",
  bool: (dtype) => dtype === "bool",
  "numeric or bool": (dtype) => isNumeric(dtype) || dtype === "bool",
};

/** Fails unless the first `count` inputs have one dtype of the set; returns it. */
export function commonDType(node: NodeContext, accepts: TypeSet, count: number = node.inputCount): DType {
  const dtype = node.dtype(0);
  if (!membership[accepts](dtype)) throw node.typeError(`elements must be ${accepts}, not ${dtype}`);
  for (let index = 1; index < count; index++) {
    const other = node.hasInput(index) ? node.dtype(index) : dtype;
    if (other !== dtype) throw node.typeError(`the inputs differ in type: ${dtype} and ${other}`);
  }
  return dtype;
}

/** Every input of the node; none may be left out. */
export const allInputs = (node: NodeContext): ValueId[] =>
  Array.from({ length: node.inputCount }, (_, index) => node.input(index));

export interface RowOptions {
  /** the version before numpy broadcasting came (opset 7), where the attributes `broadcast` and `axis` say how B is laid along A */
  readonly alignedSince?: number;
  readonly domain?: OperatorDef["domain"];
  readonly attributes?: Attributes;
  /** the result's dtype, when it is not the operands' */
  readonly result?: DType;
  /** computes integers in floating point, too */
  readonly viaFloat?: boolean;
}

/** A row: `count` operands of one type of `accepts`, and what is computed of them in type `t`. */
function row(
  name: string,
  since: readonly number[],
  accepts: TypeSet,
  count: number,
  formula: (t: DType, args: readonly Expr[], node: NodeContext) => Expr,
  { alignedSince, domain = "", attributes = {}, result, viaFloat = false }: RowOptions,
): OperatorDef {
  const lowerOf =
    (operandsOf: (node: NodeContext) => ValueId[]) =>
    (node: NodeContext): readonly ValueId[] => {
      const dtype = commonDType(node, accepts);
      const compute = viaFloat ? floatFor(dtype) : computeDType(dtype);
      return [mapIn(node, compute, result ?? dtype, operandsOf(node), (args) => formula(compute, args, node))];
    };
  const lower = lowerOf(allInputs);
  const inputs = [count, count] as const;
  const aligned = { since: alignedSince ?? 0, inputs, attributes: alignment, lower: lowerOf(alignedInputs) };
  const versions = [{ since, inputs, attributes, lower }];
  return operatorOf(domain, name, lower, alignedSince === undefined ? versions : [aligned, ...versions]);
}

/** Attributes of the versions before opset 7. */
export const alignment: Attributes = { axis: "int", broadcast: "int" };

/** Before opset 7: equal shapes, or with `broadcast` B's dims stand at `axis` of A's (by default at the end). */
export function alignedInputs(node: NodeContext): ValueId[] {
  const [a, b] = [node.shape(0), node.shape(1)];
  const given = node.int("axis");
  if (node.int("broadcast", 0) === 0) {
    if (a.join() !== b.join()) throw node.shapeError(`[${a.join(",")}] and [${b.join(",")}] differ, without broadcast`);
    return allInputs(node);
  }
  const axis = given === undefined ? a.length - b.length : node.axis(given, a.length);
  const after = a.length - axis - b.length;
  const fits = after >= 0 && b.every((dim, i) => dim === 1 || dim === a[axis + i]);
  if (!fits) throw node.shapeError(`[${b.join(",")}] does not broadcast to [${a.join(",")}]`);
  return [node.input(0), node.reshape(node.input(1), [...b, ...new Array<number>(after).fill(1)])];
}

/** Row of one operand; `t` is the type that the expression computes in, for its literals. */
export const unaryRow = (
  name: string,
  since: readonly number[],
  accepts: TypeSet,
  formula: (t: DType, x: Expr, node: NodeContext) => Expr,
  options: RowOptions = {},
): OperatorDef => row(name, since, accepts, 1, (t, [x = arg(0)], node) => formula(t, x, node), options);

/** Row of two operands, broadcast against each other. */
export const binaryRow = (
  name: string,
  since: readonly number[],
  accepts: TypeSet,
  formula: (t: DType, x: Expr, y: Expr, node: NodeContext) => Expr,
  options: RowOptions = {},
): OperatorDef => row(name, since, accepts, 2, (t, [x = arg(0), y = arg(1)], node) => formula(t, x, y, node), options);

/** Operands per map when an operator takes any number of them: bounds both the depth of an expression and a kernel's parameters. */
const operandsPerMap = 8;

/** Row of any number of operands, combined pair by pair; `finish` sees the result and the count. */
export function variadicRow(
  name: string,
  since: readonly number[],
  accepts: TypeSet,
  combine: (x: Expr, y: Expr) => Expr,
  finish: (t: DType, x: Expr, count: number) => Expr = (_, x) => x,
): OperatorDef {
  const lower = (node: NodeContext): readonly ValueId[] => {
    const dtype = commonDType(node, accepts);
    const compute = computeDType(dtype);
    let values = allInputs(node);
    while (values.length > operandsPerMap) values = combineGroups(node, compute, values, combine);
    const build = (args: readonly Expr[]): Expr => finish(compute, args.reduce(combine), node.inputCount);
    return [mapIn(node, compute, dtype, values, build)];
  };
  return operator(name, lower, [{ since, inputs: [1, variadic] }]);
}

/** Combines neighbours in groups, staying in the compute type. */
function combineGroups(
  node: NodeContext,
  compute: DType,
  values: readonly ValueId[],
  combine: (x: Expr, y: Expr) => Expr,
): ValueId[] {
  const groups: ValueId[] = [];
  for (let at = 0; at < values.length; at += operandsPerMap) {
    const group = values.slice(at, at + operandsPerMap);
    groups.push(mapIn(node, compute, compute, group, (args) => args.reduce(combine)));
  }
  return groups;
}
