/** The model that a user means: a name, or a config.json. */
import { readFile, stat } from "node:fs/promises";
import { fail, showName } from "../../../ir/diagnostic.ts";
import type { ModelConfig } from "./config.ts";
import { readConfig } from "./hugging-face.ts";
import { namedModel } from "./named/index.ts";

const maxConfigBytes = 1 << 20;

/** The configuration of a named model, or of a file; exactly one of the two is given. */
export async function findModel(name: string | undefined, file: string | undefined): Promise<ModelConfig> {
  if (name !== undefined && file !== undefined)
    throw fail("WSC8001", "a model's name and --config are given, and one of them is meant");
  if (file !== undefined) return readConfigFile(file);
  if (name !== undefined) return namedModel(name);
  throw fail("WSC8001", "a model's name or --config is needed");
}

async function readConfigFile(file: string): Promise<ModelConfig> {
  const subject = showName(file);
  let text: string;
  try {
    if ((await stat(file)).size > maxConfigBytes)
      throw fail("WSC1010", "the configuration is larger than 1 MiB", { subject });
    text = await readFile(file, "utf8");
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error)) throw error;
    throw fail("WSC1001", `the configuration cannot be read: ${error.message}`, { subject });
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw fail("WSC1010", `is not JSON: ${error instanceof Error ? error.message : String(error)}`, { subject });
  }
  return readConfig(json, file);
}

/** Throws unless the model was made for so many tokens. */
export function checkContext(config: ModelConfig, context: number): void {
  if (context <= config.context) return;
  throw fail("WSC1011", `${context} tokens are more than ${config.name}'s ${config.context}`, {
    subject: config.name,
    hint: `at most ${config.context}`,
  });
}
