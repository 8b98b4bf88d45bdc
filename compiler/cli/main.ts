#!/usr/bin/env node
/**
 * The `wsc` command. Only what every call needs is loaded here: each verb imports its own body when it is called.
 * Exit codes: 0 done, 1 the model or the program is at fault, 2 wrong usage, 70 a defect of wsc.
 */
import { fileProblem } from "../files/file-errors.ts";
import { wscVersion } from "../version.ts";
import { exitCodes, reportFailure } from "./failure.ts";

async function main(args: readonly string[]): Promise<number> {
  if (args.length === 1 && (args[0] === "--version" || args[0] === "-V")) {
    process.stdout.write(`${wscVersion()}\n`);
    return exitCodes.done;
  }
  const { runCommandLine } = await import("./command-line.ts");
  return runCommandLine(args, wscVersion());
}

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  // a closed pipe (`wsc ... | head`) is the reader's choice, not a failure
  if (error.code === "EPIPE") process.exit(exitCodes.done);
  process.exit(reportFailure(fileProblem(error, "stdout cannot be written")));
});

// where nobody hears, nothing can be said
process.stderr.on("error", () => undefined);

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.exitCode = reportFailure(error);
  },
);
