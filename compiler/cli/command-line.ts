/** The verbs of `wsc` and how their arguments are read. A verb's body is a file of its own, loaded when the verb is called. */
import yargs, { type Argv } from "yargs";
import type { PlacementObjective } from "../placement/place.ts";
import { weightFormats } from "../planner/plan/weight-formats.ts";
import { planModes, planObjectives } from "../planner/plan/plan-names.ts";
import { WscError } from "../../ir/diagnostic.ts";
import { precisions } from "../../ir/kernel-graph.ts";
import { exitCodes, writeError } from "./failure.ts";
import { usageError, type VerbTable } from "./usage-errors.ts";
import { verbs } from "./verbs/index.ts";
import { dimOption, effortOption, forceOption, jsonOption } from "./verbs/options.ts";

/** Values of `--emit`: where the pipeline stops. */
export const emitStages = ["graph", "kernels", "placement", "fabric", "program", "wat", "ilp"] as const;
export type EmitStage = (typeof emitStages)[number];

const objectives = ["throughput", "latency", "cores", "wire"] as const satisfies readonly PlacementObjective[];
const modes = ["auto", "pipeline", "resident", "stream"] as const;

/** An option that may be given more than once. */
const listOption = { type: "string", array: true, nargs: 1, default: [] as string[] } as const;

const compileOptions = {
  output: { alias: "o", type: "string", requiresArg: true, describe: "Folder (or file, with --emit) to write" },
  target: {
    alias: "t",
    type: "string",
    requiresArg: true,
    default: "wse2",
    describe: "wse1, wse2, wse3, dojo-d1, dojo-tile, or a JSON file",
  },
  mode: {
    choices: modes,
    default: "auto" as const,
    describe: "How layers share the wafer: each on its own cores, or one after the other on the same ones",
  },
  replicas: {
    type: "string",
    requiresArg: true,
    default: "1",
    describe: "Copies of the model side by side; auto: as many as give most samples per second",
  },
  precision: {
    choices: precisions,
    default: "f32" as const,
    describe: "What f32 operands are on the wafer; sums stay 32 bits (wsc run --precision says what that does)",
  },
  objective: { choices: objectives, default: "throughput" as const, describe: "What the placement is good at" },
  constraints: {
    type: "string",
    requiresArg: true,
    describe: "JSON file with pins, keepOut, deadCores, coLocate, maxInterval (docs/placement.md)",
  },
  pin: {
    ...listOption,
    describe: "LAYER=X,Y,WIDTH,HEIGHT: the layer lies in that rectangle; LAYER=X,Y: it begins there (repeatable)",
  },
  "keep-out": { ...listOption, describe: "X,Y,WIDTH,HEIGHT: no layer lies there (repeatable)" },
  defects: {
    type: "string",
    requiresArg: true,
    describe: "Map of dead cores: lines of `x y`, or JSON [[x, y], …]; or a share of them at random: 0.001, 0.001:SEED",
  },
  "co-locate": { ...listOption, describe: "LAYER,LAYER,…: these layers touch (repeatable)" },
  "max-interval": { type: "number", requiresArg: true, describe: "Cycles between two samples at most" },
  from: {
    type: "string",
    requiresArg: true,
    describe: "An earlier placement (folder, placement.json or text): layers stay where they can",
  },
  explain: { type: "boolean", default: false, describe: "Say what binds, where, and the least change that would help" },
  "time-limit": {
    type: "number",
    requiresArg: true,
    describe:
      "Seconds to search on for while better is possible, --explain included (default: some, and never over 120)",
  },
  ...effortOption,
  solver: { choices: ["auto", "glpk", "highs"] as const, default: "auto" as const, describe: "Integer program solver" },
  seed: {
    type: "number",
    requiresArg: true,
    default: 0,
    describe: "Recorded in the certificate; placement breaks ties in a fixed order",
  },
  tune: {
    type: "number",
    requiresArg: true,
    describe: "Seconds to measure kernels on this machine; better choices go to MODEL.tuning.json (or --tuning FILE)",
  },
  tuning: {
    type: "string",
    requiresArg: true,
    describe: "File of choices for kernels that --tune wrote: used, and gone on with if --tune is given",
  },
  "join-vectors": {
    type: "boolean",
    default: false,
    describe: "Add kernels for engines that join vectors to 256 bits (Node 24 to 26, experimental in V8)",
  },
  fuse: {
    type: "boolean",
    default: true,
    describe: "Let several ops be one layer (--no-fuse: each its own; wsc simulate needs that)",
  },
  emit: { choices: emitStages, describe: "Stop at a stage and print its text form" },
  "print-after": {
    type: "string",
    array: true,
    nargs: 1,
    default: [] as string[],
    describe: "Print the graph after a pass (or `all`) on stderr",
  },
  quiet: { alias: "q", type: "boolean", default: false, describe: "Say nothing but errors" },
  ...forceOption,
  ...dimOption,
  ...jsonOption,
} as const;

