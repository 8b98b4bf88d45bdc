/** `wsc plan MODEL`. */
import { planModes, planObjectives } from "../../planner/plan/plan-names.ts";
import { configOption, forceOption, jsonOption, numberOption, targetOption } from "./options.ts";
import { contextOption, namedModelPlace, splitLayersOption, usersOption, weightsOption } from "./planner-options.ts";
import { type Verb, verb } from "./verb.ts";

export const planVerb: Verb = verb({
  name: "plan",
  describe: "Plan a language model on wafers: how many, how fast, what limits it",
  positionals: namedModelPlace,
  options: {
    ...configOption,
    target: {
      ...targetOption,
      default: "wse3",
      describe: "wse3, cs3, dojo-exapod, … or a JSON file",
    },
    mode: { choices: planModes, default: "auto" as const, describe: "How layers and weights lie" },
    wafers: {
      alias: "w",
      type: "string",
      requiresArg: true,
      default: "auto",
      describe: "So many at most, or auto: as few as hold it",
    },
    objective: { choices: planObjectives, default: "latency" as const, describe: "What the plan is good at" },
    context: contextOption,
    batch: numberOption("Sequences that a step works on"),
    users: usersOption,
    weights: weightsOption,
    speculative: {
      type: "string",
      requiresArg: true,
      describe: "K,ACCEPTANCE: K tokens written ahead, so many of them confirmed",
    },
    "split-layers": splitLayersOption,
    train: { type: "boolean", default: false, describe: "A training step with streamed weights" },
    sweep: {
      type: "string",
      requiresArg: true,
      describe: "context=1024:4096,batch=1..8,weights=fp16:int8: a row for each",
    },
    output: {
      alias: "o",
      type: "string",
      requiresArg: true,
      describe: "File for the plan as JSON; FILE.html: as a page",
    },
    ...forceOption,
    ...jsonOption,
  },
  examples: [
    ["plan llama3.1-70b", "wafers, speeds and what limits them, for one user"],
    ["plan gpt-oss-120b --weights mxfp4 --users 64 -o plan.html", "many users, as a page"],
    ["plan llama3.1-8b --sweep context=1024:4096,weights=fp16:int8", "a row for each point"],
  ],
  run: async (given) => (await import("../plan.ts")).showPlan(given),
});
