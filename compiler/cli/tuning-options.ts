/** `--tune` and `--tuning`: reads the file of choices, and writes it again when kernels were measured. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { fail, showName } from "../../ir/diagnostic.ts";
import type { TuneReport } from "../tuning/tune.ts";
import type { Tuning } from "../tuning/tuning.ts";
import { parseTuning, printTuning, type ReadTuning } from "../tuning/tuning-file.ts";
import type { FileOptions } from "../files/output-files.ts";
import { claimText, writeText } from "./text-output.ts";

export interface TuningArguments {
  readonly model: string;
  /** seconds of measuring */
  readonly tune: number | undefined;
  /** the file of choices */
  readonly tuning: string | undefined;
}

/** The file that tuning goes to: the given one, or one named after the model in the current folder. */
export const tuningFile = ({ model, tuning }: TuningArguments): string =>
  tuning ?? `${path.basename(model).replace(/\.onnx$/, "")}.tuning.json`;

/** Choices to start from, and the text that they stood in: if that was read, what is measured is written in its place. */
export interface StartTuning extends ReadTuning {
  readonly goesOnFrom?: string;
}

/** The choices to start from. Where kernels are to be measured, the file need not be there yet. */
export async function readTuning({ tune, tuning }: TuningArguments): Promise<StartTuning> {
  if (tune !== undefined && !(tune > 0 && Number.isFinite(tune)))
    throw fail("WSC8001", `--tune takes a number of seconds above 0, not ${tune}`);
  if (tuning === undefined) return { tuning: new Map(), warnings: [] };
  const text = await textOf(tuning, tune !== undefined);
  if (text === null) return { tuning: new Map(), warnings: [] };
  const read = await parseTuning(text, tuning);
  // a file of another version is not gone on with, so it stays
  return read.warnings.length > 0 ? read : { ...read, goesOnFrom: text };
}

async function textOf(file: string, mayBeMissing: boolean): Promise<string | null> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "unknown error";
    if (mayBeMissing && code === "ENOENT") return null;
    throw fail("WSC6002", `the file cannot be read: ${code}`, { subject: showName(file) });
  }
}

/** What `--tune` did, as `--json` prints it. */
export interface TuningSummary extends TuneReport {
  readonly file: string;
}

/** Throws unless the file may be written that tuning will go to. */
export async function claimTuning(given: TuningArguments, options: FileOptions): Promise<void> {
  if (given.tune !== undefined) await claimText(tuningFile(given), options);
}

/** Writes what was found; null where nothing was measured. */
export async function writeTuning(
  given: TuningArguments,
  tuning: Tuning,
  report: TuneReport | null,
  options: FileOptions,
): Promise<TuningSummary | null> {
  if (report === null) return null;
  const file = tuningFile(given);
  await writeText(file, printTuning(tuning), options);
  return { ...report, file };
}

/** The line that a person reads. */
export function describeTuning({ kernels, finished, changed, milliseconds, file }: TuningSummary): string {
  const { model, tuned } = milliseconds;
  const gain = tuned > 0 ? (model / tuned).toFixed(3) : "1.000";
  const tried = finished === kernels ? `all ${kernels} kernels tried` : `${finished} of ${kernels} kernels tried`;
  return `${tried}, ${changed} changed: ${model.toFixed(2)} to ${tuned.toFixed(2)} ms, ${gain} times as fast (${file})`;
}
