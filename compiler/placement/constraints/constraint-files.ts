/** Constraint files and defect maps: untrusted text, read field by field. */
import { fail, showName } from "../../../ir/diagnostic.ts";
import {
  JsonMismatch,
  readArray,
  readBoolean,
  readInteger,
  readOneOf,
  readOptional,
  readRecord,
  readString,
  type Reader,
} from "../../../ir/json-reader.ts";
import { linkDirections, type Rect } from "../../../ir/placement.ts";
import type { ConstraintRequest, LinkRequest, PinRequest } from "./constraints.ts";

const maxCoordinate = 65_535;

/** Dead cores and links in a map at most. */
const maxDefects = 1_000_000;

/** What does not work on a wafer. */
export type Defects = Required<Pick<ConstraintRequest, "deadCores" | "deadLinks">>;

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

const readLink: Reader<LinkRequest> = (value, path) => {
  if (!Array.isArray(value) || value.length !== 3) throw new JsonMismatch(path, "is not [column, row, side]");
  return [
    coordinate(value[0], `${path}[0]`),
    coordinate(value[1], `${path}[1]`),
    readOneOf(...linkDirections)(value[2], `${path}[2]`),
  ];
};

/** Constraints of a file; dead cores may stand in a file of their own, which is named instead. */
export interface ConstraintFile extends Omit<ConstraintRequest, "deadCores"> {
  readonly deadCores?: string | readonly (readonly [x: number, y: number])[];
}

/** What a file of constraints and a request have in common. */
const commonFields = {
  pins: readArray(readPin),
  keepOut: readArray(readRect),
  deadLinks: readArray(readLink),
  coLocate: readArray(readArray(readString)),
  maxInterval: readInteger(1, Number.MAX_SAFE_INTEGER),
};

const readConstraintFile = readPartial<ConstraintFile>(
  {
    ...commonFields,
    deadCores: (value, path) => (typeof value === "string" ? value : readArray(readCore)(value, path)),
  },
  [],
);

/** Constraints that stand in another document; a map of dead cores cannot be named there. */
export const readConstraintRequest: Reader<ConstraintRequest> = readPartial<ConstraintRequest>(
  { ...commonFields, deadCores: readArray(readCore) },
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
 * Reads a defect map's text: JSON (`[[x, y], …]`, or an object with `deadCores` and `deadLinks`), or lines of `x y` for a core and `x y east` for the
 * link to its east, where `#` begins a comment.
 */
export function parseDefects(text: string, file: string): Defects {
  const defects = /^\s*[[{]/.test(text) ? defectsOfJson(text, file) : defectsOfLines(text, file);
  const count = defects.deadCores.length + defects.deadLinks.length;
  if (count > maxDefects) throw invalid(file, `${count} dead cores and links are more than ${maxDefects}`);
  return defects;
}

function defectsOfJson(text: string, file: string): Defects {
  try {
    const json: unknown = JSON.parse(text);
    if (Array.isArray(json)) return { deadCores: readArray(readCore)(json, ""), deadLinks: [] };
    const record = readRecord(json, "");
    const deadLinks = readOptional(readArray(readLink))(record.get("deadLinks"), "deadLinks");
    // a map of links alone needs no cores
    const cores = record.get("deadCores");
    const deadCores = cores === undefined && deadLinks !== undefined ? [] : readArray(readCore)(cores, "deadCores");
    return { deadCores, deadLinks: deadLinks ?? [] };
  } catch (error) {
    if (error instanceof JsonMismatch || error instanceof SyntaxError) throw invalid(file, error.message);
    throw error;
  }
}

function defectsOfLines(text: string, file: string): Defects {
  const deadCores: (readonly [number, number])[] = [];
  const deadLinks: LinkRequest[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    const content = line.replace(/#.*/, "").trim();
    if (content === "") continue;
    const match = /^(\d{1,5})\s*[\s,]\s*(\d{1,5})(?:\s*[\s,]\s*(\w+))?$/.exec(content);
    const side = linkDirections.find((one) => one === match?.[3]);
    if (match === null || (match[3] !== undefined && side === undefined)) {
      const forms = '"x y", nor "x y east" (west, south, north)';
      throw invalid(file, `line ${index + 1} is "${showName(content)}", not ${forms}`);
    }
    const [x, y] = [Number(match[1]), Number(match[2])];
    if (side === undefined) deadCores.push([x, y]);
    else deadLinks.push([x, y, side]);
  }
  return { deadCores, deadLinks };
}

/** Puts constraints of several origins together; the tightest limit counts. */
export function joinConstraints(parts: readonly ConstraintRequest[]): ConstraintRequest {
  const deadLinks = parts.flatMap((part) => part.deadLinks ?? []);
  const limits = parts.flatMap(({ maxInterval }) => maxInterval ?? []);
  return {
    pins: parts.flatMap(({ pins }) => pins ?? []),
    keepOut: parts.flatMap(({ keepOut }) => keepOut ?? []),
    deadCores: parts.flatMap(({ deadCores }) => deadCores ?? []),
    ...(deadLinks.length === 0 ? {} : { deadLinks }),
    coLocate: parts.flatMap(({ coLocate }) => coLocate ?? []),
    ...(limits.length === 0 ? {} : { maxInterval: Math.min(...limits) }),
  };
}
