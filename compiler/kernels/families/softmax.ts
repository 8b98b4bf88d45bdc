/** Softmax: maximum, exponentials with their sum, division; two all-reduces per row. */
import type { Kernel } from "../../../ir/kernel-graph.ts";
import type { FamilyContext, VariantList } from "../family.ts";
import { rowwiseVariants } from "./rowwise.ts";

export const softmaxVariants = (kernel: Kernel, context: FamilyContext): VariantList =>
  // one division per row gives a factor, so that elements are multiplied
  rowwiseVariants(kernel, { fastPerElement: 4, slowPerElement: 1, reductions: 2 }, context);
