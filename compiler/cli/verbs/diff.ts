/** `wsc diff BEFORE AFTER`. */
import { jsonOption } from "./options.ts";
import { type Verb, verb } from "./verb.ts";

export const diffVerb: Verb = verb({
  name: "diff",
  describe: "Say what changed from one compilation to another: figures, layers, files",
  positionals: {
    before: { type: "string", demandOption: true, describe: "A compiled folder, or a placement" },
    after: { type: "string", demandOption: true, describe: "The later one" },
  },
  options: jsonOption,
  examples: [["diff out/v1 out/v2", "two folders of one model"]],
  run: async (given) => (await import("../diff-placements.ts")).diffPlacements(given),
});
