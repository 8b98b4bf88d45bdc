/** What a promise was refused with. */
import { WscError } from "../../ir/diagnostic.ts";

/** Codes of the diagnostics; anything but a WscError is thrown on, and success has no codes. */
export async function codesOf(action: Promise<unknown>): Promise<readonly string[]> {
  try {
    await action;
    return [];
  } catch (error) {
    if (error instanceof WscError) return error.diagnostics.map(({ code }) => code);
    throw error;
  }
}
