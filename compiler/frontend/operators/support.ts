/** Small things that several operator families need when they lower. */
import { nth } from "../../../ir/access.ts";
import { areStatic } from "../../../ir/dim.ts";
import { type DType, dtypeInfo, dtypeOfOnnxId, storageBytes } from "../../../ir/dtype.ts";
import { arg, select } from "../../../ir/expr.ts";
import { fail, type WscError } from "../../../ir/diagnostic.ts";
import { tensorType, type ValueId } from "../../../ir/graph.ts";
import {
  broadcastShapes,
  elementCount,
  joinedShapes,
  makeTensor,
  type TensorData,
  tensorFrom,
} from "../../../ir/tensor.ts";
import { nodeSubject } from "../onnx.ts";
import type { NodeContext } from "../operator.ts";
import { castExpr, computeDType, toDType } from "./precision.ts";

/** Largest tensor, in bytes, that a lowering may ask for: what WebAssembly's 32-bit memory can address. */
export const maxTensorBytes: number = 2 ** 32;

/** Throws WSC1009 when a tensor that a node asks for cannot exist in memory, WSC3004 when a dim is negative; returns the shape. */
export function checkedShape(node: NodeContext, dtype: DType, shape: readonly number[]): readonly number[] {
  const bad = shape.find((dim) => !Number.isSafeInteger(dim) || dim < 0);
  if (bad !== undefined) throw node.shapeError(`the result's shape [${shape.join(", ")}] has the dim ${bad}`);
  const bytes = elementCount(shape) * Math.max(1, storageBytes(dtype));
  if (bytes > maxTensorBytes) throw tooLarge(`a result of type ${showTensor(dtype, shape)}`, bytes, node);
  return shape;
}

/** Most elements of a tensor that a lowering itself fills in (positions, matrices of a transform, windows). */
export const maxConstantElements: number = 2 ** 26;

/** `checkedShape` for a constant that is about to be filled in: what is not read from the model's file has a lower limit. */
export function checkedConstant(node: NodeContext, dtype: DType, shape: readonly number[]): readonly number[] {
  const count = elementCount(checkedShape(node, dtype, shape));
  if (count > maxConstantElements)
    throw tooLarge(`a constant ${showTensor(dtype, shape)}`, count * storageBytes(dtype), node);
  return shape;
}

const showTensor = (dtype: DType, shape: readonly number[]): string => `${dtype}[${shape.join(",")}]`;

const tooLarge = (what: string, bytes: number, node?: NodeContext): WscError =>
  fail("WSC1009", `${what} takes ${bytes} bytes`, { subject: node && nodeSubject(node.node) });

/** Integers of a constant input of any numeric type, exact. */
export function bigints(node: NodeContext, index: number): bigint[] {
  const { elements, dtype } = node.constant(index);
  if (dtypeInfo(dtype).storage === "string") throw node.typeError(`input ${index} must hold integers, not strings`);
  return Array.from(elements as ArrayLike<number | bigint>, (value) => {
    if (typeof value === "number" && !Number.isInteger(value))
      throw node.typeError(`input ${index} must hold integers`);
    return BigInt(value);
  });
}

/** Integers of an attribute, exact; undefined when the node has none. */
export function bigintAttribute(node: NodeContext, name: string): readonly bigint[] | undefined {
  const attribute = node.attribute(name);
  return attribute?.kind === "ints" ? attribute.value : undefined;
}

/** The only element of a constant input, as a number (floats too). */
export function constantScalar(node: NodeContext, index: number): number | bigint {
  const { elements, shape } = node.constant(index);
  const value = elements[0];
  if (elements.length !== 1 || value === undefined || typeof value === "string") {
    throw node.shapeError(`input ${index} must hold one number, not a tensor of shape [${shape.join(", ")}]`);
  }
  return value;
}

/** `axes` as the attribute or, from some version on, as an optional input; undefined when the node gives neither. */
export function axesOf(node: NodeContext, input: number): number[] | undefined {
  const attribute = node.ints("axes");
  if (attribute !== undefined) return attribute;
  return node.hasInput(input) ? node.integers(input) : undefined;
}

/** Axes counted from the front; WSC3006 when one is out of range or comes twice. */
export function distinctAxes(node: NodeContext, axes: readonly number[], rank: number): number[] {
  const normal = axes.map((axis) => node.axis(axis, rank));
  if (new Set(normal).size !== normal.length) throw node.attributeError(`axes [${axes.join(", ")}] name an axis twice`);
  return normal;
}

/** A value as a scalar (rank 0); it must have one element. */
export function asScalar(node: NodeContext, value: ValueId): ValueId {
  const { shape } = node.typeOf(value);
  if (shape.length === 0) return value;
  if (elementCount(shape) !== 1)
    throw node.shapeError(`a scalar is expected, not a tensor of shape [${shape.join(", ")}]`);
  return node.reshape(value, []);
}

/** A scalar constant of any numeric type, small floats and sub-byte integers included. */
export function literal(node: NodeContext, dtype: DType, value: number): ValueId {
  if (dtype === "string") return node.constantValue(tensorFrom("string", [], [""]));
  if (dtype === "bool") return node.constantValue(tensorFrom("bool", [], [value === 0 ? 0 : 1]));
  return toDType(node, dtype, node.scalar(computeDType(dtype), value));
}

