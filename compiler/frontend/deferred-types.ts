/**
 * What is known of the results of a node that was put off: the element type, or that it is a sequence or an optional. Shapes are left
 * open. Needed only where the model declares nothing (outputs of subgraphs), so rules are few: most results have the type of the first operand.
 */
import { type DType, dtypeOfOnnxId } from "../../ir/dtype.ts";
import type { ValueType } from "../../ir/graph.ts";
import { joinTypes } from "../../ir/types.ts";
import type { OnnxGraph, OnnxNode } from "./onnx.ts";
import { valueTypeOf } from "./types.ts";

export type TypeLookUp = (name: string) => ValueType | undefined;
type TypeRule = (node: OnnxNode, operand: (index: number) => ValueType) => readonly ValueType[];

const anyTensor = (dtype: DType): ValueType => ({ kind: "dynamic", dtype, dims: null });

function dtypeOf(type: ValueType): DType {
  if (type.kind === "map") return type.value;
  return type.kind === "tensor" || type.kind === "dynamic" ? type.dtype : dtypeOf(type.element);
}

const fixed =
  (...dtypes: readonly DType[]): TypeRule =>
  () =>
    dtypes.map(anyTensor);

/** The element type of operand `index`, then fixed ones. */
const like =
  (index: number, ...more: readonly DType[]): TypeRule =>
  (_node, operand) =>
    [dtypeOf(operand(index)), ...more].map(anyTensor);

/** The element type that an attribute names, or else `fallback`. */
const named =
  (attribute: string, fallback: TypeRule): TypeRule =>
  (node, operand) => {
    const value = node.attributes.get(attribute);
    const dtype = value?.kind === "int" ? dtypeOfOnnxId(Number(value.value)) : undefined;
    return dtype === undefined ? fallback(node, operand) : [anyTensor(dtype)];
  };

const elementOf = (type: ValueType): ValueType =>
  type.kind === "sequence" || type.kind === "optional" ? type.element : type;

const rules: ReadonlyMap<string, TypeRule> = new Map<string, TypeRule>([
  ...["Shape", "Size", "NonZero", "ArgMax", "ArgMin", "SequenceLength", "NonMaxSuppression"].map(
    (name) => [name, fixed("i64")] as const,
  ),
  ...["Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "And", "Or", "Xor", "Not", "IsNaN", "IsInf"].map(
    (name) => [name, fixed("bool")] as const,
  ),
  ...["OptionalHasElement", "RegexFullMatch"].map((name) => [name, fixed("bool")] as const),
  ...["Cast", "BitCast"].map((name) => [name, named("to", like(0))] as const),
  ...["HannWindow", "HammingWindow", "BlackmanWindow", "MelWeightMatrix"].map(
    (name) => [name, named("output_datatype", fixed("f32"))] as const,
  ),
  ["ImageDecoder", fixed("u8")],
  ...["RandomNormalLike", "RandomUniformLike", "Bernoulli", "EyeLike"].map(
    (name) => [name, named("dtype", like(0))] as const,
  ),
  ["RandomNormal", named("dtype", fixed("f32"))],
  ["RandomUniform", named("dtype", fixed("f32"))],
  ["Multinomial", named("dtype", fixed("i32"))],
  ["TfIdfVectorizer", fixed("f32")],
  ["StringSplit", fixed("string", "i64")],
  ["CastLike", like(1)],
  ["Where", like(1)],
  ["OneHot", like(2)],
  ["TopK", like(0, "i64")],
  ["MaxPool", like(0, "i64")],
  ["Unique", like(0, "i64", "i64", "i64")],
  ["Dropout", like(0, "bool")],
  ["DynamicQuantizeLinear", fixed("u8", "f32", "u8")],
  ["MatMulInteger", fixed("i32")],
  ["ConvInteger", fixed("i32")],
  ["QuantizeLinear", (node, operand) => (node.inputs[2] ? like(2) : named("output_dtype", fixed("u8")))(node, operand)],
  ["DequantizeLinear", named("output_dtype", like(1))],
  ["QLinearConv", like(7)],
  ["QLinearMatMul", like(7)],
  ...["FeatureVectorizer", "LinearRegressor", "Normalizer", "OneHotEncoder", "Scaler", "SVMRegressor"].map(
    (name) => [name, fixed("f32")] as const,
  ),
  ["TreeEnsembleRegressor", fixed("f32")],
  ...["LinearClassifier", "SVMClassifier", "TreeEnsembleClassifier"].map((name) => [name, classTypes] as const),
  ["ZipMap", zippedType],
  ["CastMap", castMapType],
  ["DictVectorizer", (_node, operand) => [anyTensor(dtypeOf(operand(0)))]],
  ["LabelEncoder", labelType],
  ["CategoryMapper", (_node, operand) => [anyTensor(dtypeOf(operand(0)) === "string" ? "i64" : "string")]],
  ["ConstantOfShape", constantType],
  ["Constant", constantType],
  ["SequenceConstruct", (_node, operand) => [{ kind: "sequence", element: anyTensor(dtypeOf(operand(0))) }]],
  ["SplitToSequence", (_node, operand) => [{ kind: "sequence", element: anyTensor(dtypeOf(operand(0))) }]],
  ["SequenceEmpty", (node, operand) => [
    { kind: "sequence", element: named("dtype", fixed("f32"))(node, operand)[0] ?? anyTensor("f32") },
  ]],
  ...["SequenceInsert", "SequenceErase", "Identity"].map(
    (name): readonly [string, TypeRule] => [name, (_node, operand) => [openShape(operand(0))]],
  ),
  ...["SequenceAt", "ConcatFromSequence", "OptionalGetElement"].map(
    (name): readonly [string, TypeRule] => [name, (_node, operand) => [openShape(elementOf(operand(0)))]],
  ),
  ["Optional", (_node, operand) => [{ kind: "optional", element: operand(0) }]],
]); // prettier-ignore

