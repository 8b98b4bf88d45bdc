/**
 * Readers of untrusted JSON: each takes a value and the path at which it was found, and returns it typed or throws a `JsonMismatch`
 * that says what stood there. Objects are rebuilt key by key, so what comes out has a fixed key order and no stray keys.
 */
import type { Json } from "./graph.ts";

/** Thrown by readers; turned into a diagnostic by whoever knows which file was read. */
export class JsonMismatch extends Error {
  readonly path: string;

  constructor(path: string, message: string) {
    super(`${path === "" ? "the document" : path} ${message}`);
    this.path = path;
  }
}

/** Reads one value found at `path`. */
export type Reader<T> = (value: unknown, path: string) => T;
/** One reader per property, in the order in which they are printed; undefined stands for an optional one that is left out. */
export type Fields<T> = {
  readonly [K in keyof T]-?: Reader<Partial<Pick<T, K>> extends Pick<T, K> ? T[K] | undefined : T[K]>;
};

const shown = (value: unknown): string => {
  const text = typeof value === "bigint" ? `${value}n` : (JSON.stringify(value) as string | undefined);
  if (text === undefined) return "missing";
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
};

/** The error of a reader that wanted something else. */
export const mismatch = (value: unknown, path: string, wanted: string): JsonMismatch =>
  new JsonMismatch(path, value === undefined ? `is missing (${wanted} expected)` : `is ${shown(value)}, not ${wanted}`);

export const readString: Reader<string> = (value, path) => {
  if (typeof value !== "string") throw mismatch(value, path, "a string");
  return value;
};
export const readBoolean: Reader<boolean> = (value, path) => {
  if (typeof value !== "boolean") throw mismatch(value, path, "a boolean");
  return value;
};

/** An integer in [least, most]. */
export const readInteger =
  (least: number, most: number): Reader<number> =>
  (value, path) => {
    if (!Number.isInteger(value) || (value as number) < least || (value as number) > most) {
      throw mismatch(value, path, `an integer from ${least} to ${most}`);
    }
    return value as number;
  };

/** One of the given strings. */
export const readOneOf = <T extends string>(...choices: readonly T[]): Reader<T> => {
  const known = new Set<unknown>(choices);
  return (value, path) => {
    if (!known.has(value)) throw mismatch(value, path, `one of ${choices.join(", ")}`);
    return value as T;
  };
};

export const readArray =
  <T>(element: Reader<T>): Reader<T[]> =>
  (value, path) => {
    if (!Array.isArray(value)) throw mismatch(value, path, "an array");
    return value.map((item, index) => element(item, `${path}[${index}]`));
  };

/** A property that may be missing. */
export const readOptional =
  <T>(read: Reader<T>): Reader<T | undefined> =>
  (value, path) =>
    value === undefined ? undefined : read(value, path);

/** The own properties of a plain object. */
export function readRecord(value: unknown, path: string): ReadonlyMap<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw mismatch(value, path, "an object");
  return new Map(Object.entries(value));
}

/** An object with the given properties, and no others; one that is read as undefined is left out. */
export const readObject = <T extends object>(fields: Fields<T>): Reader<T> => {
  const readers = Object.entries<Reader<unknown>>(fields);
  const known = new Set(readers.map(([key]) => key));
  return (value, path) => {
    const record = readRecord(value, path);
    for (const key of record.keys()) {
      if (!known.has(key)) throw new JsonMismatch(path, `has an unknown property ${shown(key)}`);
    }
    const at = path === "" ? "" : `${path}.`;
    const entries = readers.map(([key, read]) => [key, read(record.get(key), at + key)] as const);
    return Object.fromEntries(entries.filter(([, item]) => item !== undefined)) as T;
  };
};

/** An object whose property `tag` says which of the readers applies. */
export const readTagged = <T>(tag: string, readers: { readonly [choice: string]: Reader<T> }): Reader<T> => {
  const table = new Map(Object.entries(readers));
  const readTag = readOneOf(...table.keys());
  return (value, path) => {
    const choice = readTag(readRecord(value, path).get(tag), `${path}.${tag}`);
    return (table.get(choice) as Reader<T>)(value, path);
  };
};

const maxJsonDepth = 200;

/** Any JSON, with the keys of its objects sorted. */
export const readJson = (value: unknown, path: string, depth = 0): Json => {
  if (depth > maxJsonDepth) throw new JsonMismatch(path, `is nested deeper than ${maxJsonDepth}`);
  if (value === null || typeof value === "boolean" || typeof value === "string") return value;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  if (Array.isArray(value)) return value.map((item, index) => readJson(item, `${path}[${index}]`, depth + 1));
  if (typeof value !== "object") throw mismatch(value, path, "JSON");
  const keys = [...readRecord(value, path).keys()].sort();
  const record = value as { readonly [key: string]: unknown };
  return Object.fromEntries(keys.map((key) => [key, readJson(record[key], `${path}.${key}`, depth + 1)]));
};

const lineWidth = 120;

/** JSON text with one line per value that fits a line, broken over lines otherwise; ends with a newline. */
export function layoutJson(value: unknown): string {
  const parts: string[] = [];
  layoutValue(value, "", 0, parts);
  parts.push("\n");
  return parts.join("");
}

function layoutValue(value: unknown, indent: string, used: number, parts: string[]): void {
  const flat = flatJson(value, lineWidth - used);
  if (flat !== null || typeof value !== "object" || value === null) {
    parts.push(flat ?? JSON.stringify(value));
    return;
  }
  const inner = `${indent}  `;
  const list = Array.isArray(value);
  const entries: readonly (readonly [string, unknown])[] = list
    ? value.map((item: unknown) => ["", item] as const)
    : Object.entries(value).map(([key, item]) => [`${JSON.stringify(key)}: `, item] as const);
  parts.push(list ? "[" : "{");
  for (const [index, [prefix, item]] of entries.entries()) {
    parts.push(index === 0 ? "\n" : ",\n", inner, prefix);
    layoutValue(item, inner, inner.length + prefix.length + 1, parts);
  }
  parts.push("\n", indent, list ? "]" : "}");
}

/** The value on one line, or null when it is longer than `room` (found out without printing all of it). */
function flatJson(value: unknown, room: number): string | null {
  if (typeof value !== "object" || value === null) {
    const text = JSON.stringify(value);
    return text.length <= room ? text : null;
  }
  const list = Array.isArray(value);
  const keys = list ? null : Object.keys(value);
  const items: readonly unknown[] = list ? value : Object.values(value);
  let text = list ? "[" : "{ ";
  for (const [index, item] of items.entries()) {
    if (index > 0) text += ", ";
    if (keys !== null) text += `${JSON.stringify(keys[index])}: `;
    const flat = flatJson(item, room - text.length);
    if (flat === null) return null;
    text += flat;
  }
  text += list ? "]" : " }";
  return items.length === 0 && !list ? "{}" : text.length <= room ? text : null;
}
