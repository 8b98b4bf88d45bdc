/** Options of the verbs that plan language models. */
import { type WeightFormat, weightFormats } from "../../planner/plan/weight-formats.ts";
import { type NumberOption, numberOption } from "./options.ts";

export const namedModelPlace = { model: { type: "string", describe: "A model's name" } } as const;

export const contextOption: NumberOption = numberOption("Tokens of a sequence (default: 4096, or the model's)");

export const usersOption: NumberOption & { readonly default: number } = {
  ...numberOption("Sequences whose caches are held"),
  default: 1,
};

export const weightsOption: {
  readonly choices: typeof weightFormats;
  readonly default: WeightFormat;
  readonly describe: string;
} = { choices: weightFormats, default: "fp16", describe: "Form of the weights" };

export const splitLayersOption = {
  type: "boolean",
  default: false,
  describe: "Let a layer lie on several wafers",
} as const;
