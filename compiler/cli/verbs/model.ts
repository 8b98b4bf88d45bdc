/** `wsc model NAME`. */
import { configOption, forceOption, jsonOption, numberOption, quietOption } from "./options.ts";
import { type Verb, verb } from "./verb.ts";

export const modelVerb: Verb = verb({
  name: "model",
  describe: "Write the graph of a language model, by name or from its config.json; without either, list the names",
  positionals: { name: { type: "string", describe: "A model's name" } },
  options: {
    ...configOption,
    output: { alias: "o", type: "string", requiresArg: true, describe: "File for the model; weights go to FILE.data" },
    seq: numberOption("Tokens of the prompt, or of the cache with the new one (default: 4096, or the model's)"),
    "open-seq": {
      type: "boolean",
      default: false,
      describe: "Leave the number of tokens open: dims sequence and past",
    },
    batch: { ...numberOption("Sequences at once"), default: 1 },
    prefill: { type: "boolean", default: false, describe: "The graph of a prompt (the default)" },
    decode: { type: "boolean", default: false, describe: "The graph of one new token behind a cache" },
    dtype: {
      choices: ["f16", "f32"] as const,
      default: "f16" as const,
      describe: "Element type of weights and values",
    },
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
    ...quietOption,
    ...forceOption,
    ...jsonOption,
  },
  examples: [
    ["model llama3.1-8b --decode --sparse-weights", "one new token behind a cache; weights take no place"],
    ["model --config config.json --seq 512 -o m.onnx", "a prompt of 512 tokens, from a Hugging Face config"],
  ],
  run: async (given) => (await import("../model.ts")).writeModel(given),
});
