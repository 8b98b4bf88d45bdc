/**
 * The names that a session's options have. Programs pass bags of options on, with what other libraries take among them, so that onnxruntime ignores what
 * it does not know. A mistyped name would be ignored as well, and nobody would know: those are warned of, and refused where a caller asks for it.
 */
import { type Diagnostic, diagnostic, fail, showName, WscError } from "../ir/diagnostic.ts";
import { isNearMiss, nameHint } from "../ir/nearest.ts";

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
  "precision",
  "cachePrograms",
  "maxLoopIterations",
  "onStep",
  "strict",
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

/** Options that neither this runtime nor onnxruntime has. */
export interface UnknownName {
  readonly problem: Diagnostic;
  /** it is nearly that of something */
  readonly isNear: boolean;
}

function unknownOptions(options: object): readonly UnknownName[] {
  const known = [...ownOptions, ...otherOptions];
  const isKnown = new Set<string>(known);
  const unknown = Object.entries(options).flatMap(([name, value]) =>
    isKnown.has(name) || value === undefined ? [] : [name],
  );
  return unknown.map((name) => {
    const hint = nameHint(name, "options", known);
    const problem = diagnostic("error", "WSC7003", `there is no session option "${showName(name)}"`, { hint });
    return { problem, isNear: isNearMiss(name, known) };
  });
}

/** Tells what names are known to nobody: with `strict` all of them, as an error (WSC7003), else those that look mistyped, as warnings. */
export function tellUnknown(
  unknown: readonly UnknownName[],
  strict: boolean,
  warn: (warning: Diagnostic) => void,
): void {
  if (strict && unknown.length > 0) throw new WscError(unknown.map(({ problem }) => problem));
  for (const { problem, isNear } of unknown)
    if (isNear) warn({ ...problem, severity: "warning", message: `${problem.message}: it is ignored` });
}

export function checkOptionNames(options: object, strict: boolean, warn: (warning: Diagnostic) => void): void {
  tellUnknown(unknownOptions(options), strict, warn);
}

/** What is said where dims are to be bound in a folder, which has the shapes that it was compiled for: as an error where the caller is strict. */
export function tellDims(
  dims: Readonly<Record<string, number>> | undefined,
  strict: boolean,
  warn: (warning: Diagnostic) => void,
): void {
  const [name] = Object.keys(dims ?? {});
  if (name === undefined) return;
  const message = `dim "${showName(name)}" cannot be bound: a compiled folder has its shapes`;
  const problem = diagnostic("error", "WSC7007", message, { hint: "compile the model again, with --dim" });
  if (strict) throw new WscError([problem]);
  warn({ ...problem, severity: "warning" });
}

/** Throws WSC7007 where operands of a folder are to be rounded, whose kernels are made. */
export function refusePrecision(precision: string): void {
  if (precision === "f32") return;
  throw fail("WSC7007", `precision: ${precision} is for models; a compiled folder computes as it was compiled`, {
    hint: "give the .onnx model",
  });
}
