/** docs/diagnostics.md is what the table of codes says, each code can come, and each example is a sentence that the sources say. */
import { describe, expect, it } from "@jest/globals";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import ts from "typescript";
import { type DiagnosticEntry, diagnosticTable } from "../../ir/diagnostic-table.ts";
import { printDiagnosticsPage } from "../../scripts/diagnostics-page.mjs";
import { root } from "../helpers/programs.ts";

const entries: readonly (readonly [code: string, entry: DiagnosticEntry])[] = Object.entries(diagnosticTable);

const sources = ["ir", "runtime", "compiler"].flatMap((folder) =>
  readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && file !== "diagnostic-table.ts")
    .map((file) => readFileSync(path.join(root, folder, file), "utf8")),
);

/** A text of the sources: its fixed pieces, between which anything may stand. */
type Template = readonly string[];

function templatesOf(text: string): readonly Template[] {
  const found: Template[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) found.push([node.text]);
    if (ts.isTemplateExpression(node))
      found.push([node.head.text, ...node.templateSpans.map(({ literal }) => literal.text)]);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile("source.ts", text, ts.ScriptTarget.ES2023));
  return found;
}

/** Texts with so few letters of their own would fit anything. */
const leastLetters = 8;
const templates = sources
  .flatMap(templatesOf)
  .filter((pieces) => pieces.join("").replace(/[^a-z]/gi, "").length >= leastLetters);

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** Whether a message, with or without a subject before it, is one of the sources' texts. */
const isSaid = (message: string): boolean =>
  templates.some(
    (pieces) =>
      pieces.every((piece) => message.includes(piece)) &&
      new RegExp(`^(?:.*: )?${pieces.map(escaped).join(".*")}$`).test(message),
  );

describe("docs/diagnostics.md", () => {
  it("is what the table says; `npm run docs:diagnostics` makes it so", () => {
    expect(readFileSync(path.join(root, "docs", "diagnostics.md"), "utf8")).toBe(printDiagnosticsPage(diagnosticTable));
  });

  it("has every code, and no code that never comes", () => {
    const page = printDiagnosticsPage(diagnosticTable);
    expect(entries.map(([code]) => code).filter((code) => !page.includes(`### ${code}: `))).toEqual([]);
    expect(entries.map(([code]) => code).filter((code) => !sources.some((text) => text.includes(code)))).toEqual([]);
  });

  it("shows messages that exist", () => {
    const unsaid = entries.filter(([code, { example }]) => {
      const [, message] = new RegExp(`^(?:error|warning|note) ${code}: (.+)$`).exec(example) ?? [];
      return message === undefined || !isSaid(message);
    });
    expect(unsaid.map(([, { example }]) => example)).toEqual([]);
    expect(isSaid("the model has three heads")).toBe(false);
  });

  it("ends every sentence", () => {
    const texts = entries.flatMap(([, { meaning, remedy }]) => [meaning, remedy]);
    expect(texts.filter((text) => !text.endsWith("."))).toEqual([]);
  });
});
