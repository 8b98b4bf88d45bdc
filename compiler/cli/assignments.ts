/** `NAME=VALUE` on the command line. */
import { usageError } from "./usage-errors.ts";

/** `NAME=VALUE` split at the first `=`; for inputs, at the last one, since names may hold any character. */
export function splitAssignment(text: string, option: string, at: "first" | "last" = "first"): [string, string] {
  const position = at === "first" ? text.indexOf("=") : text.lastIndexOf("=");
  if (position <= 0) throw usageError(`--${option} takes NAME=VALUE, not "${text}"`);
  return [text.slice(0, position), text.slice(position + 1)];
}

/** The bindings of `--dim`. */
export function readDims(given: readonly string[]): Map<string, number> {
  const dims = new Map<string, number>();
  for (const text of given) {
    const [name, value] = splitAssignment(text, "dim", "last");
    const size = Number(value);
    if (!/^\d+$/.test(value) || !Number.isSafeInteger(size))
      throw usageError(`--dim ${name} takes a number, not "${value}"`);
    dims.set(name, size);
  }
  return dims;
}
