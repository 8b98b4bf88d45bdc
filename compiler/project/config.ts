/**
 * A project's configuration: `wsc.config.ts`, `.mts`, `.js`, `.mjs` or `.json` in its folder names the models, and how each is compiled. Scripts are run;
 * their default export, as the JSON, is read as data from elsewhere.
 */
import { existsSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type * as TsMorph from "ts-morph";
import { fail, showName } from "../../ir/diagnostic.ts";
import { JsonMismatch, type Reader, readObject, readOptional, readRecord, readString } from "../../ir/json-reader.ts";
import type { OwnPass } from "../passes/pipeline.ts";
import { buildFields, type BuildOptions, readBuildOptions } from "./build-options.ts";

/** A model of a project; ways lead from the configuration's folder. */
export interface ProjectModel extends BuildOptions {
  /** the .onnx file */
  readonly source: string;
  /** folder for the result; default build/NAME */
  readonly output?: string;
}

export interface WscConfig {
  /** for all models that do not say otherwise */
  readonly defaults?: BuildOptions;
  readonly models: Readonly<Record<string, ProjectModel>>;
  /** in scripts only: passes of your own, for all models */
  readonly passes?: readonly OwnPass[];
}

/** Gives a configuration its type, and nothing else. */
export const defineConfig = (config: WscConfig): WscConfig => config;

/** A model that is ready to be compiled: absolute ways, defaults filled in. */
export interface Build {
  readonly name: string;
  readonly source: string;
  readonly output: string;
  readonly options: BuildOptions;
  readonly passes: readonly OwnPass[];
}

export const configNames = [
  "wsc.config.ts",
  "wsc.config.mts",
  "wsc.config.js",
  "wsc.config.mjs",
  "wsc.config.json",
] as const;

/** The configuration in a folder; null for none. */
export function findConfig(folder: string): string | null {
  return configNames.map((name) => path.join(folder, name)).find((file) => existsSync(file)) ?? null;
}

/** The builds that a configuration asks for; throws WSC8001, with the file and the property, for what it may not say. */
export async function readConfig(file: string): Promise<readonly Build[]> {
  const found = await loadConfig(file);
  try {
    const { defaults = {}, models, passes = [] } = readWscConfig(found, "");
    const folder = path.dirname(file);
    return Object.entries(models).map(([name, { source, output, ...own }]) => ({
      name,
      source: path.resolve(folder, source),
      output: path.resolve(folder, output ?? path.join("build", name)),
      options: { ...defaults, ...own },
      passes,
    }));
  } catch (error) {
    if (error instanceof JsonMismatch) throw refused(file, error.message);
    throw error;
  }
}

const refused = (file: string, reason: string): Error =>
  fail("WSC8001", reason, { subject: showName(path.basename(file)), hint: "docs/projects.md has an example" });

const readModel = readObject<ProjectModel>({ source: readString, output: readOptional(readString), ...buildFields });

const readModels: Reader<Readonly<Record<string, ProjectModel>>> = (value, at) => {
  const models = [...readRecord(value, at)];
  if (models.length === 0) throw new JsonMismatch(at, "names no model");
  return Object.fromEntries(models.map(([name, model]) => [name, readModel(model, `${at}.${name}`)]));
};

/** Passes are functions: of a script's, only their form is looked at. */
const readPasses: Reader<readonly OwnPass[]> = (value, at) => {
  if (!Array.isArray(value)) throw new JsonMismatch(at, "is not a list of passes");
  return value.map((item: unknown, index) => {
    const own = readRecord(item, `${at}[${index}]`);
    const pass = readRecord(own.get("pass"), `${at}[${index}].pass`);
    const run = pass.get("run");
    if (typeof run !== "function") throw new JsonMismatch(`${at}[${index}].pass.run`, "is not a function");
    return {
      after: readString(own.get("after"), `${at}[${index}].after`),
      pass: {
        name: readString(pass.get("name"), `${at}[${index}].pass.name`),
        summary: readString(pass.get("summary"), `${at}[${index}].pass.summary`),
        run: run as OwnPass["pass"]["run"],
      },
    };
  });
};

const readWscConfig: Reader<WscConfig> = readObject<WscConfig>({
  defaults: readOptional(readBuildOptions),
  models: readModels,
  passes: readOptional(readPasses),
});

async function loadConfig(file: string): Promise<unknown> {
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    throw refused(
      file,
      `the configuration cannot be read (${(error as NodeJS.ErrnoException).code ?? "unknown error"})`,
    );
  });
  try {
    if (file.endsWith(".json")) return JSON.parse(text);
    if (/\.m?ts$/.test(file)) return await loadTypeScript(file, text);
    return await defaultExport(file);
  } catch (error) {
    if (error instanceof Error && "diagnostics" in error) throw error;
    throw refused(
      file,
      `the configuration cannot be loaded: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

async function defaultExport(file: string): Promise<unknown> {
  const script = (await import(pathToFileURL(file).href)) as { readonly default?: unknown };
  if (script.default === undefined) throw new Error("it has no default export");
  return script.default;
}

/** Scripts that were loaded: each has a name of its own, or it would be the last one again. */
let loaded = 0;

/** Types are taken out, and the script runs from beside the file, so that its imports lead where they say. */
async function loadTypeScript(file: string, text: string): Promise<unknown> {
  const { ts } = createRequire(import.meta.url)("ts-morph") as typeof TsMorph;
  const { outputText } = ts.transpileModule(text, {
    compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022, verbatimModuleSyntax: true },
  });
  const script = path.join(path.dirname(file), `.wsc.config.${process.pid}.${loaded++}.mjs`);
  await writeFile(script, outputText, { flag: "wx" });
  try {
    return await defaultExport(script);
  } finally {
    await rm(script, { force: true });
  }
}
