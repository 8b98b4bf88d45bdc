/** `wsc profile MODEL`. */
import { dimOption, feedOptions, jsonOption } from "./options.ts";
import { type Verb, verb } from "./verb.ts";

export const profileVerb: Verb = verb({
  name: "profile",
  describe: "Time every layer of a model or a compiled folder, beside what this machine can do at most",
  positionals: {
    model: { type: "string", demandOption: true, describe: "A compiled folder or an .onnx model" },
  },
  options: {
    seconds: { type: "number", requiresArg: true, default: 3, describe: "How long runs are timed" },
    top: { type: "number", requiresArg: true, describe: "Only so many layers, the longest ones" },
    threads: { type: "number", requiresArg: true, default: 1, describe: "Threads that share the work" },
    deterministic: { type: "boolean", default: false, describe: "Plain SIMD, as wsc run --deterministic" },
    ...feedOptions,
    ...dimOption,
    ...jsonOption,
  },
  examples: [
    ["profile out/model", "layers of a compiled folder, on random inputs"],
    ["profile model.onnx --top 10", "the ten that take longest"],
    ["profile out/model --json", "every layer and the measured limits as JSON"],
  ],
  run: async (given) => (await import("../profile.ts")).profileModel(given),
});
