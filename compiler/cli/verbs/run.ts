/** `wsc run MODEL`. */
import { precisions } from "../../../ir/kernel-graph.ts";
import { defaultLoopIterations } from "../../../runtime/loop-limit.ts";
import { defaultTolerance } from "../peer-names.ts";
import { dimOption, feedOptions, forceOption, jsonOption } from "./options.ts";
import { type Verb, verb } from "./verb.ts";

export const runVerb: Verb = verb({
  name: "run",
  describe: "Run a compiled folder, or a model",
  positionals: {
    model: { type: "string", demandOption: true, describe: "A compiled folder or an .onnx model" },
  },
  options: {
    ...feedOptions,
    "output-dir": { alias: "o", type: "string", requiresArg: true, describe: "Folder for the outputs" },
    "output-format": {
      choices: ["npy", "pb"] as const,
      default: "npy" as const,
      describe: "Form of the written outputs",
    },
    check: {
      type: "boolean",
      default: false,
      describe: "Compare the outputs with output_0.pb, … or NAME.npy in --input-dir",
    },
    tolerance: {
      type: "number",
      requiresArg: true,
      default: defaultTolerance,
      describe: "For --check: largest difference, as a share of the output's largest magnitude",
    },
    verify: {
      type: "boolean",
      default: true,
      describe: "For a compiled folder: check its files against their digests (--no-verify skips it)",
    },
    deterministic: {
      type: "boolean",
      default: false,
      describe: "Plain SIMD in a fixed order: the same bits on every machine",
    },
    "join-vectors": {
      type: "boolean",
      default: true,
      describe:
        "Vectors of 256 bits where the engine is known to join them (Node 24 and 26; --no-join-vectors turns it off)",
    },
    precision: {
      choices: precisions,
      default: "f32" as const,
      describe: "For a model: round what layers read and make as on the wafer, and say what that does to the outputs",
    },
    repeat: { type: "number", requiresArg: true, default: 1, describe: "Run so often; times are printed" },
    threads: {
      type: "number",
      requiresArg: true,
      default: 1,
      describe: "Threads that share the work (0: as many as the machine runs); results are the same",
    },
    "max-loop-iterations": {
      type: "number",
      requiresArg: true,
      describe: `Iterations after which a Loop that would go on is an error; default ${defaultLoopIterations}`,
    },
    tuning: {
      type: "string",
      requiresArg: true,
      describe: "For a model: file of choices for kernels (wsc compile --tune); a compiled folder has its own",
    },
    ...forceOption,
    ...dimOption,
    ...jsonOption,
  },
  examples: [
    ["run out/model --random 1", "random inputs of seed 1"],
    ["run model.onnx -i image=cat.npy -o results", "inputs and outputs as files"],
    ["run model.onnx --input-dir data --check", "against the outputs that lie there"],
  ],
  run: async (given) => (await import("../run.ts")).runModel(given),
});
