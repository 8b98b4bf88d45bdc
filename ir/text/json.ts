/** JSON values in text, with the numbers that JSON lacks (`nan`, `inf`, `-inf`, `-0`); keys keep their order and may be any string. */
import { type Json } from "../graph.ts";
import { type TextReader } from "./lexer.ts";
import { printNumber } from "./scalar.ts";

export function printJson(value: Json): string {
  if (typeof value === "number") return printNumber(value);
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (isList(value)) return `[${value.map(printJson).join(", ")}]`;
  return `{${Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${printJson(item)}`).join(", ")}}`; // prettier-ignore
}

const isList = (value: Json): value is readonly Json[] => Array.isArray(value);

export const parseJson = (reader: TextReader): Json => reader.nested(() => parseOne(reader));

function parseOne(reader: TextReader): Json {
  if (reader.accept("null")) return null;
  if (reader.at("true") || reader.at("false")) return reader.boolean();
  if (reader.at("[")) return reader.list("[", "]", () => parseJson(reader));
  if (reader.at("{")) return parseJsonObject(reader);
  return reader.peek().kind === "string" ? reader.string() : reader.number("a JSON value");
}

function parseEntry(reader: TextReader): readonly [string, Json] {
  const key = reader.string("a quoted key");
  reader.expect(":");
  return [key, parseJson(reader)];
}

export const parseJsonObject = (reader: TextReader): { readonly [key: string]: Json } =>
  Object.fromEntries(reader.list("{", "}", () => parseEntry(reader)));