const numberOption = (describe: string) => ({ type: "number", requiresArg: true, describe }) as const;

const configOption = {
  config: { type: "string", requiresArg: true, describe: "A config.json in Hugging Face's form, instead of a name" },
} as const;

const modelOptions = {
  ...configOption,
  output: { alias: "o", type: "string", requiresArg: true, describe: "File for the model; weights go to FILE.data" },
  seq: numberOption("Tokens of the prompt, or of the cache with the new one (default: 4096, or the model's)"),
  "open-seq": { type: "boolean", default: false, describe: "Leave the number of tokens open: dims sequence and past" },
  batch: { ...numberOption("Sequences at once"), default: 1 },
  prefill: { type: "boolean", default: false, describe: "The graph of a prompt (the default)" },
  decode: { type: "boolean", default: false, describe: "The graph of one new token behind a cache" },
  dtype: { choices: ["f16", "f32"] as const, default: "f16" as const, describe: "Element type of weights and values" },
  "sparse-weights": { type: "boolean", default: false, describe: "Weights are zeros in a file that takes no place" },
  seed: { ...numberOption("Of the random weights"), default: 0 },
  layers: numberOption("Another number of layers"),
  hidden: numberOption("Another width"),
  heads: numberOption("Another number of heads"),
  "kv-heads": numberOption("Another number of heads with keys"),
  "head-size": numberOption("Another size of heads"),
  inner: numberOption("Another inner width of feed-forward parts and experts"),
  vocabulary: numberOption("Another vocabulary"),
  experts: numberOption("Another number of experts"),
  chosen: numberOption("Another number of experts that a token takes"),
  quiet: { alias: "q", type: "boolean", default: false, describe: "Say nothing but errors" },
  ...forceOption,
  ...jsonOption,
} as const;

