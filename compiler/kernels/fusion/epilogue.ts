/** Work on each element of a value is done where the value is made: activations, residuals, scales, quantizers. */
import { type FusionRule, readerStage } from "./rule.ts";

export const epilogue: FusionRule = {
  name: "epilogue",
  applies: (pair) => readerStage(pair)?.kind === "map",
};
