/**
 * Transposes, slices, pads, concatenations, gathers: no arithmetic, but any word may have to go anywhere in the rectangle. Half of all
 * words cross the middle of the longer side, over as many links as the shorter side has, in each direction.
 */
import type { Kernel } from "../../../ir/kernel-graph.ts";
import { wordBytes } from "../cost.ts";
import type { FamilyContext, VariantList } from "../family.ts";
import { elementsOf, flatVariants } from "./flat.ts";

export function dataMovementVariants(kernel: Kernel, context: FamilyContext): VariantList {
  const work = {
    // a table that is gathered from is spread over cores too
    elements: Math.max(elementsOf(kernel), Math.ceil(kernel.weightBytes / wordBytes)),
    macs: 0,
    slowOps: 0,
    serial: () => 0,
    crossing: (rows: number, columns: number) => kernel.wordsOut / 2 / Math.min(rows, columns),
  };
  return flatVariants(kernel, work, context);
}
