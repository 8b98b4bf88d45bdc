/**
 * Which integers a value can hold, as far as the op that makes it tells: quantized values come from saturating casts, so a value of 16 bits
 * that is "u8 less its zero point" is known to lie in -zero point … 255 - zero point.
 */
import { type DType, dtypeInfo } from "../../ir/dtype.ts";
import { type BinaryFunction, type Expr, exprDType } from "../../ir/expr.ts";
import type { Graph, Op, ValueId } from "../../ir/graph.ts";
import type { TensorData } from "../../ir/tensor.ts";

/** Least and largest of some integers. */
export interface IntegerRange {
  readonly low: number;
  readonly high: number;
}

/** The integers of a dtype of at most 32 bits; null for others. */
export function rangeOfType(dtype: DType): IntegerRange | null {
  const { class: cls, bits } = dtypeInfo(dtype);
  if ((cls !== "signed" && cls !== "unsigned") || bits > 32) return null;
  return cls === "signed" ? { low: -(2 ** (bits - 1)), high: 2 ** (bits - 1) - 1 } : { low: 0, high: 2 ** bits - 1 };
}

/** Values that movements leave as they are, or choose from. */
const keepsValues = (op: Op): boolean =>
  op.kind === "reshape" || op.kind === "transpose" || op.kind === "slice" || (op.kind === "pool" && op.fn === "max");

const makers = new WeakMap<Graph, ReadonlyMap<ValueId, Op>>();

function makersOf(graph: Graph): ReadonlyMap<ValueId, Op> {
  const known = makers.get(graph) ?? new Map(graph.ops.flatMap((op) => op.outputs.map((value) => [value, op])));
  makers.set(graph, known);
  return known;
}

/** The integers that a value of a graph can hold; null where it holds none of at most 32 bits. */
export function rangeOfValue(graph: Graph, value: ValueId): IntegerRange | null {
  const byMaker = makersOf(graph);
  let at = value;
  let op = byMaker.get(at);
  while (op !== undefined && keepsValues(op)) {
    at = op.inputs[0] ?? at;
    op = byMaker.get(at);
  }
  const ofType = storedRange(graph, at);
  const expr = op === undefined ? null : resultOf(op);
  if (op === undefined || expr === null || ofType === null) return ofType;
  const dtypes = op.inputs.map((input) => dtypeOf(graph, input));
  const ranges = op.inputs.map((input) => storedRange(graph, input));
  if (op.kind === "map") return rangeOfExpr(expr, dtypes, ranges) ?? ofType;
  // an epilogue's first operand is the accumulator, in whose place the op's two operands stand
  const accumulator = accumulatorOf(dtypes);
  const [argTypes, argRanges] = [
    [accumulator, ...dtypes.slice(2)],
    [rangeOfType(accumulator), ...ranges.slice(2)],
  ];
  return rangeOfExpr(expr, argTypes, argRanges) ?? ofType;
}

/** The expression that an op's result went through. */
function resultOf(op: Op): Expr | null {
  if (op.kind === "map") return op.expr;
  return op.kind === "conv" || op.kind === "matmul" ? op.epilogue : null;
}

function dtypeOf(graph: Graph, value: ValueId): DType {
  const type = graph.values[value]?.type;
  return type?.kind === "tensor" ? type.dtype : "string";
}

const accumulatorOf = ([a = "f32"]: readonly DType[]): DType => (rangeOfType(a) === null ? a : "i32");

/** What a constant holds, else what its dtype can hold. */
function storedRange(graph: Graph, value: ValueId): IntegerRange | null {
  const found = graph.values[value];
  if (found?.type.kind !== "tensor") return null;
  const ofType = rangeOfType(found.type.dtype);
  return ofType === null || found.constant === undefined ? ofType : rangeOfConstant(found.constant);
}

/** The numbers of a constant of f32 or of integers of at most 32 bits; null where there are others, or NaN among them. */
export function rangeOfConstant({ dtype, elements }: TensorData): IntegerRange | null {
  if (dtype !== "f32" && rangeOfType(dtype) === null) return null;
  let [low, high] = [Infinity, -Infinity];
  for (const element of elements as Float32Array) {
    low = Math.min(low, element);
    high = Math.max(high, element);
  }
  return low <= high ? { low, high } : null;
}

/** Whether all of a range lies in another. */
export const isWithin = (inner: IntegerRange, outer: IntegerRange): boolean =>
  inner.low >= outer.low && inner.high <= outer.high;

type Ranges = readonly (IntegerRange | null)[];

/** The integers that an expression gives; null where it is no integer of at most 32 bits. */
export function rangeOfExpr(expr: Expr, argTypes: readonly DType[], ranges: Ranges): IntegerRange | null {
  const dtype = exprDType(expr, argTypes);
  const ofType = rangeOfType(dtype);
  if (ofType === null) return null;
  const found = exactRange(expr, argTypes, ranges);
  // what leaves the type wraps
  return found !== null && isWithin(found, ofType) ? found : ofType;
}

function exactRange(expr: Expr, argTypes: readonly DType[], ranges: Ranges): IntegerRange | null {
  switch (expr.op) {
    case "arg":
      return ranges[expr.index] ?? null;
    case "const":
      return { low: Number(expr.value), high: Number(expr.value) };
    case "cast":
      return rangeOfExpr(expr.x, argTypes, ranges);
    case "binary":
      return combined(expr.fn, rangeOfExpr(expr.x, argTypes, ranges), rangeOfExpr(expr.y, argTypes, ranges));
    case "select": {
      const [x, y] = [rangeOfExpr(expr.x, argTypes, ranges), rangeOfExpr(expr.y, argTypes, ranges)];
      return x === null || y === null ? null : { low: Math.min(x.low, y.low), high: Math.max(x.high, y.high) };
    }
    case "unary":
      return null;
  }
}

/** Bounds of a sum, difference, minimum or maximum of numbers within bounds; null for other functions. */
export function combined(fn: BinaryFunction, x: IntegerRange | null, y: IntegerRange | null): IntegerRange | null {
  if (x === null || y === null) return null;
  if (fn === "add") return { low: x.low + y.low, high: x.high + y.high };
  if (fn === "sub") return { low: x.low - y.high, high: x.high - y.low };
  if (fn === "min") return { low: Math.min(x.low, y.low), high: Math.min(x.high, y.high) };
  if (fn === "max") return { low: Math.max(x.low, y.low), high: Math.max(x.high, y.high) };
  return null;
}
