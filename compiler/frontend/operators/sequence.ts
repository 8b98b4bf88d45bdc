/** Sequences and optionals: JavaScript values on the host. */
import type { SequenceType, ValueId, ValueType } from "../../../ir/graph.ts";
import { joinTypes, showType } from "../../../ir/types.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import type { OnnxType } from "../onnx.ts";
import { anyShape, dimsOf, elementTypeOf, typeOfDims } from "./dynamic.ts";
import { dtypeAttribute, range } from "./support.ts";
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

const inputsOf = (node: NodeContext): ValueId[] =>
  range(node.inputCount)
    .filter((index) => node.hasInput(index))
    .map((index) => node.input(index));

function sequenceConstruct(node: NodeContext): readonly ValueId[] {
  const element = range(node.inputCount)
    .map((index) => node.anyType(index))
    .reduce((a, b) => joined(node, a, b));
  return node.host("sequenceConstruct", inputsOf(node), [sequenceOf(element)], sequences);
}

function sequenceEmpty(node: NodeContext): readonly ValueId[] {
  return node.host("sequenceEmpty", [], [sequenceOf(anyShape(dtypeAttribute(node, "dtype", "f32")))], sequences);
}

const sequenceAt = (node: NodeContext): readonly ValueId[] =>
  node.host("sequenceAt", inputsOf(node), [elementsOf(node, 0)], sequences);

const sequenceInsert = (node: NodeContext): readonly ValueId[] =>
  node.host(
    "sequenceInsert",
    inputsOf(node),
    [sequenceOf(joined(node, elementsOf(node, 0), node.anyType(1)))],
    sequences,
  );

const sequenceErase = (node: NodeContext): readonly ValueId[] =>
  node.host("sequenceErase", inputsOf(node), [sequenceOf(elementsOf(node, 0))], sequences);

function sequenceLength(node: NodeContext): readonly ValueId[] {
  elementsOf(node, 0);
  return node.host("sequenceLength", inputsOf(node), [{ kind: "tensor", dtype: "i64", shape: [] }], sequences);
}

function concatFromSequence(node: NodeContext): readonly ValueId[] {
  const element = elementsOf(node, 0);
  if (element.kind !== "tensor" && element.kind !== "dynamic") throw node.typeError("only tensors can be concatenated");
  const newAxis = node.int("new_axis", 0) !== 0;
  const dims = element.kind === "tensor" ? element.shape : element.dims;
  const axis = dims === null ? node.int("axis", 0) : node.axis(node.int("axis", 0), dims.length + Number(newAxis));
  const result = dims?.toSpliced(axis, newAxis ? 0 : 1, "total") ?? null;
  return node.host("concatFromSequence", inputsOf(node), [typeOfDims(element.dtype, result)], sequences, {
    axis,
    newAxis,
  });
}

function splitToSequence(node: NodeContext): readonly ValueId[] {
  const dims = dimsOf(node, 0);
  const axis = dims === null ? node.int("axis", 0) : node.axis(node.int("axis", 0), dims.length);
  const single = !node.hasInput(1);
  const keepdims = node.int("keepdims", 1) !== 0;
  const piece = dims?.toSpliced(axis, 1, ...(single ? (keepdims ? [1] : []) : ["piece"])) ?? null;
  const element = typeOfDims(elementTypeOf(node, 0), piece);
  return node.host("splitToSequence", inputsOf(node), [sequenceOf(element)], sequences, { axis, keepdims });
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
      throw node.unsupported("maps are not supported");
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