/** A LabelEncoder's values: of the form that the node gives them in; version 1 goes between strings and numbers. */
function labelType({ attributes }: OnnxNode, operand: (index: number) => ValueType): readonly ValueType[] {
  const tensor = attributes.get("values_tensor");
  if (tensor?.kind === "tensor") return [anyTensor(tensor.value.dtype)];
  const forms = [["values_strings", "string"], ["values_int64s", "i64"], ["values_floats", "f32"]] as const; // prettier-ignore
  const found = forms.find(([name]) => attributes.has(name));
  return [anyTensor(found?.[1] ?? (dtypeOf(operand(0)) === "string" ? "i64" : "string"))];
}

/** A classifier's label, of the form in which the node names its classes, and its scores. */
function classTypes({ attributes }: OnnxNode): readonly ValueType[] {
  const names = attributes.get("classlabels_strings");
  return [anyTensor(names?.kind === "strings" && names.value.length > 0 ? "string" : "i64"), anyTensor("f32")];
}

function zippedType({ attributes }: OnnxNode): readonly ValueType[] {
  const names = attributes.get("classlabels_strings");
  const key: DType = names?.kind === "strings" && names.value.length > 0 ? "string" : "i64";
  return [{ kind: "sequence", element: { kind: "map", key, value: "f32" } }];
}

function castMapType({ attributes }: OnnxNode): readonly ValueType[] {
  const to = attributes.get("cast_to");
  const forms: Readonly<Record<string, DType>> = { TO_STRING: "string", TO_INT64: "i64" };
  return [anyTensor((to?.kind === "string" ? forms[to.value] : undefined) ?? "f32")];
}

function constantType(node: OnnxNode): readonly ValueType[] {
  const value = node.attributes.get("value") ?? node.attributes.get("sparse_value");
  if (value?.kind === "tensor" || value?.kind === "sparse") return [anyTensor(value.value.dtype)];
  const [kind] = [...node.attributes.values()].map((attribute) => attribute.kind);
  if (kind === "int" || kind === "ints") return [anyTensor("i64")];
  return [anyTensor(kind === "string" || kind === "strings" ? "string" : "f32")];
}

