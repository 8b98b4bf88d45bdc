/**
 * Sequences and optionals: JavaScript values on the host. What is put together and taken apart again within one graph, at positions known
 * while lowering (`unbind`, `split` and `stack` of exporters), never becomes one: the elements are passed on as they are.
 */
import type { SequenceType, ValueId, ValueType } from "../../../ir/graph.ts";
import { joinTypes, showType } from "../../../ir/types.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { nodeSubject, type OnnxType } from "../onnx.ts";
import { mapValueType } from "../types.ts";
import { anyShape, dimsOf, elementTypeOf, ownDim, typeOfDims } from "./dynamic.ts";
import { concatOf, dtypeAttribute, range, sliceOf } from "./support.ts";
import { operator, variadic } from "./table.ts";

const sequences = "sequences";
const optionals = "optional values";

const sequenceOf = (element: ValueType): SequenceType => ({ kind: "sequence", element });

/** The element type of a sequence input. */
function elementsOf(node: NodeContext, index: number): ValueType {
  const type = node.anyType(index);
  if (type.kind === "sequence") return type.element;
  throw node.typeError(`input ${index} is ${showType(type)}, a sequence is expected`);
}

/** The type that elements of both types have. */
function joined(node: NodeContext, a: ValueType, b: ValueType): ValueType {
  const type = joinTypes(a, b);
  if (type === null) throw node.typeError(`${showType(a)} and ${showType(b)} cannot stand in one sequence`);
  return type;
}

/** Elements of a sequence input, where they are known. */
const elementsAt = (node: NodeContext, index: number): readonly ValueId[] | undefined =>
  node.knownElements(node.input(index));

/** A position in a sequence of `count` elements that is known while lowering; undefined when it is not, or out of range. */
function knownPosition(node: NodeContext, index: number, count: number): number | undefined {
  const [value] = node.hasInput(index) ? (node.constantOrUndefined(index)?.elements ?? []) : [];
  if (typeof value !== "bigint" && typeof value !== "number") return undefined;
  const position = Number(value) < 0 ? Number(value) + count : Number(value);
  return position >= 0 && position < count ? position : undefined;
}

/** The sequence of these elements, which later nodes may look up. */
function sequenceFrom(
  node: NodeContext,
  elements: readonly ValueId[],
  types: readonly ValueType[],
): readonly ValueId[] {
  const element = types.reduce((a, b) => joined(node, a, b));
  const result = node.host("sequenceConstruct", elements, [sequenceOf(element)], sequences);
  for (const sequence of result) node.setElements(sequence, elements);
  return result;
}

const inputsOf = (node: NodeContext): ValueId[] =>
  range(node.inputCount)
    .filter((index) => node.hasInput(index))
    .map((index) => node.input(index));

const sequenceConstruct = (node: NodeContext): readonly ValueId[] =>
  sequenceFrom(node, inputsOf(node), range(node.inputCount).map((index) => node.anyType(index))); // prettier-ignore

function sequenceEmpty(node: NodeContext): readonly ValueId[] {
  const element = anyShape(dtypeAttribute(node, "dtype", "f32"));
  const result = node.host("sequenceEmpty", [], [sequenceOf(element)], sequences);
  for (const sequence of result) node.setElements(sequence, []);
  return result;
}

function sequenceAt(node: NodeContext): readonly ValueId[] {
  const type = elementsOf(node, 0);
  const elements = elementsAt(node, 0) ?? [];
  const found = elements[knownPosition(node, 1, elements.length) ?? -1];
  return found === undefined ? node.host("sequenceAt", inputsOf(node), [type], sequences) : [found];
}

/** Remembers what a sequence holds after elements of another, known one were removed or put in. */
function spliced(
  node: NodeContext,
  result: readonly ValueId[],
  position: number | undefined,
  remove: number,
  ...added: ValueId[]
): readonly ValueId[] {
  const elements = elementsAt(node, 0);
  if (elements === undefined || position === undefined) return result;
  for (const sequence of result) node.setElements(sequence, elements.toSpliced(position, remove, ...added));
  return result;
}

