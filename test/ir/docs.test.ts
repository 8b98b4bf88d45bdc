import { expect, it } from "@jest/globals";
import { readFileSync } from "node:fs";
import path from "node:path";
import { parseGraph } from "../../ir/parse.ts";
import { printGraph } from "../../ir/print.ts";
import { verifyGraph } from "../../ir/verify.ts";

it("docs/ir.md shows a valid graph as it is printed", () => {
  const page = readFileSync(path.join(import.meta.dirname, "..", "..", "docs", "ir.md"), "utf8");
  const block = /^ {4}graph [^]*?^ {4}\}\n/m.exec(page)?.[0] ?? "";
  const text = block.replaceAll(/^ {4}/gm, "");
  const graph = parseGraph(text);
  expect(graph.ops).toHaveLength(1);
  expect(verifyGraph(graph)).toEqual([]);
  expect(printGraph(graph)).toBe(text);
});
