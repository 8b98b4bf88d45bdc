/** How long a Loop may run: nothing but its condition may end it, and that may never do so. */
import { fail, type WscError } from "../ir/diagnostic.ts";

/** Iterations of one Loop, where no other limit is set. */
export const defaultLoopIterations = 1_000_000;

/** Iterations that a session's option allows; throws WSC7007 for what is no limit. */
export function loopLimit(given: number | undefined): number {
  if (given === undefined) return defaultLoopIterations;
  if (given === Infinity || (Number.isSafeInteger(given) && given > 0)) return given;
  throw fail("WSC7007", `maxLoopIterations: ${String(given)} is no number of iterations`, {
    hint: "1 or more, or Infinity",
  });
}

/** The error of a Loop that would go on after so many iterations. */
export const endlessLoop = (subject: string, limit: number): WscError =>
  fail("WSC7008", `it would go on after ${limit} iterations`, {
    subject,
    hint: "if it is meant to run that long, allow more: maxLoopIterations of a session, --max-loop-iterations of wsc run",
  });
