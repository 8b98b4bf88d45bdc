/** Depthwise convolutions: groups of one input channel, nothing to reduce over cores; vectors run over groups or columns. */
import { dimOf, type Kernel } from "../../../ir/kernel-graph.ts";
import type { FamilyContext, VariantList } from "../family.ts";
import { contractionVariants, windowOf } from "./contraction.ts";

export function depthwiseConvVariants(kernel: Kernel, context: FamilyContext): VariantList {
  const nest = {
    names: { g: "g", p: "h", q: "w", c: "c", k: "k" },
    g: dimOf(kernel, "g"),
    p: dimOf(kernel, "h"),
    q: dimOf(kernel, "w"),
    c: 1,
    k: dimOf(kernel, "k"),
    window: windowOf(kernel),
    outputsPerPosition: 1,
    streamed: false,
    codeUnits: 1,
  };
  return contractionVariants(kernel, nest, context);
}
