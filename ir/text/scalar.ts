/** Single elements in text: the shortest decimal that reads back as the same number, with words for what has no digits. */
import { type DType, dtypeInfo } from "../dtype.ts";
import { type TextReader, type Token } from "./lexer.ts";

/** A double: `1.5`, `-0`, `1e-7`, `3e20`, `inf`, `-inf`, `nan`. */
export function printNumber(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (value === 0) return Object.is(value, -0) ? "-0" : "0";
  const size = Math.abs(value);
  if (size === Infinity) return value > 0 ? "inf" : "-inf";
  return size < 1e-3 || size >= 1e15 ? value.toExponential().replace("e+", "e") : String(value);
}

/** Significant decimal digits that tell any two f32 apart. */
const f32Digits = 9;

/** `0.1` for the f32 next to it, where the shortest double would take 17 digits. */
function printFloat32(value: number): string {
  for (let digits = 1; digits < f32Digits; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return printNumber(short === 0 ? value : short);
  }
  return printNumber(value);
}

/** One element as a text form shows it; small floats are given as the number that they stand for. */
export function printScalar(dtype: DType, value: number | bigint | string): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "bigint") return String(value);
  return dtype === "f32" || dtype === "c64" ? printFloat32(value) : printNumber(value);
}

/** The element that a token stands for: bigint for 64-bit integers, a string, or a number (rounded to f32 where that is the type). */
export function parseScalar(reader: TextReader, token: Token, dtype: DType): number | bigint | string {
  switch (dtypeInfo(dtype).class) {
    case "string":
      return token.kind === "string" ? reader.stringOf(token) : mismatch(reader, token, dtype);
    case "signed":
    case "unsigned":
    case "bool":
      return parseInteger(reader, token, dtype);
    case "float":
    case "small-float":
    case "complex":
      return parseFloating(reader, token, dtype);
  }
}

const words: ReadonlyMap<string, number> = new Map([
  ["nan", NaN],
  ["inf", Infinity],
  ["-inf", -Infinity],
]);

function parseFloating(reader: TextReader, token: Token, dtype: DType): number {
  const value = words.get(token.text) ?? (token.kind === "number" ? Number(token.text) : undefined);
  if (value === undefined) return mismatch(reader, token, dtype);
  return dtype === "f32" || dtype === "c64" ? Math.fround(value) : value;
}

function parseInteger(reader: TextReader, token: Token, dtype: DType): number | bigint {
  if (!/^-?[0-9]+$/.test(token.text)) return mismatch(reader, token, dtype);
  const { bits, class: cls } = dtypeInfo(dtype);
  const value = BigInt(token.text);
  const fits = (cls === "signed" ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value)) === value;
  if (!fits) throw reader.errorAt(token.start, `${token.text} does not fit ${dtype}`);
  return bits === 64 ? value : Number(value);
}

function mismatch(reader: TextReader, token: Token, dtype: DType): never {
  throw reader.errorAt(token.start, `expected an element of type ${dtype}, found ${token.text === "" ? "the end of the text" : token.text}`); // prettier-ignore
}
