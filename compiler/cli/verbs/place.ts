/** `wsc place GRAPH`. */
import { effortOption, forceOption, jsonOption } from "./options.ts";
import { type Verb, verb } from "./verb.ts";

export const placeVerb: Verb = verb({
  name: "place",
  describe: "Place a wafer placement contest graph (.kgraph)",
  positionals: {
    graph: { type: "string", demandOption: true, describe: "A .kgraph file" },
  },
  options: {
    output: { alias: "o", type: "string", requiresArg: true, describe: "File for the placement (default: stdout)" },
    "time-limit": {
      type: "number",
      requiresArg: true,
      default: 120,
      describe: "Seconds for the search; more never gives a worse placement",
    },
    ...effortOption,
    seed: { type: "number", requiresArg: true, default: 0, describe: "Of the search's random moves" },
    emit: {
      choices: ["ilp"] as const,
      describe: "Print the integer program of sizing and floorplan as CPLEX-LP text instead",
    },
    quiet: { alias: "q", type: "boolean", default: false, describe: "Say nothing but errors" },
    ...forceOption,
    ...jsonOption,
  },
  examples: [["place a.kgraph -o a.out --time-limit 60", "a minute of search"]],
  run: async (given) => (await import("../place.ts")).placeGraph(given),
});
