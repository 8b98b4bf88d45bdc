/** `wsc report DIR [OTHER]`. */
import { forceOption, jsonOption } from "./options.ts";
import { type Verb, verb } from "./verb.ts";

export const reportVerb: Verb = verb({
  name: "report",
  describe: "Draw a compiled folder as a page: where layers lie, what limits; or compare two",
  positionals: {
    folder: { type: "string", demandOption: true, describe: "A compiled folder" },
    other: { type: "string", describe: "A later one to compare with" },
  },
  options: {
    output: {
      alias: "o",
      type: "string",
      requiresArg: true,
      describe: "File for the page (default: FOLDER.report.html)",
    },
    svg: { type: "string", requiresArg: true, describe: "File for the map alone, as SVG" },
    ascii: { type: "boolean", default: false, describe: "Print the map as text" },
    columns: { type: "number", requiresArg: true, default: 78, describe: "For --ascii: characters across" },
    simulation: {
      type: "string",
      requiresArg: true,
      describe: "What wsc simulate --json printed (default: simulation.json in the folder, if it is there)",
    },
    target: {
      alias: "t",
      type: "string",
      requiresArg: true,
      describe: "The machine that the model was placed on, where it is a JSON file of yours",
    },
    ...forceOption,
    ...jsonOption,
  },
  examples: [
    ["report out/model", "the page out of a compiled folder"],
    ["report out/v1 out/v2 -o changes.html", "what changed from one to the other"],
    ["report out/model --ascii", "the map in the terminal"],
  ],
  run: async (given) => (await import("../report.ts")).reportVerb(given),
});
