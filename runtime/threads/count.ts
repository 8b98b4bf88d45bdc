/** How many threads a session wants. */
import { fail } from "../../ir/diagnostic.ts";
import { env } from "../env.ts";
import { availableThreads } from "./workers.ts";

/** Threads that a session may have at most. */
export const maxThreads = 64;

interface ThreadOptions {
  readonly threads?: number;
  /** onnxruntime's name; 0 leaves the choice to the runtime, here one thread */
  readonly intraOpNumThreads?: number;
}

/** Threads of a session, at least one: our own option, else onnxruntime's, else one. Throws WSC7007. */
export function threadCount({ threads, intraOpNumThreads }: ThreadOptions): number {
  if (threads === undefined) return foreignCount(intraOpNumThreads) ?? foreignCount(env.wasm.numThreads) ?? 1;
  if (!Number.isInteger(threads) || threads < 0 || threads > maxThreads) {
    throw fail("WSC7007", `threads: ${String(threads)} is no number of threads`, {
      hint: `0 (as many as the machine runs) to ${maxThreads}`,
    });
  }
  return threads === 0 ? Math.min(maxThreads, availableThreads()) : threads;
}

/** What was meant for onnxruntime is taken where it makes sense, and ignored where it does not. */
const foreignCount = (value: unknown): number | null =>
  typeof value === "number" && Number.isInteger(value) && value > 0 ? Math.min(value, maxThreads) : null;
