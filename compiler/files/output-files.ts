/**
 * Single files that verbs write: texts, tensors. One that is there is replaced if wsc wrote it and nobody has changed it since; anything else
 * is refused before work is done. New files are written beside their places, all of them, and then renamed.
 */
import type { Stats } from "node:fs";
import { chmod, open, rename, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { diagnostic, type Diagnostic, fail, showName, WscError } from "../../ir/diagnostic.ts";
import { digestOfBytes } from "../../runtime/digest/digest.ts";
import { digestOfFile } from "./digest-file.ts";
import { withDraft } from "./drafts.ts";
import { cannotWrite } from "./file-errors.ts";
import { refuseInput } from "./inputs.ts";
import { checkedPath, entryAt, shownPath, tryFolder } from "./place.ts";
import { addToRecord, type FolderRecord, readRecord } from "./record.ts";

export interface OutputOptions {
  /** replaces files that wsc wrote also where they have been changed since; never any others */
  readonly force?: boolean;
  /** files that are read, which are never replaced */
  readonly inputs?: readonly string[];
}

export interface FileOptions extends OutputOptions {
  /** what the file held when it was read, if what is written goes on from that: such a file may be replaced */
  readonly goesOnFrom?: string;
}

/** Content too large to be held: made piece by piece, or zeros that take no place on the disk. */
export interface StreamedContent {
  readonly byteLength: number;
  readonly pieces: Iterable<Uint8Array> | "zeros";
}

export type Content = string | Uint8Array | StreamedContent;

/** A file that may be written. */
export interface OutputFile {
  readonly write: (content: string | Uint8Array) => Promise<void>;
}

/** Files of a folder that may be written. */
export interface OutputFiles {
  readonly write: (contents: ReadonlyMap<string, Content>) => Promise<void>;
}

/** Makes sure that a file may be written; its folder must be there. Devices and pipes are written as they are. */
export async function claimFile(file: string, options: FileOptions = {}): Promise<OutputFile> {
  const target = checkedPath(file);
  if (await isStream(target)) return { write: (content) => writeStream(target, content) };
  const name = path.basename(target);
  const folder = path.dirname(target);
  if ((await entryAt(folder)) === null) {
    throw fail("WSC8002", `the folder of "${showName(file)}" does not exist`, { hint: "make it first" });
  }
  await tryFolder(folder, file);
  await check(folder, [name], options);
  return { write: (content) => writeAll(folder, new Map([[name, content]]), options) };
}

/** Makes sure that files of these names may be written into a folder, which is made if it is not there. */
export async function claimFiles(
  folder: string,
  names: readonly string[],
  options: FileOptions = {},
): Promise<OutputFiles> {
  const place = checkedPath(folder);
  await tryFolder(place);
  await check(place, names, options);
  return { write: (contents) => writeAll(place, contents, options) };
}

/** Throws everything that speaks against writing these files; gives what wsc has written in the folder. */
async function check(folder: string, names: readonly string[], options: FileOptions): Promise<FolderRecord> {
  const record = await readRecord(folder);
  const problems: Diagnostic[] = [];
  for (const name of names) {
    const problem = await refuse(folder, name, record, options);
    if (problem !== null) problems.push(problem);
  }
  if (problems.length > 0) throw new WscError(problems);
  return record;
}

async function refuse(
  folder: string,
  name: string,
  record: FolderRecord,
  { force = false, inputs = [], goesOnFrom }: FileOptions,
): Promise<Diagnostic | null> {
  const file = path.join(folder, name);
  const shown = shownPath(file);
  const problem = (message: string, hint: string): Diagnostic =>
    diagnostic("error", "WSC8002", `${shown} ${message}`, { hint });
  const elsewhere = "choose another place, or remove it first";
  const entry = await entryAt(file);
  if (entry === null) return null;
  const read = await refuseInput(file, inputs);
  if (read !== null) return read;
  if (entry.isDirectory()) return problem("is a folder, and a file is to be written there", "choose another name");
  if (entry.isSymbolicLink()) return problem("is a link, which wsc does not write through", elsewhere);
  if (!entry.isFile()) return problem("is no regular file", elsewhere);
  const digest = isHole(entry) ? zerosDigest(entry.size) : await digestOfFile(file).catch(cannotWrite(file));
  if (goesOnFrom !== undefined && digest === digestOfBytes(new TextEncoder().encode(goesOnFrom))) return null;
  const known = record.get(name);
  if (known === undefined) return problem("was not written by wsc, and is not replaced", elsewhere);
  if (known.has(digest) || force) return null;
  return problem("has been changed since wsc wrote it", "--force replaces it all the same; another name keeps it");
}

async function writeAll(folder: string, contents: ReadonlyMap<string, Content>, options: FileOptions): Promise<void> {
  const record = await check(folder, [...contents.keys()], options);
  const draftOf = (draft: string, index: number): string => path.join(draft, String(index));
  await withDraft(folder, async (draft) => {
    const lines = [];
    for (const [index, [name, content]] of [...contents].entries()) {
      const line = await writeContent(draftOf(draft, index), content);
      const earlier = await entryAt(path.join(folder, name));
      if (earlier !== null) await chmod(draftOf(draft, index), earlier.mode & 0o777);
      lines.push({ file: name, ...line });
    }
    // before the files: a record of what never came harms nobody, a file without one could not be replaced again
    await addToRecord(folder, record, lines);
    for (const [index, name] of [...contents.keys()].entries())
      await rename(draftOf(draft, index), path.join(folder, name));
  }).catch(cannotWrite(folder));
}

interface Written {
  readonly bytes: number;
  readonly digest: string;
}

async function writeContent(file: string, content: Content): Promise<Written> {
  if (typeof content === "string") return writeContent(file, new TextEncoder().encode(content));
  if (content instanceof Uint8Array) {
    await writeFile(file, content);
    return { bytes: content.length, digest: digestOfBytes(content) };
  }
  const handle = await open(file, "wx");
  try {
    if (content.pieces === "zeros") {
      await handle.truncate(content.byteLength);
    } else {
      for (const piece of content.pieces) await handle.writeFile(piece);
    }
  } finally {
    await handle.close();
  }
  const holds = isHole(await stat(file));
  return { bytes: content.byteLength, digest: holds ? zerosDigest(content.byteLength) : await digestOfFile(file) };
}

/** Smaller files may lie where a file system keeps no blocks. */
const leastHole = 65_536;

/** A file that has a size and nothing in it: zeros, which nobody needs to read to know. */
const isHole = ({ size, blocks }: Stats): boolean => size >= leastHole && blocks === 0;

const zerosDigest = (bytes: number): string => `zeros:${bytes}`;

// ---- devices and pipes -------------------------------------------------------------------------------------------------------------

/** True for what takes bytes and keeps no file, such as /dev/stdout. */
async function isStream(file: string): Promise<boolean> {
  return stat(file).then(
    (status) => status.isCharacterDevice() || status.isFIFO() || status.isSocket(),
    () => false,
  );
}

const writeStream = (file: string, content: string | Uint8Array): Promise<void> =>
  writeFile(file, content, { flag: "a" }).catch(cannotWrite(file));
