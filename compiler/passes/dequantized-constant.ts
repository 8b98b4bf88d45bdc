/**
 * Finds out whether a value is a constant of few bits that was dequantized, (integer - zero point) * scale, and then perhaps moved: the parts of
 * that formula, and where each element of the value finds its own in them. The formula may be one map or several, with casts anywhere.
 */
import { type DType, dtypeInfo } from "../../ir/dtype.ts";
import { arg, type Expr, substitute } from "../../ir/expr.ts";
import type { Op, OpOf, ValueId } from "../../ir/graph.ts";
import { elementCount, type TensorData, tensorFrom } from "../../ir/tensor.ts";
import { isEvaluable } from "../../runtime/reference/evaluate.ts";
import { evaluateConstants } from "../evaluate-constants.ts";
import type { Rewrite } from "./rewrite.ts";
import { type Axes, axesOf, reshapedAxes, transposedAxes } from "./strided-axes.ts";

export interface DequantizedConstant {
  readonly integers: TensorData;
  readonly scales: TensorData;
  readonly zeros: TensorData;
  /** of the value; strides are in elements of integers, scales and zeros */
  readonly axes: Axes;
  /** what dequantized and moved it, in order */
  readonly ops: readonly Op[];
}

/** Ops that are looked through between a product and the dequantization, and maps that the formula may be spread over. */
const mostSteps = 8;
const mostMaps = 4;

/** The parts of a dequantized constant; null for any other value. */
export function dequantizedConstant(rewrite: Rewrite, value: ValueId): DequantizedConstant | null {
  const { movements, source } = movementsBehind(rewrite, value);
  const ops: Op[] = [];
  const formula = composed(rewrite, source, mostMaps, ops);
  const parts = formula === null ? null : partsOf(rewrite, formula);
  if (parts === null) return null;
  const { shape } = rewrite.builder.tensorTypeOf(source);
  const { integers, scales, zeros } = parts;
  const axes = afterMovements(axesOf(shape, [integers.shape, scales.shape, zeros.shape]), movements);
  return axes === null ? null : { ...parts, axes, ops: [...ops, ...movements.toReversed()] };
}

// ---- movements ----------------------------------------------------------------------------------------------------------------------

type Movement = OpOf<"reshape" | "transpose">;

/** The movements that made a value, the last one first, and what they started from. Casts between floats in between do not count. */
function movementsBehind(rewrite: Rewrite, value: ValueId): { movements: Movement[]; source: ValueId } {
  const movements: Movement[] = [];
  let source = value;
  for (let step = 0; step < mostSteps; step++) {
    const op = rewrite.producer(source);
    const isMovement = op?.kind === "reshape" || op?.kind === "transpose";
    if (isMovement) movements.push(op);
    else if (!isFloatCast(rewrite, op)) break;
    source = (op as Op).inputs[0] as ValueId;
  }
  return { movements, source };
}

const floats: ReadonlySet<DType> = new Set<DType>(["f32", "f16", "bf16"]);

function isFloatCast({ builder }: Rewrite, op: Op | undefined): boolean {
  if (op?.kind !== "map" || op.expr.op !== "cast" || op.expr.x.op !== "arg" || op.inputs.length !== 1) return false;
  return floats.has(op.expr.to) && floats.has(builder.tensorTypeOf(op.inputs[0] as ValueId).dtype);
}

function afterMovements(start: Axes, movements: readonly Movement[]): Axes | null {
  let axes: Axes | null = start;
  for (const op of movements.toReversed()) {
    if (axes === null) return null;
    axes = op.kind === "transpose" ? transposedAxes(axes, op.perm) : reshapedAxes(axes, op.shape);
  }
  return axes;
}

// ---- the formula --------------------------------------------------------------------------------------------------------------------

interface Formula {
  readonly expr: Expr;
  readonly operands: readonly ValueId[];
}

