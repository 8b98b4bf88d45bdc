/** Maps of ai.onnx.ml: values by key, on the host. */
import type { DType } from "../../../ir/dtype.ts";
import type { MapType, ValueId } from "../../../ir/graph.ts";
import { tensorFrom } from "../../../ir/tensor.ts";
import { showType } from "../../../ir/types.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { dimsOf, elementTypeOf, typeOfDims } from "./dynamic.ts";
import { labelsOf } from "./ml-rows.ts";
import { bigintAttribute, checkedShape } from "./support.ts";
import { operatorOf } from "./table.ts";

const reason = "maps";

/** A map from class to score for each row. */
function zipMap(node: NodeContext): readonly ValueId[] {
  if (node.strings("classlabels_strings") !== undefined && node.ints("classlabels_int64s") !== undefined)
    throw node.attributeError("classlabels_strings and classlabels_int64s are both given");
  const labels = labelsOf(node, "classlabels_int64s");
  if (elementTypeOf(node, 0) !== "f32") throw node.typeError(`the input is ${elementTypeOf(node, 0)}, must be f32`);
  const dims = dimsOf(node, 0);
  const [classes, count] = [labels.elements.length, dims?.at(-1)];
  if (dims !== null && dims.length !== 1 && dims.length !== 2)
    throw node.shapeError(`the input has ${dims.length} dims, must have 1 or 2`);
  if (typeof count === "string" || dims === null) node.defer("the number of classes is known only at run time");
  if (count !== classes) throw node.shapeError(`${count} columns for ${classes} classes`);
  const element: MapType = { kind: "map", key: labels.dtype, value: "f32" };
  return node.host("zipMap", [node.input(0), node.constantValue(labels)], [{ kind: "sequence", element }], reason);
}

function mapOf(node: NodeContext): MapType {
  const type = node.anyType(0);
  if (type.kind === "map") return type;
  throw node.typeError(`the input is ${showType(type)}, a map is expected`);
}

/** The values of a vocabulary's keys as a row. */
function dictVectorizer(node: NodeContext): readonly ValueId[] {
  const { key, value } = mapOf(node);
  const words = key === "string" ? node.strings("string_vocabulary") : bigintAttribute(node, "int64_vocabulary");
  if (words === undefined) throw node.attributeError(`there is no vocabulary of ${key} keys`);
  const vocabulary = node.constantValue(tensorFrom(key, [words.length], words));
  return node.host("dictVectorizer", [node.input(0), vocabulary], [typeOfDims(value, [1, words.length])], reason);
}

const castTypes: ReadonlyMap<string, DType> = new Map([
  ["TO_FLOAT", "f32"],
  ["TO_STRING", "string"],
  ["TO_INT64", "i64"],
]);

/** The values of a map with integer keys as a row: those that are there, or one for each key below `max_map`. */
function castMap(node: NodeContext): readonly ValueId[] {
  const { key, value } = mapOf(node);
  if (key !== "i64" || (value !== "f32" && value !== "string"))
    throw node.typeError(`the input is ${showType(mapOf(node))}, must be map<i64, f32> or map<i64, string>`);
  const to = castTypes.get(node.string("cast_to", "TO_FLOAT"));
  if (to === undefined) throw node.attributeError(`there is no cast_to ${JSON.stringify(node.string("cast_to", ""))}`);
  const form = node.string("map_form", "DENSE");
  if (form !== "DENSE" && form !== "SPARSE") throw node.attributeError(`there is no map_form ${JSON.stringify(form)}`);
  const length = form === "DENSE" ? null : node.int("max_map", 1);
  const dims = length === null ? [1, "entries"] : checkedShape(node, to, [1, length]);
  return node.host("castMap", [node.input(0)], [typeOfDims(to, dims)], reason, { to, length });
}

/** Operators of this family. */
export const mapOperators: readonly OperatorDef[] = [
  operatorOf("ai.onnx.ml", "ZipMap", zipMap, [
    { since: 1, attributes: { classlabels_int64s: "ints", classlabels_strings: "strings" } },
  ]),
  operatorOf("ai.onnx.ml", "DictVectorizer", dictVectorizer, [
    { since: 1, attributes: { int64_vocabulary: "ints", string_vocabulary: "strings" } },
  ]),
  operatorOf("ai.onnx.ml", "CastMap", castMap, [
    { since: 1, attributes: { cast_to: "string", map_form: "string", max_map: "int" } },
  ]),
];
