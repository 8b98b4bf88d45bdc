/** A core of a fabric in text: `(x, y)`. */
import type { TextReader } from "./lexer.ts";

export function parsePoint(reader: TextReader): { readonly x: number; readonly y: number } {
  reader.expect("(");
  const x = reader.integer("a column");
  reader.expect(",");
  const y = reader.integer("a row");
  reader.expect(")");
  return { x, y };
}
