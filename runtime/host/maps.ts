/** Functions that make maps, and vectors of them. */
import { fail } from "../../ir/diagnostic.ts";
import type { DType } from "../../ir/dtype.ts";
import { makeTensor, type TensorData, tensorFrom } from "../../ir/tensor.ts";
import { dtypeOf, type HostFamily, optionalNumber, stringsOf, tensorAt, valueAt } from "./arguments.ts";
import { keyOrder, pickElements } from "./map-data.ts";
import { type HostFunction, type HostValue, isTensor, type MapData, sequenceOf } from "./value.ts";

function mapAt(inputs: readonly HostValue[], index: number): MapData {
  const value = valueAt(inputs, index);
  if (!isTensor(value) && value.kind === "map") return value;
  throw new Error(`internal: operand ${index} of a host function is not a map`);
}

/** A map for each row; all of them share their keys. */
const zipMap: HostFunction = (inputs) => {
  const [x, names] = [tensorAt(inputs, 0), tensorAt(inputs, 1)];
  const columns = names.elements.length;
  const order = keyOrder(names);
  const keys = pickElements(names, order);
  const values = x.elements as Float32Array;
  const maps = Array.from({ length: columns === 0 ? 0 : values.length / columns }, (_, row): MapData => {
    const own = makeTensor(x.dtype, [columns], values.subarray(row * columns, (row + 1) * columns));
    return { kind: "map", keys, values: pickElements(own, order) };
  });
  return [sequenceOf(maps)];
};

/** Values by the keys of a vocabulary; zero, or the empty string, for a key that is not there. */
const dictVectorizer: HostFunction = (inputs) => {
  const [map, vocabulary] = [mapAt(inputs, 0), tensorAt(inputs, 1)];
  const places = new Map(Array.from(map.keys.elements as ArrayLike<bigint | string>, (key, at) => [key, at] as const));
  const keys = Array.from(vocabulary.elements as ArrayLike<bigint | string>);
  const row = makeTensor(map.values.dtype, [1, keys.length]);
  for (const [to, key] of keys.entries()) {
    const at = places.get(key);
    if (at !== undefined) (row.elements as string[])[to] = map.values.elements[at] as string;
  }
  return [row];
};

/** Six decimals, as C writes a float. */
function decimals(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value < 0 ? "-inf" : "inf";
  return Math.abs(value) < 1e21 ? value.toFixed(6) : `${BigInt(value)}.000000`;
}

/** A value as another type: text is read as C reads a number at its start, numbers are cut off or written with six decimals. */
function converted(value: string | number, to: DType): string | number | bigint {
  if (to === "string") return typeof value === "string" ? value : decimals(value);
  const pattern =
    to === "i64" ? /^\s*[+-]?\d+/ : /^\s*[+-]?(?:\d+\.?\d*(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?|inf(?:inity)?|nan)/i;
  const text = typeof value === "number" ? null : (pattern.exec(value)?.[0] ?? null);
  if (typeof value === "string" && text === null)
    throw fail("WSC7005", `${JSON.stringify(value.slice(0, 40))} in a map is no number`);
  if (to === "i64") return BigInt(text === null ? Math.trunc(Number(value)) : text.trim().replace(/^\+/, ""));
  return text === null ? Number(value) : numberOfText(text.trim().toLowerCase());
}

function numberOfText(text: string): number {
  const size = text.replace(/^[+-]/, "");
  const magnitude = size.startsWith("inf") ? Infinity : size === "nan" ? NaN : Number(size);
  return text.startsWith("-") ? -magnitude : magnitude;
}

/** All values in the order of their keys, or one for each key below `length`, with what stands for those that are not there. */
const castMap: HostFunction = (inputs, attributes) => {
  const { keys, values } = mapAt(inputs, 0);
  const [to, length] = [dtypeOf(attributes, "to"), optionalNumber(attributes, "length")];
  const given = isText(values) ? stringsOf(values) : Array.from(values.elements as Float32Array);
  const cast = (value: string | number): string | number | bigint => converted(value, to);
  if (length === null) return [tensorFrom(to, [1, given.length], given.map(cast))];
  const [least] = keys.elements;
  if (least !== undefined && (least as bigint) < 0n) throw fail("WSC7005", `the key ${least} of a map is negative`);
  const places = new Map(Array.from(keys.elements as BigInt64Array, (key, at) => [Number(key), at] as const));
  const absent = to === "string" ? "0.f" : to === "i64" ? 0n : 0;
  const row = Array.from({ length }, (_, key) => {
    const at = places.get(key);
    return at === undefined ? absent : cast(given[at] as string | number);
  });
  return [tensorFrom(to, [1, length], row)];
};

const isText = ({ dtype }: TensorData): boolean => dtype === "string";

export const mapFunctions: HostFamily = [
  ["zipMap", zipMap],
  ["dictVectorizer", dictVectorizer],
  ["castMap", castMap],
];
