/** `wsc ops [NAMES]`. */
import { jsonOption } from "./options.ts";
import { type Verb, verb } from "./verb.ts";

export const opsVerb: Verb = verb({
  name: "ops",
  describe: "List the supported operators with their opsets, or say whether these are",
  positionals: {
    names: { type: "string", array: true, default: [] as string[], describe: "Names of operators" },
  },
  options: jsonOption,
  examples: [["ops Conv com.microsoft::Gelu", "whether these are supported"]],
  run: async (given) => (await import("../ops.ts")).listOperators(given),
});
