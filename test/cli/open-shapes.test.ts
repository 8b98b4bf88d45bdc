/** `wsc compile` of models with dims that are not bound: a folder for all shapes, and what is said where that cannot be. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { perceptron } from "../open/models.ts";
import { modelBytes } from "../helpers/onnx-builder.ts";
import { scratchFolder } from "../helpers/scratch.ts";
import { type Outcome, wsc } from "./run-cli.ts";

const scratch = scratchFolder("cli-open");
afterAll(scratch.remove);
const at = (...names: string[]): string => path.join(scratch.path, ...names);
const run = (...args: readonly string[]): Promise<Outcome> => wsc(args, scratch.path);

beforeAll(async () => {
  writeFileSync(at("rows.onnx"), await modelBytes(perceptron));
});

interface Ran {
  readonly outputs: readonly { readonly dims: readonly number[]; readonly head: readonly number[] }[];
}

describe("wsc compile without --dim", () => {
  it("writes a folder for all shapes, keeps it, and it runs with any of them", async () => {
    const { code, stdout, stderr } = await run("compile", "rows.onnx", "-o", "rows");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(
      /^rows for all shapes: batch at least 1\nprogram {3}2 programs, .* of weights\nplacement none: it needs numbers \(--dim batch=N\)\nwritten {3}rows\n$/,
    );
    expect(readFileSync(at("rows", "index.d.ts"), "utf8")).toContain("readonly [number, 12]");
    expect(existsSync(at("rows", "placement.json"))).toBe(false);
    expect((await run("compile", "rows.onnx", "-o", "rows")).stdout).toMatch(/^unchanged rows$/m);
    for (const rows of [1, 5]) {
      const ran = await run("run", "rows", "--random", "3", "--dim", `batch=${rows}`, "--json");
      const alone = await run("run", "rows.onnx", "--random", "3", "--dim", `batch=${rows}`, "--json");
      const [found, expected] = [ran, alone].map((outcome) => (JSON.parse(outcome.stdout) as Ran).outputs[0]);
      expect(found?.dims).toEqual([rows, 10]);
      for (const [i, value] of (expected?.head ?? []).entries()) expect(found?.head[i]).toBeCloseTo(value, 5);
    }
  });

  it("is bounded by ranges, and says as JSON what it has made", async () => {
    const { stdout } = await run("compile", "rows.onnx", "-o", "few", "--dim", "batch=1..4", "--json");
    expect(JSON.parse(stdout)).toMatchObject({
      model: "rows",
      dims: [{ name: "batch", least: 1, most: 4 }],
      programs: 2,
      isKept: false,
    });
    const beyond = await run("run", "few", "--random", "1", "--dim", "batch=5");
    expect(beyond.code).toBe(1);
    expect(beyond.stderr).toMatch(/^error WSC7002: dim batch is 5, must be 1 to 4/);
  });

  it("prints the programs where it is to stop there, the same bytes each time", async () => {
    const [first, second] = [
      await run("compile", "rows.onnx", "--emit", "program"),
      await run("compile", "rows.onnx", "--emit", "program"),
    ];
    expect(first.stdout).toBe(second.stdout);
    expect(JSON.parse(first.stdout)).toMatchObject({ kind: "open", programs: [{ capacity: null }, {}] });
  });
});

const refusals: readonly [string, readonly string[], RegExp][] = [
  ["a placement", ["--emit", "placement"], /^error WSC2005: dims batch have no value.*\n {2}help: --dim batch=1/],
  [
    "a target",
    ["-t", "wse3"],
    /^error WSC2005: dims batch have no value: a placement needs numbers, and target asks for one\n {2}help: bind them: --dim batch=N/,
  ],
  ["a mode", ["--mode", "resident"], /^error WSC2005: .*mode asks for one/],
  ["passes that are printed", ["--print-after", "all"], /^error WSC2005: .*passes is for known shapes/],
  ["a range that is none", ["--dim", "batch=4..1"], /--dim batch=4\.\.1 has no sizes/],
  [
    "a range of three",
    ["--dim", "batch=1..2..3"],
    /--dim batch takes a number, or a range LEAST\.\.MOST, not "1\.\.2\.\.3"/,
  ],
  ["a range of one input's dim", ["--dim", "x.0=1..4"], /^error WSC7003: a range for "x\.0", which is no open dim/],
  ["a range of no dim", ["--dim", "rows=1..4"], /^error WSC7003: the model has no dim "rows" to bind/],
];

describe("wsc compile refuses for open dims", () => {
  it.each(refusals)("%s", async (_, args, message) => {
    const { code, stdout, stderr } = await run("compile", "rows.onnx", ...args, "-o", "refused");
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/^\s*at /m);
    expect([code > 0, stdout, existsSync(at("refused"))]).toEqual([true, "", false]);
  });
});

describe("a folder for all shapes", () => {
  it("has no placement for verbs that ask for one, and takes no ranges when it runs", async () => {
    await run("compile", "rows.onnx", "-o", "rows");
    const report = await run("report", "rows", "-o", "page.html");
    expect(report.stderr).toMatch(
      /^error WSC7004: program\.json: the folder is for all shapes of the model, and has no graph/,
    );
    const ranged = await run("run", "rows", "--random", "1", "--dim", "batch=1..4");
    expect(ranged.stderr).toMatch(/--dim batch takes a number here/);
  });
});