/** A type with nothing said of dims, down to the elements of sequences. */
export function openShape(type: ValueType): ValueType {
  if (type.kind === "tensor" || type.kind === "dynamic") return anyTensor(type.dtype);
  if (type.kind === "map") return type;
  return { kind: type.kind, element: openShape(type.element) };
}

/** The domains whose operators have rules; their names differ. */
const ownDomains: ReadonlySet<string> = new Set(["", "ai.onnx.ml"]);

/** Types of a put-off node's outputs, as far as they follow from its operands' types. */
export function deferredTypes(node: OnnxNode, lookUp: TypeLookUp): readonly ValueType[] {
  const operand = (index: number): ValueType => {
    const name = node.inputs[index] ?? "";
    return (name === "" ? undefined : lookUp(name)) ?? anyTensor("f32");
  };
  const types = ownDomains.has(node.domain) ? typesOf(node, operand, lookUp) : [openShape(operand(0))];
  return node.outputs.map((_, i) => types[i] ?? types.at(-1) ?? anyTensor("f32"));
}

function typesOf(node: OnnxNode, operand: (index: number) => ValueType, lookUp: TypeLookUp): readonly ValueType[] {
  switch (node.opType) {
    case "If":
      return branchTypes(node, lookUp);
    case "Loop":
      return loopTypes(node, operand, lookUp, 2, 1);
    case "Scan":
      return loopTypes(node, operand, lookUp, 0, 0);
    default: {
      const rule = rules.get(node.opType);
      return rule === undefined ? [openShape(operand(0))] : rule(node, operand);
    }
  }
}

function branchTypes(node: OnnxNode, lookUp: TypeLookUp): readonly ValueType[] {
  const [yes, no] = ["then_branch", "else_branch"].map((name) => graphTypes(node, name, new Map(), lookUp));
  return (yes ?? []).map((type, i) => joinTypes(openShape(type), openShape(no?.[i] ?? type)) ?? openShape(type));
}

/** Results of a body: first the carried values, then stacked ones; `skip` outputs (a Loop's condition) come before. */
function loopTypes(
  node: OnnxNode,
  operand: (index: number) => ValueType,
  lookUp: TypeLookUp,
  firstOperand: number,
  skip: number,
): readonly ValueType[] {
  const body = node.attributes.get("body");
  if (body?.kind !== "graph") return [];
  const formals = new Map<string, ValueType>();
  const header: readonly DType[] = firstOperand === 2 ? ["i64", "bool"] : [];
  for (const [i, { name }] of body.value.inputs.entries()) {
    const dtype = header[i];
    formals.set(name, dtype === undefined ? openShape(operand(i)) : anyTensor(dtype));
  }
  return graphTypes(node, "body", formals, lookUp).slice(skip).map(openShape);
}

function graphTypes(
  node: OnnxNode,
  attribute: string,
  formals: ReadonlyMap<string, ValueType>,
  outer: TypeLookUp,
): readonly ValueType[] {
  const graph = node.attributes.get(attribute);
  return graph?.kind === "graph" ? outputTypes(graph.value, formals, outer) : [];
}

function outputTypes(
  graph: OnnxGraph,
  formals: ReadonlyMap<string, ValueType>,
  outer: TypeLookUp,
): readonly ValueType[] {
  const types = new Map(formals);
  const lookUp: TypeLookUp = (name) => {
    const tensor = graph.initializers.get(name);
    return types.get(name) ?? (tensor === undefined ? outer(name) : anyTensor(tensor.dtype));
  };
  for (const node of graph.nodes) {
    const results = deferredTypes(node, lookUp);
    for (const [i, name] of node.outputs.entries()) types.set(name, results[i] ?? anyTensor("f32"));
  }
  return graph.outputs.map(({ name, type }) =>
    type === null ? (lookUp(name) ?? anyTensor("f32")) : openShape(valueTypeOf(type, new Map(), name)),
  );
}
