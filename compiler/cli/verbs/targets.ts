/** `wsc targets [NAME]`. */
import { jsonOption } from "./options.ts";
import { type Verb, verb } from "./verb.ts";

export const targetsVerb: Verb = verb({
  name: "targets",
  describe: "List the machines, or describe one",
  positionals: {
    name: { type: "string", describe: "A target's name or a JSON file" },
  },
  options: jsonOption,
  examples: [["targets wse3", "all of one machine, with sources"]],
  run: async (given) => (await import("../targets.ts")).listTargets(given),
});
