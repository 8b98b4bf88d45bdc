/** Which files are the same file: what a command reads is never written, however it is spelled and by whatever links it is reached. */
import { stat } from "node:fs/promises";
import { diagnostic, type Diagnostic, showName } from "../../ir/diagnostic.ts";
import { shownPath } from "./place.ts";

/** A device and a file's number on it; null where there is no file. */
export async function identityOf(file: string): Promise<string | null> {
  try {
    const { dev, ino } = await stat(file, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return null;
  }
}

/** Says which of the inputs a file is, or null. */
export async function refuseInput(file: string, inputs: readonly string[]): Promise<Diagnostic | null> {
  const identity = await identityOf(file);
  if (identity === null) return null;
  for (const input of inputs) {
    if ((await identityOf(input)) !== identity) continue;
    const [output, read] = [shownPath(file), `"${showName(input)}"`];
    const other = output === read ? "" : ` (${read})`;
    return diagnostic("error", "WSC8002", `${output} is an input of this command${other}, and is not overwritten`, {
      hint: "choose another place for the output",
    });
  }
  return null;
}
