/** `wsc verify`, `wsc bench` and `wsc diff`, as a user calls them. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { f32, float, modelBytes, type ModelSpec, node } from "../helpers/onnx-builder.ts";
import { digitsModel, transformerModel } from "../helpers/programs.ts";
import { scratchFolder } from "../helpers/scratch.ts";
import { type Outcome, wsc } from "./run-cli.ts";

const scratch = scratchFolder("verbs");
afterAll(scratch.remove);
const at = (name: string): string => path.join(scratch.path, name);

/** Runtimes draw other random numbers: what stands before the noise agrees, what stands behind it does not. */
const noisy: ModelSpec = {
  opset: 17,
  inputs: { x: f32(2, 3) },
  outputs: { z: f32(2, 3) },
  nodes: [
    node("Relu", ["x"], ["r"], {}, { name: "before" }),
    node("RandomUniformLike", ["r"], ["noise"], { seed: float(1), dtype: 1 }, { name: "draw" }),
    node("Add", ["r", "noise"], ["z"], {}, { name: "behind" }),
  ],
};

interface VerifyReport {
  readonly against: string;
  readonly agrees: boolean;
  readonly compared: number;
  readonly first: { readonly layer: string; readonly output: string } | null;
  readonly outputs: readonly { readonly output: string }[];
}

const reportOf = ({ stdout }: Outcome): VerifyReport => JSON.parse(stdout) as VerifyReport;

describe("wsc verify", () => {
  it.each(["onnxruntime-web", "interpreter"])("finds every layer of two examples as in %s", async (peer) => {
    for (const model of [digitsModel, transformerModel]) {
      const outcome = await wsc(["verify", model, "--against", peer, "--json"]);
      const { against, agrees, compared, first } = reportOf(outcome);
      expect({ against, agrees, first, code: outcome.code }).toEqual({
        against: peer,
        agrees: true,
        first: null,
        code: 0,
      });
      expect(compared).toBeGreaterThan(8);
    }
  });

  it("names the first layer that departs, and fails", async () => {
    writeFileSync(at("noisy.onnx"), await modelBytes(noisy));
    const outcome = await wsc(["verify", at("noisy.onnx"), "--against", "onnxruntime-web", "--json"]);
    expect(outcome.code).toBe(1);
    const { agrees, compared, first } = reportOf(outcome);
    expect({ agrees, compared }).toEqual({ agrees: false, compared: 3 });
    expect(first).toMatchObject({ layer: 'RandomUniformLike "draw"', output: "noise" });
    const text = await wsc(["verify", at("noisy.onnx"), "--against", "onnxruntime-web"]);
    expect(text.stdout).toMatch(/the first layer that departs is RandomUniformLike "draw": "noise" differs by/);
  });

  it("refuses what it cannot compare", async () => {
    const wrong = await wsc(["verify", digitsModel, "--tolerance", "-1"]);
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toMatch(/WSC8001: --tolerance takes a number from 0 on/);
    const unknown = await wsc(["verify", digitsModel, "--against", "onnxruntime-wep"]);
    expect(unknown.stderr).toMatch(/WSC8001.*did you mean "onnxruntime-web"/s);
  });
});

describe("wsc bench", () => {
  it("times both in turns: as many runs of each", async () => {
    const { code, stdout } = await wsc([
      "bench",
      digitsModel,
      "--against",
      "onnxruntime-web",
      "--seconds",
      "0.05",
      "--json",
    ]);
    const { rows, ratio } = JSON.parse(stdout) as {
      readonly rows: readonly { readonly name: string; readonly runs: number; readonly median: number }[];
      readonly ratio: number;
    };
    expect(code).toBe(0);
    expect(rows.map(({ name }) => name.split(" ")[0])).toEqual(["wsc", "onnxruntime-web"]);
    expect(rows[0]?.runs).toBeGreaterThan(0);
    expect(rows[0]?.runs).toBe(rows[1]?.runs);
    expect(ratio).toBeCloseTo((rows[1]?.median ?? NaN) / (rows[0]?.median ?? NaN), 6);
  });

  it("compares no folder with a runtime of models", async () => {
    const { code, stderr } = await wsc(["bench", at("nothing"), "--against", "onnxruntime-web"]);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/WSC\d{4}/);
  });
});

describe("wsc run --check", () => {
  beforeAll(async () => {
    const { code } = await wsc(["run", digitsModel, "--random", "3", "-o", at("data"), "--output-format", "pb"]);
    expect(code).toBe(0);
  });

  const check = (seed: string, ...more: string[]): Promise<Outcome> =>
    wsc(["run", digitsModel, "--random", seed, "--input-dir", at("data"), "--check", ...more]);

  it("agrees with the outputs of the same inputs, and not with those of others", async () => {
    const same = await check("3");
    expect(same.code).toBe(0);
    expect(same.stdout).toMatch(/probabilities is as expected: differs by 0/);
    const other = await check("4", "--json");
    expect(other.code).toBe(1);
    expect(JSON.parse(other.stdout)).toMatchObject({ checks: [{ name: "probabilities", agrees: false }] });
    expect((await check("4", "--tolerance", "10")).code).toBe(0);
  });

  it("needs outputs to compare with", async () => {
    const none = await wsc(["run", digitsModel, "--random", "3", "--check"]);
    expect(none.code).toBe(2);
    expect(none.stderr).toMatch(/WSC8001: --check compares with the outputs in --input-dir/);
    const empty = await wsc(["run", digitsModel, "--random", "3", "--check", "--input-dir", path.dirname(digitsModel)]);
    expect(empty.stderr).toMatch(/WSC1001: there are no expected outputs in/);
  });
});

describe("wsc completion", () => {
  it("prints a script, and names what may come next", async () => {
    expect((await wsc(["completion"])).stdout).toContain("--get-yargs-completions");
    const { stdout } = await wsc(["--get-yargs-completions", "wsc", "verify", "--"]);
    expect(stdout.split("\n")).toContain("--against");
  });
});

describe("wsc diff", () => {
  beforeAll(async () => {
    for (const [name, ...more] of [
      ["first"],
      ["same"],
      ["small", "--max-interval", "100000", "--objective", "cores"],
    ]) {
      const { code } = await wsc(["compile", digitsModel, "-o", at(name ?? ""), "-q", ...more]);
      expect(code).toBe(0);
    }
  });

  it("finds nothing between two equal compilations", async () => {
    expect(await wsc(["diff", at("first"), at("same")])).toEqual({ code: 0, stdout: "nothing changed\n", stderr: "" });
  });

  it("tells figures, layers and files that changed", async () => {
    const { stdout } = await wsc(["diff", at("first"), at("small"), "--json"]);
    const { figures, layers, files } = JSON.parse(stdout) as {
      readonly figures: readonly { readonly field: string; readonly before: number; readonly after: number }[];
      readonly layers: readonly { readonly kind: string }[];
      readonly files: readonly { readonly file: string; readonly change: string }[];
    };
    const interval = figures.find(({ field }) => field === "interval");
    expect(interval?.after).toBeGreaterThan(interval?.before ?? Infinity);
    const cores = figures.find(({ field }) => field === "cores");
    expect(cores?.after).toBeLessThan(cores?.before ?? 0);
    expect(layers.some(({ kind }) => kind === "changed")).toBe(true);
    expect(files).toContainEqual({ file: "placement.json", change: "changed" });
    expect(files.map(({ file }) => file)).not.toContain("weights.bin");
    const text = (await wsc(["diff", at("first"), at("small")])).stdout;
    expect(text).toMatch(/interval \(cycles\) +\d+ +\d+ +\+\d/);
  });
});
