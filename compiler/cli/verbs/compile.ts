/** `wsc compile MODEL`. */
import type { PlacementObjective } from "../../placement/place.ts";
import { precisions } from "../../../ir/kernel-graph.ts";
import { weightAims } from "../../codegen/small-weights.ts";
import { emitStages } from "../emit-stages.ts";
import {
  dimRangeOption,
  effortOption,
  forceOption,
  jsonOption,
  listOption,
  quietOption,
  targetOption,
} from "./options.ts";
import { type Verb, verb } from "./verb.ts";

const objectives = ["throughput", "latency", "cores", "wire"] as const satisfies readonly PlacementObjective[];
const modes = ["auto", "pipeline", "resident", "stream"] as const;

export const compileVerb: Verb = verb({
  name: "compile",
  describe: "Compile a model: place it on a wafer and write the program",
  positionals: {
    model: { type: "string", describe: "An .onnx model, or a name in wsc.config; without it, all of the project's" },
  },
  options: {
    config: { type: "string", requiresArg: true, describe: "The project's configuration (default: wsc.config.*)" },
    output: { alias: "o", type: "string", requiresArg: true, describe: "Folder (or file, with --emit) to write" },
    target: { ...targetOption, default: undefined, defaultDescription: targetOption.default },
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
      describe:
        "Map of dead cores and links: lines of `x y` and `x y east`, or JSON; or shares at random: 0.001, CORES/LINKS:SEED",
    },
    "co-locate": { ...listOption, describe: "LAYER,LAYER,…: these layers touch (repeatable)" },
    "max-interval": { type: "number", requiresArg: true, describe: "Cycles between two samples at most" },
    from: {
      type: "string",
      requiresArg: true,
      describe: "An earlier placement (folder, placement.json or text): layers stay where they can",
    },
    explain: {
      type: "boolean",
      default: false,
      describe: "Say what binds, where, and the least change that would help",
    },
    "time-limit": {
      type: "number",
      requiresArg: true,
      describe:
        "Seconds to search on for while better is possible, --explain included (default: some, and never over 120)",
    },
    ...effortOption,
    solver: {
      choices: ["auto", "glpk", "highs"] as const,
      default: "auto" as const,
      describe: "Integer program solver",
    },
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
    weights: {
      choices: weightAims,
      default: "speed" as const,
      describe: "What the program's weights are packed for: size never takes a larger form of them for speed's sake",
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
    keep: {
      type: "boolean",
      default: true,
      describe: "Keep a folder that this model was compiled to with these options (--no-keep: compile again)",
    },
    ...quietOption,
    ...forceOption,
    ...dimRangeOption,
    ...jsonOption,
  },
  examples: [
    ["compile model.onnx -t wse3", "place and write build/model"],
    ["compile model.onnx --dim batch=1 --emit placement", "only say where layers lie"],
    ["compile model.onnx --dim seq=1..512", "a program for all shapes, to run without a compiler"],
    ["compile", "all models that wsc.config.ts names"],
    ["compile model.onnx --explain --time-limit 60", "what binds, and what would help"],
  ],
  run: async (given) => (await import("../compile.ts")).compileModel(given),
});
