/** Constraint files and defect maps: untrusted text, read field by field. */
import { fail, showName } from "../../../ir/diagnostic.ts";
import { JsonMismatch, readArray, readBoolean, readInteger, readRecord, readString, type Reader } from "../../../ir/json-reader.ts"; // prettier-ignore
import type { Rect } from "../../../ir/placement.ts";
import type { ConstraintRequest, PinRequest } from "./constraints.ts";

const maxCoordinate = 65_535;

/** Dead cores in a map at most. */
const maxDeadCores = 1_000_000;

const coordinate = readInteger(0, maxCoordinate);
const side = readInteger(1, maxCoordinate);

/** An object with some of the given properties. */
const readPartial =
  <T extends object>(fields: { readonly [K in keyof T]-?: Reader<NonNullable<T[K]>> }, required: readonly (keyof T & string)[]): Reader<T> =>
  (value, path) => {
    const record = readRecord(value, path);
    const readers = new Map(Object.entries<Reader<unknown>>(fields));
    for (const name of required) if (!record.has(name)) throw new JsonMismatch(path, `lacks "${name}"`);
    const read = [...record].map(([key, found]) => {
      const reader = readers.get(key);
      if (reader === undefined) throw new JsonMismatch(path, `has an unknown property "${showName(key)}" (${[...readers.keys()].join(", ")})`); // prettier-ignore
      return [key, reader(found, path === "" ? key : `${path}.${key}`)] as const;
    });
    return Object.fromEntries(read) as T;
  }; // prettier-ignore

const readPin = readPartial<PinRequest>(
  { layer: readString, x: coordinate, y: coordinate, width: side, height: side, rotated: readBoolean },
  ["layer", "x", "y"],
);

const readRect = readPartial<Rect>({ x: coordinate, y: coordinate, width: side, height: side }, ["x", "y", "width", "height"]); // prettier-ignore

const readCore: Reader<readonly [number, number]> = (value, path) => {
  const [x, y, ...rest] = readArray(coordinate)(value, path);
  if (x === undefined || y === undefined || rest.length > 0) throw new JsonMismatch(path, "is not [column, row]");
  return [x, y];
};

/** Constraints of a file; dead cores may stand in a file of their own, which is named instead. */
export interface ConstraintFile extends Omit<ConstraintRequest, "deadCores"> {
  readonly deadCores?: string | readonly (readonly [x: number, y: number])[];
}

const readConstraintFile = readPartial<ConstraintFile>(
  {
    pins: readArray(readPin),
    keepOut: readArray(readRect),
    deadCores: (value, path) => (typeof value === "string" ? value : readArray(readCore)(value, path)),
    coLocate: readArray(readArray(readString)),
    maxInterval: readInteger(1, Number.MAX_SAFE_INTEGER),
  },
  [],
);

const invalid = (file: string, reason: string): Error =>
  fail("WSC5005", `the file cannot be read: ${reason}`, { subject: showName(file) });

/** Reads a constraint file's text. */
export function parseConstraintFile(text: string, file: string): ConstraintFile {
  try {
    return readConstraintFile(JSON.parse(text), "");
  } catch (error) {
    if (error instanceof JsonMismatch || error instanceof SyntaxError) throw invalid(file, error.message);
    throw error;
  }
}

/**
 * Reads a defect map's text: JSON (`[[x, y], …]`, or an object with `deadCores`), or lines of `x y` or `x,y`, where `#` begins a comment.
 */
export function parseDefects(text: string, file: string): readonly (readonly [x: number, y: number])[] {
  const cores = /^\s*[[{]/.test(text) ? defectsOfJson(text, file) : defectsOfLines(text, file);
  if (cores.length > maxDeadCores) throw invalid(file, `${cores.length} dead cores are more than ${maxDeadCores}`);
  return cores;
}

function defectsOfJson(text: string, file: string): readonly (readonly [x: number, y: number])[] {
  try {
    const json: unknown = JSON.parse(text);
    return Array.isArray(json)
      ? readArray(readCore)(json, "")
      : readArray(readCore)(readRecord(json, "").get("deadCores"), "deadCores");
  } catch (error) {
    if (error instanceof JsonMismatch || error instanceof SyntaxError) throw invalid(file, error.message);
    throw error;
  }
}

function defectsOfLines(text: string, file: string): readonly (readonly [x: number, y: number])[] {
  const cores: (readonly [number, number])[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    const content = line.replace(/#.*/, "").trim();
    if (content === "") continue;
    const match = /^(\d{1,5})\s*[\s,]\s*(\d{1,5})$/.exec(content);
    if (match === null) throw invalid(file, `line ${index + 1} is "${showName(content)}", not "x y"`);
    cores.push([Number(match[1]), Number(match[2])]);
  }
  return cores;
}

/** Puts constraints of several origins together; the tightest limit counts. */
export function joinConstraints(parts: readonly ConstraintRequest[]): ConstraintRequest {
  const limits = parts.flatMap(({ maxInterval }) => maxInterval ?? []);
  return {
    pins: parts.flatMap(({ pins }) => pins ?? []),
    keepOut: parts.flatMap(({ keepOut }) => keepOut ?? []),
    deadCores: parts.flatMap(({ deadCores }) => deadCores ?? []),
    coLocate: parts.flatMap(({ coLocate }) => coLocate ?? []),
    ...(limits.length === 0 ? {} : { maxInterval: Math.min(...limits) }),
  };
}
