/** A window over a value is slid where the value is made; seams between cores are exchanged, or made twice, whichever costs less. */
import { type FusionRule, readerStage } from "./rule.ts";

export const pooling: FusionRule = {
  name: "pooling",
  applies: (pair) => readerStage(pair)?.kind === "pool",
};
