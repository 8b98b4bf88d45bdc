/** `wsc compile` without a model, or with the name of one: compiles what the project's configuration asks for. */
import { existsSync } from "node:fs";
import path from "node:path";
import { fail, showName } from "../../ir/diagnostic.ts";
import { nameHint } from "../../ir/nearest.ts";
import { compileOptionsOf } from "../project/build-options.ts";
import { compileFolder, type FolderResult } from "../project/compile-folder.ts";
import { type Build, configNames, findConfig, readConfig } from "../project/config.ts";
import { stageProgress } from "./progress.ts";

export interface ProjectArguments {
  readonly model: string | undefined;
  readonly config: string | undefined;
  readonly quiet: boolean;
  readonly json: boolean;
  readonly force: boolean;
  readonly keep: boolean;
}

/** The builds that the arguments ask for; null where they name a file of a model. Throws WSC8001 where there is nothing to build. */
export async function projectBuilds({ model, config }: ProjectArguments): Promise<readonly Build[] | null> {
  if (model !== undefined && config === undefined && (existsSync(model) || path.extname(model) !== "")) return null;
  const file = config === undefined ? findConfig(process.cwd()) : path.resolve(config);
  if (file === null) {
    if (model !== undefined) return null;
    throw fail("WSC8001", "a model is needed, or a configuration in this folder", {
      hint: `wsc compile MODEL.onnx, or one of ${configNames.join(", ")}`,
    });
  }
  const builds = await readConfig(file);
  if (model === undefined) return builds;
  const build = builds.find(({ name }) => name === model);
  if (build !== undefined) return [build];
  const names = builds.map(({ name }) => name);
  throw fail("WSC8001", `the configuration has no model "${showName(model)}"`, {
    subject: path.basename(file),
    hint: nameHint(model, "models", names),
  });
}

/** Compiles the builds in their order; gives what is to be said of each. */
export async function compileProject<T>(
  builds: readonly Build[],
  { quiet, json, force, keep }: Pick<ProjectArguments, "quiet" | "json" | "force" | "keep">,
  summarize: (result: FolderResult) => Promise<T>,
): Promise<readonly T[]> {
  const summaries: T[] = [];
  for (const { source, output, options, passes } of builds) {
    const progress = stageProgress(quiet || json);
    try {
      const asked = { ...compileOptionsOf(options), passes, onStage: progress.stage, ...progress.watch, force, keep };
      const result = await compileFolder(source, output, asked);
      progress.stop();
      summaries.push(await summarize(result));
    } finally {
      progress.stop();
    }
  }
  return summaries;
}
