/** Layer, instance and RMS normalisation: sums and sums of squares in one pass and one all-reduce, then scale and shift. */
import type { Kernel } from "../../../ir/kernel-graph.ts";
import type { FamilyContext, VariantList } from "../family.ts";
import { rowwiseVariants } from "./rowwise.ts";

export const normalizationVariants = (kernel: Kernel, context: FamilyContext): VariantList =>
  rowwiseVariants(kernel, { fastPerElement: 5, slowPerElement: 0, reductions: 1 }, context);
