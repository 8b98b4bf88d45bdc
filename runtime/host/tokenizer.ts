/** Tokenizer of com.microsoft: strings cut at separators, into what an expression finds, or into characters. */
import { fail } from "../../ir/diagnostic.ts";
import { makeTensor } from "../../ir/tensor.ts";
import { flagOf, type HostFamily, numberOf, stringListOf, stringOf, stringsOf, tensorAt } from "./arguments.ts";
import { compileSearch, type Found } from "./regex.ts";
import type { HostAttributes, HostFunction } from "./value.ts";

type Cut = (text: string) => readonly string[];
type Search = (text: string, from: number) => Found | null;

/** Whether a string has `least` characters or more. */
const isLong = (text: string, least: number): boolean => text.length >= least && Array.from(text).length >= least;

/** Code units of the character at a position; 1 behind the end. */
const widthAt = (text: string, at: number): number => ((text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1);

/** What stands between the matches. An empty match takes a character with it. */
function between(text: string, search: Search, least: number): string[] {
  const tokens: string[] = [];
  let start = 0;
  const keep = (end: number): void => {
    const token = text.slice(start, end);
    if (isLong(token, least)) tokens.push(token);
  };
  for (let found = search(text, 0); found !== null && start <= text.length; found = search(text, start)) {
    keep(found.start);
    start = found.end > found.start ? found.end : found.start + widthAt(text, found.start);
    if (start > text.length) return tokens;
  }
  keep(text.length);
  return tokens;
}

/** The matches; where one is too short the search goes on behind its first character. */
function within(text: string, search: Search, least: number): string[] {
  const tokens: string[] = [];
  for (let found = search(text, 0); found !== null;) {
    const token = text.slice(found.start, found.end);
    const taken = isLong(token, least);
    if (taken) tokens.push(token);
    const next: number = taken ? found.end : found.start + widthAt(text, found.start);
    found = next > text.length ? null : search(text, next);
  }
  return tokens;
}

function cutOf(attributes: HostAttributes): Cut {
  const least = numberOf(attributes, "mincharnum");
  const separators = stringListOf(attributes, "separators");
  if (separators.length === 1 && separators[0] === "") return (text) => Array.from(text);
  if (separators.length > 0) {
    const searches = separators.map(compileSearch);
    return (text) =>
      searches.reduce((pieces, search) => pieces.flatMap((piece) => between(piece, search, least)), [text]);
  }
  const search = compileSearch(stringOf(attributes, "tokenexp"));
  return (text) => within(text, search, least);
}

const maxElements = 2 ** 28;

const tokenizer: HostFunction = (inputs, attributes) => {
  const x = tensorAt(inputs, 0);
  if (x.shape.length !== 1 && x.shape.length !== 2) {
    throw fail("WSC3004", `Tokenizer takes [C] or [N, C], not [${x.shape.join(", ")}]`);
  }
  const texts = stringsOf(x);
  if (texts.length === 0) return [makeTensor("string", [...x.shape.slice(0, -1), 0], [])];
  const rows = texts.map(cutOf(attributes));
  const most = rows.reduce((max, row) => Math.max(max, row.length), 0);
  if (most === 0) return [makeTensor("string", [...x.shape, 0], [])];
  const marks = flagOf(attributes, "mark") ? (["\u0002", "\u0003"] as const) : null;
  const length = most + (marks === null ? 0 : 2);
  if (rows.length * length > maxElements) throw fail("WSC1009", `${rows.length} strings cut into up to ${most} tokens`);
  const padding = stringOf(attributes, "padValue");
  const elements = rows.flatMap((row) => {
    const marked = marks === null ? row : [marks[0], ...row, marks[1]];
    return [...marked, ...new Array<string>(length - marked.length).fill(padding)];
  });
  return [makeTensor("string", [...x.shape, length], elements)];
};

export const tokenizerFunctions: HostFamily = [["tokenizer", tokenizer]];
