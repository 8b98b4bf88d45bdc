/** `wsc bench MODEL`. */
import { peerNames } from "../peer-names.ts";
import { dimOption, feedOptions, jsonOption } from "./options.ts";
import { type Verb, verb } from "./verb.ts";

export const benchVerb: Verb = verb({
  name: "bench",
  describe: "Time a model or a compiled folder, alone or in turns with onnxruntime",
  positionals: {
    model: { type: "string", demandOption: true, describe: "An .onnx model, or a compiled folder" },
  },
  options: {
    against: { choices: peerNames, describe: "The runtime to compare with, which the project has installed" },
    seconds: { type: "number", requiresArg: true, default: 5, describe: "How long" },
    threads: { type: "number", requiresArg: true, default: 1, describe: "Threads, for both sides" },
    deterministic: { type: "boolean", default: false, describe: "Plain SIMD, as wsc run --deterministic" },
    ...feedOptions,
    ...dimOption,
    ...jsonOption,
  },
  examples: [
    ["bench model.onnx --against onnxruntime-web", "both in one process, run by run in turns"],
    ["bench out/model --seconds 2", "a compiled folder alone"],
  ],
  run: async (given) => (await import("../bench-model.ts")).benchModel(given),
});
