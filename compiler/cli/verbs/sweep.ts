/** `wsc sweep SPEC`, and `wsc sweep report DIR`. */
import { searchKinds } from "../../sweep/state/search-kinds.ts";
import { forceOption, jsonOption } from "./options.ts";
import { queueOptions } from "./worker.ts";
import { type Verb, verb } from "./verb.ts";

export const sweepVerb: Verb = verb({
  name: "sweep",
  describe: "Plan or compile every point of a design space, and find the frontier",
  positionals: {
    spec: { type: "string", demandOption: true, describe: "A specification (YAML or JSON), or the word report" },
    folder: { type: "string", describe: "For report: the folder of a sweep" },
  },
  options: {
    output: {
      alias: "o",
      type: "string",
      requiresArg: true,
      describe: "Folder of the sweep, which is its state (default: SPEC.sweep)",
    },
    jobs: {
      alias: "j",
      type: "number",
      requiresArg: true,
      describe: "Threads of this machine (default: as many as it runs)",
    },
    ...queueOptions,
    search: {
      choices: searchKinds,
      requiresArg: true,
      describe: "Not every point: those near the frontier, or near the best one",
    },
    budget: { type: "number", requiresArg: true, describe: "For --search: points at most" },
    seed: { type: "number", requiresArg: true, default: 0, describe: "Of --search" },
    quiet: { alias: "q", type: "boolean", default: false, describe: "Say nothing but errors" },
    ...forceOption,
    ...jsonOption,
  },
  examples: [
    ["sweep chips.yaml -o chips", "every point, on this machine's cores; run again, it goes on"],
    ["sweep chips.yaml --search pareto --budget 200", "the frontier with 200 points"],
    ["sweep chips.yaml --queue redis://host --store /shared/store", "by workers (wsc worker) on any machines"],
    ["sweep report chips", "tables and page of a sweep's folder, anew"],
  ],
  run: async (given) => (await import("../sweep.ts")).sweep(given),
});
