/**
 * Linear quantization, y = saturate(round(x / scale) + zero point), and its inverse, x = (y - zero point) * scale, with one scale per tensor,
 * per slice of an axis, or per block of an axis. Zero points of narrow types fit f32, so all of it is one expression in f32 (or f64).
 */
import { type DType, dtypeInfo } from "../../../ir/dtype.ts";
import { arg, binary, cast, type Expr, lit, select, unary } from "../../../ir/expr.ts";
import type { ValueId } from "../../../ir/graph.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { castExpr } from "./precision.ts";
import { add, div, mul, sub } from "./scalar.ts";
import { alongAxis, asScalar, dtypeAttribute, indexTensor } from "./support.ts";
import { type Attributes, operator, operatorOf } from "./table.ts";

/** x, scale and zero point reshaped so that they broadcast against each other; `shape` is what the result has in the end. */
interface Aligned {
  readonly x: ValueId;
  readonly scale: ValueId;
  readonly zeroPoint: ValueId | null;
  readonly shape: readonly number[];
}

/** A scale per block of `size` elements along an axis: the axis of x is split where it divides, else the scales are repeated. */
function alignBlocks(node: NodeContext, axis: number, size: number): Aligned {
  const zero = node.hasInput(2) ? node.input(2) : null;
  return alignedBlocks(node, { x: node.input(0), scale: node.input(1), zeroPoint: zero }, axis, size);
}

/** The same for any values. */
function alignedBlocks(node: NodeContext, given: Omit<Aligned, "shape">, axis: number, size: number): Aligned {
  const { shape } = node.typeOf(given.x);
  const dim = shape[axis] ?? 1;
  const blocks = Math.ceil(dim / size);
  const expected = shape.with(axis, blocks);
  const divides = dim % size === 0;
  const index = indexTensor([dim], (i) => Math.floor(i / size));
  const parameter = (value: ValueId, role: string): ValueId => {
    const actual = node.typeOf(value).shape;
    if (actual.join() !== expected.join()) {
      throw node.shapeError(
        `${role} [${actual.join(", ")}] do not fit, blocks of ${size} along axis ${axis} need [${expected.join(", ")}]`,
      );
    }
    return divides
      ? node.reshape(value, expected.toSpliced(axis + 1, 0, 1))
      : node.emitOne({ kind: "gather", inputs: [value, node.constantValue(index)], axis });
  };
  const scale = parameter(given.scale, "scales");
  const zeroPoint = given.zeroPoint === null ? null : parameter(given.zeroPoint, "zero points");
  const x = divides ? node.reshape(given.x, shape.toSpliced(axis, 1, blocks, size)) : given.x;
  return { x, scale, zeroPoint, shape };
}

/** Integers with a scale per block of an axis, and zero points or none, as floats of the scales' type. */
export function dequantizedBlocks(
  node: NodeContext,
  given: { readonly x: ValueId; readonly scale: ValueId; readonly zeroPoint: ValueId | null },
  axis: number,
  size: number,
): ValueId {
  const dtype = node.typeOf(given.scale).dtype;
  return dequantizedAs(node, dtype, alignedBlocks(node, given, axis, size));
}

/** A scale per slice of an axis, or for the whole tensor. */
function alignAxis(node: NodeContext, defaultAxis: number): Aligned {
  const shape = node.shape(0);
  const parameter = (index: number): ValueId => {
    const [count, ...more] = node.shape(index);
    if (count === undefined || (count === 1 && more.length === 0)) return asScalar(node, node.input(index));
    const axis = node.axis(node.int("axis", defaultAxis), shape.length);
    if (more.length > 0 || count !== shape[axis]) {
      throw node.shapeError(
        `input ${index} is [${[count, ...more].join(", ")}], axis ${axis} has ${shape[axis] ?? 0} slices`,
      );
    }
    return node.reshape(node.input(index), alongAxis(shape.length, axis, count));
  };
  return { x: node.input(0), scale: parameter(1), zeroPoint: node.hasInput(2) ? parameter(2) : null, shape };
}

function align(node: NodeContext): Aligned {
  const size = node.int("block_size", 0);
  if (size < 0) throw node.attributeError(`block_size is ${size}`);
  if (size === 0) return alignAxis(node, 1);
  return alignBlocks(node, node.axis(node.int("axis", 1), node.rank(0)), size);
}

/** The float type that a quantization is computed in: that of the scale, widened. */
const floatOf = (scale: DType): DType => (scale === "f64" ? "f64" : "f32");

/** Operand `index` in the computing type; sub-byte and small floats are cast in between. */
const operand = (index: number, dtype: DType, compute: DType): Expr => castExpr(dtype, compute, arg(index));

/** round(x / scale) + zero point as `to`, out of range values at the bounds; 8-bit floats round in the cast itself. */
function quantizedExpr(to: DType, x: Expr, scale: Expr, zeroPoint: Expr | null, saturate: boolean): Expr {
  const quotient = div(x, scale);
  const small = dtypeInfo(to).class === "small-float";
  const rounded = small ? quotient : unary("round", quotient);
  return cast(to, zeroPoint === null ? rounded : add(rounded, zeroPoint), small ? saturate : true);
}

