/** `wsc simulate FOLDER`. */
import { simulationLevels } from "../../../ir/simulation-record.ts";
import { feedOptions, jsonOption } from "./options.ts";
import { type Verb, verb } from "./verb.ts";

export const simulateVerb: Verb = verb({
  name: "simulate",
  describe: "Run a compiled folder core by core on a simulated wafer",
  positionals: { model: { type: "string", demandOption: true, describe: "A compiled folder" } },
  options: {
    ...feedOptions,
    target: {
      alias: "t",
      type: "string",
      requiresArg: true,
      describe: "The machine that the model was placed on, where it is a JSON file of yours",
    },
    samples: { type: "number", requiresArg: true, default: 8, describe: "Samples that follow each other" },
    jitter: {
      type: "number",
      requiresArg: true,
      describe:
        "Seed of random stalls: same numbers; more cycles, at times a turn on a shared link fewer (docs/simulator.md)",
    },
    level: {
      choices: simulationLevels,
      requiresArg: true,
      describe: "Word by word, or streams with shares of links (default: word for up to 5,000 cores, and for parts)",
    },
    values: {
      type: "boolean",
      default: false,
      describe:
        "Compute the numbers at the stream level too; for a part: with the words that the whole program sends it",
    },
    report: { type: "string", requiresArg: true, describe: "File for the report, with what cores did" },
    rect: { type: "string", requiresArg: true, describe: "X,Y,WIDTH,HEIGHT: run only this rectangle of the wafer" },
    layer: { type: "string", requiresArg: true, describe: "Run only the rectangle that this layer lies in" },
    "what-if": {
      type: "boolean",
      default: false,
      describe: "Run again with hops, links, ramps, compute or memory free, and say what each would bring",
    },
    trace: { type: "string", requiresArg: true, describe: "File for the steps of all tasks in Chrome's trace format" },
    record: {
      type: "boolean",
      default: true,
      describe: "Keep the counts as simulation.json in the folder, for the report (--no-record: leave it as it is)",
    },
    ...jsonOption,
  },
  examples: [
    ["simulate out/model --random 1", "all of it, with inputs of seed 1"],
    ["simulate out/model --layer conv1 --what-if", "one layer, and what limits it"],
    ["simulate out/model --random 1 --trace steps.json", "open steps.json in Perfetto"],
  ],
  run: async (given) => (await import("../simulate.ts")).simulateModel(given),
});
