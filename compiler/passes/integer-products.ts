/**
 * integer-products: convolutions and matrix products of quantized values work on the integers. Three rewrites:
 * - a product of dequantized operands, (a - za) sa times (b - zb) sb, becomes an integer product times sa sb: exact, where the sum of floats
 *   was rounded. Sums that could leave i32 stay as they are.
 * - an i32 product whose operands are known to fit 16 bits gets operands of 16 bits, constants 8 where they fit: what the dot instruction
 *   of the kernels takes.
 * - a reshape, transpose or maximum pooling of a value dequantized with one positive scale is done on the integers.
 *
 * Runs first, before constants are folded: dequantized weights are still integers then.
 */
import { type DType, dtypeInfo } from "../../ir/dtype.ts";
import { arg, binary, cast, type Expr, substitute } from "../../ir/expr.ts";
import type { ConvOp, MapOp, MatmulOp, OpSpec, TensorType, ValueId } from "../../ir/graph.ts";
import { elementCount, makeTensor, type TensorData } from "../../ir/tensor.ts";
import { isAtHand, withShape } from "../../ir/tensor-source.ts";
import { evaluateConstants } from "../evaluate-constants.ts";
import type { Pass } from "./pass.ts";
import { type Rewrite, rewriteGraph } from "./rewrite.ts";

export const integerProducts: Pass = {
  name: "integer-products",
  summary: "multiply quantized values as integers",
  run: (graph) => rewriteGraph(graph, (rewrite) => sunkDequantization(rewrite) ?? integerProduct(rewrite)),
};

type ProductOp = ConvOp | MatmulOp;

function integerProduct(rewrite: Rewrite): readonly ValueId[] | null {
  const { op, inputs, builder } = rewrite;
  if ((op.kind !== "conv" && op.kind !== "matmul") || op.epilogue !== null) return null;
  const [x, w] = inputs as readonly [ValueId, ValueId];
  const dtype = builder.tensorTypeOf(x).dtype;
  if (dtype !== builder.tensorTypeOf(w).dtype) return null;
  if (dtype === "f32") return dequantizedProduct(rewrite, op, x, w);
  return dtype === "i32" ? narrowProduct(rewrite, op, x, w) : null;
}

// ---- integers behind a value ------------------------------------------------------------------------------------------------------

interface Range {
  readonly low: number;
  readonly high: number;
}

/** An integer expression over operands, and the values that it can take. */
interface Integers {
  readonly expr: Expr;
  readonly operands: readonly ValueId[];
  readonly range: Range;
}

type OperandRanges = readonly (Range | undefined)[];

const byteRanges: Partial<Record<DType, Range>> = { i8: { low: -128, high: 127 }, u8: { low: 0, high: 255 } };
const halfRange: Range = { low: -32768, high: 32767 };
const isWithin = (inner: Range, outer: Range): boolean => inner.low >= outer.low && inner.high <= outer.high;

/** An expression of bytes, their sums and differences, in i32; null for any other. Both forms of a cast stand for the same integers. */
function integersOf(expr: Expr, ranges: OperandRanges): { readonly expr: Expr; readonly range: Range } | null {
  if (expr.op === "cast" && (expr.to === "i32" || expr.to === "f32")) {
    if (expr.x.op !== "arg") return null;
    const range = ranges[expr.x.index];
    return range === undefined ? null : { expr: cast("i32", expr.x), range };
  }
  if (expr.op !== "binary" || (expr.fn !== "sub" && expr.fn !== "add")) return null;
  const [x, y] = [integersOf(expr.x, ranges), integersOf(expr.y, ranges)];
  if (x === null || y === null) return null;
  const other = expr.fn === "add" ? y.range : { low: -y.range.high, high: -y.range.low };
  const range = { low: x.range.low + other.low, high: x.range.high + other.high };
  return { expr: binary(expr.fn, x.expr, y.expr), range };
}

const typesOf = ({ builder }: Rewrite, ids: readonly ValueId[]): TensorType[] =>
  ids.map((id) => builder.tensorTypeOf(id));

const rangesOfTypes = (types: readonly TensorType[]): OperandRanges => types.map(({ dtype }) => byteRanges[dtype]);

/** The integers of an i32 value that a map makes of bytes, or of a constant. */
function integerValue(rewrite: Rewrite, id: ValueId): Integers | null {
  const constant = rewrite.builder.constantOf(id);
  if (constant !== undefined && !isAtHand(constant)) return null;
  if (constant !== undefined) return { expr: arg(0), operands: [id], range: rangeOf(constant) };
  const producer = rewrite.producer(id);
  if (producer?.kind !== "map") return null;
  const found = integersOf(producer.expr, rangesOfTypes(typesOf(rewrite, producer.inputs)));
  return found === null ? null : { ...found, operands: producer.inputs };
}

function rangeOf(tensor: TensorData): Range {
  let [low, high] = [0, 0];
  for (const element of tensor.elements as Int32Array) {
    if (element < low) low = element;
    if (element > high) high = element;
  }
  return { low, high };
}

interface Dequantized {
  readonly integers: Integers;
  readonly scale: ValueId;
}

