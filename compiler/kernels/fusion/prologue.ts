/** Work on each element of a value that one kernel alone reads is done where it is read, as often as cores read the element. */
import type { FusionRule } from "./rule.ts";

export const prologue: FusionRule = {
  name: "prologue",
  applies: ({ producer, leaving }) => leaving.size === 0 && producer.kernel.stages.every(({ kind }) => kind === "map"),
};
