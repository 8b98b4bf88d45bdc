/** Marks in the engine's profiles, of onnxruntime's names: written while `env.trace`, or else `env.wasm.trace`, is set. */
import { env } from "./env.ts";

const isTracing = (): boolean => env.trace ?? env.wasm.trace ?? false;

/** A mark at this moment. */
export function TRACE(deviceType: string, label: string): void {
  // not every console has it
  if (isTracing()) (console as Partial<Console>).timeStamp?.(`${deviceType}::ORT::${label}`);
}

/** A mark where a function begins; it has the name of the function that calls. */
export function TRACE_FUNC_BEGIN(extraMsg?: string): void {
  markCaller("BEGIN", extraMsg);
}

/** A mark where a function ends. */
export function TRACE_FUNC_END(extraMsg?: string): void {
  markCaller("END", extraMsg);
}

/** Begins to measure what has a name of its own; the console says the time. */
export function TRACE_EVENT_BEGIN(extraMsg?: string): void {
  if (isTracing()) console.time(`ORT::${extraMsg ?? ""}`);
}

export function TRACE_EVENT_END(extraMsg?: string): void {
  if (isTracing()) console.timeEnd(`ORT::${extraMsg ?? ""}`);
}

function markCaller(moment: "BEGIN" | "END", extraMsg: string | undefined): void {
  if (!isTracing()) return;
  // two lines of the stack are this file's
  const frames = (new Error().stack ?? "").split("\n").filter((line) => /\bat\b|@/.test(line));
  const caller = /^\s*(?:at\s+)?(?:async\s+)?([^\s@(]+)/.exec(frames[2] ?? "")?.[1] ?? "";
  TRACE("CPU", [`FUNC_${moment}`, caller, ...(extraMsg === undefined ? [] : [extraMsg])].join("::"));
}