/** The maps that make a value as one expression; null when none does. They are added to `ops`. */
function composed(rewrite: Rewrite, value: ValueId, depth: number, ops: Op[]): Formula | null {
  const op = rewrite.producer(value);
  if (op?.kind !== "map" || depth === 0) return null;
  const operands: ValueId[] = [];
  const expr = substitute(op.expr, (index) => {
    const operand = op.inputs[index] as ValueId;
    const inner = composed(rewrite, operand, depth - 1, ops);
    if (inner === null) return arg(operands.push(operand) - 1);
    return substitute(inner.expr, (i) => arg(operands.push(inner.operands[i] as ValueId) - 1));
  });
  ops.push(op);
  return { expr, operands };
}

/** (integers - zeros) * scales, where zeros or scales may be missing. */
function partsOf(rewrite: Rewrite, { expr, operands }: Formula): Omit<DequantizedConstant, "axes" | "ops"> | null {
  const leaf = (e: Expr): TensorData | null => leafOf(rewrite, e, operands);
  const whole = withoutFloatCasts(expr);
  for (const [shifted, scale] of whole.op === "binary" && whole.fn === "mul" ? [[whole.x, whole.y], [whole.y, whole.x]] as const : [[whole, null] as const]) {
    const scales = scale === null ? tensorFrom("f32", [], [1]) : leaf(scale);
    const difference = withoutFloatCasts(shifted);
    const isShifted = difference.op === "binary" && difference.fn === "sub";
    const integers = leaf(isShifted ? difference.x : shifted);
    const zeros = isShifted ? leaf(difference.y) : tensorFrom("f32", [], [0]);
    if (scales === null || integers === null || zeros === null) continue;
    if (isFewBits(integers.dtype) && floats.has(scales.dtype) && (isFewBits(zeros.dtype) || floats.has(zeros.dtype))) return { integers, scales, zeros };
  }
  return null;
} // prettier-ignore

function withoutFloatCasts(expr: Expr): Expr {
  let inner = expr;
  while (inner.op === "cast" && floats.has(inner.to)) inner = inner.x;
  return inner;
}

/** The constant that an expression reads through casts that lose nothing of it; computed with as floats, unless it is a float itself. */
function leafOf(rewrite: Rewrite, expr: Expr, operands: readonly ValueId[]): TensorData | null {
  const casts: DType[] = [];
  let inner = expr;
  for (; inner.op === "cast"; inner = inner.x) casts.push(inner.to);
  const constant = inner.op === "arg" ? constantOf(rewrite, operands[inner.index] as ValueId, mostMaps) : null;
  if (constant === null) return null;
  const isExact = casts.every((to) => floats.has(to) || holds(to, constant.dtype));
  const isFloat = floats.has(casts[0] ?? constant.dtype);
  return isExact && isFloat ? constant : null;
}

/** Whether an integer type has all values of another. */
function holds(to: DType, from: DType): boolean {
  const [outer, inner] = [dtypeInfo(to), dtypeInfo(from)];
  if (inner.class === "unsigned") return outer.bits > inner.bits || (outer.class === "unsigned" && outer.bits === inner.bits);
  return inner.class === "signed" && outer.class === "signed" && outer.bits >= inner.bits;
} // prettier-ignore

/** Integers of a byte or less. */
function isFewBits(dtype: DType): boolean {
  const { class: cls, bits } = dtypeInfo(dtype);
  return bits <= 8 && (cls === "signed" || cls === "unsigned");
}

const movingKinds: ReadonlySet<Op["kind"]> = new Set<Op["kind"]>(["reshape", "transpose", "slice", "gather", "concat"]);
const mostElements = 2 ** 28;

/** A constant, also where it is moved before it is read. */
function constantOf(rewrite: Rewrite, value: ValueId, depth: number): TensorData | null {
  const known = rewrite.builder.constantOf(value);
  if (known !== undefined) return known;
  const op = rewrite.producer(value);
  if (op === undefined || depth === 0 || !movingKinds.has(op.kind) || !isEvaluable(op.kind)) return null;
  if (elementCount(rewrite.builder.tensorTypeOf(value).shape) > mostElements) return null;
  const operands: TensorData[] = [];
  for (const id of op.inputs) {
    const operand = constantOf(rewrite, id, depth - 1);
    if (operand === null) return null;
    operands.push(operand);
  }
  return evaluateConstants(op, operands)[0] ?? null;
}
