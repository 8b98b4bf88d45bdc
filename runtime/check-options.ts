/** Values of options, as onnxruntime checks them: options that it does not know are ignored, known ones have values that they can take. */
import { fail, showName } from "../ir/diagnostic.ts";
import { precisions } from "../ir/kernel-graph.ts";
import type { ExecutionProviderOptionMap, RunOptions, SessionOptions } from "./option-types.ts";

/** What is wrong with a value, as the end of a sentence; null where nothing is. */
type Check = (value: unknown) => string | null;

const oneOf =
  (...values: readonly string[]): Check =>
  (value) =>
    values.includes(value as string) ? null : `is none of ${values.join(", ")}`;

const integer =
  (least: number, most = Infinity): Check =>
  (value) =>
    Number.isInteger(value) && (value as number) >= least && (value as number) <= most
      ? null
      : `is no integer from ${least} ${most === Infinity ? "on" : `to ${most}`}`;

const boolean: Check = (value) => (typeof value === "boolean" ? null : "is neither true nor false");

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const sizes: Check = (value) => {
  if (!isObject(value)) return "is no object of sizes by name";
  const wrong = Object.entries(value).find(([, size]) => integer(0)(size) !== null);
  return wrong === undefined ? null : `gives "${showName(wrong[0])}" a size that is no integer from 0 on`;
};

const logChecks = { logSeverityLevel: integer(0, 4), logVerbosityLevel: integer(0) } as const;

const sessionChecks: { readonly [name in keyof SessionOptions]?: Check } = {
  ...logChecks,
  graphOptimizationLevel: oneOf("disabled", "basic", "extended", "layout", "all"),
  executionMode: oneOf("sequential", "parallel"),
  enableGraphCapture: boolean,
  cachePrograms: boolean,
  freeDimensionOverrides: sizes,
  executionProviders: providers,
  precision: oneOf(...precisions),
  onStep: (value) => (typeof value === "function" ? null : "is no function"),
};

const runChecks: { readonly [name in keyof RunOptions]?: Check } = logChecks;

/** What onnxruntime runs models on. A session here does all of the work itself, so that programs that ask for another one keep working. */
const providerNames: Readonly<Record<keyof ExecutionProviderOptionMap, true>> = {
  coreml: true,
  cpu: true,
  cuda: true,
  dml: true,
  nnapi: true,
  tensorrt: true,
  wasm: true,
  webgl: true,
  webgpu: true,
  webnn: true,
  qnn: true,
  xnnpack: true,
};

/** Of several providers one that is known is enough, as in onnxruntime. */
function providers(value: unknown): string | null {
  if (!Array.isArray(value)) return "is no array";
  const names = value.map((entry: unknown) => (isObject(entry) ? entry["name"] : entry));
  if (names.length === 0 || names.some((name) => typeof name === "string" && Object.hasOwn(providerNames, name)))
    return null;
  return `names none of ${Object.keys(providerNames).join(", ")}`;
}

/** Options as they were given, an empty object where none were. Throws WSC7007. */
export const checkSessionOptions = (options: unknown): SessionOptions =>
  checked<SessionOptions>(options, sessionChecks);

/** As for sessions. A run that is to be terminated is refused. */
export function checkRunOptions(options: unknown): RunOptions {
  const given = checked<RunOptions>(options, runChecks);
  if (given.terminate === true) throw fail("WSC7007", "terminate: the run has been ended by its option");
  return given;
}

function checked<T extends object>(options: unknown, checks: { readonly [name in keyof T]?: Check }): T {
  if (options === undefined || options === null) return {} as T;
  if (!isObject(options)) throw fail("WSC7007", "options must be an object");
  for (const [name, check] of Object.entries(checks) as [string, Check][]) {
    const value = options[name];
    const fault = value === undefined || value === null ? null : check(value);
    if (fault !== null) throw fail("WSC7007", `${name}: ${show(value)} ${fault}`);
  }
  return options as T;
}

function show(value: unknown): string {
  switch (typeof value) {
    case "string":
      return showName(value);
    case "object":
      return "the value";
    case "function":
      return "a function";
    default:
      return String(value);
  }
}
