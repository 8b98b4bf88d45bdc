/**
 * A job: all that a point's result depends on, and nothing else. Files are named by their digests alone, so that a job means the same on every machine
 * and tells nobody's paths. Its own digest is its name: equal jobs are one.
 */
import type { Diagnostic, DiagnosticCode } from "../../../ir/diagnostic.ts";
import { diagnosticTable } from "../../../ir/diagnostic-table.ts";
import {
  JsonMismatch,
  mismatch,
  readArray,
  readObject,
  readOneOf,
  readOptional,
  readRecord,
  readString,
  readTagged,
  type Reader,
} from "../../../ir/json-reader.ts";
import type { Scalar } from "../../axes.ts";
import { type ActionName, actionNames, actions, type Kept, keepable } from "../spec/actions.ts";
import { dimPrefix, parameterOf } from "../spec/parameters.ts";
import { misfit } from "../spec/rules.ts";
import { canonicalJson, type Digest, digestOf, isDigest } from "./digest.ts";

/** What is worked on. A label is what reports call a model: a name, never a path. */
export type ModelRef =
  | { readonly kind: "named"; readonly name: string }
  | { readonly kind: "config"; readonly label: string; readonly digest: Digest }
  | {
      readonly kind: "onnx";
      readonly label: string;
      readonly digest: Digest;
      /** external data, by the place that the model says */
      readonly data: readonly { readonly location: string; readonly digest: Digest }[];
    };

export interface Job {
  /** of the wsc that made it, with its build: the only one that does it */
  readonly version: string;
  readonly action: ActionName;
  readonly model: ModelRef;
  /** of the machine's description as JSON */
  readonly target: Digest;
  /** all options of the action, and sizes of dims as `dim.NAME`; a file is `sha256:` and its digest */
  readonly options: Readonly<Record<string, Scalar>>;
  readonly keep: readonly Kept[];
}

/** What became of a job. */
export type Outcome =
  | {
      readonly kind: "done";
      readonly figures: Readonly<Record<string, Scalar>>;
      readonly files: Readonly<Partial<Record<Kept, Digest>>>;
    }
  /** the point cannot be had, and why: a result like any other */
  | { readonly kind: "refused"; readonly diagnostics: readonly Diagnostic[] }
  /** the machine or wsc is at fault, again and again; tried anew when the sweep goes on */
  | { readonly kind: "failed"; readonly message: string };

/** A job's name. */
export const jobKey = (job: Job): Digest => digestOf(canonicalJson(job));

/** A file among options. */
export const fileValue = (digest: Digest): string => `sha256:${digest}`;

/** The digest of an option that is a file; null where it is something else. */
export function fileOf(value: Scalar): Digest | null {
  const text = typeof value === "string" && value.startsWith("sha256:") ? value.slice("sha256:".length) : "";
  return isDigest(text) ? text : null;
}

/** A short text for people: no control characters, no separators of paths, not hidden. */
const labelForm = /^[\p{L}\p{N}_][\p{L}\p{N}_ .()+,=@-]{0,119}$/u;

/** A label made of any text. */
export function labelOf(text: string): string {
  const clean = text.replace(/[^\p{L}\p{N}_ .()+,=@-]/gu, "_");
  return labelForm.test(clean) ? clean : `model_${clean.slice(0, 100)}`;
}

const readLabel: Reader<string> = (value, path) => {
  if (typeof value !== "string" || !labelForm.test(value)) throw mismatch(value, path, "a label");
  return value;
};

const readDigest: Reader<Digest> = (value, path) => {
  if (typeof value !== "string" || !isDigest(value)) throw mismatch(value, path, "64 hex digits");
  return value;
};

/** A place below a model's folder. */
const readLocation: Reader<string> = (value, path) => {
  const text = readString(value, path);
  const parts = text.split("/");
  if (text.length > 1024 || /[\\\0]/.test(text) || parts.some((part) => part === "" || part === "." || part === ".."))
    throw mismatch(value, path, "a place below the model's folder");
  return text;
};

const readModel: Reader<ModelRef> = readTagged<ModelRef>("kind", {
  named: readObject({ kind: readOneOf("named" as const), name: readLabel }),
  config: readObject({ kind: readOneOf("config" as const), label: readLabel, digest: readDigest }),
  onnx: readObject({
    kind: readOneOf("onnx" as const),
    label: readLabel,
    digest: readDigest,
    data: readArray(readObject({ location: readLocation, digest: readDigest })),
  }),
});

const readScalar: Reader<Scalar> = (value, path) => {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw mismatch(value, path, "a text, a number, true, false or null");
};

const readScalars: Reader<Readonly<Record<string, Scalar>>> = (value, path) =>
  Object.fromEntries([...readRecord(value, path)].map(([key, item]) => [key, readScalar(item, `${path}.${key}`)]));

const readShape: Reader<Job> = readObject<Job>({
  version: readString,
  action: readOneOf(...actionNames),
  model: readModel,
  target: readDigest,
  options: readScalars,
  keep: readArray(readOneOf(...keepable)),
});

/** A job that came from elsewhere; throws a JsonMismatch. Its options are those of its action, each with a value that it takes, and name no path. */
export function readJob(value: unknown): Job {
  const job = readShape(value, "");
  const action = actions[job.action];
  if ((job.model.kind === "onnx") !== (action.model === "onnx")) throw new JsonMismatch("model", "is of another kind");
  for (const [name, given] of Object.entries(job.options)) {
    const option = name.startsWith(dimPrefix) || Object.hasOwn(action.options, name) ? parameterOf(action, name) : null;
    const problem = option === null ? "is no option" : misfit(option, given);
    if (problem !== null) throw new JsonMismatch(`options.${name}`, problem);
  }
  for (const name of Object.keys(action.options))
    if (!Object.hasOwn(job.options, name)) throw new JsonMismatch(`options.${name}`, "is missing");
  return job;
}

const readSeverity = readOneOf("error" as const, "warning" as const, "note" as const);
const readCode: Reader<DiagnosticCode> = readOneOf(...(Object.keys(diagnosticTable) as DiagnosticCode[]));

/** Diagnostics of a result: shortages, which programs read, are left to the command that places one model. */
const readDiagnostic: Reader<Diagnostic> = readObject<Omit<Diagnostic, "shortage">>({
  code: readCode,
  severity: readSeverity,
  message: readString,
  subject: readOptional(readString),
  hint: readOptional(readString),
});

/** An outcome that came from a file or from a worker; throws a JsonMismatch. */
export const readOutcome: Reader<Outcome> = readTagged<Outcome>("kind", {
  done: readObject({
    kind: readOneOf("done" as const),
    figures: readScalars,
    files: readObject<Readonly<Partial<Record<Kept, Digest>>>>({
      report: readOptional(readDigest),
      plan: readOptional(readDigest),
      placement: readOptional(readDigest),
      kernels: readOptional(readDigest),
      graph: readOptional(readDigest),
    }),
  }),
  refused: readObject({ kind: readOneOf("refused" as const), diagnostics: readArray(readDiagnostic) }),
  failed: readObject({ kind: readOneOf("failed" as const), message: readString }),
});
