/** Elementwise kernels: the expression per element, nothing to exchange. */
import { dimOf, type Kernel } from "../../../ir/kernel-graph.ts";
import type { FamilyContext, VariantList } from "../family.ts";
import { elementsOf, flatVariants } from "./flat.ts";

export function elementwiseVariants(kernel: Kernel, context: FamilyContext): VariantList {
  const elements = elementsOf(kernel);
  const work = {
    elements,
    macs: elements * Math.max(1, dimOf(kernel, "fast", 0)),
    slowOps: elements * dimOf(kernel, "slow", 0),
    serial: () => 0,
    crossing: () => 0,
  };
  return flatVariants(kernel, work, context);
}
