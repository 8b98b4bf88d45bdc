/** Names that an axis of a sweep, or what is fixed, may have, and the values that they take. */
import { targetSchema } from "../../targets/schema.ts";
import type { Scalar } from "../../axes.ts";
import type { Action } from "./actions.ts";
import { count, misfit, type Option } from "./rules.ts";

interface SchemaNode {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
}

/** Paths of the numbers of a target: `core.sramBytes`. */
function numbersIn({ type, properties }: SchemaNode, path: string): readonly string[] {
  if (type === "number" || type === "integer") return [path];
  return Object.entries(properties ?? {}).flatMap(([key, node]) =>
    numbersIn(node, path === "" ? key : `${path}.${key}`),
  );
}

export const targetPrefix = "target.";
export const dimPrefix = "dim.";

/** Fields of targets that an axis can vary: `target.core.sramBytes`. */
export const targetFields: readonly string[] = numbersIn(targetSchema, "").map((path) => `${targetPrefix}${path}`);

/** A name or a path of a file. */
const named = (describe: string, usual: Scalar): Option => ({
  rule: { kind: "text", form: /^[^\0]{1,4096}$/, says: "a name or a file" },
  usual,
  describe,
});

const models: Readonly<Record<Action["model"], Option>> = {
  language: named("a language model's name (wsc model), or a config.json in Hugging Face's form", ""),
  onnx: named("an ONNX model's file, beside the specification", ""),
};

const target = named("a machine (wsc targets), or a JSON file beside the specification", "");

/** Numbers may be anything here: whether the whole target is one is seen when it is put together. */
const field: Option = {
  rule: { kind: "amount", most: Number.MAX_VALUE },
  usual: "",
  describe: "a number of the target's description (docs/targets.md)",
};

const dim: Option = { rule: count(0), usual: "", describe: "the size of a symbolic dim" };

/** All names but those of dims, which are the model's own. */
export const parameterNames = (action: Action): readonly string[] => [
  "model",
  "target",
  ...Object.keys(action.options),
  ...targetFields,
];

/** What a name takes; null where there is no such name. */
export function parameterOf(action: Action, name: string): Option | null {
  if (name === "model") return models[action.model];
  if (name === "target") return target;
  if (targetFields.includes(name)) return field;
  if (action.model === "onnx" && name.startsWith(dimPrefix) && name.length > dimPrefix.length) return dim;
  return Object.hasOwn(action.options, name) ? (action.options[name] ?? null) : null;
}

/** Why a value does not fit a name; null where it does. Zero is a number of a target, too. */
export const valueMisfit = (option: Option, value: Scalar): string | null =>
  option === field && value === 0 ? null : misfit(option, value);
