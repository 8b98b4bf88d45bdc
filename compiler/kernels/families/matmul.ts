/**
 * Matrix products [b] x m x k by k x n. With resident weights the batch counts as rows (m); between two activations each batch is a group
 * of its own, and the second operand arrives with every sample.
 */
import { dimOf, type Kernel } from "../../../ir/kernel-graph.ts";
import type { FamilyContext, VariantList } from "../family.ts";
import { contractionVariants, noWindow } from "./contraction.ts";

export function matmulVariants(kernel: Kernel, context: FamilyContext): VariantList {
  const nest = {
    names: { g: "b", p: "p", q: "m", c: "k", k: "n" },
    g: dimOf(kernel, "b"),
    p: 1,
    q: dimOf(kernel, "m"),
    c: dimOf(kernel, "k"),
    k: dimOf(kernel, "n"),
    window: noWindow,
    outputsPerPosition: 1,
    streamed: dimOf(kernel, "streamed", 0) > 0,
    codeUnits: 2,
  };
  return contractionVariants(kernel, nest, context);
}
