/** ai.onnx.ml: what prepares columns, encoders and scalers. Models have files of their own. */
import { type DType, isFloat } from "../../../ir/dtype.ts";
import { arg, binary, type Expr, lit, select, unary } from "../../../ir/expr.ts";
import type { ValueId } from "../../../ir/graph.ts";
import { elementCount, makeTensor, type TensorData, tensorFrom } from "../../../ir/tensor.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { dimsOf, elementTypeOf, typeOfDims } from "./dynamic.ts";
import { computeDType, mapIn, toDType } from "./precision.ts";
import { abs, div, mul, sqrt, sub } from "./scalar.ts";
import { bigintAttribute, concatOf, literal, range, sliceOf } from "./support.ts";
import { type Attributes, type Lower, operatorOf, variadic, type VersionRow } from "./table.ts";

const vector = (dtype: DType, values: readonly (number | bigint | string)[]): TensorData =>
  tensorFrom(dtype, [values.length], values);

/** A list that may be given in several element types, by attribute name. */
interface Forms {
  readonly strings: string;
  readonly ints: string;
  readonly floats?: string;
  readonly tensor?: string;
}

function listOf(node: NodeContext, forms: Forms): TensorData | null {
  const tensor = forms.tensor === undefined ? undefined : node.tensor(forms.tensor);
  if (tensor !== undefined) return makeTensor(tensor.dtype, [elementCount(tensor.shape)], tensor.elements);
  const strings = node.strings(forms.strings);
  if (strings !== undefined) return vector("string", strings);
  const ints = bigintAttribute(node, forms.ints);
  if (ints !== undefined) return vector("i64", ints);
  const floats = forms.floats === undefined ? undefined : node.floats(forms.floats);
  return floats === undefined ? null : vector("f32", floats);
}

/** What stands for a key that is not listed, in the type of the values. */
function fallbackOf(node: NodeContext, dtype: DType): TensorData {
  const tensor = node.tensor("default_tensor");
  if (tensor !== undefined) return makeTensor(tensor.dtype, [], tensor.elements);
  if (dtype === "string") return tensorFrom("string", [], [node.string("default_string", "_Unused")]);
  if (isFloat(dtype)) return tensorFrom(dtype, [], [node.float("default_float", -0)]);
  const attribute = node.attribute("default_int64");
  return tensorFrom(dtype, [], [attribute?.kind === "int" ? attribute.value : -1n]);
}

function encode(node: NodeContext, keys: TensorData, values: TensorData): readonly ValueId[] {
  if (keys.elements.length !== values.elements.length) {
    throw node.attributeError(`${keys.elements.length} keys for ${values.elements.length} values`);
  }
  if (elementTypeOf(node, 0) !== keys.dtype)
    throw node.typeError(`the input is ${elementTypeOf(node, 0)}, the keys are ${keys.dtype}`);
  const operands = [keys, values, fallbackOf(node, values.dtype)].map((tensor) => node.constantValue(tensor));
  const type = typeOfDims(values.dtype, dimsOf(node, 0));
  return node.host("labelEncoder", [node.input(0), ...operands], [type], "a look-up by key");
}

const keyForms: Forms = { strings: "keys_strings", ints: "keys_int64s", floats: "keys_floats", tensor: "keys_tensor" };
const valueForms: Forms = {
  strings: "values_strings",
  ints: "values_int64s",
  floats: "values_floats",
  tensor: "values_tensor",
};

/** As in onnxruntime: of equal keys the first one counts, and NaN is a key from version 4 on. */
function labelEncoder(node: NodeContext): readonly ValueId[] {
  const [keys, values] = [listOf(node, keyForms), listOf(node, valueForms)];
  if (keys === null || values === null) throw node.attributeError("keys and values must both be given");
  if (keys.elements.length !== values.elements.length) return encode(node, keys, values);
  const seen = new Set<unknown>(node.opset < 4 ? [NaN] : []);
  const counted = [...Array.from(keys.elements as ArrayLike<unknown>).entries()].flatMap(([at, key]) => {
    if (seen.has(key)) return [];
    seen.add(key);
    return [at];
  });
  return encode(node, elementsAt(keys, counted), elementsAt(values, counted));
}

/** Elements of a vector, by their places. */
const elementsAt = ({ dtype, elements }: TensorData, places: readonly number[]): TensorData =>
  vector(
    dtype,
    places.map((at) => elements[at] as number | bigint | string),
  );