const planOptions = {
  ...configOption,
  target: {
    alias: "t",
    type: "string",
    requiresArg: true,
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
  context: numberOption("Tokens of a sequence (default: 4096, or the model's)"),
  batch: numberOption("Sequences that a step works on"),
  users: { ...numberOption("Sequences whose caches are held"), default: 1 },
  weights: { choices: weightFormats, default: "fp16" as const, describe: "Form of the weights" },
  speculative: {
    type: "string",
    requiresArg: true,
    describe: "K,ACCEPTANCE: K tokens written ahead, so many of them confirmed",
  },
  "split-layers": { type: "boolean", default: false, describe: "Let a layer lie on several wafers" },
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
} as const;

const compareOptions = {
  ...configOption,
  targets: {
    alias: "t",
    type: "string",
    requiresArg: true,
    default: "wse2,wse3,h100x8,b200x8",
    describe: "Machines, with commas between",
  },
  context: planOptions.context,
  users: planOptions.users,
  weights: planOptions.weights,
  "split-layers": planOptions["split-layers"],
  ...jsonOption,
} as const;

const fleetOptions = {
  ...configOption,
  model: { alias: "m", type: "string", requiresArg: true, describe: "A model's name" },
  target: { alias: "t", type: "string", requiresArg: true, default: "wse3", describe: "wse3, h100x8, …" },
  power: { type: "string", requiresArg: true, describe: "Power of the site, as 750MW" },
  systems: numberOption("Systems of the site, instead of its power"),
  pue: { ...numberOption("Power of the site over that of its systems"), default: 1 },
  context: planOptions.context,
  weights: planOptions.weights,
  scenario: { type: "string", requiresArg: true, describe: "A named site or deal; wsc fleet lists them" },
  ...jsonOption,
} as const;

/** Reads the arguments, runs the verb, gives the exit code. */
export async function runCommandLine(args: readonly string[], version: string): Promise<number> {
  let code: number = exitCodes.done;
  const done = (result: number): void => {
    code = result;
  };
  const parser = commands(yargs([...args]), done)
    .scriptName("wsc")
    .usage("$0 <command> [options]\n\nCompiles ONNX models for wafer-scale chips, and runs them as WebAssembly.")
    .version(version)
    .completion("completion", "Print a script that completes commands and options (bash, zsh)")
    .strict()
    .demandCommand(1, "a command is needed")
    .showHelpOnFail(false)
    .exitProcess(false)
    .wrap(Math.min(110, process.stdout.columns || 110))
    .check(checkValues)
    .fail((message: string | null, error: Error | undefined) => {
      throw error !== undefined && (message === null || error instanceof WscError)
        ? error
        : usageError(message ?? "wrong usage", args, verbOptions);
    });
  await parser.parseAsync();
  return code;
}

/** Every verb with its options. */
const verbOptions: VerbTable = {
  compile: compileOptions,
  model: modelOptions,
  plan: planOptions,
  compare: compareOptions,
  fleet: fleetOptions,
  completion: {},
  ...Object.fromEntries(verbs.map(({ name, options }) => [name, options])),
};

const repeatable: ReadonlySet<string> = new Set(
  Object.values(verbOptions)
    .flatMap((options) => Object.entries(options))
    .flatMap(([name, option]) => ("array" in option ? [name] : [])),
);

/** What yargs lets pass: numbers that are none, options given twice that may stand once. */
function checkValues(given: Readonly<Record<string, unknown>>): true {
  for (const [name, value] of Object.entries(given)) {
    if (Number.isNaN(value)) throw usageError(`--${name} takes a number`);
    // positional arguments have their own rules
    if (Array.isArray(value) && name !== "names" && name.length > 1 && /^[a-z-]+$/.test(name) && !repeatable.has(name))
      throw usageError(`--${name} may be given once`);
  }
  return true;
}

function commands(argv: Argv, done: (code: number) => void): Argv {
  return verbs.reduce((found, verb) => verb.addTo(found, done), olderCommands(argv, done));
}

function olderCommands(argv: Argv, done: (code: number) => void): Argv {
  const model = (y: Argv) => y.positional("model", { type: "string", demandOption: true, describe: "An .onnx model" });
  return argv
    .command(
      "compile <model>",
      "Compile a model: place it on a wafer and write the program",
      (y) => model(y).options(compileOptions),
      async (given) => {
        const { compileVerb } = await import("./compile.ts");
        done(await compileVerb(given));
      },
    )
    .command(
      "model [name]",
      "Write the graph of a language model, by name or from its config.json; without either, list the names",
      (y) => y.positional("name", { type: "string", describe: "A model's name" }).options(modelOptions),
      async (given) => {
        const { modelVerb } = await import("./model.ts");
        done(await modelVerb(given));
      },
    )
    .command(
      "plan [model]",
      "Plan a language model on wafers: how many, how fast, what limits it",
      (y) => y.positional("model", { type: "string", describe: "A model's name" }).options(planOptions),
      async (given) => {
        const { planVerb } = await import("./plan.ts");
        done(await planVerb(given));
      },
    )
    .command(
      "compare [model]",
      "A language model on several machines, beside published figures",
      (y) => y.positional("model", { type: "string", describe: "A model's name" }).options(compareOptions),
      async (given) => {
        const { compareVerb } = await import("./compare.ts");
        done(await compareVerb(given));
      },
    )
    .command(
      "fleet",
      "What a power budget or a site gives: systems, copies of a model, users",
      (y) => y.options(fleetOptions),
      async (given) => {
        const { fleetVerb } = await import("./fleet.ts");
        done(await fleetVerb(given));
      },
    )
    .epilogue("Exit codes: 0 done, 1 the model is at fault, 2 wrong usage.");
}

/** `NAME=VALUE` split at the first `=`; for inputs, at the last one, since names may hold any character. */
export function splitAssignment(text: string, option: string, at: "first" | "last" = "first"): [string, string] {
  const position = at === "first" ? text.indexOf("=") : text.lastIndexOf("=");
  if (position <= 0) throw usageError(`--${option} takes NAME=VALUE, not "${text}"`);
  return [text.slice(0, position), text.slice(position + 1)];
}

/** The bindings of `--dim`. */
export function readDims(given: readonly string[]): Map<string, number> {
  const dims = new Map<string, number>();
  for (const text of given) {
    const [name, value] = splitAssignment(text, "dim", "last");
    const size = Number(value);
    if (!/^\d+$/.test(value) || !Number.isSafeInteger(size))
      throw usageError(`--dim ${name} takes a number, not "${value}"`);
    dims.set(name, size);
  }
  return dims;
}

/** Progress and notes go to stderr, and only when somebody watches. */
export const note = (text: string, quiet: boolean): void => {
  if (!quiet) writeError(text);
};
