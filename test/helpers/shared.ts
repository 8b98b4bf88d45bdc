/** Test data from outside the repository: WSC_SHARED, or a folder `shared` beside the clone. Tests that need it skip loudly without it. */
import { existsSync } from "node:fs";
import path from "node:path";
import { root } from "./programs.ts";

/** Path in the shared folder; null, with a warning, when it is not there. */
export function sharedPath(name: string): string | null {
  const file = path.join(process.env["WSC_SHARED"] ?? path.join(root, "..", "shared"), name);
  if (existsSync(file)) return file;
  console.warn(`skipped: ${file} is missing (WSC_SHARED names the folder)`);
  return null;
}
