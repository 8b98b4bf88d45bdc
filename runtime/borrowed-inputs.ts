/**
 * Inputs outside of linear memory that a run reads before it waits for anything, and of which it keeps nothing: they need no copy, since the caller's
 * arrays are what they were when the run was called.
 */
import type { Program, SlotId, Step } from "../ir/program.ts";
import { stepsIn } from "./steps.ts";

/** `readsInPlace` are the host functions whose results share nothing with their operands. */
export function borrowedInputs(program: Program, readsInPlace: ReadonlySet<string>): ReadonlySet<SlotId> {
  const waits = ({ kind }: Step): boolean => kind === "deferred" || kind === "if" || kind === "loop" || kind === "scan";
  const firstWait = program.steps.findIndex(waits);
  const early = firstWait < 0 ? program.steps : program.steps.slice(0, firstWait + 1);
  const borrows = (step: Step): boolean =>
    step.kind === "deferred" || (step.kind === "host" && readsInPlace.has(step.fn));
  const kept = new Set([
    ...program.outputs.map(({ slot }) => slot),
    ...early.filter((step) => !borrows(step)).flatMap((step) => [...stepsIn({ steps: [step] })].flatMap(readBy)),
    ...[...stepsIn({ steps: program.steps.slice(early.length) })].flatMap(readBy),
  ]);
  const isHost = (slot: SlotId): boolean => program.values[slot]?.kind === "host";
  return new Set(program.inputs.map(({ slot }) => slot).filter((slot) => isHost(slot) && !kept.has(slot)));
}

/** The slots that a step itself reads, blocks aside. */
function readBy(step: Step): readonly SlotId[] {
  switch (step.kind) {
    case "kernel":
      return [];
    case "host":
    case "deferred":
      return step.inputs;
    case "copy":
      return [step.from];
    case "if":
      return [step.condition];
    case "loop":
      return [
        step.tripCount,
        step.initialCondition,
        step.bodyCondition,
        ...[...step.carried, ...step.stacked].map(({ from }) => from),
      ];
    case "scan":
      return [...step.slices, ...step.carried, ...step.stacked].map(({ from }) => from);
  }
}
