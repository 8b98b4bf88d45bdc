/**
 * A folder that wsc writes whole, with a manifest of what it wrote. One that is there is replaced if it holds nothing else and nobody has
 * changed it since; anything else is refused before work is done. The old files stay until all new ones are there.
 */
import { mkdirSync, renameSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { diagnostic, type Diagnostic, fail, showName, WscError } from "../../ir/diagnostic.ts";
import { type Manifest, type ManifestEntry, manifestFile, parseManifest, printManifest } from "../../ir/manifest.ts";
import { digestOfBytes } from "../../runtime/digest/digest.ts";
import { digestOfFile } from "./digest-file.ts";
import { draftPrefix, withDraft } from "./drafts.ts";
import { cannotWrite } from "./file-errors.ts";
import { refuseInput } from "./inputs.ts";
import type { OutputOptions } from "./output-files.ts";
import { checkedPath, entryAt, shownPath, tryFolder } from "./place.ts";

/** A folder that may be written. */
export interface OutputFolder {
  /** `fill` writes the files, all but the manifest, into the folder that it is given, and says what they are */
  readonly write: (fill: (draft: string) => Promise<Manifest>) => Promise<void>;
}

/** Makes sure that a folder may be written. `names` are the files that it will hold. */
export async function claimFolder(
  folder: string,
  names: readonly string[],
  options: OutputOptions = {},
): Promise<OutputFolder> {
  const target = checkedPath(folder);
  await check(target, names, options);
  await tryFolder(target);
  return {
    write: async (fill) => {
      const isThere = (await entryAt(target)) !== null;
      const writing = isThere ? writeOver(target, fill, options) : writeNew(target, fill);
      await writing.catch(cannotWrite(folder));
    },
  };
}

/** Throws everything that speaks against writing the folder; gives the manifest of what is there, null where nothing is. */
async function check(
  folder: string,
  names: readonly string[],
  { force = false, inputs = [] }: OutputOptions,
): Promise<Manifest | null> {
  const refuse = (message: string, hint = "choose another folder with -o"): never => {
    throw fail("WSC8002", `${shownPath(folder)} ${message}`, { hint });
  };
  const entry = await entryAt(folder);
  if (entry === null) return null;
  if (entry.isSymbolicLink()) return refuse("is a link, which wsc does not write through", "name the folder itself");
  if (!entry.isDirectory()) return refuse("is a file, and a folder is to be written there");
  const entries = await entriesOf(folder);
  if (entries.length === 0) return [];
  const manifest = await manifestIn(folder);
  if (manifest === null)
    return refuse(`holds ${listed(entries)}, which wsc did not write`, "choose another folder with -o, or empty it");
  const own = new Map(manifest.map((item) => [item.file, item]));
  const foreign = entries.filter((name) => name !== manifestFile && !own.has(name));
  const blocking = force ? foreign.filter((name) => names.includes(name)) : foreign;
  if (blocking.length > 0) {
    const hint = force ? "move it away first" : "move that away, or leave it there and replace the rest with --force";
    return refuse(`holds ${listed(blocking)}, which wsc did not write`, hint);
  }
  await refuseChanged(folder, manifest, entries, force, inputs);
  return manifest.filter(({ file }) => entries.includes(file));
}

/** Adds a file to a folder that wsc wrote, or replaces it there; the folder's manifest names it then. */
export async function addToFolder(folder: string, file: string, text: string): Promise<void> {
  const target = checkedPath(folder);
  const refuse = (message: string, hint: string): never => {
    throw fail("WSC8002", `${shownPath(path.join(target, file))} ${message}`, { hint });
  };
  const manifest = await manifestIn(target);
  if (manifest === null) return refuse("would lie in a folder that wsc did not write", "compile the model again");
  const known = manifest.find((item) => item.file === file);
  if ((await entryAt(path.join(target, file))) !== null) {
    if (known === undefined) return refuse("was not written by wsc, and is not replaced", "move it away first");
    if (!(await isUnchanged(path.join(target, file), known)))
      return refuse("has been changed since wsc wrote it", "move it away first");
  }
  const bytes = new TextEncoder().encode(text);
  const entry = { file, bytes: bytes.length, digest: digestOfBytes(bytes) };
  await withDraft(target, async (draft) => {
    await writeFile(path.join(draft, file), bytes);
    await writeFile(
      path.join(draft, manifestFile),
      printManifest([...manifest.filter((item) => item.file !== file), entry]),
    );
    // one after the other, without a pause
    for (const name of [file, manifestFile]) renameSync(path.join(draft, name), path.join(target, name));
  }).catch(cannotWrite(folder));
}

/** What is in a folder but drafts that a killed process has left. */
async function entriesOf(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder).catch(cannotWrite(folder));
  return entries.filter((name) => !name.startsWith(draftPrefix)).toSorted();
}