/** Elementwise `condition ? x : y` for any element type but complex numbers; strings are chosen on the host. */
export function choose(node: NodeContext, condition: ValueId, x: ValueId, y: ValueId): ValueId {
  const dtype = node.dtypeOf(x);
  const { class: cls } = dtypeInfo(dtype);
  if (cls === "complex") throw node.typeError(`${dtype} is not supported here`);
  if (cls === "string") return chooseStrings(node, [condition, x, y]);
  const compute = computeDType(dtype);
  const chosen = select(arg(0), castExpr(dtype, compute, arg(1)), castExpr(dtype, compute, arg(2)));
  return node.map(castExpr(compute, dtype, chosen), condition, x, y);
}

function chooseStrings(node: NodeContext, operands: readonly [condition: ValueId, x: ValueId, y: ValueId]): ValueId {
  const shapes = operands.map((value) => node.typeOf(value).shape);
  const shape = broadcastShapes(shapes);
  if (shape === null)
    throw node.shapeError(`${shapes.map((dims) => `[${dims.join(",")}]`).join(", ")} do not broadcast`);
  const [chosen] = node.host("stringWhere", operands, [tensorType("string", shape)], "works on strings");
  if (chosen === undefined) throw new Error("internal: no choice");
  return chosen;
}

/** start, start + step, … as a constant i64 vector. */
export function countFrom(node: NodeContext, count: number, start = 0, step = 1): ValueId {
  return node.constantValue(indexTensor([count], (i) => start + i * step));
}

/** A constant i64 tensor from a function of the row-major position. */
export function indexTensor(shape: readonly number[], at: (position: number) => number): TensorData {
  const count = elementCount(shape);
  if (count > maxConstantElements) throw tooLarge(`a constant ${showTensor("i64", shape)}`, count * 8);
  const elements = new BigInt64Array(count);
  for (let i = 0; i < elements.length; i++) elements[i] = BigInt(at(i));
  return makeTensor("i64", shape, elements);
}

/**
 * Places of a matrix's rows, [rows, 1], and of its columns, [1, columns], the latter less k, so that they are equal on diagonal k. In 32 bits, of
 * which vectors hold four: diagonals beyond the corners are as good as the first one there.
 */
export function diagonalPlaces(node: NodeContext, rows: number, columns: number, k: number): [ValueId, ValueId] {
  const within = Math.max(-rows, Math.min(columns, k));
  const places = (shape: readonly number[], start: number): ValueId => {
    const count = elementCount(shape);
    if (count > maxConstantElements) throw tooLarge(`a constant ${showTensor("i32", shape)}`, count * 4);
    const elements = new Int32Array(count);
    for (let i = 0; i < count; i++) elements[i] = start + i;
    return node.constantValue(makeTensor("i32", shape, elements));
  };
  return [places([rows, 1], 0), places([1, columns], -within)];
}

/** `shape` of rank `rank` with `size` at one axis and 1 elsewhere: how a vector is broadcast along an axis. */
export function alongAxis(rank: number, axis: number, size: number): number[] {
  const shape = new Array<number>(rank).fill(1);
  shape[axis] = size;
  return shape;
}

/** A copy of a list with one entry replaced. */
export const withAt = (list: readonly number[], index: number, value: number): number[] =>
  list.map((old, i) => (i === index ? value : old));

/** Longest list of numbers that a lowering makes up; an attribute that asks for more is no honest one. */
const maxGenerated = 2 ** 26;

/** `count`, when a list of that length may be made; the RangeError otherwise becomes a diagnostic of the node. */
function generated(count: number): number {
  if (count <= maxGenerated) return count;
  throw new RangeError(`a list of ${count} numbers`);
}

/** 0, 1, … count - 1. */
export const range = (count: number): number[] => Array.from({ length: generated(count) }, (_, i) => i);

/** The permutation that moves axis `from` to position `to` and keeps the order of the others. */
export function movedAxis(rank: number, from: number, to: number): number[] {
  const perm = range(rank).filter((axis) => axis !== from);
  perm.splice(to, 0, from);
  return perm;
}

/** The permutation that undoes `perm`. */
export function inverse(perm: readonly number[]): number[] {
  const out = new Array<number>(perm.length);
  for (const [to, from] of perm.entries()) out[from] = to;
  return out;
}

/** Elements `start…start + size` of one axis. */
export function sliceOf(
  node: NodeContext,
  value: ValueId,
  axis: number,
  start: number,
  size: number,
  step = 1,
): ValueId {
  const shape = node.dimsOf(value);
  if (start === 0 && size === shape[axis] && step === 1) return value;
  const starts = withAt(new Array<number>(shape.length).fill(0), axis, start);
  const steps = withAt(new Array<number>(shape.length).fill(1), axis, step);
  return node.slice(value, starts, shape.with(axis, size), steps);
}

/** Joins values along an axis; one value stays as it is. */
export function concatOf(node: NodeContext, values: readonly ValueId[], axis: number): ValueId {
  const shapes = values.map((value) => node.dimsOf(value));
  const joined = shapes.every(areStatic) ? joinedShapes(shapes, axis).map((at) => nth(values, at)) : values;
  const [first] = joined;
  if (first === undefined) throw new Error("internal: nothing to concatenate");
  return joined.length === 1 ? first : node.emitOne({ kind: "concat", inputs: joined, axis });
}

/** The element type that an integer attribute names; WSC3006 when it names none. */
export function dtypeAttribute(node: NodeContext, name: string, fallback: DType): DType {
  const id = node.int(name);
  if (id === undefined || id === 0) return fallback;
  const dtype = dtypeOfOnnxId(id);
  if (dtype === undefined) throw node.attributeError(`${name} ${id} is no element type`);
  return dtype;
}
