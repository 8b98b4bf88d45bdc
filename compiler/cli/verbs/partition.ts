/** `wsc partition GRAPH`. */
import { dimOption, forceOption, jsonOption, targetOption } from "./options.ts";
import { type Verb, verb } from "./verb.ts";

export const partitionVerb: Verb = verb({
  name: "partition",
  describe: "Split an operator graph over devices, or a model over wafers",
  positionals: {
    graph: { type: "string", demandOption: true, describe: "An operator graph as JSON, or an .onnx model" },
  },
  options: {
    devices: {
      alias: "k",
      type: "number",
      requiresArg: true,
      describe: "Accelerators (default: the graph's maxFPGAs)",
    },
    cpus: { type: "number", requiresArg: true, describe: "CPUs (default: the graph's maxCPUs)" },
    wafers: { alias: "w", type: "number", requiresArg: true, describe: "For a model: wafers to cut it over" },
    target: { ...targetOption, describe: "For a model: a machine (wsc targets), or a JSON file" },
    output: {
      alias: "o",
      type: "string",
      requiresArg: true,
      describe: "File for the split; for a model FILE.html: as a report",
    },
    "time-limit": {
      type: "number",
      requiresArg: true,
      default: 120,
      describe: "Seconds after which the best split found is taken; more never gives a worse one",
    },
    seed: { type: "number", requiresArg: true, default: 0, describe: "Of the search's random moves" },
    quiet: { alias: "q", type: "boolean", default: false, describe: "Say nothing but errors" },
    ...forceOption,
    ...dimOption,
    ...jsonOption,
  },
  examples: [
    ["partition graph.json --devices 4", "an operator graph over four accelerators"],
    ["partition model.onnx --wafers 2 -t wse3", "a model over two wafers"],
  ],
  run: async (given) => (await import("../partition.ts")).partitionGraph(given),
});