/** The integers and the scale of a map `integers * scale`. */
function dequantizedValue(rewrite: Rewrite, id: ValueId): Dequantized | null {
  const producer = rewrite.producer(id);
  return producer?.kind === "map" ? dequantizedMap(rewrite, producer) : null;
}

function dequantizedMap(rewrite: Rewrite, { expr, inputs }: MapOp): Dequantized | null {
  if (expr.op !== "binary" || expr.fn !== "mul" || expr.y.op !== "arg") return null;
  const scale = inputs[expr.y.index];
  const types = typesOf(rewrite, inputs);
  if (scale === undefined || types[expr.y.index]?.dtype !== "f32") return null;
  const found = integersOf(expr.x, rangesOfTypes(types));
  return found === null ? null : { integers: { ...found, operands: inputs }, scale };
}

// ---- products ---------------------------------------------------------------------------------------------------------------------

const most = ({ low, high }: Range): number => Math.max(-low, high);

/** Elements of a product's reduction. */
function reductionLength({ builder }: Rewrite, op: ProductOp, x: ValueId, w: ValueId): number {
  if (op.kind === "matmul") return builder.tensorTypeOf(x).shape.at(op.transposeA ? -2 : -1) ?? 1;
  return elementCount(builder.tensorTypeOf(w).shape.slice(1));
}

/** (integers of x) times (integers of w), scaled. */
function dequantizedProduct(rewrite: Rewrite, op: ProductOp, x: ValueId, w: ValueId): readonly ValueId[] | null {
  if (op.kind === "conv" && op.layout !== "nchw") return null;
  const [left, right] = [dequantizedValue(rewrite, x), dequantizedValue(rewrite, w)];
  if (left === null || right === null) return null;
  const scales = scalesOfResult(rewrite, op, [left.scale, right.scale], [x, w]);
  const operands = [halfOperand(rewrite, left.integers), halfOperand(rewrite, right.integers)];
  const [a, b] = operands;
  if (scales === null || a === null || a === undefined || b === null || b === undefined) return null;
  if (most(a.range) * most(b.range) * reductionLength(rewrite, op, x, w) >= 2 ** 31) return null;
  const product = rewrite.emitOne({ ...op, inputs: [a.emit(), b.emit()] });
  const scale = emitFolded(rewrite, { kind: "map", inputs: scales, expr: binary("mul", arg(0), arg(1)) });
  return [rewrite.emitOne({ kind: "map", inputs: [product, scale], expr: binary("mul", cast("f32", arg(0)), arg(1)) })];
}

/** An i32 product with operands of 16 and 8 bits: the same sums, modulo 2^32 too. */
function narrowProduct(rewrite: Rewrite, op: ProductOp, x: ValueId, w: ValueId): readonly ValueId[] | null {
  const [left, right] = [integerValue(rewrite, x), integerValue(rewrite, w)];
  if (left === null || right === null) return null;
  const [a, b] = [halfOperand(rewrite, left), halfOperand(rewrite, right)];
  return a === null || b === null ? null : [rewrite.emitOne({ ...op, inputs: [a.emit(), b.emit()] })];
}

interface HalfOperand {
  readonly range: Range;
  readonly emit: () => ValueId;
}

/** The integers in 16 bits, a constant in 8 if it fits; null when they do not fit 16. */
function halfOperand(rewrite: Rewrite, integers: Integers): HalfOperand | null {
  const { builder } = rewrite;
  const constants = integers.operands.map((id) => builder.constantOf(id));
  const expr = cast("i16", integers.expr);
  if (constants.every((constant) => constant !== undefined)) {
    if (!constants.every(isAtHand)) return unreadOperand(rewrite, integers, constants);
    const [wide] = evaluateConstants({ kind: "map", inputs: integers.operands, expr: integers.expr }, constants);
    const range = wide === undefined ? integers.range : rangeOf(wide);
    if (wide === undefined || !isWithin(range, halfRange)) return null;
    const dtype = isWithin(range, { low: -128, high: 127 }) ? "i8" : "i16";
    return { range, emit: () => builder.constant(narrowed(wide, dtype)) };
  }
  if (!isWithin(integers.range, halfRange)) return null;
  return {
    range: integers.range,
    emit: () => rewrite.emitOne({ kind: "map", inputs: integers.operands, expr }),
  };
}

/** The integers of constants that are not read for it: those at hand, as zero points are, and the types of the others tell what they can be. */
function unreadOperand(
  { builder }: Rewrite,
  { expr, operands }: Integers,
  constants: readonly TensorData[],
): HalfOperand | null {
  const ranges = constants.map((constant) => (isAtHand(constant) ? rangeOf(constant) : byteRanges[constant.dtype]));
  const range = integersOf(expr, ranges)?.range;
  if (range === undefined || !isWithin(range, halfRange)) return null;
  const dtype = isWithin(range, { low: -128, high: 127 }) ? "i8" : "i16";
  const [result] = evaluateConstants({ kind: "map", inputs: operands, expr: cast(dtype, expr) }, constants);
  return result === undefined ? null : { range, emit: () => builder.constant(result) };
}

