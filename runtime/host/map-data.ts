/** Maps of the host, put in order. */
import { makeTensor, type TensorData } from "../../ir/tensor.ts";
import type { MapData } from "./value.ts";

/** Strings by their code points, as their UTF-8 bytes order them. */
function compareStrings(x: string, y: string): number {
  const [a, b] = [Array.from(x, (c) => c.codePointAt(0) ?? 0), Array.from(y, (c) => c.codePointAt(0) ?? 0)];
  for (const [i, code] of a.entries()) {
    const other = b[i];
    if (other === undefined) return 1;
    if (code !== other) return code - other;
  }
  return a.length - b.length;
}

/** The places of keys in ascending order; of equal keys the last counts. */
export function keyOrder(keys: TensorData): number[] {
  const list = Array.from(keys.elements as ArrayLike<bigint | string>);
  const lasts = [...new Map(list.map((key, place) => [key, place] as const)).values()];
  return lasts.sort((i, j) => {
    const [x, y] = [list[i], list[j]];
    if (typeof x === "string" && typeof y === "string") return compareStrings(x, y);
    return x === y || x === undefined || y === undefined ? 0 : x < y ? -1 : 1;
  });
}

/** The elements of a vector at these places. */
export function pickElements({ dtype, elements }: TensorData, places: readonly number[]): TensorData {
  const picked = makeTensor(dtype, [places.length]);
  for (const [to, from] of places.entries()) (picked.elements as string[])[to] = elements[from] as string;
  return picked;
}

/** A map of keys and values in any order. */
export function sortedMap(keys: TensorData, values: TensorData): MapData {
  const order = keyOrder(keys);
  return { kind: "map", keys: pickElements(keys, order), values: pickElements(values, order) };
}
