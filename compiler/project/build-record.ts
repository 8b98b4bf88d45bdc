/**
 * What a compiled folder was made from and with: by it an unchanged model is not compiled again. The record is one of the folder's files, `build.json`,
 * and names the model's files by digest, as they lie beside the model.
 */
import { readFile } from "node:fs/promises";
import path from "node:path";
import type { DimRanges } from "../../ir/dim.ts";
import { WscError } from "../../ir/diagnostic.ts";
import {
  JsonMismatch,
  layoutJson,
  readArray,
  type Reader,
  readInteger,
  readObject,
  readString,
} from "../../ir/json-reader.ts";
import { manifestFile, parseManifest } from "../../ir/manifest.ts";
import { printPlacementJson } from "../../ir/placement-json.ts";
import { digestOfBytes } from "../../runtime/digest/digest.ts";
import type { CompileOptions } from "../compile.ts";
import { digestOfFile } from "../files/digest-file.ts";
import { isFileError } from "../files/file-errors.ts";
import { presets } from "../targets/presets.ts";
import { printTuning } from "../tuning/tuning-file.ts";
import { buildOfWsc } from "../version.ts";

export const buildFile = "build.json";

const recordVersion = 1;

/** What decides the result of a compilation beside the model. */
export interface RecordedOptions extends CompileOptions {
  readonly ranges?: DimRanges;
}

/** A file that was read, by its way from the model's folder. */
export interface SourceFile {
  readonly file: string;
  readonly digest: string;
}

export interface BuildRecord {
  readonly version: number;
  /** digest of the options, and of wsc itself */
  readonly key: string;
  /** the model's own file first */
  readonly sources: readonly SourceFile[];
}

const readRecord: Reader<BuildRecord> = readObject<BuildRecord>({
  version: readInteger(recordVersion, recordVersion),
  key: readString,
  sources: readArray(readObject<SourceFile>({ file: readString, digest: readString })),
});

export const printRecord = (record: BuildRecord): string => layoutJson(record);

/** Makes the record of a compilation. */
export async function recordOf(
  model: string,
  files: readonly string[],
  options: RecordedOptions,
): Promise<BuildRecord> {
  const sources: SourceFile[] = [];
  for (const file of files) sources.push({ file: wayTo(model, file), digest: await digestOfFile(file) });
  return { version: recordVersion, key: await keyOf(options), sources };
}

const wayTo = (model: string, file: string): string =>
  path.relative(path.dirname(model), file).split(path.sep).join("/");

/** True where a compilation with these options would give a folder again: same options, build of wsc and sources by its record, and no file altered. */
export async function isUpToDate(folder: string, model: string, options: RecordedOptions): Promise<boolean> {
  return unlessUnreadable(async () => {
    const record = readRecord(JSON.parse(await readFile(path.join(folder, buildFile), "utf8")), "");
    if (record.key !== (await keyOf(options)) || record.sources[0]?.file !== path.basename(model)) return false;
    for (const { file, digest } of record.sources)
      if ((await digestOfFile(path.join(path.dirname(model), file))) !== digest) return false;
    const manifest = parseManifest(await readFile(path.join(folder, manifestFile), "utf8"));
    for (const { file, digest } of manifest) if ((await digestOfFile(path.join(folder, file))) !== digest) return false;
    return true;
  });
}

/** What cannot be read, or is of another form, is no record. */
async function unlessUnreadable(read: () => Promise<boolean>): Promise<boolean> {
  try {
    return await read();
  } catch (error) {
    const isExpected =
      isFileError(error) || error instanceof JsonMismatch || error instanceof SyntaxError || error instanceof WscError;
    if (isExpected) return false;
    throw error;
  }
}

/** A digest of all that decides what a model becomes, and of the compiler. */
async function keyOf(options: RecordedOptions): Promise<string> {
  const { ranges = new Map() } = options;
  const { target = "wse2", dims = new Map<string, number>(), from, tuning = new Map() } = options;
  const machine = typeof target === "string" ? (presets.get(target) ?? (await digestOfFile(target))) : target;
  const stated = [
    await buildOfWsc(),
    machine,
    [...dims].sort(([a], [b]) => (a < b ? -1 : 1)),
    [...ranges].sort(([a], [b]) => (a < b ? -1 : 1)),
    options.fuse ?? true,
    options.precision ?? "f32",
    options.mode ?? "auto",
    options.objective ?? "throughput",
    options.replicas ?? 1,
    options.constraints ?? {},
    options.timeLimitSeconds ?? null,
    options.effortSeconds ?? null,
    options.solver ?? "auto",
    options.seed ?? 0,
    options.joinVectors ?? false,
    options.weights ?? "speed",
    from === undefined ? null : printPlacementJson(from),
    printTuning(tuning),
  ];
  return digestOfBytes(new TextEncoder().encode(JSON.stringify(stated)));
}
