/** A dead link in texts of placements and fabric programs: `(17, 33) east`, after `dead link`. */
import type { DeadLink } from "../placement.ts";
import type { TextReader } from "./lexer.ts";
import { parsePoint } from "./point.ts";

export function parseDeadLink(reader: TextReader): DeadLink {
  const at = parsePoint(reader);
  if (reader.accept("east")) return { ...at, side: "east" };
  reader.expect("south");
  return { ...at, side: "south" };
}
