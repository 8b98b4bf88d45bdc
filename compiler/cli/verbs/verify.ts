/** `wsc verify MODEL`. */
import { defaultTolerance, peerNames } from "../peer-names.ts";
import { dimOption, feedOptions, jsonOption, modelPlace } from "./options.ts";
import { type Verb, verb } from "./verb.ts";

export const verifyVerb: Verb = verb({
  name: "verify",
  describe: "Compare every layer's results with onnxruntime's, and name the first that departs",
  positionals: modelPlace,
  options: {
    against: {
      choices: [...peerNames, "interpreter"] as const,
      describe: "What to compare with (default: the package of onnxruntime that is installed, else the interpreter)",
    },
    tolerance: {
      type: "number",
      requiresArg: true,
      default: defaultTolerance,
      describe: "Largest difference of two elements, as a share of the output's largest magnitude",
    },
    ...feedOptions,
    ...dimOption,
    ...jsonOption,
  },
  examples: [
    ["verify model.onnx", "random inputs, against what is installed"],
    ["verify model.onnx --input-dir data --against interpreter", "inputs from files, no other package"],
  ],
  run: async (given) => (await import("../verify-layers.ts")).verifyLayers(given),
});