function quantizeLinear(node: NodeContext): ValueId[] {
  const { x, scale, zeroPoint, shape } = align(node);
  const target = zeroPoint === null ? dtypeAttribute(node, "output_dtype", "u8") : node.typeOf(zeroPoint).dtype;
  const compute = floatOf(node.dtype(1));
  const operands = zeroPoint === null ? [x, scale] : [x, scale, zeroPoint];
  const [value, divisor] = [operand(0, node.dtype(0), compute), operand(1, node.dtype(1), compute)];
  const offset = zeroPoint === null ? null : operand(2, target, compute);
  const saturate = node.int("saturate", 1) !== 0;
  const result = node.map(quantizedExpr(target, value, divisor, offset, saturate), ...operands);
  return [node.reshape(result, shape)];
}

/** Integers of 32 bits are subtracted before they become floats, which could not hold them. */
function dequantizedExpr(dtype: DType, compute: DType, scale: Expr, withZero: boolean): Expr {
  if (!withZero) return mul(operand(0, dtype, compute), scale);
  if (dtypeInfo(dtype).bits === 32) return mul(cast(compute, sub(arg(0), arg(2))), scale);
  return mul(sub(operand(0, dtype, compute), operand(2, dtype, compute)), scale);
}

function dequantizedAs(node: NodeContext, target: DType, { x, scale, zeroPoint, shape }: Aligned): ValueId {
  const [dtype, scaleType] = [node.typeOf(x).dtype, node.typeOf(scale).dtype];
  const compute = floatOf(scaleType);
  const operands = zeroPoint === null ? [x, scale] : [x, scale, zeroPoint];
  const expr = dequantizedExpr(dtype, compute, operand(1, scaleType, compute), zeroPoint !== null);
  return node.reshape(node.map(castExpr(compute, target, expr), ...operands), shape);
}

const dequantizeLinear = (node: NodeContext): ValueId[] => [
  dequantizedAs(node, dtypeAttribute(node, "output_dtype", node.dtype(1)), align(node)),
];

/** A value quantized to u8 by its own range, with the scale and the zero point that came out. */
export interface RangeQuantized {
  readonly values: ValueId;
  readonly scale: ValueId;
  readonly zeroPoint: ValueId;
}

/** Scale and zero point from the data's range, which is widened to hold 0. */
export function quantizedByRange(node: NodeContext, value: ValueId): RangeQuantized {
  const x = node.castTo("f32", value);
  const axes = [...node.typeOf(x).shape.keys()];
  const [least, most] = (["min", "max"] as const).map((fn) =>
    node.emitOne({ kind: "reduce", inputs: [x], fn, axes, keepDims: false }),
  ) as [ValueId, ValueId];
  const zero = lit("f32", 0);
  const low = binary("min", arg(0), zero);
  const span = sub(binary("max", arg(1), zero), low);
  // a scale of 0 would quantize zeros to NaN
  const empty = binary("eq", span, zero);
  const scale = node.map(select(empty, lit("f32", 1), div(span, lit("f32", 255))), least, most);
  const zeroPoint = node.map(cast("u8", unary("round", sub(zero, div(low, arg(1)))), true), least, scale);
  const quantized = quantizedExpr("u8", arg(0), arg(1), cast("f32", arg(2)), true);
  return { values: node.map(quantized, x, scale, zeroPoint), scale, zeroPoint };
}

function dynamicQuantizeLinear(node: NodeContext): ValueId[] {
  const { values, scale, zeroPoint } = quantizedByRange(node, node.input(0));
  return [values, scale, zeroPoint];
}

const axis = { axis: "int" } as const;
const quantizeTypes: Attributes = { axis: "int", saturate: "int" };
const quantizeBlocks: Attributes = { ...quantizeTypes, block_size: "int", output_dtype: "int" };

/** Operators of this family. */
export const quantizationOperators: readonly OperatorDef[] = [
  operator("QuantizeLinear", quantizeLinear, [
    { since: 10, inputs: [2, 3] },
    { since: 13, attributes: axis },
    { since: 19, attributes: quantizeTypes },
    { since: 21, attributes: quantizeBlocks },
    { since: [23, 24, 25], attributes: { ...quantizeBlocks, precision: "int" } },
  ]),
  operator("DequantizeLinear", dequantizeLinear, [
    { since: 10, inputs: [2, 3] },
    { since: [13, 19], attributes: axis },
    { since: 21, attributes: { axis: "int", block_size: "int" } },
    { since: [23, 24, 25], attributes: { axis: "int", block_size: "int", output_dtype: "int" } },
  ]),
  operatorOf("com.microsoft", "QuantizeLinear", quantizeLinear, [
    { since: 1, inputs: [2, 3], attributes: { axis: "int", block_size: "int" } },
  ]),
  operatorOf("com.microsoft", "DequantizeLinear", dequantizeLinear, [
    { since: 1, inputs: [2, 3], attributes: { axis: "int", block_size: "int" } },
  ]),
  operator("DynamicQuantizeLinear", dynamicQuantizeLinear, [{ since: 11, outputs: [3, 3] }]),
];
