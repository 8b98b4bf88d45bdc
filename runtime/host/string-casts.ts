/** Casts between strings and numbers, and casts of bit patterns. */
import { fail, showName } from "../../ir/diagnostic.ts";
import { type DType, dtypeInfo, isBig, isFloat, isInteger } from "../../ir/dtype.ts";
import { bytesOf, elementCount, makeTensor, viewElements } from "../../ir/tensor.ts";
import { normalizer, numberCast } from "../reference/casts.ts";
import { allocateBigs, numbersOf, tensorOfNumbers } from "../reference/numbers.ts";
import { dtypeOf, flagOf, type HostFamily, stringsOf, tensorAt } from "./arguments.ts";
import type { HostFunction } from "./value.ts";

const castToString: HostFunction = (inputs) => {
  const x = tensorAt(inputs, 0);
  if (x.dtype === "string") return [x];
  const values = isBig(x.dtype) ? (x.elements as ArrayLike<bigint>) : numbersOf(x);
  const show = isFloat(x.dtype) ? floatWriter(x.dtype) : String;
  return [makeTensor("string", x.shape, Array.from(values as ArrayLike<number>, show))];
};

/** The fewest digits that read back as the same number of the type; infinities are INF and -INF. */
function floatWriter(dtype: DType): (value: number) => string {
  const round = normalizer(dtype) ?? ((value: number): number => value);
  return (value) => {
    if (Number.isNaN(value)) return "NaN";
    if (!Number.isFinite(value)) return value > 0 ? "INF" : "-INF";
    if (Object.is(value, -0)) return "-0";
    for (let digits = 1; digits < 17; digits++) {
      const short = Number(value.toPrecision(digits));
      if (round(short) === value) return String(short);
    }
    return String(value);
  };
}

const castFromString: HostFunction = (inputs, attributes) => {
  const x = tensorAt(inputs, 0);
  const to = dtypeOf(attributes, "to");
  const texts = stringsOf(x);
  if (to === "string") return [x];
  if (isBig(to))
    return [
      makeTensor(
        to,
        x.shape,
        fill(allocateBigs(to, texts.length), texts, (t) => readInteger(t, to)),
      ),
    ];
  if (isInteger(to)) {
    return [
      tensorOfNumbers(
        to,
        x.shape,
        fill(new Float64Array(texts.length), texts, (t) => Number(readInteger(t, to))),
      ),
    ];
  }
  const convert = numberCast("f64", to, flagOf(attributes, "saturate", true)) ?? ((value: number): number => value);
  return [
    tensorOfNumbers(
      to,
      x.shape,
      fill(new Float64Array(texts.length), texts, (t) => convert(readFloat(t, to))),
    ),
  ];
};

function fill<T, A extends { [index: number]: T }>(target: A, texts: readonly string[], read: (text: string) => T): A {
  for (const [i, text] of texts.entries()) (target as { [index: number]: T })[i] = read(text);
  return target;
}

const unreadable = (text: string, dtype: DType): Error =>
  fail("WSC7005", `the string "${showName(text)}" is no ${dtype}`);

const wordNumbers: ReadonlyMap<string, number> = new Map([
  ["nan", NaN],
  ["inf", Infinity],
  ["infinity", Infinity],
]);

const floatSyntax = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/u;

function readFloat(text: string, dtype: DType): number {
  const clean = text.trim().toLowerCase();
  const word = wordNumbers.get(clean.replace(/^[+-]/u, ""));
  if (word !== undefined) return clean.startsWith("-") ? -word : word;
  if (!floatSyntax.test(clean)) throw unreadable(text, dtype);
  return Number(clean);
}

/** Integers may be written as floats, which truncate; out of range is an error. */
function readInteger(text: string, dtype: DType): bigint {
  const clean = text.trim();
  const float = /^[+-]?\d+$/u.test(clean) ? null : readFloat(text, dtype);
  if (float !== null && !Number.isFinite(float)) throw unreadable(text, dtype);
  const value = float === null ? BigInt(clean.replace(/^\+/u, "")) : BigInt(Math.trunc(float));
  const { bits, class: cls } = dtypeInfo(dtype);
  const fits = cls === "signed" ? BigInt.asIntN(bits, value) === value : BigInt.asUintN(bits, value) === value;
  if (!fits) throw unreadable(text, dtype);
  return value;
}

/** The same bits as another type of the same width. */
const bitCast: HostFunction = (inputs, attributes) => {
  const x = tensorAt(inputs, 0);
  const to = dtypeOf(attributes, "to");
  const bytes = bytesOf(x.elements);
  const elements = viewElements(to, bytes.buffer, bytes.byteOffset, elementCount(x.shape));
  return [makeTensor(to, x.shape, elements)];
};

export const castFunctions: HostFamily = [
  ["castToString", castToString],
  ["castFromString", castFromString],
  ["bitCast", bitCast],
];
