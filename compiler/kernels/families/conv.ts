/** Convolutions: images, groups, positions and channels are cut; taps stay together, since neighbours share what they read. */
import type { Family } from "../family.ts";
import { outsideWindows } from "../family-loops.ts";

export const conv: Family = { cuts: (kernel) => outsideWindows(kernel, "k") };
