/** `wsc validate` as a user calls it. */
import { describe, expect, it } from "@jest/globals";
import { execFileSync } from "node:child_process";
import path from "node:path";
import type { Validation } from "../../compiler/validate/validate.ts";
import { wsc } from "./run-cli.ts";

describe("wsc validate", () => {
  it("prints rows and errors of a table", async () => {
    const { code, stdout, stderr } = await wsc(["validate", "decode"]);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatchGolden("cli/validate-decode.txt");
  });

  it("prints JSON of all tables", async () => {
    const { code, stdout } = await wsc(["validate", "--no-simulate", "--json"]);
    expect(code).toBe(0);
    const { rows, tables } = JSON.parse(stdout) as Validation;
    expect(Object.keys(rows[0] ?? {})).toEqual(["table", "row", "unit", "published", "modelled", "error", "basis"]);
    expect(tables.reduce((sum, table) => sum + table.rows, 0)).toBe(rows.length);
  });

  it("runs the reduces word by word, within 3 % of each row", async () => {
    const { stdout } = await wsc(["validate", "reduces-simulated", "--json"]);
    const { rows } = JSON.parse(stdout) as Validation;
    expect(rows).toHaveLength(9);
    for (const { error } of rows) expect(Math.abs(error)).toBeLessThan(0.03);
  });

  it("keeps the rows of a model or a target", async () => {
    const { stdout } = await wsc(["validate", "--model", "LLaMA2-13B", "--json"]);
    const { rows } = JSON.parse(stdout) as Validation;
    expect(new Set(rows.map(({ table }) => table))).toEqual(new Set(["decode", "prefill", "requests"]));
  });

  it.each([
    ["a table", ["prefil"], /WSC5008: no table is named "prefil"\n {2}help: did you mean "prefill"\?/],
    ["a model", ["--model", "qwen3-1.8b"], /no model is named "qwen3-1\.8b"\n {2}help: did you mean "Qwen3-1\.7B"/],
    ["a target", ["--target", "wse33"], /no target is named "wse33"\n {2}help: did you mean "wse3"/],
  ])("refuses %s that there is not", async (_, args, message) => {
    const { code, stdout, stderr } = await wsc(["validate", ...args]);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(message);
  });
});

describe("the pages", () => {
  it("show the figures of today", () => {
    const root = path.join(import.meta.dirname, "..", "..");
    expect(() => execFileSync(process.execPath, [path.join(root, "scripts", "validate.mjs")])).not.toThrow();
  });
});
