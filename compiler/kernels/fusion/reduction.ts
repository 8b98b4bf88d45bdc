/**
 * What takes all of a row or of a tensor to a few words (means, extrema, softmax, normalisation) is done where the value is made: every core reduces
 * its own part, and only partial results travel.
 */
import { type FusionRule, readerStage } from "./rule.ts";

const kinds: ReadonlySet<string> = new Set(["reduce", "argReduce", "softmax", "normalize"]);

export const reduction: FusionRule = {
  name: "reduction",
  applies: (pair) => kinds.has(readerStage(pair)?.kind ?? ""),
};
