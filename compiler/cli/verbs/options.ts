/** Options that several verbs have. */
export const modelPlace = {
  model: { type: "string", demandOption: true, describe: "An .onnx model" },
} as const;

/** An option that may be given more than once. */
export const listOption = { type: "string", array: true, nargs: 1, default: [] as string[] } as const;

export interface NumberOption {
  readonly type: "number";
  readonly requiresArg: true;
  readonly describe: string;
}

export const numberOption = (describe: string): NumberOption => ({ type: "number", requiresArg: true, describe });

export const quietOption = {
  quiet: { alias: "q", type: "boolean", default: false, describe: "Say nothing but errors" },
} as const;

export const configOption = {
  config: { type: "string", requiresArg: true, describe: "A config.json in Hugging Face's form, instead of a name" },
} as const;

export const jsonOption = { json: { type: "boolean", default: false, describe: "Print JSON on stdout" } } as const;

export const dimOption = {
  dim: {
    type: "string",
    array: true,
    nargs: 1,
    default: [] as string[],
    describe: "Bind a symbolic dim: NAME=N (repeatable)",
  },
} as const;

/** The same where a model may be compiled for all sizes of a dim. */
export const dimRangeOption = {
  dim: {
    type: "string",
    array: true,
    nargs: 1,
    default: [] as string[],
    describe:
      "Bind a symbolic dim: NAME=N, or bound it: NAME=LEAST..MOST (repeatable). A model with dims that are not bound becomes a folder for all shapes, without a placement",
  },
} as const;

/** Where inputs come from. */
export const feedOptions = {
  input: {
    alias: "i",
    type: "string",
    array: true,
    nargs: 1,
    default: [] as string[],
    describe: "NAME=FILE: an input as .npy or TensorProto .pb (repeatable)",
  },
  "input-dir": { type: "string", requiresArg: true, describe: "Folder with input_0.pb, input_1.pb, … or NAME.npy" },
  random: {
    type: "number",
    requiresArg: true,
    describe: "Fill inputs that are not given with random values of this seed",
  },
} as const;

export const forceOption = {
  force: {
    type: "boolean",
    default: false,
    describe: "Replace files that wsc wrote even where they have been changed since (never any others)",
  },
} as const;

export const targetOption = {
  alias: "t",
  type: "string",
  requiresArg: true,
  default: "wse2",
  describe: "wse1, wse2, wse3, dojo-d1, dojo-tile, or a JSON file",
} as const;

export const effortOption = {
  effort: {
    type: "number",
    requiresArg: true,
    describe: "Seconds of a fast machine to search for, as counted work: the same bytes on every machine",
  },
} as const;
