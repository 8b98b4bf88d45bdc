/** Matrix products: batches, rows, columns and the inner loop, whose partial sums travel from core to core. */
import type { Family } from "../family.ts";
import { loopsBut } from "../family-loops.ts";

export const matmul: Family = { cuts: (kernel) => loopsBut(kernel, [], "n") };
