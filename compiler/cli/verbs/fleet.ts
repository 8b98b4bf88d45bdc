/** `wsc fleet`. */
import { configOption, jsonOption, numberOption } from "./options.ts";
import { contextOption, weightsOption } from "./planner-options.ts";
import { type Verb, verb } from "./verb.ts";

export const fleetVerb: Verb = verb({
  name: "fleet",
  describe: "What a power budget or a site gives: systems, copies of a model, users",
  positionals: {},
  options: {
    ...configOption,
    model: { alias: "m", type: "string", requiresArg: true, describe: "A model's name" },
    target: { alias: "t", type: "string", requiresArg: true, default: "wse3", describe: "wse3, h100x8, …" },
    power: { type: "string", requiresArg: true, describe: "Power of the site, as 750MW" },
    systems: numberOption("Systems of the site, instead of its power"),
    pue: { ...numberOption("Power of the site over that of its systems"), default: 1 },
    context: contextOption,
    weights: weightsOption,
    scenario: { type: "string", requiresArg: true, describe: "A named site or deal; wsc fleet lists them" },
    ...jsonOption,
  },
  examples: [
    ["fleet -m llama3.1-70b --power 750MW --pue 1.2", "a site of its own"],
    ["fleet --scenario openai-750mw", "a named one, beside what was published"],
  ],
  run: async (given) => (await import("../fleet.ts")).showFleet(given),
});
