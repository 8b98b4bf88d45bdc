/** Pooling: a depthwise convolution without weights, one comparison or addition per tap. */
import { dimOf, type Kernel } from "../../../ir/kernel-graph.ts";
import type { FamilyContext, VariantList } from "../family.ts";
import { contractionVariants, windowOf } from "./contraction.ts";

export function poolVariants(kernel: Kernel, context: FamilyContext): VariantList {
  const nest = {
    names: { g: "c", p: "h", q: "w", c: "r", k: "k" },
    g: dimOf(kernel, "c"),
    p: dimOf(kernel, "h"),
    q: dimOf(kernel, "w"),
    c: 1,
    k: 1,
    window: windowOf(kernel),
    outputsPerPosition: 1,
    streamed: false,
    codeUnits: 1,
  };
  return contractionVariants(kernel, nest, context);
}
