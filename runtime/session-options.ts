/** The names that a session's options have: a mistyped one would be ignored, and nobody would know. */
import { diagnostic, fail, showName, WscError } from "../ir/diagnostic.ts";
import { nameHint } from "../ir/nearest.ts";

/** Options with a meaning here. */
const ownOptions = [
  "freeDimensionOverrides",
  "externalData",
  "verify",
  "deterministic",
  "threads",
  "intraOpNumThreads",
  "tuning",
  "joinVectors",
  "maxLoopIterations",
] as const;

/** Options of onnxruntime's JavaScript API that have no meaning here: programs that set them run. */
const otherOptions = [
  "executionProviders",
  "interOpNumThreads",
  "graphOptimizationLevel",
  "enableCpuMemArena",
  "enableMemPattern",
  "executionMode",
  "optimizedModelFilePath",
  "enableProfiling",
  "profileFilePrefix",
  "logId",
  "logSeverityLevel",
  "logVerbosityLevel",
  "preferredOutputLocation",
  "enableGraphCapture",
  "extra",
] as const;

/** Throws WSC7003 for options that neither this runtime nor onnxruntime has. */
export function checkOptionNames(options: object): void {
  const known = new Set<string>([...ownOptions, ...otherOptions]);
  const unknown = Object.entries(options).flatMap(([name, value]) =>
    known.has(name) || value === undefined ? [] : [name],
  );
  if (unknown.length === 0) return;
  throw new WscError(
    unknown.map((name) => {
      const hint = nameHint(name, "options", [...known]);
      return diagnostic("error", "WSC7003", `there is no session option "${showName(name)}"`, { hint });
    }),
  );
}

/** Throws WSC7007 where dims are to be bound in a folder, which has the shapes that it was compiled for. */
export function refuseDims(dims: Readonly<Record<string, number>> | undefined): void {
  const [name] = Object.keys(dims ?? {});
  if (name === undefined) return;
  throw fail("WSC7007", `dim "${showName(name)}" cannot be bound: a compiled folder has its shapes`, {
    hint: "compile the model again, with --dim",
  });
}
