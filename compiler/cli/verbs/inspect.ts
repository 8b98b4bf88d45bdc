/** `wsc inspect MODEL`. */
import { dimOption, jsonOption, modelPlace } from "./options.ts";
import { type Verb, verb } from "./verb.ts";

export const inspectVerb: Verb = verb({
  name: "inspect",
  describe: "Say what is in a model and what of it is supported",
  positionals: modelPlace,
  options: {
    coverage: {
      type: "boolean",
      default: false,
      describe: "List which ops run where (wafer, host WASM, host JavaScript)",
    },
    target: {
      alias: "t",
      type: "string",
      requiresArg: true,
      describe: "Say whether it fits a machine, from its shapes: wse2, wse3, … or a JSON file",
    },
    ...dimOption,
    ...jsonOption,
  },
  examples: [
    ["inspect model.onnx", "inputs, outputs, operators, weights"],
    ["inspect model.onnx -t wse3", "does it fit, and how fast at best"],
    ["inspect model.onnx --coverage --dim batch=1", "which ops run where"],
  ],
  run: async (given) => (await import("../inspect.ts")).inspectModel(given),
});