/** Between names and numbers, whichever way the input asks for. */
function categories(node: NodeContext, names: readonly string[], numbers: readonly bigint[]): readonly ValueId[] {
  const lists = [vector("string", names), vector("i64", numbers)] as const;
  const [keys, values] = elementTypeOf(node, 0) === "string" ? lists : [lists[1], lists[0]];
  return encode(node, keys, values);
}

function firstLabelEncoder(node: NodeContext): readonly ValueId[] {
  const names = node.strings("classes_strings") ?? [];
  return categories(
    node,
    names,
    names.map((_, i) => BigInt(i)),
  );
}

const categoryMapper = (node: NodeContext): readonly ValueId[] =>
  categories(node, node.strings("cats_strings") ?? [], bigintAttribute(node, "cats_int64s") ?? []);

/** 1 where an element equals the category of its place in a new last axis. With zeros = 0 every element must be a category. */
function oneHotEncoder(node: NodeContext): readonly ValueId[] {
  const list = listOf(node, { strings: "cats_strings", ints: "cats_int64s" });
  if (list === null) throw node.attributeError("cats_int64s or cats_strings must be given");
  const shape = node.shape(0);
  const count = list.elements.length;
  const places = tensorFrom("i64", [count], range(count));
  const operands = [list, places, tensorFrom("i64", [], [-1])].map((tensor) => node.constantValue(tensor));
  const x = list.dtype === "string" ? node.input(0) : toDType(node, "i64", node.input(0));
  const [place] = node.host(
    "labelEncoder",
    [x, ...operands],
    [{ kind: "tensor", dtype: "i64", shape }],
    "a look-up by key",
    node.int("zeros", 1) === 0 ? { isClosed: true } : {},
  ) as [ValueId];
  const column = node.reshape(place, [...shape, 1]);
  const hot = node.map(binary("eq", arg(0), arg(1)), column, node.constantValue(places));
  return [node.castTo("f32", hot)];
}

function binarizer(node: NodeContext): readonly ValueId[] {
  const dtype = node.dtype(0);
  const compute = computeDType(dtype);
  const threshold = lit("f64", node.float("threshold", 0));
  const isAbove = (x: Expr): Expr => binary("gt", { op: "cast", to: "f64", saturate: false, x }, threshold);
  return [
    mapIn(node, compute, dtype, [node.input(0)], ([x = arg(0)]) =>
      select(isAbove(x), lit(compute, 1), lit(compute, 0)),
    ),
  ];
}

/** A list with one entry for all columns of [N, C] (or of [C]), or one per column, as a constant in f32. */
function perColumn(node: NodeContext, name: string, fallback: number): ValueId {
  const values = node.floats(name) ?? [fallback];
  const columns = node.shape(0).at(-1) ?? 1;
  if (values.length !== 1 && values.length !== columns) {
    throw node.attributeError(`${name} has ${values.length} entries for ${columns} columns`);
  }
  return node.constantValue(tensorFrom("f32", [values.length], values));
}

const scaler = (node: NodeContext): readonly ValueId[] => [
  mapIn(
    node,
    "f32",
    "f32",
    [node.input(0), perColumn(node, "offset", 0), perColumn(node, "scale", 1)],
    ([x = arg(0), o = arg(1), s = arg(2)]) => mul(sub(x, o), s),
  ),
];

/** Replaces the elements that stand for a missing value. */
function imputer(node: NodeContext): readonly ValueId[] {
  const dtype = node.dtype(0);
  const integer = dtype === "i64" || dtype === "i32";
  const values = integer ? bigintAttribute(node, "imputed_value_int64s") : node.floats("imputed_value_floats");
  if (values === undefined) throw node.attributeError("no imputed values of the input's type are given");
  const shape = node.shape(0);
  const columns = shape[Math.min(1, shape.length - 1)] ?? 1;
  // as in onnxruntime: where there is not one for each column the first one is for all, and columns of further axes are counted on
  const [first = 0] = values;
  const used = values.length === columns ? values : [first];
  const x = used.length === 1 ? node.input(0) : node.reshape(node.input(0), [elementCount(shape) / columns, columns]);
  const replaced = integer ? node.int("replaced_value_int64", 0) : node.float("replaced_value_float", 0);
  const isMissing = Number.isNaN(replaced) ? unary("isnan", arg(0)) : binary("eq", arg(0), lit(dtype, replaced));
  const imputed = node.map(select(isMissing, arg(1), arg(0)), x, node.constantValue(vector(dtype, used)));
  return [node.reshape(imputed, shape)];
}

