/** `wsc validate [TABLE]`. */
import { jsonOption } from "./options.ts";
import { type Verb, verb } from "./verb.ts";

export const validateVerb: Verb = verb({
  name: "validate",
  describe: "Compare the cost model with published measurements",
  positionals: {
    table: { type: "string", describe: "One of the tables" },
  },
  options: {
    model: { type: "string", requiresArg: true, describe: "Only rows of this language model" },
    target: { type: "string", requiresArg: true, describe: "Only rows of this machine: wse2 or wse3" },
    simulate: {
      type: "boolean",
      default: true,
      describe: "Run reduces word by word, which takes ten seconds (--no-simulate leaves them out)",
    },
    ...jsonOption,
  },
  examples: [["validate --target wse2", "rows of one machine"]],
  run: async (given) => (await import("../validate.ts")).validateTables(given),
});
