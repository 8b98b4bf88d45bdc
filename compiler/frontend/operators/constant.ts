/** Constants, and tensors that follow from a shape alone. */
import { areStatic, countOf, type Dim, subDims } from "../../../ir/dim.ts";
import type { DType } from "../../../ir/dtype.ts";
import { arg, binary, cast, lit, select } from "../../../ir/expr.ts";
import type { ValueId, ValueType } from "../../../ir/graph.ts";
import {
  allocateElements,
  type Elements,
  elementCount,
  makeTensor,
  setElement,
  type TensorData,
  tensorFrom,
} from "../../../ir/tensor.ts";
import { decodeSmallFloat, isSmallFloat } from "../../../ir/small-float.ts";
import type { OnnxAttribute } from "../onnx.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import {
  alongAxis,
  asScalar,
  checkedConstant,
  checkedShape,
  choose,
  constantScalar,
  countFrom,
  diagonalPlaces,
  dtypeAttribute,
  sliceOf,
} from "./support.ts";
import { computeDType, toDType } from "./precision.ts";
import { operator } from "./table.ts";

const vector = (dtype: DType, values: readonly (number | bigint | string)[]): TensorData =>
  tensorFrom(dtype, [values.length], values);

/** The tensor that one of Constant's attributes stands for; null for an attribute of a kind that it has not. */
function tensorOfAttribute(attribute: OnnxAttribute): TensorData | null {
  switch (attribute.kind) {
    case "tensor":
    case "sparse":
      return attribute.value;
    case "float":
      return tensorFrom("f32", [], [attribute.value]);
    case "floats":
      return vector("f32", attribute.value);
    case "int":
      return tensorFrom("i64", [], [attribute.value]);
    case "ints":
      return vector("i64", attribute.value);
    case "string":
      return tensorFrom("string", [], [attribute.value]);
    case "strings":
      return vector("string", attribute.value);
    case "graph":
    case "graphs":
    case "tensors":
    case "type":
    case "reference":
      return null;
  }
}

function constant(node: NodeContext): ValueId[] {
  const [attribute, ...more] = node.node.attributes.values();
  if (attribute === undefined || more.length > 0) {
    throw node.attributeError(`a Constant has exactly one value, this one has ${node.node.attributes.size}`);
  }
  const tensor = tensorOfAttribute(attribute);
  if (tensor === null) throw node.attributeError(`a ${attribute.kind} is no constant`);
  return [node.constantValue(tensor)];
}

function constantOfShape(node: NodeContext): ValueId[] {
  const value = node.tensor("value") ?? tensorFrom("f32", [1], [0]);
  if (elementCount(value.shape) !== 1) throw node.attributeError("value must have one element");
  const dims = node.sizes(0);
  if (!areStatic(dims))
    return [node.broadcastTo(node.constantValue(makeTensor(value.dtype, [], value.elements)), dims)];
  const shape = checkedShape(node, value.dtype, dims);
  const count = elementCount(shape);
  const [element] = value.elements;
  if (count > maxFilledElements || element === undefined) {
    return [node.broadcastTo(node.constantValue(makeTensor(value.dtype, [], value.elements)), shape)];
  }
  const elements = allocateElements(value.dtype, count);
  if (element !== 0 && element !== 0n) for (let i = 0; i < count; i++) setElement(elements, i, element);
  return [node.constantValue(makeTensor(value.dtype, shape, elements))];
}

/** Larger results are computed when the program runs instead of being stored: 64 MiB of f32, more than most layers' weights. */
const maxFilledElements = 2 ** 24;

/** The dims of an input as far as they are known, without asking for more than is needed; null: ask for the shape (and defer). */
function knownDims(type: ValueType, pick: (rank: number) => readonly [number, number]): number[] | null {
  if (type.kind !== "tensor" && type.kind !== "dynamic") return null;
  const dims = type.kind === "tensor" ? type.shape : type.dims;
  if (dims === null) return null;
  const picked = dims.slice(...pick(dims.length));
  const numbers = picked.filter((dim) => typeof dim === "number");
  return numbers.length === picked.length ? numbers : null;
}

/** A bound of Shape: negative counts from the end, then clamped. */
const bound = (value: number, rank: number): number => Math.min(Math.max(value < 0 ? value + rank : value, 0), rank);

function shape(node: NodeContext): ValueId[] {
  const pick = (rank: number): readonly [number, number] => [
    bound(node.int("start", 0), rank),
    bound(node.int("end", rank), rank),
  ];
  const dims = knownDims(node.anyType(0), pick) ?? node.dims(0).slice(...pick(node.rank(0)));
  return [node.sizesValue(dims)];
}

function size(node: NodeContext): ValueId[] {
  return [node.sizesValue(countOf(node.dims(0)))];
}

/** Number of elements of a range; exact for 64-bit integers. */
function rangeCount(start: number | bigint, limit: number | bigint, delta: number | bigint): number {
  if (typeof start === "bigint" && typeof limit === "bigint" && typeof delta === "bigint") {
    const span = limit - start;
    const rounded = delta > 0n ? span + delta - 1n : span + delta + 1n;
    return Math.max(0, Number(rounded / delta));
  }
  return Math.max(0, Math.ceil((Number(limit) - Number(start)) / Number(delta)));
}

function fillRange(elements: Elements, start: number | bigint, delta: number | bigint): void {
  for (let i = 0; i < elements.length; i++) {
    const value =
      typeof start === "bigint" && typeof delta === "bigint"
        ? start + BigInt(i) * delta
        : Number(start) + i * Number(delta);
    setElement(elements, i, value);
  }
}

