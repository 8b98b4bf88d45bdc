/** `--precision`: on the wafer, what it does to the numbers, and where it is refused. */
import { afterAll, describe, expect, it } from "@jest/globals";
import { readFileSync } from "node:fs";
import path from "node:path";
import { digitsModel } from "../helpers/programs.ts";
import { scratchFolder } from "../helpers/scratch.ts";
import { wsc } from "./run-cli.ts";

const scratch = scratchFolder("precision");
afterAll(scratch.remove);

interface Effects {
  readonly precision: string;
  readonly effects: readonly { readonly name: string; readonly largest: number; readonly share: number }[];
}

async function effectsOf(precision: string): Promise<Effects["effects"]> {
  const args = ["run", digitsModel, "--random", "3", "--precision", precision, "--json"];
  const { code, stdout, stderr } = await wsc(args, scratch.path);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const told = JSON.parse(stdout) as Effects;
  expect(told.precision).toBe(precision);
  return told.effects;
}

describe("--precision", () => {
  it("compiles with operands of 16 bits, and says so", async () => {
    const { code, stdout } = await wsc(["compile", digitsModel, "--precision", "f16", "-o", "half"], scratch.path);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^digits on wse2 in f16: /);
    const file = (name: string): string => readFileSync(path.join(scratch.path, "half", name), "utf8");
    expect(JSON.parse(file("placement.json"))).toMatchObject({ precision: "f16" });
    expect(file("kernels.txt")).toMatch(/^kernels "digits" precision f16 \{\n {2}k0 conv "features1" f16 /);
    expect(file("report.html")).toContain("<h1>digits on wse2 in f16</h1>");
  });

  it("says what rounding does to the outputs: more the fewer bits there are", async () => {
    const [half] = await effectsOf("f16");
    const [brain] = await effectsOf("bf16");
    if (half === undefined || brain === undefined) throw new Error("one output");
    expect(half.largest).toBeGreaterThan(0);
    expect(half.share).toBeLessThan(0.01);
    expect(brain.largest).toBeGreaterThanOrEqual(half.largest);
    expect(brain.share).toBeLessThan(0.1);
  });

  it("is refused for a compiled folder, whose kernels are made", async () => {
    await wsc(["compile", digitsModel, "-o", "whole"], scratch.path);
    const { code, stderr } = await wsc(["run", "whole", "--random", "3", "--precision", "f16"], scratch.path);
    expect(code).toBe(1);
    expect(stderr).toMatch(/WSC7007: precision: f16 is for models/);
  });
});
