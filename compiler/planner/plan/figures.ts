/** Figures with how they are known. */
import type { Basis } from "../../../ir/machine/target.ts";

/** Of figures that another is made of, the one that is known worst decides. */
const order: readonly Basis[] = ["published", "derived", "fitted", "assumed"];

/** How a figure is known that is made of others; made of published ones only, it is derived. */
export function basisOf(...parts: readonly Basis[]): Basis {
  const worst = Math.max(...parts.map((part) => order.indexOf(part)));
  return order[Math.max(1, worst)] ?? "derived";
}