function sequenceInsert(node: NodeContext): readonly ValueId[] {
  const type = sequenceOf(joined(node, elementsOf(node, 0), node.anyType(1)));
  const count = elementsAt(node, 0)?.length ?? 0;
  // a position may also be behind the last element
  const position = node.hasInput(2) ? knownInsertion(node, count) : count;
  return spliced(node, node.host("sequenceInsert", inputsOf(node), [type], sequences), position, 0, node.input(1));
}

function knownInsertion(node: NodeContext, count: number): number | undefined {
  const value = node.constantOrUndefined(2)?.elements[0];
  return Number(value) === count ? count : knownPosition(node, 2, count);
}

function sequenceErase(node: NodeContext): readonly ValueId[] {
  const type = sequenceOf(elementsOf(node, 0));
  const count = elementsAt(node, 0)?.length ?? 0;
  const position = node.hasInput(1) ? knownPosition(node, 1, count) : count - 1;
  return spliced(node, node.host("sequenceErase", inputsOf(node), [type], sequences), position, 1);
}

function sequenceLength(node: NodeContext): readonly ValueId[] {
  elementsOf(node, 0);
  const elements = elementsAt(node, 0);
  if (elements !== undefined) return [node.scalar("i64", elements.length)];
  return node.host("sequenceLength", inputsOf(node), [{ kind: "tensor", dtype: "i64", shape: [] }], sequences);
}

function concatFromSequence(node: NodeContext): readonly ValueId[] {
  const element = elementsOf(node, 0);
  if (element.kind !== "tensor" && element.kind !== "dynamic") throw node.typeError("only tensors can be concatenated");
  const newAxis = node.int("new_axis", 0) !== 0;
  const dims = element.kind === "tensor" ? element.shape : element.dims;
  const axis = dims === null ? node.int("axis", 0) : node.axis(node.int("axis", 0), dims.length + Number(newAxis));
  const elements = elementsAt(node, 0) ?? [];
  if (elements.length > 0 && axis >= 0 && elements.every((value) => node.isStatic(value)))
    return [joinedElements(node, elements, axis, newAxis)];
  const result = dims?.toSpliced(axis, newAxis ? 0 : 1, ownDim(node, "total")) ?? null;
  const type = typeOfDims(element.dtype, result);
  return node.host("concatFromSequence", inputsOf(node), [type], sequences, { axis, newAxis });
}

function joinedElements(node: NodeContext, elements: readonly ValueId[], axis: number, newAxis: boolean): ValueId {
  const parts = newAxis
    ? elements.map((value) => node.reshape(value, node.typeOf(value).shape.toSpliced(axis, 0, 1)))
    : elements;
  return concatOf(node, parts, axis);
}

/** More pieces than this are left to the host instead of becoming as many ops. */
const maxPieces = 256;

/** Sizes of the pieces that an axis is split into; undefined when only a run knows them. */
function pieceSizes(node: NodeContext, dim: number): readonly number[] | undefined {
  if (!node.hasInput(1)) return range(dim).map(() => 1);
  const split = node.constantOrUndefined(1);
  if (split === undefined) return undefined;
  const sizes = node.integers(1);
  const [size = 0] = sizes;
  if (split.shape.length > 0) return sizes;
  if (size < 1) throw node.shapeError(`pieces of ${size} elements`);
  return range(Math.ceil(dim / size)).map((i) => Math.min(size, dim - i * size));
}

function splitToSequence(node: NodeContext): readonly ValueId[] {
  const dims = dimsOf(node, 0);
  const axis = dims === null ? node.int("axis", 0) : node.axis(node.int("axis", 0), dims.length);
  const keepdims = node.int("keepdims", 1) !== 0;
  const dim = dims?.[axis];
  const sizes =
    node.anyType(0).kind === "tensor" && typeof dim === "number" && dim <= maxPieces
      ? pieceSizes(node, dim)
      : undefined;
  if (sizes !== undefined && sizes.length > 0) return splitApart(node, axis, sizes, keepdims || node.hasInput(1));
  const single = !node.hasInput(1);
  const piece = dims?.toSpliced(axis, 1, ...(single ? (keepdims ? [1] : []) : ["piece"])) ?? null;
  const element = typeOfDims(elementTypeOf(node, 0), piece);
  return node.host("splitToSequence", inputsOf(node), [sequenceOf(element)], sequences, { axis, keepdims });
}

