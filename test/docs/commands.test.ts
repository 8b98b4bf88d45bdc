/**
 * Every command that README and docs show is run, in one folder that has the files they name. Those that cannot be (hours, gigabytes, a network) are
 * listed with the reason, and at least parsed as strictly as any.
 */
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseCommandLine, runCommandLine } from "../../compiler/cli/command-line.ts";
import { reportFailure } from "../../compiler/cli/failure.ts";
import { encodeNpy } from "../../compiler/cli/npy.ts";
import type { OnnxType } from "../../compiler/frontend/onnx.ts";
import { makeTensor, type TensorData } from "../../ir/tensor.ts";
import { writeSamples } from "../../scripts/sample-inputs.mjs";
import { wsc } from "../cli/run-cli.ts";
import { smallTarget } from "../fabric/placed.ts";
import { f32, modelBytes, node, tensorBytes } from "../helpers/onnx-builder.ts";
import { digitsModel, root } from "../helpers/programs.ts";
import { scratchFolder } from "../helpers/scratch.ts";
import { commandsOf, pages, type ShownCommand } from "./command-lines.ts";

/** Commands that are parsed and no more, by how they begin, and why. */
const parsedOnly: readonly (readonly [start: string, reason: string])[] = [
  ["model llama3.1-405b", "writes a file of 812 GB, of holes"],
  ["model llama3.1-8b", "writes 16 GB of weights"],
  ["model grok-1", "writes embeddings for 131,072 tokens; test/planner writes small models"],
  ["sweep chips.yaml --queue", "needs a Redis server; test/sweep has one"],
  ["sweep chips.yaml --search pareto --budget 200", "200 plans; test/sweep searches with fewer"],
  ["sweep examples/sweep/chips.yaml", "hundreds of plans; test/sweep runs specifications"],
  ["worker", "needs a Redis server; test/sweep has one"],
  ["verify model.onnx", "loads onnxruntime; test/cli/compare-verbs runs it"],
  ["bench model.onnx --against onnxruntime-web", "loads onnxruntime; test/cli/compare-verbs runs it"],
  ["compile model.onnx --join-vectors", "warns where the engine has none; test/runtime/joined-vectors has one"],
];

/** Commands that are shown because they end otherwise. */
const failing: readonly string[] = ["plan llama3.1-70b --wafers 3"];

/** Long searches and measurements are cut: what is tested is that the command does what it says. */
const shortened = (text: string): string =>
  text
    .replace(/--tune \d+/, "--tune 0.5")
    .replace(/--time-limit \d+/, "--time-limit 1")
    .replace(/--effort \d+/, "--effort 0.05")
    // a wafer has thousands of mappings for each layer; what names its coordinates is placed on one all the same, and a range of sizes on none
    .replace(/^(compile (?!.*(?:-t |--target|--pin|--defects|\.\.)).*)$/, "$1 -t medium.json")
    .replace(/^(report (?!chips)(?!.* -t ).*)$/, "$1 -t medium.json")
    // a program on all of a wafer's cores takes hours to run word by word
    .replace(/^simulate \S+( -t small\.json)?/, "simulate small.wsc -t small.json")
    .replace(/--repeat \d+/, "--repeat 2")
    .replace(/^(place G\.kgraph -o G\.paint)$/, "$1 --time-limit 1")
    .replace(/^(partition (?!.*--time-limit).*)$/, "$1 --time-limit 1")
    .replace(/^(compile(?!.*(?:--time-limit|--effort|--emit)).*)$/, "$1 --effort 0.05")
    .replace(/^(profile .*)$/, "$1 --seconds 0.1")
    .replace(/^(bench .*) --seconds \d+$/, "$1 --seconds 0.1")
    .replace(/^validate(?!.*--no-simulate)/, "validate --no-simulate");

const scratch = scratchFolder("docs");
const home = process.cwd();
afterAll(() => {
  process.chdir(home);
  scratch.remove();
});

/** A small network of convolutions with the names and sizes that the pages speak of. */
const network = (batch: number | "batch"): Promise<Uint8Array> => {
  const random = sampler();
  const tensor = (...dims: number[]): TensorData =>
    makeTensor("f32", dims, Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, random));
  const image: OnnxType = f32(batch, 3, 16, 16);
  return modelBytes({
    opset: 17,
    inputs: { image },
    outputs: { scores: f32(batch, 10) },
    initializers: { w1: tensor(8, 3, 3, 3), w3: tensor(10, 8), b3: tensor(10) },
    nodes: [
      node("Conv", ["image", "w1"], ["c1"], { pads: [1, 1, 1, 1] }, { name: "/conv1/Conv" }),
      node("Relu", ["c1"], ["r1"], {}, { name: "/relu1/Relu" }),
      node("GlobalAveragePool", ["r1"], ["p"], {}, { name: "/pool/GlobalAveragePool" }),
      node("Flatten", ["p"], ["flat"], {}, { name: "/flat/Flatten" }),
      node("Gemm", ["flat", "w3", "b3"], ["scores"], { transB: 1 }, { name: "/fc/Gemm" }),
    ],
  });
};

