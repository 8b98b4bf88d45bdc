/** Convolutions: every loop can be cut; h counts the rows of all images of a batch, and of all planes of a 3D one. */
import { dimOf, type Kernel } from "../../../ir/kernel-graph.ts";
import type { FamilyContext, VariantList } from "../family.ts";
import { contractionVariants, windowOf } from "./contraction.ts";

export function convVariants(kernel: Kernel, context: FamilyContext): VariantList {
  const nest = {
    names: { g: "g", p: "h", q: "w", c: "c", k: "k" },
    g: dimOf(kernel, "g"),
    p: dimOf(kernel, "h"),
    q: dimOf(kernel, "w"),
    c: dimOf(kernel, "c"),
    k: dimOf(kernel, "k"),
    window: windowOf(kernel),
    outputsPerPosition: dimOf(kernel, "up"),
    streamed: false,
    codeUnits: 2,
  };
  return contractionVariants(kernel, nest, context);
}
