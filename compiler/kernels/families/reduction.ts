/** Sums, means, maxima and arg-maxima along axes: one pass, one all-reduce per row. */
import type { Kernel } from "../../../ir/kernel-graph.ts";
import type { FamilyContext, VariantList } from "../family.ts";
import { rowwiseVariants } from "./rowwise.ts";

export const reductionVariants = (kernel: Kernel, context: FamilyContext): VariantList =>
  rowwiseVariants(kernel, { fastPerElement: 1, slowPerElement: 0, reductions: 1 }, context);