function normalizer(node: NodeContext): readonly ValueId[] {
  const shape = node.shape(0);
  const norm = node.string("norm", "MAX");
  const x = node.castTo("f32", node.input(0));
  const axes = [shape.length - 1];
  const reduce = (fn: "max" | "sum", expr: Expr): ValueId =>
    node.emitOne({ kind: "reduce", inputs: [node.map(expr, x)], fn, axes, keepDims: true });
  // a row whose norm is zero stays as it is
  const over = (size: ValueId): readonly ValueId[] => [
    node.map(select(binary("eq", arg(1), lit("f32", 0)), arg(0), div(arg(0), arg(1))), x, size),
  ];
  switch (norm) {
    case "MAX":
      return over(reduce("max", arg(0)));
    case "L1":
      return over(reduce("sum", abs(arg(0))));
    case "L2":
      return over(node.map(sqrt(arg(0)), reduce("sum", mul(arg(0), arg(0)))));
    default:
      throw node.attributeError(`there is no norm ${JSON.stringify(norm)}`);
  }
}

/**
 * Columns of all inputs side by side, as f32: a vector is a row, further axes are columns. Where `inputdimensions` says another number of an input's
 * columns, the last ones are cut, or zeros stand for what is missing.
 */
function featureVectorizer(node: NodeContext): readonly ValueId[] {
  const sizes = node.ints("inputdimensions");
  if (sizes !== undefined && (sizes.length !== node.inputCount || sizes.some((size) => size < 0)))
    throw node.attributeError(`inputdimensions [${sizes.join(", ")}] for ${node.inputCount} inputs`);
  const columns = range(node.inputCount).map((index) => {
    const shape = node.shape(index);
    const rows = shape.length < 2 ? 1 : (shape[0] ?? 1);
    const count = elementCount(shape.length < 2 ? shape : shape.slice(1));
    const x = node.reshape(node.castTo("f32", node.input(index)), [rows, count]);
    return withColumns(node, x, sizes?.[index] ?? count);
  });
  return [concatOf(node, columns, 1)];
}

/** A matrix with so many columns. */
function withColumns(node: NodeContext, x: ValueId, size: number): ValueId {
  const [rows = 0, count = 0] = node.typeOf(x).shape;
  if (size <= count) return size === count ? x : sliceOf(node, x, 1, 0, size);
  const inputs = [x, literal(node, "f32", 0)];
  return rows === 0 || count === 0
    ? node.broadcastTo(literal(node, "f32", 0), [rows, size])
    : node.emitOne({ kind: "pad", mode: "constant", inputs, before: [0, 0], after: [0, size - count] });
}

const encoderAttributes: Attributes = {
  default_float: "float",
  default_int64: "int",
  default_string: "string",
  keys_floats: "floats",
  keys_int64s: "ints",
  keys_strings: "strings",
  values_floats: "floats",
  values_int64s: "ints",
  values_strings: "strings",
};
const encoderTensors: Attributes = { default_tensor: "tensor", keys_tensor: "tensor", values_tensor: "tensor" };
const defaults: Attributes = { default_int64: "int", default_string: "string" };
const imputed: Attributes = {
  imputed_value_floats: "floats",
  imputed_value_int64s: "ints",
  replaced_value_float: "float",
  replaced_value_int64: "int",
};

const ml = (name: string, lower: Lower, rows: readonly VersionRow[]): OperatorDef =>
  operatorOf("ai.onnx.ml", name, lower, rows);

/** Operators of this family. */
export const mlOperators: readonly OperatorDef[] = [
  ml("Binarizer", binarizer, [{ since: 1, attributes: { threshold: "float" } }]),
  ml("CategoryMapper", categoryMapper, [
    { since: 1, attributes: { ...defaults, cats_int64s: "ints", cats_strings: "strings" } },
  ]),
  ml("FeatureVectorizer", featureVectorizer, [
    { since: 1, inputs: [1, variadic], attributes: { inputdimensions: "ints" } },
  ]),
  ml("Imputer", imputer, [{ since: 1, attributes: imputed }]),
  ml("LabelEncoder", firstLabelEncoder, [
    { since: 1, attributes: { ...defaults, classes_strings: "strings" } },
    { since: 2, attributes: encoderAttributes, lower: labelEncoder },
    { since: 4, attributes: { ...encoderAttributes, ...encoderTensors } },
  ]),
  ml("Normalizer", normalizer, [{ since: 1, attributes: { norm: "string" } }]),
  ml("OneHotEncoder", oneHotEncoder, [
    { since: 1, attributes: { cats_int64s: "ints", cats_strings: "strings", zeros: "int" } },
  ]),
  ml("Scaler", scaler, [{ since: 1, attributes: { offset: "floats", scale: "floats" } }]),
];
