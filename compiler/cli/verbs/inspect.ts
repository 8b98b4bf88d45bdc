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
    ...dimOption,
    ...jsonOption,
  },
  examples: [
    ["inspect model.onnx", "inputs, outputs, operators, weights"],
    ["inspect model.onnx --coverage --dim batch=1", "which ops run where"],
  ],
  run: async (given) => (await import("../inspect.ts")).inspectModel(given),
});
