/** Packages that an installation may leave out. */
import { fail } from "../../ir/diagnostic.ts";

/** Loads one, or says how to get it: `what` is what needs it. */
export async function loadOptional<T>(name: string, load: () => Promise<T>, what: string): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND")) throw error;
    throw fail("WSC8102", `${what} needs the package ${name}, which is not installed`, { hint: `npm install ${name}` });
  }
}
