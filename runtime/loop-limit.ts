/** How long a Loop may run: nothing but its condition may end it, and that may never do so. */
import { fail, type WscError } from "../ir/diagnostic.ts";

/** What a Loop may do before it is an error that it would go on. */
export interface LoopLimits {
  readonly iterations: number;
  /** iterations in which something had to be compiled, because a shape was new: one takes a few milliseconds instead of a microsecond */
  readonly compiled: number;
}

/** Iterations of one Loop, where no other limit is set. */
export const defaultLoopIterations = 1_000_000;
/** More than decoders have tokens; so many take half a minute. */
const defaultCompiledIterations = 10_000;

/** What a session's option `maxLoopIterations` allows, which counts for both; throws WSC7007 for what is no limit. */
export function loopLimits(given: number | undefined): LoopLimits {
  if (given === undefined) return { iterations: defaultLoopIterations, compiled: defaultCompiledIterations };
  if (given === Infinity || (Number.isSafeInteger(given) && given > 0)) return { iterations: given, compiled: given };
  throw fail("WSC7007", `maxLoopIterations: ${String(given)} is no number of iterations`, {
    hint: "1 or more, or Infinity",
  });
}

const hint =
  "if it is meant to run that long, allow more: maxLoopIterations of a session, --max-loop-iterations of wsc run";

/** The error of a Loop that would go on after so many iterations. */
export const endlessLoop = (subject: string, limit: number): WscError =>
  fail("WSC7008", `it would go on after ${limit} iterations`, { subject, hint });

/** The error of a Loop that would go on after so many iterations with shapes that were new. */
export const growingLoop = (subject: string, limit: number): WscError =>
  fail("WSC7008", `it would go on after ${limit} iterations, each with a shape that was not there before`, {
    subject,
    hint,
  });
