import { describe, expect, it } from "@jest/globals";
import { WscError } from "../../ir/diagnostic.ts";
import { TextReader, type Token } from "../../ir/text/lexer.ts";

function tokensOf(text: string): Token[] {
  const reader = new TextReader(text);
  const tokens: Token[] = [];
  while (reader.peek().kind !== "end") tokens.push(reader.next());
  return tokens;
}

function messageOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof WscError) return error.message;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("tokens", () => {
  it("cuts words, numbers, strings and punctuation", () => {
    const seen = tokensOf('kernel_1 "a \\" b" -> %12 = -1.5e-3[0x1F,-inf] // rest\n..x');
    expect(seen.map((token) => `${token.kind} ${token.text}`)).toEqual([
      "word kernel_1",
      'string "a \\" b"',
      "punctuation ->",
      "punctuation %",
      "number 12",
      "punctuation =",
      "number -1.5e-3",
      "punctuation [",
      "number 0x1F",
      "punctuation ,",
      "number -inf",
      "punctuation ]",
      "punctuation ..",
      "word x",
    ]);
  });

  it("knows where a token stands", () => {
    const reader = new TextReader("a\n  b // c\n\td");
    const positions: string[] = [];
    while (reader.peek().kind !== "end") {
      const { line, column } = reader.position(reader.next().start);
      positions.push(`${line}:${column}`);
    }
    expect(positions).toEqual(["1:1", "2:3", "3:2"]);
  });

  it("refuses what is no token", () => {
    expect(messageOf(() => tokensOf('x "open'))).toBe("error WSC2007: 1:3: a string is not closed");
    expect(messageOf(() => tokensOf('"a\nb"'))).toBe("error WSC2007: 1:1: a string is not closed");
    expect(messageOf(() => tokensOf("a \u00a0"))).toContain("1:3: the character");
  });
});

describe("helpers", () => {
  it("read values", () => {
    const reader = new TextReader('"\\u0041\\n" -7 1.5 nan inf -inf -0 9223372036854775807 true');
    expect(reader.string()).toBe("A\n");
    expect(reader.integer()).toBe(-7);
    expect(reader.number()).toBe(1.5);
    expect(reader.number()).toBeNaN();
    expect(reader.number()).toBe(Infinity);
    expect(reader.number()).toBe(-Infinity);
    expect(Object.is(reader.number(), -0)).toBe(true);
    expect(reader.bigint()).toBe(9223372036854775807n);
    expect(reader.boolean()).toBe(true);
    reader.end();
  });

  it("read lists", () => {
    const reader = new TextReader("[] [1] [1, 2,3]");
    const list = (): number[] => reader.list("[", "]", () => reader.integer());
    expect([list(), list(), list()]).toEqual([[], [1], [1, 2, 3]]);
  });

  it.each([
    ["[1 2]", '1:4: expected "," or "]", found "2"'],
    ["[1,", "1:4: expected an integer, found the end of the text"],
    ["[1.5]", "1:2: expected an integer, found 1.5"],
    ["[9007199254740993]", "1:2: expected an integer, found 9007199254740993"],
    ['["x"]', "1:2: expected an integer, found x"],
    ["(1)", '1:1: expected "[", found "("'],
    ["[1]]", '1:4: expected the end of the text, found "]"'],
  ])("say what they expected in %s", (text, message) => {
    const action = (): void => {
      const reader = new TextReader(text);
      reader.list("[", "]", () => reader.integer());
      reader.end();
    };
    expect(messageOf(action)).toBe(`error WSC2007: ${message}`);
  });

  it("do not take a string for a word", () => {
    const reader = new TextReader('"graph"');
    expect(reader.accept("graph")).toBe(false);
    expect(messageOf(() => reader.oneOf(["graph", "region"]))).toContain('expected "graph" or "region"');
  });

  it("refuse invalid escapes and deep nesting", () => {
    expect(messageOf(() => new TextReader('  "\\x"').string())).toContain("1:3:");
    const reader = new TextReader("(".repeat(100_000));
    const parse = (): void => {
      reader.nested(() => {
        reader.expect("(");
        parse();
      });
    };
    expect(messageOf(parse)).toContain("levels of nesting");
  });
});
