/**
 * Reads the text forms of this project (graph, kernel graph, placement): a cursor over tokens that knows where it stands, with one
 * helper for each thing a grammar asks for. A helper that does not find what it wants throws WSC2007 with line, column, what was
 * expected and what stands there.
 *
 *     const reader = new TextReader(text);
 *     reader.expect("kernel");
 *     const name = reader.string();
 *     const ports = reader.list("(", ")", () => reader.integer());
 *
 * Tokens are words (`[A-Za-z_][A-Za-z0-9_]*`), strings in JSON's notation, numbers, and punctuation; blanks and `//` comments separate
 * them. Tokens are cut when asked for, so that a text of many megabytes needs no list of them.
 */
import { fail, showName, type WscError } from "../diagnostic.ts";

export type TokenKind = "word" | "string" | "number" | "punctuation" | "end";

export interface Token {
  readonly kind: TokenKind;
  /** the characters as they stand in the text; empty at the end */
  readonly text: string;
  /** offset of the first character, in UTF-16 units */
  readonly start: number;
}

/** A place in a text, both counted from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

const blank = /(?:[ \t\r\n]+|\/\/[^\n]*)*/y;
const tokenPatterns: readonly { readonly kind: TokenKind; readonly pattern: RegExp }[] = [
  { kind: "word", pattern: /[A-Za-z_][A-Za-z0-9_]*/y },
  { kind: "number", pattern: /0x[0-9a-fA-F]+|-?(?:[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|inf\b)/y },
  { kind: "string", pattern: /"(?:[^"\\\n\r]|\\[^\n\r])*"/y },
  { kind: "punctuation", pattern: /->|=>|\.\.|<=|>=|[^\sA-Za-z0-9_"]/y },
];

/** Nesting that a text may have before it is refused, so that hostile text cannot exhaust the stack. */
const maxDepth = 500;

export class TextReader {
  readonly text: string;
  #token: Token;
  #end = 0;
  #depth = 0;

  constructor(text: string) {
    this.text = text;
    this.#token = this.#scan(0);
  }

  /** The token at the cursor, which stays. */
  peek(): Token {
    return this.#token;
  }

  /** The token at the cursor, which moves on. */
  next(): Token {
    const token = this.#token;
    this.#token = this.#scan(this.#end);
    return token;
  }

  /** True when the word or punctuation `text` stands at the cursor. */
  at(text: string): boolean {
    const { kind, text: found } = this.#token;
    return found === text && (kind === "word" || kind === "punctuation");
  }

  /** Moves past the word or punctuation `text` if it stands at the cursor, and says whether it did. */
  accept(text: string): boolean {
    if (!this.at(text)) return false;
    this.next();
    return true;
  }

  /** Moves past the word or punctuation `text`, which must stand at the cursor. */
  expect(text: string): void {
    if (!this.accept(text)) throw this.unexpected(`"${text}"`);
  }

  /** Any word; `what` names it in the error. */
  word(what = "a word"): string {
    return this.#take("word", what).text;
  }

  /** One of the given words. */
  oneOf<T extends string>(words: readonly T[]): T {
    const found = words.find((word) => this.at(word));
    if (found === undefined) throw this.unexpected(words.map((word) => `"${word}"`).join(" or "));
    this.next();
    return found;
  }

  /** The value of a quoted string. */
  string(what = "a quoted string"): string {
    return this.stringOf(this.#take("string", what));
  }

  /** What a string token stands for. */
  stringOf(token: Token): string {
    try {
      return JSON.parse(token.text) as string;
    } catch {
      throw this.errorAt(token.start, `${showName(token.text)} is no valid string`);
    }
  }

  /** A number that a double holds; `inf`, `-inf` and `nan` included. */
  number(what = "a number"): number {
    if (this.accept("nan")) return NaN;
    if (this.accept("inf")) return Infinity;
    const { text } = this.#take("number", what);
    return text === "-inf" ? -Infinity : Number(text);
  }

  /** An integer within ±2^53, at least `least`. */
  integer(what = "an integer", least: number = -Number.MAX_SAFE_INTEGER): number {
    const token = this.#take("number", what);
    const value = Number(token.text);
    if (Number.isSafeInteger(value) && value >= least && /^-?[0-9]+$/.test(token.text)) return value;
    throw this.errorAt(token.start, `expected ${what}, found ${token.text}`);
  }

  /** An integer of any size. */
  bigint(what = "an integer"): bigint {
    const token = this.#take("number", what);
    if (/^-?[0-9]+$/.test(token.text)) return BigInt(token.text);
    throw this.errorAt(token.start, `expected ${what}, found ${token.text}`);
  }

  boolean(): boolean {
    return this.oneOf(["true", "false"]) === "true";
  }

  /** `open item, item, … close`, possibly empty. */
  list<T>(open: string, close: string, item: () => T): T[] {
    this.expect(open);
    const items: T[] = [];
    if (this.accept(close)) return items;
    do items.push(item());
    while (this.accept(","));
    if (!this.accept(close)) throw this.unexpected(`"," or "${close}"`);
    return items;
  }

  /** Runs a recursive part of a grammar, refusing text that nests too deep. */
  nested<T>(parse: () => T): T {
    if (this.#depth >= maxDepth) throw this.errorAt(this.#token.start, `more than ${maxDepth} levels of nesting`);
    this.#depth++;
    const result = parse();
    this.#depth--;
    return result;
  }

  /** The text must end here. */
  end(): void {
    if (this.#token.kind !== "end") throw this.unexpected("the end of the text");
  }

  /** Error: something else was expected at the cursor. */
  unexpected(expected: string): WscError {
    const { kind, text, start } = this.#token;
    return this.errorAt(
      start,
      `expected ${expected}, found ${kind === "end" ? "the end of the text" : showFound(text)}`,
    );
  }

  /** Error about the text at an offset. */
  errorAt(offset: number, message: string): WscError {
    const { line, column } = this.position(offset);
    return fail("WSC2007", `${line}:${column}: ${message}`);
  }

  /** Line and column of an offset. */
  position(offset: number): Position {
    const before = this.text.slice(0, offset);
    const lineStart = before.lastIndexOf("\n") + 1;
    return { line: before.split("\n").length, column: offset - lineStart + 1 };
  }

  #take(kind: TokenKind, what: string): Token {
    if (this.#token.kind !== kind) throw this.unexpected(what);
    return this.next();
  }

  #scan(from: number): Token {
    blank.lastIndex = from;
    blank.test(this.text);
    const start = blank.lastIndex;
    for (const { kind, pattern } of tokenPatterns) {
      pattern.lastIndex = start;
      if (!pattern.test(this.text)) continue;
      this.#end = pattern.lastIndex;
      return { kind, text: this.text.slice(start, this.#end), start };
    }
    if (start < this.text.length) throw this.errorAt(start, noTokenMessage(this.text.charAt(start)));
    this.#end = start;
    return { kind: "end", text: "", start };
  }
}

const noTokenMessage = (first: string): string =>
  first === '"' ? "a string is not closed" : `the character ${JSON.stringify(first)} has no meaning here`;

const showFound = (text: string): string =>
  text.startsWith('"') ? showName(text.slice(1, -1)) : `"${showName(text)}"`;
