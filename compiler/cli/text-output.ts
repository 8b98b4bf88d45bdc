/** Files of text that verbs write, or stdout. */
import { claimFile, type FileOptions } from "../files/output-files.ts";

/** Where a verb writes that prints one text and nothing else: stdout for "-" as for no file. */
export const textPlace = (file: string | undefined): string | undefined => (file === "-" ? undefined : file);

/** Throws unless a text may be written there: asked before the work is done. */
export async function claimText(file: string | undefined, options: FileOptions): Promise<void> {
  if (file !== undefined) await claimFile(file, options);
}

/** Writes a result to its file, to stdout without one. */
export async function writeText(file: string | undefined, text: string, options: FileOptions): Promise<void> {
  if (file === undefined) process.stdout.write(text);
  else await (await claimFile(file, options)).write(text);
}
