/** Named models: their sizes, their files, and what is said of configurations that cannot be. */
import { afterAll, describe, expect, it } from "@jest/globals";
import { execFileSync, spawnSync } from "node:child_process";
import { statSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { WscError } from "../../ir/diagnostic.ts";
import { draftOf, shapeOf } from "../../compiler/planner/models/build.ts";
import { readConfig } from "../../compiler/planner/models/hugging-face.ts";
import { namedModel, namedModels } from "../../compiler/planner/models/named/index.ts";
import { modelFiles } from "../../compiler/planner/models/write.ts";
import { wsc } from "../cli/run-cli.ts";
import { scratchFolder } from "../helpers/scratch.ts";

const scratch = scratchFolder("models");
afterAll(scratch.remove);
const inScratch = (name: string): string => path.join(scratch.path, name);

/** Billions of parameters as published or counted from published checkpoints (Switch: the paper's 1,571 and 395). */
const published: Readonly<Record<string, number>> = {
  "gpt3-6.7b": 6.66,
  "gpt3-13b": 12.85,
  "gpt3-175b": 174.59,
  "gpt-neox-20b": 20.55,
  "gopher-280b": 279.7,
  "dalle-12b": 12.29,
  "llama3.1-8b": 8.03,
  "llama3.1-70b": 70.55,
  "llama3.1-405b": 405.85,
  "mistral-large-2": 122.61,
  "qwen3-32b": 32.76,
  "qwen3-235b": 235.09,
  "grok-1": 315.68,
  "gpt-oss-120b": 116.79,
  "deepseek-r1": 671.0,
  "kimi-k2": 1026.4,
  "switch-c": 1571.38,
  "switch-xxl": 394.67,
};

/** Bytes of cache per token in float16. */
const cacheBytes: Readonly<Record<string, number>> = {
  "gpt-neox-20b": 1_081_344,
  "dalle-12b": 1_015_808,
  "gpt3-175b": 4_718_592,
  "gopher-280b": 5_242_880,
  "mistral-large-2": 360_448,
  "llama3.1-8b": 131_072,
  "llama3.1-70b": 327_680,
  "llama3.1-405b": 516_096,
  "grok-1": 262_144,
  "gpt-oss-120b": 73_728,
};

describe("named models", () => {
  it.each(Object.entries(published))("%s has %d billion parameters", (name, billions) => {
    const { parameters } = shapeOf(namedModel(name));
    expect(Math.abs(parameters / (billions * 1e9) - 1)).toBeLessThan(1e-3);
  });

  it.each(Object.entries(cacheBytes))("%s keeps %d bytes of a token", (name, bytes) => {
    expect(2 * shapeOf(namedModel(name)).layers.reduce((sum, { cache }) => sum + cache, 0)).toBe(bytes);
  });

  it("are found by the nearest name", () => {
    expect(() => namedModel("llama3.1-80b")).toThrow('did you mean "llama3.1-8b"?');
  });
});

const python = "/usr/bin/python3";
const hasOnnx = spawnSync(python, ["-c", "import onnx"]).status === 0;
if (!hasOnnx) console.warn(`skipped: ${python} has no onnx, whose checker reads the written models`);

const check = `
import sys, onnx
for f in sys.argv[1:]:
    onnx.checker.check_model(f)
    onnx.shape_inference.infer_shapes(onnx.load(f, load_external_data=False), check_type=True, strict_mode=True, data_prop=True)
print("accepted", len(sys.argv) - 1)
`;

describe("files of models", () => {
  (hasOnnx ? it : it.skip)(
    "are accepted by onnx, every name and both steps",
    async () => {
      const files: string[] = [];
      for (const config of namedModels.values())
        for (const step of ["prefill", "decode"] as const) {
          const name = `${config.name}-${step}.onnx`;
          const sequence = Math.min(4096, config.context);
          const draft = draftOf(config, { dtype: "f16", step, batch: 1, sequence });
          const { model, data } = await modelFiles(draft, config.name, `${name}.data`, null);
          writeFileSync(inScratch(name), model);
          writeFileSync(inScratch(`${name}.data`), "");
          truncateSync(inScratch(`${name}.data`), data.byteLength);
          files.push(inScratch(name));
        }
      expect(execFileSync(python, ["-c", check, ...files], { encoding: "utf8" })).toContain(`accepted ${files.length}`);
    },
    600_000,
  );

  it("take no place with sparse weights, and are written again over themselves", async () => {
    const file = inScratch("giant.onnx");
    for (let time = 0; time < 2; time++) {
      const { code, stderr } = await wsc(["model", "switch-c", "--sparse-weights", "-o", file]);
      expect([code, stderr]).toEqual([0, expect.stringContaining("1571375798688 parameters")]);
    }
    const data = statSync(`${file}.data`);
    expect(data.size).toBeGreaterThan(3e12);
    expect(data.blocks).toBe(0);
  });

  it("are inspected from their shapes", async () => {
    const file = inScratch("inspected.onnx");
    await wsc(["model", "llama3.1-405b", "--decode", "--sparse-weights", "-q", "-o", file]);
    const { code, stdout } = await wsc(["inspect", file, "--json"]);
    const { parameters, supported } = JSON.parse(stdout) as { parameters: { count: number }; supported: boolean };
    expect([code, supported]).toEqual([0, true]);
    expect(Math.abs(parameters.count / 405_853_388_800 - 1)).toBeLessThan(1e-6);
  });

  it("are refused where a context is longer than the model's", async () => {
    const { code, stderr } = await wsc(["model", "gpt3-175b", "--seq", "4096", "-o", inScratch("long.onnx")]);
    expect(code).toBe(1);
    expect(stderr).toContain("error WSC1011: gpt3-175b: 4096 tokens are more than gpt3-175b's 2048");
  });
});

const llama = {
  model_type: "llama",
  hidden_size: 4096,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  num_hidden_layers: 32,
  intermediate_size: 14_336,
  vocab_size: 128_256,
  max_position_embeddings: 131_072,
  rms_norm_eps: 1e-5,
  rope_theta: 500_000,
  hidden_act: "silu",
};

/** Messages about a configuration. */
function problems(config: Readonly<Record<string, unknown>>): readonly string[] {
  try {
    readConfig(config, "config.json");
    return [];
  } catch (error) {
    if (!(error instanceof WscError)) throw error;
    return error.diagnostics.map(({ message, hint }) => (hint === undefined ? message : `${message}; ${hint}`));
  }
}

describe("config.json", () => {
  it("gives the named model's sizes", () => {
    expect(shapeOf(readConfig(llama, "config.json")).parameters).toBe(shapeOf(namedModel("llama3.1-8b")).parameters);
  });

  it("is refused by the field that is wrong, all of them at once", () => {
    expect(problems({ ...llama, num_key_value_heads: 7 })).toEqual([
      "num_key_value_heads (7) does not divide num_attention_heads (32)",
    ]);
    expect(problems({ ...llama, hidden_size: 4100, vocab_size: -1 })).toEqual([
      "num_attention_heads (32) does not divide hidden_size (4100)",
      "vocab_size must be a positive whole number, not -1",
    ]);
    expect(problems({ ...llama, hidden_act: "sulu" })[0]).toContain(
      'hidden_act "sulu" is not known; did you mean "silu"?',
    );
    expect(problems({ ...llama, model_type: "lama" })[0]).toContain(
      'model_type "lama" is not known; did you mean "llama"?',
    );
    const { intermediate_size: _, ...without } = llama;
    expect(problems(without)).toEqual(["intermediate_size is missing"]);
  });

  it("is read by the command line", async () => {
    const file = inScratch("config.json");
    writeFileSync(file, JSON.stringify({ ...llama, num_hidden_layers: 2 }));
    const { code, stdout } = await wsc([
      "model",
      "--config",
      file,
      "--sparse-weights",
      "--json",
      "-o",
      inScratch("read.onnx"),
    ]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ step: "prefill", tokens: 4096, weights: 2 * 9 + 3 });
  });
});
