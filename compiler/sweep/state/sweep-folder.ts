/** The folder of a sweep, which is its state: the specification, the journal of what is done, the store of its files, tables and the report. */
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { fail, showName } from "../../../ir/diagnostic.ts";
import { draftPrefix } from "../../files/drafts.ts";
import { cannotWrite } from "../../files/file-errors.ts";
import { entryAt } from "../../files/place.ts";
import { readSpec } from "../spec/read-spec.ts";
import type { Spec } from "../spec/spec.ts";

export const folderFiles = {
  /** says that the folder is a sweep's, of which specification, and where names of files in it begin */
  sweep: "sweep.json",
  journal: "journal.jsonl",
  store: "store",
  cache: "cache",
} as const;

const format = "wsc sweep";

export interface SweepRecord {
  readonly spec: Spec;
  /** the folder that files of the specification are named from */
  readonly base: string;
  /** of the wsc whose jobs these are, with its build */
  readonly version: string;
  /** numbers of the points that a search has chosen; null: all points */
  readonly points: readonly number[] | null;
  /** folder or URL of the store; null: in the folder itself */
  readonly store: string | null;
}

/** Makes sure that a folder may be a sweep's: new, empty, or one already. WSC8106 for any other. */
export async function claimSweep(folder: string): Promise<void> {
  const refuse = (message: string): Error =>
    fail("WSC8106", `"${showName(folder)}" ${message}`, { hint: "choose another folder with -o" });
  const entry = await entryAt(folder);
  if (entry !== null && !entry.isDirectory()) throw refuse("is no folder");
  if (entry !== null) {
    const names = (await readdir(folder)).filter((name) => !name.startsWith(draftPrefix));
    if (names.length > 0 && !names.includes(folderFiles.sweep)) throw refuse("holds files that are no sweep's");
    if (names.length > 0) await readSweep(folder);
  }
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    cannotWrite(folder)(error);
  }
}

/** Writes what the sweep is; the file is replaced whole. */
export function writeSweep(folder: string, record: SweepRecord): void {
  const { action, axes, fixed, where, record: figures, objectives, keep } = record.spec;
  const json = {
    format,
    // the form that a user writes
    spec: {
      do: action,
      axes: Object.fromEntries(axes.map(({ name, values }) => [name, values])),
      fixed,
      where,
      record: figures,
      objectives: Object.fromEntries(objectives.map(({ figure, goal }) => [figure, goal])),
      keep,
    },
    base: path.relative(folder, record.base),
    version: record.version,
    points: record.points,
    store: record.store,
  };
  const file = path.join(folder, folderFiles.sweep);
  const draft = path.join(folder, `${draftPrefix}${process.pid}`);
  try {
    writeFileSync(draft, `${JSON.stringify(json)}\n`);
    renameSync(draft, file);
  } catch (error) {
    cannotWrite(file)(error);
  }
}

/** What a sweep's folder is of; WSC8106 for a folder that is none. */
export async function readSweep(folder: string): Promise<SweepRecord> {
  const file = path.join(folder, folderFiles.sweep);
  const refuse = (message: string): Error =>
    fail("WSC8106", `"${showName(folder)}" is no sweep's folder: ${folderFiles.sweep} ${message}`);
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    throw refuse(`cannot be read (${(error as NodeJS.ErrnoException).code ?? "unknown error"})`);
  });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw refuse("is no JSON");
  }
  if (typeof json !== "object" || json === null || !("format" in json) || json.format !== format || !("spec" in json))
    throw refuse("is something else");
  const base = "base" in json && typeof json.base === "string" ? json.base : "";
  const store = "store" in json && typeof json.store === "string" ? json.store : null;
  if (!("version" in json) || typeof json.version !== "string") throw refuse("does not say which wsc it is of");
  const points = "points" in json && Array.isArray(json.points) ? (json.points as readonly unknown[]) : null;
  return {
    spec: readSpec(json.spec, file),
    base: path.resolve(folder, base),
    version: json.version,
    points: points?.filter((point) => Number.isSafeInteger(point)).map(Number) ?? null,
    store,
  };
}
