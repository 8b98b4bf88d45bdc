/** Calls the built command as a user would, in a process of its own. */
import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { dist } from "../helpers/programs.ts";

const main = path.join(dist, "compiler", "cli", "main.js");
if (!existsSync(main)) throw new Error("wsc is not built: npm run build (npm test does it)");

/** What a command printed and how it ended. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export function wsc(args: readonly string[], cwd?: string): Promise<Outcome> {
  return new Promise((done) => {
    execFile(process.execPath, [main, ...args], { cwd, maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
      done({ code, stdout, stderr });
    });
  });
}

/** Bytes of every file in a folder, by name. */
export const contentsOf = (folder: string): Map<string, Buffer> =>
  new Map(
    readdirSync(folder)
      .toSorted()
      .map((name) => [name, readFileSync(path.join(folder, name))]),
  );
