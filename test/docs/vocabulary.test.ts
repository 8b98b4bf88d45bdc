/** docs/vocabulary.md: each word once, with a file or folder that exists. */
import { describe, expect, it } from "@jest/globals";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { root } from "../helpers/programs.ts";

const rows = readFileSync(path.join(root, "docs", "vocabulary.md"), "utf8")
  .split("\n")
  .flatMap((line) => {
    const found = /^\| (.+?) \| .+ \| `(.+?)` \|$/.exec(line);
    const [, word, file] = found ?? [];
    return word === undefined || file === undefined ? [] : [{ word, file }];
  });

describe("vocabulary", () => {
  it("has every word once", () => {
    const words = rows.map(({ word }) => word);
    expect(words.length).toBeGreaterThan(30);
    expect(words.filter((word, index) => words.indexOf(word) !== index)).toEqual([]);
  });

  it("names files that exist", () => {
    expect(rows.filter(({ file }) => !existsSync(path.join(root, file)))).toEqual([]);
  });
});
