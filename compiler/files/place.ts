/** Whether files can be written at a place: tried before any work is done, so that a bad place is told at once. */
import { type Stats, statSync } from "node:fs";
import { lstat } from "node:fs/promises";
import path from "node:path";
import { fail, showName } from "../../ir/diagnostic.ts";
import { withDraft } from "./drafts.ts";
import { cannotWrite } from "./file-errors.ts";

/** A path as it is used; throws WSC8001 for what is none. */
export function checkedPath(file: string): string {
  if (file === "" || file.includes("\0")) throw fail("WSC8001", "the path of an output is empty, or holds a NUL");
  if (file === "-")
    throw fail("WSC8001", '"-" stands for standard output, and what is written there is not one text alone', {
      hint: "name a file or a folder; ./- is one of that name",
    });
  return path.resolve(file);
}

/** A path for messages: as seen from the working directory where it lies in that. */
export function shownPath(file: string): string {
  const relative = path.relative("", file);
  const isInside = relative !== "" && !relative.startsWith("..") && !path.isAbsolute(relative);
  return `"${showName(isInside ? relative : file)}"`;
}

/** What stands at a path itself, links not followed; null where nothing does. */
export async function entryAt(file: string): Promise<Stats | null> {
  return lstat(file).catch((error: unknown) =>
    (error as NodeJS.ErrnoException).code === "ENOENT" ? null : cannotWrite(file)(error),
  );
}

/** Throws unless files can be made in a folder, or in the one that it would be made in; `output` is what they are for. */
export async function tryFolder(folder: string, output: string = folder): Promise<void> {
  const place = nearestPlace(folder);
  if (!statSync(place).isDirectory())
    throw fail("WSC8002", `${shownPath(place)} is a file, and a folder is needed there`);
  await withDraft(place, () => Promise.resolve()).catch(cannotWrite(output));
}

/** The folder, or the innermost one around it that exists. */
function nearestPlace(folder: string): string {
  try {
    return statSync(folder, { throwIfNoEntry: false }) === undefined ? nearestPlace(path.dirname(folder)) : folder;
  } catch (error) {
    return cannotWrite(folder)(error);
  }
}
