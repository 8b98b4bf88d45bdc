/** Which build of wsc this is: what it compiles is kept for this one only. */
import { readFile } from "node:fs/promises";
import { isFileError } from "../files/file-errors.ts";

let known: Promise<string> | null = null;

/** The digest of the built files (scripts/build.mjs writes it); sources that run as they are have none. */
export function buildOfWsc(): Promise<string> {
  known ??= readFile(new URL("../../build-digest.txt", import.meta.url), "utf8").catch((error: unknown) => {
    if (isFileError(error)) return "sources";
    throw error;
  });
  return known;
}
