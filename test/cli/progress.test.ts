import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "@jest/globals";

const root = path.join(import.meta.dirname, "..", "..");
const command = path.join(root, "dist", "compiler", "cli", "main.js");
const digits = path.join(root, "examples", "digits", "digits.onnx");
const folder = mkdtempSync(path.join(tmpdir(), "wsc-progress-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const compileTo = (name: string): string[] => ["compile", digits, "-t", "wse3", "-o", path.join(folder, name)];

/** `script` of util-linux gives a command a terminal. */
const hasTerminal = spawnSync("script", ["--version"]).status === 0;

describe("progress of a search", () => {
  (hasTerminal ? it : it.skip)("stands on a terminal: objective, bound and gap", () => {
    const record = path.join(folder, "typescript");
    const line = [process.execPath, command, ...compileTo("terminal")].map((word) => `'${word}'`).join(" ");
    expect(spawnSync("script", ["-qec", line, record], { stdio: "ignore" }).status).toBe(0);
    expect(readFileSync(record, "utf8")).toMatch(/place; [\d,]+ cycles, bound [\d,]+, gap \d+\.\d\d %/);
  });

  it("is silent in a pipe", () => {
    const { status, stderr } = spawnSync(process.execPath, [command, ...compileTo("pipe")], { encoding: "utf8" });
    expect(status).toBe(0);
    expect(stderr).not.toMatch(/bound|gap/);
  });
});
