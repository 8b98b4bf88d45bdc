/** Functions of strings. */
import { fail } from "../../ir/diagnostic.ts";
import { broadcastShapes, elementCount, makeTensor, type TensorData } from "../../ir/tensor.ts";
import { nth } from "../reference/access.ts";
import { broadcastTensor } from "../reference/movement.ts";
import { numbersOf } from "../reference/numbers.ts";
import { flagOf, type HostFamily, optionalNumber, stringListOf, stringOf, stringsOf, tensorAt } from "./arguments.ts";
import type { HostFunction, HostValue } from "./value.ts";
import { compileFullMatch } from "./regex.ts";

/** The operands, broadcast to their common shape. */
function broadcastAll(inputs: readonly HostValue[], count: number): readonly TensorData[] {
  const tensors = Array.from({ length: count }, (_, i) => tensorAt(inputs, i));
  const shapes = tensors.map(({ shape }) => shape);
  const shape = broadcastShapes(shapes);
  if (shape === null)
    throw fail("WSC3004", `shapes ${shapes.map((s) => `[${s.join(", ")}]`).join(" and ")} do not fit`);
  return tensors.map((tensor) => broadcastTensor(tensor, shape));
}

const concat: HostFunction = (inputs) => {
  const [x, y] = broadcastAll(inputs, 2) as readonly [TensorData, TensorData];
  const right = stringsOf(y);
  return [makeTensor("string", x.shape, stringsOf(x).map((text, i) => text + nth(right, i)))]; // prettier-ignore
};

const equal: HostFunction = (inputs) => {
  const [x, y] = broadcastAll(inputs, 2) as readonly [TensorData, TensorData];
  const right = stringsOf(y);
  return [
    makeTensor(
      "bool",
      x.shape,
      Uint8Array.from(stringsOf(x), (text, i) => (text === right[i] ? 1 : 0)),
    ),
  ];
};

const where: HostFunction = (inputs) => {
  const [condition, x, y] = broadcastAll(inputs, 3) as readonly [TensorData, TensorData, TensorData];
  const chosen = numbersOf(condition);
  const right = stringsOf(y);
  return [makeTensor("string", x.shape, stringsOf(x).map((text, i) => (chosen[i] !== 0 ? text : nth(right, i))))]; // prettier-ignore
};

/** BCP 47 name of a POSIX one (`en_US.UTF-8`); undefined for one that the engine does not know. */
function localeOf(name: string): string | undefined {
  const tag = name.replace(/[.@].*$/u, "").replaceAll("_", "-");
  try {
    return Intl.getCanonicalLocales(tag)[0];
  } catch {
    return undefined;
  }
}

const normalizer: HostFunction = (inputs, attributes) => {
  const x = tensorAt(inputs, 0);
  const locale = localeOf(stringOf(attributes, "locale", "en_US"));
  const lower = (text: string): string => text.toLocaleLowerCase(locale);
  const key = flagOf(attributes, "isCaseSensitive") ? (text: string): string => text : lower;
  const stopwords = new Set(stringListOf(attributes, "stopwords").map(key));
  const kept = stringsOf(x).filter((text) => !stopwords.has(key(text)));
  const action = stringOf(attributes, "caseChangeAction", "NONE");
  const changed = kept.map((text) => changeCase(text, action, locale));
  // what loses all its strings becomes one empty string
  const result = changed.length === 0 ? [""] : changed;
  return [makeTensor("string", x.shape.with(-1, result.length), result)];
};

function changeCase(text: string, action: string, locale: string | undefined): string {
  if (action === "LOWER") return text.toLocaleLowerCase(locale);
  return action === "UPPER" ? text.toLocaleUpperCase(locale) : text;
}

const maxElements = 2 ** 28;