/** The pieces as slices. */
function splitApart(node: NodeContext, axis: number, sizes: readonly number[], keepAxis: boolean): readonly ValueId[] {
  const shape = node.shape(0);
  if (sizes.some((size) => size < 0) || sizes.reduce((sum, size) => sum + size, 0) !== shape[axis]) {
    throw node.shapeError(`[${sizes.join(", ")}] does not split axis ${axis} of [${shape.join(", ")}]`);
  }
  let start = 0;
  const pieces = sizes.map((size) => {
    const piece = sliceOf(node, node.input(0), axis, start, size);
    start += size;
    return keepAxis ? piece : node.reshape(piece, shape.toSpliced(axis, 1));
  });
  return sequenceFrom(node, pieces, pieces.map((piece) => node.typeOf(piece))); // prettier-ignore
}

/** A declared type as a type of ours; unknown dims become symbols. */
function typeOfDeclared(node: NodeContext, type: OnnxType): ValueType {
  switch (type.kind) {
    case "tensor":
      return typeOfDims(type.dtype, type.dims?.map((dim, axis) => dim ?? `d${axis}`) ?? null);
    case "sequence":
    case "optional":
      return { kind: type.kind, element: typeOfDeclared(node, type.element) };
    case "map":
      return { kind: "map", key: type.key, value: mapValueType(type, nodeSubject(node.node)) };
  }
}

function optional(node: NodeContext): readonly ValueId[] {
  const declared = node.attribute("type");
  if (node.hasInput(0)) {
    return node.host("optional", inputsOf(node), [{ kind: "optional", element: node.anyType(0) }], optionals);
  }
  if (declared?.kind !== "type") throw node.attributeError("an optional without a value needs the attribute type");
  return node.host("optional", [], [{ kind: "optional", element: typeOfDeclared(node, declared.value) }], optionals);
}

/** From opset 18 on the input may be a bare value, which stays as it is. */
function optionalGetElement(node: NodeContext): readonly ValueId[] {
  const type = node.anyType(0);
  if (type.kind !== "optional") return [node.input(0)];
  return node.host("optionalGetElement", inputsOf(node), [type.element], optionals);
}

function optionalHasElement(node: NodeContext): readonly ValueId[] {
  const present = node.hasInput(0);
  if (!present || node.anyType(0).kind !== "optional") {
    return [node.constantValue({ dtype: "bool", shape: [], elements: Uint8Array.of(present ? 1 : 0) })];
  }
  return node.host("optionalHasElement", inputsOf(node), [{ kind: "tensor", dtype: "bool", shape: [] }], optionals);
}

/** Operators of this family. */
export const sequenceOperators: readonly OperatorDef[] = [
  operator("SequenceConstruct", sequenceConstruct, [{ since: 11, inputs: [1, variadic] }]),
  operator("SequenceEmpty", sequenceEmpty, [{ since: 11, inputs: [0, 0], attributes: { dtype: "int" } }]),
  operator("SequenceAt", sequenceAt, [{ since: 11, inputs: [2, 2] }]),
  operator("SequenceInsert", sequenceInsert, [{ since: 11, inputs: [2, 3] }]),
  operator("SequenceErase", sequenceErase, [{ since: 11, inputs: [1, 2] }]),
  operator("SequenceLength", sequenceLength, [{ since: 11 }]),
  operator("ConcatFromSequence", concatFromSequence, [{ since: 11, attributes: { axis: "int!", new_axis: "int" } }]),
  operator("SplitToSequence", splitToSequence, [
    { since: [11, 24], inputs: [1, 2], attributes: { axis: "int", keepdims: "int" } },
  ]),
  operator("Optional", optional, [{ since: 15, inputs: [0, 1], attributes: { type: "type" } }]),
  operator("OptionalGetElement", optionalGetElement, [{ since: [15, 18] }]),
  operator("OptionalHasElement", optionalHasElement, [{ since: 15 }, { since: 18, inputs: [0, 1] }]),
];
