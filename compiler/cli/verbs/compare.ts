/** `wsc compare MODEL`. */
import { configOption, jsonOption } from "./options.ts";
import { contextOption, namedModelPlace, splitLayersOption, usersOption, weightsOption } from "./planner-options.ts";
import { type Verb, verb } from "./verb.ts";

export const compareVerb: Verb = verb({
  name: "compare",
  describe: "A language model on several machines, beside published figures",
  positionals: namedModelPlace,
  options: {
    ...configOption,
    targets: {
      alias: "t",
      type: "string",
      requiresArg: true,
      default: "wse2,wse3,h100x8,b200x8",
      describe: "Machines, with commas between",
    },
    context: contextOption,
    users: usersOption,
    weights: weightsOption,
    "split-layers": splitLayersOption,
    ...jsonOption,
  },
  examples: [["compare llama3.1-70b -t wse3,h100x8", "a wafer beside eight GPUs"]],
  run: async (given) => (await import("../compare.ts")).compareMachines(given),
});