function narrowed({ shape, elements }: TensorData, dtype: "i8" | "i16"): TensorData {
  const source = elements as Int32Array;
  return makeTensor(dtype, shape, dtype === "i8" ? Int8Array.from(source) : Int16Array.from(source));
}

/** Emits an op, or what it gives where its operands are constants. */
function emitFolded(rewrite: Rewrite, spec: OpSpec & { readonly kind: "map" }): ValueId {
  const { builder } = rewrite;
  const constants = spec.inputs.map((id) => builder.constantOf(id));
  if (constants.every((constant) => constant !== undefined)) {
    const [result] = evaluateConstants(spec, constants);
    if (result !== undefined) return builder.constant(result);
  }
  return rewrite.emitOne(spec);
}

/** The scales of both operands so that they broadcast to the result; null where they vary along the reduction. */
function scalesOfResult(
  rewrite: Rewrite,
  op: ProductOp,
  scales: readonly [ValueId, ValueId],
  values: readonly [ValueId, ValueId],
): readonly [ValueId, ValueId] | null {
  const { builder } = rewrite;
  const shapes = scales.map((id) => builder.tensorTypeOf(id).shape);
  const results = values.map((value, side): readonly number[] | null => {
    const shape = shapes[side] ?? [];
    if (elementCount(shape) === 1) return [];
    const { shape: whole } = builder.tensorTypeOf(value);
    const full = [...whole.map(() => 1).slice(shape.length), ...shape];
    const varying = full.flatMap((size, axis) => (size > 1 ? [axis] : []));
    const [axis] = varying;
    if (varying.length !== 1 || axis === undefined) return null;
    return op.kind === "conv" ? convScale(full, axis, side) : matrixScale(op, full, axis, side);
  });
  const [left, right] = results;
  if (left === null || right === null || left === undefined || right === undefined) return null;
  const reshaped = (id: ValueId, shape: readonly number[]): ValueId => {
    if (builder.tensorTypeOf(id).shape.join() === shape.join()) return id;
    const constant = builder.constantOf(id);
    if (constant !== undefined) return builder.constant(withShape(constant, shape));
    return rewrite.emitOne({ kind: "reshape", inputs: [id], shape });
  };
  return [reshaped(scales[0], left), reshaped(scales[1], right)];
}

/** Weights vary by filter: [M, 1, …] scales channels of the result. */
function convScale(shape: readonly number[], axis: number, side: number): readonly number[] | null {
  if (side !== 1 || axis !== 0) return null;
  return shape.map((_, i) => (i === 1 ? (shape[0] ?? 1) : 1));
}

/** A may vary by row, B by column. */
function matrixScale(op: MatmulOp, shape: readonly number[], axis: number, side: number): readonly number[] | null {
  const rank = shape.length;
  const isTransposed = side === 0 ? op.transposeA : op.transposeB;
  const free = rank - (side === 0 ? 2 : 1) + (isTransposed ? (side === 0 ? 1 : -1) : 0);
  if (rank < 2 || axis !== free) return null;
  const size = shape[axis] ?? 1;
  return side === 0 ? [size, 1] : [size];
}

// ---- movements --------------------------------------------------------------------------------------------------------------------

/** A movement of a dequantized value is a dequantized movement of the integers, when there is one scale and one zero point for all. */
function sunkDequantization(rewrite: Rewrite): readonly ValueId[] | null {
  const { op, inputs, builder } = rewrite;
  const isMovement = op.kind === "reshape" || op.kind === "transpose";
  const isMaximum = op.kind === "pool" && op.fn === "max" && op.outputs.length === 1;
  const [source] = inputs;
  if ((!isMovement && !isMaximum) || source === undefined || rewrite.uses(source) !== 1) return null;
  const producer = rewrite.producer(source);
  const found = producer?.kind === "map" ? dequantizedMap(rewrite, producer) : null;
  if (producer?.kind !== "map" || found === null) return null;
  const [moved, ...parameters] = producer.inputs;
  if (moved === undefined || builder.constantOf(moved) !== undefined) return null;
  if (!parameters.every((id) => elementCount(builder.tensorTypeOf(id).shape) === 1)) return null;
  if (isMaximum && !isPositive(builder.constantOf(found.scale))) return null;
  if (dtypeInfo(builder.tensorTypeOf(moved).dtype).bits !== 8) return null;
  const result = rewrite.emitOne({ ...op, inputs: [moved] });
  const rank = builder.tensorTypeOf(result).shape.length;
  const scalars = parameters.map((id) => asScalarOf(rewrite, id, rank));
  return [
    rewrite.emitOne({ kind: "map", inputs: [result, ...scalars], expr: substitute(producer.expr, arg) }, producer),
  ];
}

const isPositive = (scale: TensorData | undefined): boolean => scale !== undefined && Number(scale.elements[0]) > 0;

/** A value of one element with no more dims than the result has. */
function asScalarOf(rewrite: Rewrite, id: ValueId, rank: number): ValueId {
  if (rewrite.builder.tensorTypeOf(id).shape.length <= rank) return id;
  return rewrite.emitOne({ kind: "reshape", inputs: [id], shape: [] });
}
