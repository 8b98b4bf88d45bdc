/** Values that no tensor file holds, as JSON: a sequence is an array, a map an object, an empty optional null, a tensor its type, dims and data. */
import { readFile } from "node:fs/promises";
import { fail } from "../../ir/diagnostic.ts";
import type { Json } from "../../ir/graph.ts";
import type { SessionValue } from "../../runtime/ports.ts";
import { Tensor } from "../../runtime/tensor.ts";

/** A number as itself where JSON keeps it, else as text. */
function elementJson(element: number | bigint | string): Json {
  if (typeof element === "bigint") return BigInt(Number(element)) === element ? Number(element) : String(element);
  return typeof element === "number" && !Number.isFinite(element) ? String(element) : element;
}

const isSequence = (value: SessionValue): value is readonly SessionValue[] => Array.isArray(value);

/** The JSON of a value. */
export function valueJson(value: SessionValue): Json {
  if (value === null) return null;
  if (isSequence(value)) return value.map(valueJson);
  if (value instanceof Tensor) {
    const data = Array.from(value.data as ArrayLike<number | bigint | string>, elementJson);
    return { type: value.type, dims: value.dims, data };
  }
  const entries = Object.entries(value as Readonly<Record<string, number | bigint | string>>);
  return Object.fromEntries(entries.map(([key, element]) => [key, elementJson(element)]));
}

/** A value that a JSON file holds; whether it is one that the model takes, the session says. */
export async function readJsonValue(file: string): Promise<SessionValue> {
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    throw fail("WSC1001", `cannot read ${file}: ${(error as NodeJS.ErrnoException).code ?? "unknown error"}`);
  });
  try {
    return JSON.parse(text) as SessionValue;
  } catch {
    throw fail("WSC1007", `${file} is no JSON`);
  }
}
