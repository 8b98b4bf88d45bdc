/** Maps as the API has them: objects with the keys as property names, whose values are numbers, bigints for 64-bit integers, or strings. */
import { fail } from "../ir/diagnostic.ts";
import { type DType, dtypeInfo, isBig } from "../ir/dtype.ts";
import type { MapType } from "../ir/graph.ts";
import { type TensorData, tensorFrom } from "../ir/tensor.ts";
import type { MapData } from "./host/value.ts";
import { sortedMap } from "./host/map-data.ts";

export type SessionMap = { readonly [key: string]: number | bigint | string };

/** An object without a prototype: any key is just a key. */
export function fromMapData({ keys, values }: MapData): SessionMap {
  const map = Object.create(null) as Record<string, number | bigint | string>;
  for (const [i, key] of Array.from(keys.elements as ArrayLike<bigint | string>).entries())
    map[String(key)] = values.elements[i] as number;
  return map;
}

/** What an object or a `Map` holds. */
function entriesOf(value: unknown): [unknown, unknown][] {
  if (value instanceof Map) return [...(value as Map<unknown, unknown>)];
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return Object.entries(value);
  throw fail("WSC7002", "a map must be an object, or a Map");
}

/** A caller's map; WSC7002 where keys or values are not of its type. */
export function toMapData(value: unknown, type: MapType): MapData {
  const entries = entriesOf(value);
  const keys = vectorOf(
    type.key,
    entries.map(([key]) => key),
  );
  return sortedMap(
    keys,
    vectorOf(
      type.value,
      entries.map(([, element]) => element),
    ),
  );
}

function vectorOf(dtype: DType, elements: readonly unknown[]): TensorData {
  return tensorFrom(
    dtype,
    [elements.length],
    elements.map((element) => elementOf(dtype, element)),
  );
}

function elementOf(dtype: DType, element: unknown): number | bigint | string {
  const wrong = fail("WSC7002", `${JSON.stringify(String(element))} in a map is no ${dtypeInfo(dtype).ortName}`);
  if (dtype === "string") {
    if (typeof element === "string") return element;
    throw wrong;
  }
  if (!isBig(dtype)) {
    if (typeof element === "number") return element;
    throw wrong;
  }
  try {
    // property names and whole numbers as well
    if (["bigint", "number", "string"].includes(typeof element)) return BigInt(element as bigint | number | string);
  } catch {
    // said below
  }
  throw wrong;
}
