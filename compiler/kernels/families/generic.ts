/**
 * Everything else (recurrent nets, sorting, scattering, running sums): the operations are dealt out evenly, words may go anywhere, and each
 * of `steps` sequential steps waits for a word to cross the rectangle and come back.
 */
import { dimOf, type Kernel } from "../../../ir/kernel-graph.ts";
import { crossingCycles } from "../../../ir/machine/travel.ts";
import { wordBytes } from "../cost.ts";
import type { FamilyContext, VariantList } from "../family.ts";
import { elementsOf, flatVariants } from "./flat.ts";

export function genericVariants(kernel: Kernel, context: FamilyContext): VariantList {
  const steps = dimOf(kernel, "steps", 0);
  const work = {
    elements: Math.max(elementsOf(kernel), Math.ceil(kernel.weightBytes / wordBytes)),
    macs: kernel.flops / 2,
    slowOps: 0,
    serial: (rows: number, columns: number) => steps * 2 * crossingCycles(context.target, rows, columns),
    crossing: (rows: number, columns: number) => kernel.wordsOut / 2 / Math.min(rows, columns),
  };
  return flatVariants(kernel, work, context);
}
