/** Turns whatever was thrown into lines on stderr and an exit code; a user never sees a stack trace unless WSC_DEBUG asks for it. */
import { renderDiagnostic, WscError } from "../../ir/diagnostic.ts";
import { isFileError, unforeseenProblem } from "../files/file-errors.ts";

export const exitCodes = { done: 0, failed: 1, usage: 2, defect: 70 } as const;

/** Diagnostics shown before the rest is only counted. */
const shown = 20;

export function reportFailure(error: unknown): number {
  if (error instanceof WscError) {
    for (const diagnostic of error.diagnostics.slice(0, shown)) writeError(renderDiagnostic(diagnostic));
    const more = error.diagnostics.length - shown;
    if (more > 0) writeError(`… and ${more} more`);
    const isUsage = error.diagnostics.some(({ code }) => code === "WSC8001");
    return isUsage ? exitCodes.usage : exitCodes.failed;
  }
  if (isFileError(error)) return reportFailure(unforeseenProblem(error));
  const message = error instanceof Error ? error.message : String(error);
  writeError(`error WSC9001: a defect in wsc: ${message}\n  help: please report it, with the model and the command`);
  if (process.env["WSC_DEBUG"] !== undefined && error instanceof Error) writeError(error.stack ?? "");
  return exitCodes.defect;
}

export function writeError(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Progress and notes go to stderr, and only when somebody watches. */
export const note = (text: string, quiet: boolean): void => {
  if (!quiet) writeError(text);
};
