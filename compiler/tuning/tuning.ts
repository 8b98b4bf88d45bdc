/**
 * What was found out by measuring: for some kernels, choices other than the cost model's. Applied by name: a kernel takes from its own list of
 * candidates what the tuning names, so a tuning of another model, another version or a stranger changes speed at most, never a result's legality.
 */
import { type Diagnostic, diagnostic, showName } from "../../ir/diagnostic.ts";
import { type AskedChoice, chooseWished, joinedChoice, modelChoice, type Wishes } from "../codegen/choice.ts";
import { emitSmallest, type WeightAim } from "../codegen/small-weights.ts";
import type { Scheduler } from "../codegen/scheduler.ts";

export interface TunedKernel {
  /** by aspect, in the words of a candidate; what is left out is the cost model's choice */
  readonly choices: Wishes;
  /** of one call on the machine that measured it: for people, nothing reads it */
  readonly microseconds: { readonly model: number; readonly tuned: number } | null;
}

/** By kernel name (codegen/scheduler.ts). */
export type Tuning = ReadonlyMap<string, TunedKernel>;

/** A scheduler that follows a tuning, and what of the tuning it could not follow. */
export interface TunedScheduler {
  readonly schedule: Scheduler;
  /** after the program was generated */
  readonly warnings: () => readonly Diagnostic[];
}

/** Follows a tuning; what it leaves open is the cost model's choice, for joined vectors if they are wanted, or what keeps weights smallest. */
export function tunedScheduler(tuning: Tuning, joinVectors = false, weights: WeightAim = "speed"): TunedScheduler {
  const otherwise = joinVectors ? joinedChoice : modelChoice;
  const met = new Set<string>();
  const stale = new Map<string, Diagnostic>();
  const schedule: Scheduler = ({ name, emit }) => {
    const subject = name();
    const entry = tuning.get(subject);
    if (weights === "size" && entry === undefined) return emitSmallest(emit, new Map(), otherwise);
    if (entry === undefined) return emit(otherwise);
    const asked: AskedChoice[] = [];
    const stages = emit(chooseWished(entry.choices, asked, otherwise));
    if (!met.has(subject)) for (const text of unmet(entry.choices, asked)) stale.set(`${subject} ${text}`, warn(text, subject));
    met.add(subject);
    return weights === "size" ? emitSmallest(emit, entry.choices, otherwise) : stages;
  };
  return { schedule, warnings: () => [...unmatched(tuning, met), ...stale.values()] };
} // prettier-ignore

const warn = (message: string, subject: string): Diagnostic =>
  diagnostic("warning", "WSC6003", message, { subject: showName(subject) });

/** Wishes that the kernel did not fulfil, in words. */
function unmet(choices: Wishes, asked: readonly AskedChoice[]): string[] {
  const byAspect = new Map(asked.map((choice) => [choice.aspect, choice]));
  return [...choices].flatMap(([aspect, wish]) => {
    const choice = byAspect.get(aspect);
    if (choice?.taken === wish) return [];
    const reason = choice === undefined ? "there is nothing to choose there" : `that is none of ${list(choice.candidates)}`;
    return [`the tuning wants ${showName(aspect)} to be "${showName(wish)}", but ${reason}`];
  });
} // prettier-ignore

const list = (candidates: readonly string[]): string => candidates.map((candidate) => `"${candidate}"`).join(", ");

function unmatched(tuning: Tuning, met: ReadonlySet<string>): Diagnostic[] {
  const [first, ...others] = [...tuning.keys()].filter((kernel) => !met.has(kernel));
  if (first === undefined) return [];
  const more = others.length === 0 ? "" : `, nor have ${others.length} more of ${tuning.size} entries`;
  return [warn(`the tuning has an entry for this kernel, which the model does not have${more}`, first)];
}
