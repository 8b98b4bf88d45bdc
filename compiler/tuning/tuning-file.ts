/** Tuning files: text that people commit. Printed sorted, so that equal tunings are equal bytes; read as what a stranger wrote. */
import type { ErrorObject, ValidateFunction } from "ajv";
import { type Diagnostic, diagnostic, fail, showName, WscError } from "../../ir/diagnostic.ts";
import { layoutJson } from "../../ir/json-reader.ts";
import type { TunedKernel, Tuning } from "./tuning.ts";
import { tuningFormat, tuningSchema, tuningVersion } from "./tuning-schema.ts";

/** A file's tuning; empty, with a warning, if the file is of another version. */
export interface ReadTuning {
  readonly tuning: Tuning;
  readonly warnings: readonly Diagnostic[];
}

/** Characters of a tuning file at most. */
const maxFileLength = 2 ** 25;

interface FileEntry {
  readonly kernel: string;
  readonly choices: Readonly<Record<string, string>>;
  readonly microseconds?: { readonly model: number; readonly tuned: number };
}

interface TuningFile {
  readonly format: typeof tuningFormat;
  readonly version: typeof tuningVersion;
  readonly kernels: readonly FileEntry[];
}

const invalid = (message: string, file: string): Diagnostic =>
  diagnostic("error", "WSC6002", message, { subject: showName(file), hint: "wsc compile --tune writes such files" });

/** Reads a tuning file's text; throws WSC6002 with everything that is wrong with it. */
export async function parseTuning(text: string, file: string): Promise<ReadTuning> {
  if (text.length > maxFileLength) throw new WscError([invalid("the file is larger than 32 MiB", file)]);
  const json = jsonOf(text, file);
  const version = versionOf(json);
  if (version !== null && version !== tuningVersion) {
    const message = `the tuning is of version ${version}, and this wsc reads ${tuningVersion}: it is left out`;
    return { tuning: new Map(), warnings: [diagnostic("warning", "WSC6003", message, { subject: showName(file) })] };
  }
  validator ??= loadValidator();
  const validate = await validator;
  if (!validate(json)) throw new WscError((validate.errors ?? []).slice(0, maxErrors).map((e) => diagnose(e, file)));
  return { tuning: tuningOf(json, file), warnings: [] };
}

const maxErrors = 10;

let validator: Promise<ValidateFunction<TuningFile>> | null = null;

async function loadValidator(): Promise<ValidateFunction<TuningFile>> {
  const { Ajv } = await import("ajv");
  return new Ajv({ allErrors: true, strict: false }).compile<TuningFile>(tuningSchema);
}

function jsonOf(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new WscError([invalid(`the file is not JSON: ${error instanceof Error ? error.message : String(error)}`, file)]);
  }
} // prettier-ignore

/** The version of what says that it is a tuning; null for anything else. */
function versionOf(json: unknown): number | null {
  if (typeof json !== "object" || json === null || !("format" in json) || !("version" in json)) return null;
  return json.format === tuningFormat && Number.isSafeInteger(json.version) ? (json.version as number) : null;
}

function diagnose({ instancePath, message, keyword, params }: ErrorObject, file: string): Diagnostic {
  const where = instancePath === "" ? "the file" : instancePath.slice(1).split("/").map(showName).join(".");
  const named = keyword === "additionalProperties" ? ` "${showName(String(params["additionalProperty"]))}"` : "";
  return invalid(`${where} ${message ?? "is not valid"}${named}`, file);
}

function tuningOf({ kernels }: TuningFile, file: string): Tuning {
  const tuning = new Map<string, TunedKernel>();
  for (const { kernel, choices, microseconds } of kernels) {
    if (tuning.has(kernel)) throw fail("WSC6002", `${showName(kernel)} stands twice`, { subject: showName(file) });
    tuning.set(kernel, { choices: new Map(Object.entries(choices)), microseconds: microseconds ?? null });
  }
  return tuning;
}

/** A tuning as text, kernels and choices in the order of their names. */
export function printTuning(tuning: Tuning): string {
  const kernels = [...tuning].toSorted(byName).map(([kernel, { choices, microseconds }]) => ({
    kernel,
    choices: Object.fromEntries([...choices].toSorted(byName)),
    ...(microseconds === null ? {} : { microseconds }),
  }));
  return layoutJson({ format: tuningFormat, version: tuningVersion, kernels });
}

/** By code units, which are the same on every machine. */
const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number =>
  a < b ? -1 : a > b ? 1 : 0;
