/** Models by name. */
import { fail } from "../../../../ir/diagnostic.ts";
import { nameHint } from "../../../../ir/nearest.ts";
import type { ModelConfig } from "../config.ts";
import { denseModels } from "./dense.ts";
import { groupedModels } from "./grouped.ts";
import { expertModels } from "./experts.ts";

/** All named models, in the order in which tables have them. */
export const namedModels: ReadonlyMap<string, ModelConfig> = new Map(
  [...denseModels, ...groupedModels, ...expertModels].map((config) => [config.name, config]),
);

/** The model of a name; throws with the nearest name where there is none. */
export function namedModel(name: string): ModelConfig {
  const config = namedModels.get(name.toLowerCase());
  if (config !== undefined) return config;
  throw fail("WSC1010", `no model named "${name}"`, {
    hint: `${nameHint(name, "models", [...namedModels.keys()])}; or --config with a config.json`,
  });
}
