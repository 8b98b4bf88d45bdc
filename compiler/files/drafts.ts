/** Files on their way: written beside their place, and gone when the process ends before they are whole, also on Ctrl-C. */
import { existsSync, mkdirSync, mkdtempSync, rmdirSync, rmSync } from "node:fs";
import path from "node:path";

/** How names of drafts begin; a process that is killed may leave one behind. */
export const draftPrefix = ".wsc-draft-";

interface Draft {
  readonly folder: string;
  /** folders that were made for it, the innermost first */
  readonly made: readonly string[];
}

const open = new Set<Draft>();

/** Signals that end a process that does not listen to them. */
const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Gives `work` a new folder inside `parent`, which is made if it is not there. When it ends, the draft is gone, and so are folders that were
 * made and hold nothing.
 */
export async function withDraft<T>(parent: string, work: (draft: string) => Promise<T>): Promise<T> {
  const draft = openDraft(parent);
  watch(draft);
  try {
    return await work(draft.folder);
  } finally {
    remove(draft);
    unwatch(draft);
  }
}

function openDraft(parent: string): Draft {
  const made: string[] = [];
  try {
    makeFolder(parent, made);
    return { folder: mkdtempSync(path.join(parent, draftPrefix)), made };
  } catch (error) {
    removeEmpty(made);
    throw error;
  }
}

function makeFolder(folder: string, made: string[]): void {
  if (existsSync(folder)) return;
  makeFolder(path.dirname(folder), made);
  mkdirSync(folder);
  made.unshift(folder);
}

function watch(draft: Draft): void {
  if (open.size === 0) {
    process.on("exit", removeAll);
    for (const signal of signals) process.on(signal, onSignal);
  }
  open.add(draft);
}

function unwatch(draft: Draft): void {
  open.delete(draft);
  if (open.size > 0) return;
  process.off("exit", removeAll);
  for (const signal of signals) process.off(signal, onSignal);
}

function removeAll(): void {
  for (const draft of open) remove(draft);
}

function remove({ folder, made }: Draft): void {
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch {
    // what stands in the way of this stood in the way of the work, which has said so
  }
  removeEmpty(made);
}

function removeEmpty(folders: readonly string[]): void {
  try {
    for (const folder of folders) rmdirSync(folder);
  } catch {
    // somebody has put something there
  }
}

/** Ends as the signal would have ended the process, unless somebody else listens to it and decides. */
function onSignal(signal: NodeJS.Signals): void {
  removeAll();
  process.off(signal, onSignal);
  if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
}
