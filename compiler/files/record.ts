/**
 * The record of a folder: which files wsc has written there, a line for each time, so that it can tell its own files from others'. Lines are
 * appended, never changed: commands that write to one folder at the same time do not lose each other's.
 */
import { constants } from "node:fs";
import { open, readFile } from "node:fs/promises";
import path from "node:path";
import { fail, showName } from "../../ir/diagnostic.ts";
import { cannotWrite, isFileError } from "./file-errors.ts";
import { entryAt } from "./place.ts";

/** The record's name; compiled folders have a manifest.json instead. */
export const recordFile = ".wsc-manifest.jsonl";

const maxRecordBytes = 2 ** 26;

export interface RecordLine {
  readonly file: string;
  readonly bytes: number;
  readonly digest: string;
}

/** Digests of everything that wsc has written under a name. */
export type FolderRecord = ReadonlyMap<string, ReadonlySet<string>>;

/** The record of a folder, empty where there is none. */
export async function readRecord(folder: string): Promise<FolderRecord> {
  const file = path.join(folder, recordFile);
  const entry = await entryAt(file);
  if (entry === null) return new Map();
  if (!entry.isFile() || entry.size > maxRecordBytes) {
    throw fail("WSC8002", `"${showName(file)}" is no record of written files`, { hint: "remove it" });
  }
  const known = new Map<string, Set<string>>();
  for (const { file: name, digest } of linesOf(await readFile(file, "utf8").catch(cannotWrite(file)))) {
    known.set(name, (known.get(name) ?? new Set()).add(digest));
  }
  return known;
}

/** Lines as they were written; one that was cut short says nothing. */
function linesOf(text: string): readonly RecordLine[] {
  return text.split("\n").flatMap((line) => {
    try {
      const { file, bytes, digest } = JSON.parse(line) as Partial<RecordLine>;
      return file === undefined || bytes === undefined || digest === undefined ? [] : [{ file, bytes, digest }];
    } catch {
      return [];
    }
  });
}

/** Adds lines that are not there yet. Where only others may write the record, the files will not be told from theirs. */
export async function addToRecord(folder: string, known: FolderRecord, lines: readonly RecordLine[]): Promise<void> {
  const fresh = lines.filter(({ file, digest }) => known.get(file)?.has(digest) !== true);
  if (fresh.length === 0) return;
  const text = fresh.map((line) => `${JSON.stringify(line)}\n`).join("");
  const file = path.join(folder, recordFile);
  const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW } = constants;
  try {
    // Windows has no such links, and no such flag
    const handle = await open(file, O_WRONLY | O_APPEND | O_CREAT | ((O_NOFOLLOW as number | undefined) ?? 0));
    try {
      await handle.appendFile(text);
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (isFileError(error) && (error.code === "EACCES" || error.code === "EPERM")) return;
    cannotWrite(file)(error);
  }
}
