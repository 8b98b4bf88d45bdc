/** `NAME=VALUE` on the command line. */
import type { DimRange, DimRanges } from "../../ir/dim.ts";
import { mostOfAnyDim } from "../../ir/open/family.ts";
import { usageError } from "./usage-errors.ts";

/** `NAME=VALUE` split at the first `=`; for inputs, at the last one, since names may hold any character. */
export function splitAssignment(text: string, option: string, at: "first" | "last" = "first"): [string, string] {
  const position = at === "first" ? text.indexOf("=") : text.lastIndexOf("=");
  if (position <= 0) throw usageError(`--${option} takes NAME=VALUE, not "${text}"`);
  return [text.slice(0, position), text.slice(position + 1)];
}

/** What `--dim` says: sizes, and ranges of sizes. */
export interface DimArguments {
  readonly dims: ReadonlyMap<string, number>;
  readonly ranges: DimRanges;
}

/** `NAME=N` and `NAME=LEAST..MOST`; of what is said twice of a dim, the last holds. */
export function readDimsAndRanges(given: readonly string[]): DimArguments {
  const dims = new Map<string, number>();
  const ranges = new Map<string, DimRange>();
  for (const text of given) {
    const [name, value] = splitAssignment(text, "dim", "last");
    const [least, most = least] = value.split("..").map(sizeOf);
    const isOfTwo = value.split("..").length <= 2;
    if (least == null || most == null || !isOfTwo)
      throw usageError(`--dim ${name} takes a number, or a range LEAST..MOST, not "${value}"`);
    if (least > most || (value.includes("..") && most > mostOfAnyDim))
      throw usageError(
        `--dim ${name}=${value} has no sizes: a range goes from the least to the most, at most ${mostOfAnyDim}`,
      );
    dims.delete(name);
    ranges.delete(name);
    if (value.includes("..")) ranges.set(name, { least, most });
    else dims.set(name, least);
  }
  return { dims, ranges };
}

const sizeOf = (text: string): number | null =>
  /^\d+$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : null;

/** The bindings of `--dim` where only sizes make sense. */
export function readDims(given: readonly string[]): ReadonlyMap<string, number> {
  const { dims, ranges } = readDimsAndRanges(given);
  const [range] = ranges.keys();
  if (range !== undefined) throw usageError(`--dim ${range} takes a number here; ranges are for wsc compile`);
  return dims;
}