/** A bound of a range; half floats, which are held as bit patterns, as the number that they stand for. */
function rangeBound(node: NodeContext, index: number): number | bigint {
  const dtype = node.dtype(index);
  const value = constantScalar(node, index);
  return isSmallFloat(dtype) ? decodeSmallFloat(dtype, Number(value)) : value;
}

/** Bounds that are open sizes; null where they are constants. */
function openBounds(node: NodeContext, dtype: DType): readonly [start: Dim, limit: Dim] | null {
  if (dtype !== "i64" && dtype !== "i32") return null;
  const isKnown = (index: number): boolean => node.constantOrUndefined(index) !== undefined;
  if (isKnown(0) && isKnown(1)) return null;
  const [start] = node.sizes(0);
  const [limit] = node.sizes(1);
  return start === undefined || limit === undefined ? null : [start, limit];
}

function rangeOp(node: NodeContext): ValueId[] {
  const dtype = node.dtype(0);
  const open = openBounds(node, dtype);
  if (open !== null && !areStatic(open)) {
    const [start, limit] = open;
    if (rangeBound(node, 2) !== 1n) throw node.unsupported("a range of open bounds by other steps than 1");
    return [toDType(node, dtype, node.countingFrom(start, subDims(limit, start)))];
  }
  const [start, limit, delta] = [rangeBound(node, 0), rangeBound(node, 1), rangeBound(node, 2)];
  if (Number(delta) === 0) throw node.shapeError("the range's delta is 0");
  const work = computeDType(dtype);
  const [count] = checkedConstant(node, dtype, [rangeCount(start, limit, delta)]) as [number];
  const elements = allocateElements(work, count);
  fillRange(elements, start, delta);
  return [toDType(node, dtype, node.constantValue(makeTensor(work, [count], elements)))];
}

/** Ones on the k-th diagonal of a matrix of the input's shape. */
function eyeLike(node: NodeContext): ValueId[] {
  const { dtype: from, shape: dims } = node.type(0);
  const [rows, columns] = dims;
  if (rows === undefined || columns === undefined || dims.length !== 2) {
    throw node.shapeError(`EyeLike takes a matrix, not a tensor of shape [${dims.join(", ")}]`);
  }
  const dtype = dtypeAttribute(node, "dtype", from);
  const places = diagonalPlaces(node, rows, columns, node.int("k", 0));
  return [node.map(cast(dtype, binary("eq", arg(0), arg(1))), ...places)];
}

/** Indices as i64, negative ones counted from the end of `depth`; those out of range match no position. */
function wrappedIndices(node: NodeContext, depth: number): ValueId {
  const indices = node.castTo("i64", node.input(0));
  const negative = binary("lt", arg(0), lit("i64", 0));
  return node.map(select(negative, binary("add", arg(0), lit("i64", depth)), arg(0)), indices);
}

function oneHot(node: NodeContext): ValueId[] {
  const indices = node.shape(0);
  const depth = Math.trunc(Number(constantScalar(node, 1)));
  const { dtype, shape: pair } = node.type(2);
  if (pair.length !== 1 || pair[0] !== 2)
    throw node.shapeError(`values must be [off, on], not of shape [${pair.join(", ")}]`);
  const rank = indices.length + 1;
  const axis = node.axis(node.int("axis", -1), rank);
  checkedShape(node, dtype, indices.toSpliced(axis, 0, depth));
  const index = node.reshape(wrappedIndices(node, depth), indices.toSpliced(axis, 0, 1));
  const position = node.reshape(countFrom(node, depth), alongAxis(rank, axis, depth));
  const hot = node.map(binary("eq", arg(0), arg(1)), index, position);
  const [off, on] = [0, 1].map((at) => asScalar(node, sliceOf(node, node.input(2), 0, at, 1))) as [ValueId, ValueId];
  return [choose(node, hot, on, off)];
}

const constantForms = {
  value: "tensor",
  sparse_value: "sparse",
  value_float: "float",
  value_floats: "floats",
  value_int: "int",
  value_ints: "ints",
  value_string: "string",
  value_strings: "strings",
} as const;

/** Operators of this family. */
export const constantOperators: readonly OperatorDef[] = [
  operator("Constant", constant, [
    { since: [1, 9], inputs: [0, 0], attributes: { value: "tensor!" } },
    { since: 11, attributes: { value: "tensor", sparse_value: "sparse" } },
    { since: [12, 13, 19, 21, 23, 24, 25], attributes: constantForms },
  ]),
  operator("ConstantOfShape", constantOfShape, [{ since: [9, 20, 21, 23, 24, 25], attributes: { value: "tensor" } }]),
  operator("Shape", shape, [
    { since: [1, 13] },
    { since: [15, 19, 21, 23, 24, 25], attributes: { start: "int", end: "int" } },
  ]),
  operator("Size", size, [{ since: [1, 13, 19, 21, 23, 24, 25] }]),
  operator("Range", rangeOp, [
    { since: 11, inputs: [3, 3] },
    { since: 27, attributes: { stash_type: "int" } },
  ]),
  operator("EyeLike", eyeLike, [{ since: [9, 22], attributes: { dtype: "int", k: "int" } }]),
  operator("OneHot", oneHot, [{ since: [9, 11], inputs: [3, 3], attributes: { axis: "int" } }]),
];
