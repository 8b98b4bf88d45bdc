/** Tokenizer: expected tokens are onnxruntime's. */
import { describe, expect, it } from "@jest/globals";
import { makeTensor, type TensorData } from "../../ir/tensor.ts";
import { hostFunctions } from "../../runtime/host/functions.ts";
import type { HostAttributes } from "../../runtime/host/value.ts";
import { refusal } from "../operators/node-case.ts";

const strings = (...values: readonly string[]): TensorData => makeTensor("string", [values.length], values);

function tokens(texts: readonly string[], attributes: HostAttributes): readonly unknown[] {
  const all = { separators: [], tokenexp: "", mincharnum: 1, mark: false, padValue: "#", ...attributes };
  const [result] = hostFunctions.get("tokenizer")?.([strings(...texts)], all) ?? [];
  const { shape, elements } = result as TensorData;
  const length = shape.at(-1) ?? 0;
  return texts.map((_, i) => (elements as readonly string[]).slice(i * length, (i + 1) * length));
}

describe("tokenizer", () => {
  it.each<[string, readonly string[], HostAttributes, readonly (readonly string[])[]]>([
    [
      "separators",
      ["a b c", "hello  world", ""],
      { separators: [" "] },
      [
        ["a", "b", "c"],
        ["hello", "world", "#"],
        ["#", "#", "#"],
      ],
    ],
    [
      "marks",
      ["a,b;c d", " x"],
      { separators: [" ", ",", ";"], mark: true },
      [
        ["\u0002", "a", "b", "c", "d", "\u0003"],
        ["\u0002", "x", "\u0003", "#", "#", "#"],
      ],
    ],
    [
      "characters",
      ["né日", "😀"],
      { separators: [""] },
      [
        ["n", "é", "日"],
        ["😀", "#", "#"],
      ],
    ],
    ["nothing but separators", ["   ", " "], { separators: [" "], mark: true }, [[], []]],
    [
      "short tokens",
      ["a bb ccc d", "x"],
      { separators: [" "], mincharnum: 2 },
      [
        ["bb", "ccc"],
        ["#", "#"],
      ],
    ],
    ["separators in turn", ["aXXb XXX"], { separators: ["XX", "X"] }, [["a", "b "]]],
    ["an anchored separator", ["aab aab"], { separators: ["^a"] }, [["ab aab"]]],
    [
      "alternatives",
      ["ab12 cd", "345"],
      { tokenexp: "[a-z]+|[0-9]+" },
      [
        ["ab", "12", "cd"],
        ["345", "#", "#"],
      ],
    ],
    [
      "the longest alternative",
      ["abab", "ab"],
      { tokenexp: "a|ab" },
      [
        ["ab", "ab"],
        ["ab", "#"],
      ],
    ],
    ["lazy quantifiers", ["aaa b", "aa"], { tokenexp: "a+?" }, [["aaa"], ["aa"]]],
    ["a lazy separator", ["xaaay"], { separators: ["a+?"] }, [["x", "y"]]],
    ["empty matches", ["abc"], { tokenexp: "x*" }, [[]]],
    ["empty separators", ["abc"], { separators: ["x*"] }, [[]]],
    [
      "letters of any script",
      ["日本語 テキスト", "né à"],
      { tokenexp: "\\pL+" },
      [
        ["日本語", "テキスト"],
        ["né", "à"],
      ],
    ],
    ["POSIX classes", ["ab1 2c"], { tokenexp: "[[:alpha:]]+" }, [["ab", "c"]]],
    ["either case", ["aAbB"], { tokenexp: "(?i)a+" }, [["aA"]]],
    ["short matches", ["a bb ccc"], { tokenexp: "\\w+", mincharnum: 2 }, [["bb", "ccc"]]],
    ["a bracket in brackets", ["a]b[c"], { separators: ["[]\\[]"] }, [["a", "b", "c"]]],
    ["quoted text", ["a.b+c"], { separators: ["\\Q.\\E", "\\Q+"] }, [["a", "b", "c"]]],
  ])("takes %s", (_, texts, attributes, expected) => {
    expect(tokens(texts, attributes)).toEqual(expected);
  });

  it("names what is no expression", () => {
    expect(() => tokens(["a"], { tokenexp: "(" })).toThrow(/pattern "\(" is no regular expression/);
  });

  it.each<[string, Record<string, number | string | string[]>, RegExp]>([
    ["no rule at all", { mincharnum: 1 }, /neither separators nor tokenexp/],
    ["no characters", { mincharnum: 0, tokenexp: "a" }, /mincharnum is 0/],
    ["long characters", { mincharnum: 2, separators: [""] }, /characters are of length 1/],
  ])("refuses %s", async (_, given, message) => {
    const attributes = { mark: 0, pad_value: "", ...given };
    const spec = { op: "Tokenizer", opset: 1, domain: "com.microsoft", attributes, inputs: [strings("a b")] };
    expect(await refusal(spec)).toMatch(message);
  });
});
