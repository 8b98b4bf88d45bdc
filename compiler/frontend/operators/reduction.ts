/** Reductions along axes. `axes` is an attribute until opset 17 (12 for ReduceSum) and an input after that. */
import { type DType, isInteger } from "../../../ir/dtype.ts";
import { arg, binary, type Expr, lit, select } from "../../../ir/expr.ts";
import type { ReduceOp, ValueId } from "../../../ir/graph.ts";
import { elementCount } from "../../../ir/tensor.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { commonDType, type TypeSet } from "./elementwise.ts";
import { reduceOf } from "./norm.ts";
import { computeDType, floatFor, mapIn, toDType, widen } from "./precision.ts";
import { abs, add, div, exp, log, sqrt, square, sub } from "./scalar.ts";
import { axesOf, distinctAxes, range } from "./support.ts";
import { type Lower, operator, type VersionRow } from "./table.ts";

/** Axes in ascending order: all of them where none are named, unless the node says that this means none. */
function reducedAxes(node: NodeContext): number[] {
  const rank = node.rank(0);
  const named = axesOf(node, 1) ?? [];
  if (named.length > 0) return distinctAxes(node, named, rank).sort((a, b) => a - b);
  return node.int("noop_with_empty_axes", 0) !== 0 ? [] : range(rank);
}

const keepsDims = (node: NodeContext): boolean => node.int("keepdims", 1) !== 0;

interface Reduction {
  readonly name: string;
  readonly accepts: TypeSet;
  readonly fn: ReduceOp["fn"];
  /** applied to each element before, and to each result after the reduction */
  readonly before?: (x: Expr) => Expr;
  readonly after?: (x: Expr) => Expr;
  /** computes integers in floating point */
  readonly viaFloat?: boolean;
}

const reduction =
  ({ accepts, fn, before, after, viaFloat = false }: Reduction): Lower =>
  (node) => {
    const dtype = commonDType(node, accepts, 1);
    const axes = reducedAxes(node);
    const compute = viaFloat ? floatFor(dtype) : computeDType(dtype);
    const operand = toDType(node, compute, node.input(0));
    const prepared = before === undefined ? operand : node.map(before(arg(0)), operand);
    const reduced = reduceOf(node, fn, prepared, axes, keepsDims(node));
    return [toDType(node, dtype, after === undefined ? reduced : node.map(after(arg(0)), reduced))];
  };

/** The mean of integers is their sum divided, not a mean of rounded parts. */
function reduceMean(node: NodeContext): readonly ValueId[] {
  const dtype = commonDType(node, "numeric", 1);
  const axes = reducedAxes(node);
  const x = widen(node, node.input(0));
  if (!isInteger(dtype)) return [toDType(node, dtype, reduceOf(node, "mean", x, axes, keepsDims(node)))];
  const count = elementCount(axes.map((axis) => node.shape(0)[axis] ?? 1));
  const sum = reduceOf(node, "sum", x, axes, keepsDims(node));
  return [node.map(div(arg(0), lit(node.typeOf(sum).dtype, count)), sum)];
}

/** log(sum(e^x)) with the maximum taken out, so that nothing overflows; an infinite maximum stays in. */
function reduceLogSumExp(node: NodeContext): readonly ValueId[] {
  const dtype = commonDType(node, "numeric", 1);
  const axes = reducedAxes(node);
  const compute = floatFor(dtype);
  const x = toDType(node, compute, node.input(0));
  if (axes.length === 0) return [node.input(0)];
  const largest = reduceOf(node, "max", x, axes);
  const shift = node.map(finiteOrZero(compute, arg(0)), largest);
  const sum = reduceOf(node, "sum", node.map(exp(sub(arg(0), arg(1))), x, shift), axes);
  const result = mapIn(node, compute, dtype, [sum, shift], ([s = arg(0), m = arg(1)]) => add(log(s), m));
  const shape = node.shape(0).filter((_, axis) => !axes.includes(axis));
  return [keepsDims(node) ? result : node.reshape(result, shape)];
}

const finiteOrZero = (t: DType, x: Expr): Expr => select(binary("eq", abs(x), lit(t, Infinity)), lit(t, 0), x);

const argReduce =
  (fn: "max" | "min"): Lower =>
  (node) => {
    commonDType(node, "numeric");
    const axis = node.axis(node.int("axis", 0), node.rank(0));
    const selectLast = node.int("select_last_index", 0) !== 0;
    const x = widen(node, node.input(0));
    return [node.emitOne({ kind: "argReduce", inputs: [x], fn, axis, keepDims: keepsDims(node), selectLast })];
  };

/** The history that all but ReduceSum, ReduceMax and ReduceMin have. */
const history = (attributesSince: readonly number[], inputSince: readonly number[]): readonly VersionRow[] => [
  { since: attributesSince, attributes: { axes: "ints", keepdims: "int" } },
  {
    since: inputSince,
    inputs: [1, 2],
    attributes: { keepdims: "int", noop_with_empty_axes: "int" },
    optionalInputs: [1],
  },
];
const usual = history([1, 11, 13], [18]);
const extrema = history([1, 11, 12, 13], [18, 20]);

const reductions: readonly (readonly [Reduction, readonly VersionRow[]])[] = [
  [{ name: "ReduceSum", accepts: "numeric", fn: "sum" }, history([1, 11], [13])],
  [{ name: "ReduceProd", accepts: "numeric", fn: "prod" }, usual],
  [{ name: "ReduceMax", accepts: "numeric or bool", fn: "max" }, extrema],
  [{ name: "ReduceMin", accepts: "numeric or bool", fn: "min" }, extrema],
  [{ name: "ReduceL1", accepts: "numeric", fn: "sum", before: abs }, usual],
  [{ name: "ReduceL2", accepts: "numeric", fn: "sum", before: square, after: sqrt, viaFloat: true }, usual],
  [{ name: "ReduceSumSquare", accepts: "numeric", fn: "sum", before: square }, usual],
  [{ name: "ReduceLogSum", accepts: "numeric", fn: "sum", after: log, viaFloat: true }, usual],
];

const picked: readonly VersionRow[] = [
  { since: [1, 11], attributes: { axis: "int", keepdims: "int" } },
  { since: [12, 13], attributes: { axis: "int", keepdims: "int", select_last_index: "int" } },
];

export const reductionOperators: readonly OperatorDef[] = [
  ...reductions.map(([row, versions]) => operator(row.name, reduction(row), versions)),
  operator("ReduceMean", reduceMean, usual),
  operator("ReduceLogSumExp", reduceLogSumExp, usual),
  operator("ArgMax", argReduce("max"), picked),
  operator("ArgMin", argReduce("min"), picked),
];
