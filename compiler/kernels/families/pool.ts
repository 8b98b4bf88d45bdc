/** Pooling: also over the taps, since a window may be the whole image. */
import type { Family } from "../family.ts";
import { loopsBut } from "../family-loops.ts";

export const pool: Family = { cuts: (kernel) => loopsBut(kernel, [], "c") };