const split: HostFunction = (inputs, attributes) => {
  const x = tensorAt(inputs, 0);
  const delimiter = stringOf(attributes, "delimiter", "");
  const limit = optionalNumber(attributes, "maxsplit") ?? Infinity;
  const rows = stringsOf(x).map((text) =>
    delimiter === "" ? splitWords(text, limit) : splitAt(text, delimiter, limit),
  );
  const most = rows.reduce((max, row) => Math.max(max, row.length), 0);
  if (rows.length * most > maxElements) throw fail("WSC1009", `${rows.length} strings split into up to ${most} parts`);
  const parts = rows.flatMap((row) => [...row, ...new Array<string>(most - row.length).fill("")]);
  const counts = BigInt64Array.from(rows, (row) => BigInt(row.length));
  return [makeTensor("string", [...x.shape, most], parts), makeTensor("i64", x.shape, counts)];
};

/** Splits at most `limit` times; the last part keeps the rest. */
function splitAt(text: string, delimiter: string, limit: number): string[] {
  const parts: string[] = [];
  let begin = 0;
  for (let at = text.indexOf(delimiter); at >= 0 && parts.length < limit; at = text.indexOf(delimiter, begin)) {
    parts.push(text.slice(begin, at));
    begin = at + delimiter.length;
  }
  return [...parts, text.slice(begin)];
}

/** Splits at runs of white space, of which none is left at the start or the end. */
function splitWords(text: string, limit: number): string[] {
  const parts: string[] = [];
  let rest = text.trim();
  while (rest !== "" && parts.length < limit) {
    const space = /\s+/u.exec(rest);
    if (space === null) break;
    parts.push(rest.slice(0, space.index));
    rest = rest.slice(space.index + space[0].length);
  }
  return rest === "" ? parts : [...parts, rest];
}

const regexFullMatch: HostFunction = (inputs, attributes) => {
  const x = tensorAt(inputs, 0);
  const matches = compileFullMatch(stringOf(attributes, "pattern", ""));
  return [
    makeTensor(
      "bool",
      x.shape,
      Uint8Array.from(stringsOf(x), (text) => (matches(text) ? 1 : 0)),
    ),
  ];
};

/** Replaces every key by its value. Keys are found as JavaScript's Map does: NaN is itself, both zeros are one. */
const labelEncoder: HostFunction = (inputs, attributes) => {
  const [x, keys] = [tensorAt(inputs, 0), tensorAt(inputs, 1)];
  const [values, fallback] = [tensorAt(inputs, 2), tensorAt(inputs, 3)];
  type Label = string | number | bigint;
  const places = new Map(Array.from(keys.elements as ArrayLike<Label>, (key, i) => [key, i] as const));
  const found = Array.from(x.elements as ArrayLike<Label>, (label) => places.get(label));
  const unknown = flagOf(attributes, "isClosed") ? found.indexOf(undefined) : -1;
  if (unknown >= 0) {
    const label = (x.elements as ArrayLike<Label>)[unknown];
    throw fail("WSC7005", `${JSON.stringify(String(label))} is none of its ${keys.elements.length} categories`);
  }
  if (values.dtype === "string") {
    const [texts, other] = [stringsOf(values), nth(stringsOf(fallback), 0)];
    return [makeTensor("string", x.shape, found.map((at) => (at === undefined ? other : nth(texts, at))))]; // prettier-ignore
  }
  const elements = (values.elements as Float64Array).constructor as new (count: number) => Float64Array;
  const result = new elements(elementCount(x.shape));
  const [labels, other] = [values.elements as Float64Array, (fallback.elements as Float64Array)[0] as number];
  for (const [i, at] of found.entries()) result[i] = at === undefined ? other : (labels[at] as number);
  return [makeTensor(values.dtype, x.shape, result)];
};

export const stringFunctions: HostFamily = [
  ["stringConcat", concat],
  ["stringEqual", equal],
  ["stringWhere", where],
  ["stringNormalizer", normalizer],
  ["stringSplit", split],
  ["regexFullMatch", regexFullMatch],
  ["labelEncoder", labelEncoder],
];
