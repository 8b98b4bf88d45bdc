/** Files of text that verbs write. */
import { writeFile } from "node:fs/promises";
import { fail } from "../../ir/diagnostic.ts";

/** Writes a result file, or says why not. */
export async function writeText(file: string, text: string): Promise<void> {
  await writeFile(file, text).catch((error: unknown) => {
    throw fail("WSC8002", `cannot write ${file}: ${(error as NodeJS.ErrnoException).code ?? "unknown error"}`);
  });
}
