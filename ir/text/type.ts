/** Reads value types; ir/types.ts writes them. */
import { type DType, isDType } from "../dtype.ts";
import { type MapType, type TensorType, tensorType, type ValueType } from "../graph.ts";
import { type TextReader } from "./lexer.ts";

export function parseDType(reader: TextReader): DType {
  const { text } = reader.peek();
  if (!isDType(text)) throw reader.unexpected("an element type");
  return reader.word() as DType;
}

/** `f32[1,3]`, `dynamic f32[batch,3]`, `dynamic f32[*]`, `sequence<…>`, `optional<…>`, `map<i64, f32>`. */
export function parseType(reader: TextReader): ValueType {
  for (const kind of ["sequence", "optional"] as const) {
    if (reader.accept(kind)) return { kind, element: reader.nested(() => parseElementType(reader)) };
  }
  if (reader.accept("map")) return parseMapType(reader);
  if (!reader.accept("dynamic")) return parseTensorType(reader);
  return { kind: "dynamic", dtype: parseDType(reader), dims: parseDynamicDims(reader) };
}

function parseElementType(reader: TextReader): ValueType {
  reader.expect("<");
  const element = parseType(reader);
  reader.expect(">");
  return element;
}

function parseMapType(reader: TextReader): MapType {
  reader.expect("<");
  const key = parseDType(reader);
  reader.expect(",");
  const value = parseDType(reader);
  reader.expect(">");
  return { kind: "map", key, value };
}

export function parseTensorType(reader: TextReader): TensorType {
  const dtype = parseDType(reader);
  return tensorType(dtype, reader.list("[", "]", () => reader.integer("a size", 0))); // prettier-ignore
}

function parseDynamicDims(reader: TextReader): (number | string)[] | null {
  const dims = reader.list("[", "]", () => (reader.accept("*") ? null : parseDim(reader)));
  const known = dims.filter((dim) => dim !== null);
  if (known.length === dims.length) return known;
  if (dims.length > 1) throw reader.unexpected("a single * for an unknown rank");
  return null;
}

function parseDim(reader: TextReader): number | string {
  const { kind } = reader.peek();
  if (kind === "number") return reader.integer("a size", 0);
  return kind === "string" ? reader.string() : reader.word("a size, a name or *");
}
