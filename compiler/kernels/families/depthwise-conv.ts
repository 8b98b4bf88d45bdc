/** Depthwise convolutions: groups of one input channel, nothing to sum over cores. */
import type { Family } from "../family.ts";
import { outsideWindows } from "../family-loops.ts";

export const depthwiseConv: Family = { cuts: (kernel) => outsideWindows(kernel, "g") };
