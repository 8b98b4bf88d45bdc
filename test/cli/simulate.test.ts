import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { compile } from "../../compiler/compile.ts";
import { writeArtifact } from "../../compiler/artifact.ts";
import { models, placed, smallTarget } from "../fabric/placed.ts";
import { modelBytes } from "../helpers/onnx-builder.ts";
import { scratchFolder } from "../helpers/scratch.ts";
import { wsc } from "./run-cli.ts";

const scratch = scratchFolder("simulate");
afterAll(scratch.remove);

const target = { ...smallTarget(12, 8), name: "small" };

/** Compiles a model, its ops placed each on its own, as a folder. */
async function compiled(name: keyof typeof models): Promise<void> {
  const spec = models[name]();
  const model = await compile({ name: `${name}.onnx`, bytes: await modelBytes(spec) }, { target });
  const { kernels, placement } = await placed(spec, target);
  await writeArtifact({ ...model, kernels, placement: { ...placement, model: name } }, path.join(scratch.path, name));
}

interface Summary {
  readonly error: number | null;
  readonly cycles: number;
  readonly words: number;
}

describe("wsc simulate", () => {
  beforeAll(async () => {
    writeFileSync(path.join(scratch.path, "small.json"), JSON.stringify(target));
    await compiled("mlp");
    await compiled("softmax");
    await compiled("cumulative");
  });

  it("runs a folder core by core, with the host's numbers", async () => {
    const { code, stdout, stderr } = await wsc(
      ["simulate", "mlp", "-t", "small.json", "--random", "3", "--json"],
      scratch.path,
    );
    expect(stderr).toBe("");
    expect(code).toBe(0);
    const summary = JSON.parse(stdout) as {
      error: number;
      interval: number;
      latency: number;
      cycles: number;
      words: number;
    };
    expect(summary.error).toBeLessThan(1e-5);
    expect(summary.latency).toBeGreaterThan(summary.interval);
    expect(summary.cycles).toBeGreaterThan(summary.latency);
    expect(summary.words).toBeGreaterThan(0);
    expect(summary).toMatchObject({
      model: "mlp",
      target: "small",
      samples: 8,
      layers: [{ name: "Gemm_0" }, { name: "Gemm_2" }],
    });
  });

  it("gives the same numbers with stalls, and says what it saw", async () => {
    const args = ["simulate", "mlp", "-t", "small.json", "--random", "3", "--jitter", "5"];
    const { code, stdout } = await wsc(args, scratch.path);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^mlp on small, word level: 8 samples in \d+ cycles, \d+ words over links\ninterval .*the certificate says/,
    );
    expect((await wsc(args, scratch.path)).stdout).toBe(stdout);
  });

  it("runs streams instead of words where it is told to, with numbers and without", async () => {
    const args = ["simulate", "mlp", "-t", "small.json", "--random", "3", "--json"];
    const read = async (...more: string[]): Promise<Summary> =>
      JSON.parse((await wsc([...args, ...more], scratch.path)).stdout) as Summary;
    const word = await read();
    const stream = await read("--level", "stream", "--values");
    expect(stream.error).toBeLessThan(1e-5);
    expect(stream.words).toBe(word.words);
    expect(Math.abs(stream.cycles / word.cycles - 1)).toBeLessThan(0.03);
    expect(await read("--level", "stream")).toEqual({ ...stream, error: null });
    const { code, stderr } = await wsc([...args, "--level", "stream", "--jitter", "1"], scratch.path);
    expect(code).toBe(2);
    expect(stderr).toMatch(/--jitter stalls single words/);
  });

  it("refuses by name what has no fabric program", async () => {
    const { code, stderr } = await wsc(["simulate", "cumulative", "-t", "small.json", "--random", "3"], scratch.path);
    expect(code).toBe(1);
    expect(stderr).toMatch(/WSC5007: layer "sums": cumulative has no fabric program/);
  });

  it("refuses a folder that was altered or lacks its constants", async () => {
    rmSync(path.join(scratch.path, "softmax", "fabric.bin"));
    const { code, stderr } = await wsc(["simulate", "softmax", "-t", "small.json", "--random", "3"], scratch.path);
    expect(code).toBe(1);
    expect(stderr).toMatch(/WSC7004: fabric\.bin/);
  });
});
