/** Kernels over the elements of a shape (maps, reductions, softmax, normalisation, and all whose words may go anywhere): any loop may be cut. */
import type { Family } from "../family.ts";
import { longestLoop, loopsBut } from "../family-loops.ts";

export const elements: Family = { cuts: (kernel) => loopsBut(kernel, [], longestLoop(kernel)) };