async function manifestIn(folder: string): Promise<Manifest | null> {
  try {
    const file = path.join(folder, manifestFile);
    return (await entryAt(file))?.isFile() === true ? parseManifest(await readFile(file, "utf8")) : null;
  } catch {
    return null;
  }
}

async function refuseChanged(
  folder: string,
  manifest: Manifest,
  entries: readonly string[],
  force: boolean,
  inputs: readonly string[],
): Promise<void> {
  const problems: Diagnostic[] = [];
  for (const item of manifest.filter(({ file }) => entries.includes(file))) {
    const file = path.join(folder, item.file);
    const read = await refuseInput(file, inputs);
    if (read !== null) problems.push(read);
    else if (!(force ? await isFile(file) : await isUnchanged(file, item))) {
      const hint = force ? "move it away first" : "--force replaces it all the same; another folder keeps it";
      problems.push(diagnostic("error", "WSC8002", `${shownPath(file)} has been changed since wsc wrote it`, { hint }));
    }
  }
  if (problems.length > 0) throw new WscError(problems);
}

const isFile = async (file: string): Promise<boolean> => (await entryAt(file))?.isFile() === true;

async function isUnchanged(file: string, { bytes, digest }: ManifestEntry): Promise<boolean> {
  const entry = await entryAt(file);
  if (entry === null || !entry.isFile() || entry.size !== bytes) return false;
  return (await digestOfFile(file).catch(cannotWrite(file))) === digest;
}

const mostListed = 5;

function listed(names: readonly string[]): string {
  const shown = names.slice(0, mostListed).map((name) => `"${showName(name)}"`);
  const more = names.length - shown.length;
  return `${shown.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

// ---- writing -----------------------------------------------------------------------------------------------------------------------

type Fill = (draft: string) => Promise<Manifest>;

/** Files as a folder has them in a draft; the names of all of them, the manifest's among them. */
async function fillDraft(draft: string, fill: Fill): Promise<readonly string[]> {
  const manifest = await fill(draft);
  await writeFile(path.join(draft, manifestFile), printManifest(manifest));
  return [...manifest.map(({ file }) => file), manifestFile];
}

/** A folder where there is none: the draft becomes it. */
async function writeNew(target: string, fill: Fill): Promise<void> {
  await withDraft(path.dirname(target), async (draft) => {
    const files = path.join(draft, "new");
    mkdirSync(files);
    await fillDraft(files, fill);
    // a folder for temporary files is its owner's alone; a program is not
    renameSync(files, target);
  });
}

/**
 * Files in a folder that is there, which may be a mount point, somebody's working directory, or hold what is not ours. They are exchanged
 * without a pause, in which Ctrl-C could come, and put back when one of them fails.
 */
const writeOver = (target: string, fill: Fill, options: OutputOptions): Promise<void> =>
  withDraft(target, async (draft) => {
    const [fresh, before] = [path.join(draft, "new"), path.join(draft, "old")];
    mkdirSync(fresh);
    mkdirSync(before);
    const names = await fillDraft(fresh, fill);
    // once more: compiling takes its time, in which somebody may have come
    const old = (await check(target, names, options)) ?? [];
    const gone = old.length === 0 ? [] : [...old.map(({ file }) => file), manifestFile];
    renameAll([
      ...gone.map((name) => [path.join(target, name), path.join(before, name)] as const),
      ...names.map((name) => [path.join(fresh, name), path.join(target, name)] as const),
    ]);
  });

function renameAll(moves: readonly (readonly [string, string])[]): void {
  const done: (readonly [string, string])[] = [];
  try {
    for (const [from, to] of moves) {
      renameSync(from, to);
      done.unshift([to, from]);
    }
  } catch (error) {
    for (const [from, to] of done) renameSync(from, to);
    throw error;
  }
}