function sampler(): () => number {
  let state = 1;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647 - 0.5;
  };
}

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Verbs whose threads load what is built, and not these sources. */
const inThreads = /^(?:place|partition|sweep) /;

/** Runs a command, in this process where that is possible: what it prints, and its exit code. */
async function run(text: string): Promise<Ended> {
  if (inThreads.test(text)) return wsc(text.split(/\s+/), scratch.path);
  const printed = { stdout: "", stderr: "" };
  const spies = (["stdout", "stderr"] as const).map((stream) =>
    jest.spyOn(process[stream], "write").mockImplementation((chunk) => {
      printed[stream] += String(chunk);
      return true;
    }),
  );
  try {
    const code = await runCommandLine(text.split(/\s+/), "0.0.0").catch(reportFailure);
    return { code, ...printed };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

beforeAll(async () => {
  process.chdir(scratch.path);
  const model = await network(1);
  const open = await network("batch");
  writeFileSync("model.onnx", model);
  writeFileSync("open.onnx", open);
  const image = makeTensor("f32", [1, 3, 16, 16], Float32Array.from({ length: 768 }, sampler()));
  for (const file of ["image.npy", "cat.npy"]) writeFileSync(file, encodeNpy(image) ?? "");
  for (const folder of ["data", "test_data_set_0"]) {
    mkdirSync(folder);
    writeFileSync(path.join(folder, "input_0.pb"), await tensorBytes(image));
  }
  writeFileSync("image.pb", await tensorBytes(image));
  writeFileSync("wafer-17.defects", "700 900\n");
  const { stdout: machine } = await run("targets wse2");
  for (const file of ["my-mesh.json", "mesh.json"]) writeFileSync(file, machine);
  writeSamples(".");
  writeFileSync("chips.yaml", "do: plan\naxes:\n  model: [llama3.1-8b]\n  users: [1, 8]\nfixed:\n  target: wse3\n");
  writeFileSync(
    "config.json",
    JSON.stringify({
      model_type: "llama",
      architectures: ["LlamaForCausalLM"],
      hidden_size: 64,
      intermediate_size: 96,
      num_hidden_layers: 2,
      num_attention_heads: 4,
      num_key_value_heads: 2,
      vocab_size: 128,
      max_position_embeddings: 64,
      rms_norm_eps: 1e-5,
      rope_theta: 1e4,
    }),
  );
  cpSync(digitsModel, "digits.onnx");
  cpSync(path.join(root, "examples"), "examples", { recursive: true });
  writeFileSync(
    "wsc.config.json",
    JSON.stringify({ models: { digits: { source: "digits.onnx", effortSeconds: 0.05 } } }),
  );
  writeFileSync("medium.json", JSON.stringify({ ...smallTarget(64, 80), name: "medium" }));
  const compiled = await run("compile model.onnx -o out/model -t medium.json --effort 0.05 --no-fuse");
  expect(compiled).toMatchObject({ code: 0 });
  writeFileSync("small.json", JSON.stringify({ ...smallTarget(16, 12), name: "small" }));
  const small = await run("compile model.onnx -t small.json -o small.wsc --effort 0.05 --no-fuse");
  expect(small).toMatchObject({ code: 0 });
  for (const folder of ["model.wsc", "out/old", "out/v1", "out/v2"]) cpSync("out/model", folder, { recursive: true });
  expect(await run("compile model.onnx --tune 0.2 -t medium.json --effort 0.05 -q -o out/tuned")).toMatchObject({
    code: 0,
  });
});

/** What was wrong with a command; null where nothing was. */
async function faultOf({ place, text }: ShownCommand): Promise<string | null> {
  const reason = parsedOnly.find(([start]) => text.startsWith(start))?.[1];
  if (reason !== undefined) {
    const refusal = await parseCommandLine(text.split(/\s+/)).then(
      () => null,
      (error: unknown) => String(error),
    );
    return refusal === null ? null : `${place}: wsc ${text}\n${refusal}`;
  }
  const command = shortened(text.includes("--dim batch=1") ? text.replace("model.onnx", "open.onnx") : text);
  const { code, stderr } = await run(command);
  const expected = failing.includes(text) ? 1 : 0;
  return code === expected ? null : `${place}: wsc ${text} ends with ${code}\n${stderr}`;
}

describe("commands of the pages", () => {
  it("are found", () => {
    expect(pages.flatMap(commandsOf).length).toBeGreaterThan(100);
  });

  const seen = new Set<string>();
  it.each(pages.filter((page) => commandsOf(page).length > 0))(
    "%s: each does what it says",
    async (page) => {
      const faults: string[] = [];
      for (const command of commandsOf(page)) {
        if (seen.has(command.text)) continue;
        seen.add(command.text);
        const fault = await faultOf(command);
        if (fault !== null) faults.push(fault);
      }
      expect(faults).toEqual([]);
      // a page of a hundred commands, on a machine with others at work
    },
    900_000,
  );

  it("that are only parsed stand on a page", () => {
    const shown = pages.flatMap(commandsOf).map(({ text }) => text);
    expect(parsedOnly.filter(([start]) => !shown.some((text) => text.startsWith(start)))).toEqual([]);
    expect(failing.filter((text) => !shown.includes(text))).toEqual([]);
  });
});
