/**
 * The kernel library: families by name, and the variants of every kernel of a graph. Kernels that differ only in name and origin share one
 * list, so that a network of a thousand equal layers costs no more than one.
 */
import type { Kernel, KernelFamily, KernelGraph } from "../../ir/kernel-graph.ts";
import type { Target } from "../../ir/machine/target.ts";
import { type Family, sidesOf, type Space, type TimeWindow, type VariantList } from "./family.ts";
import { conv } from "./families/conv.ts";
import { depthwiseConv } from "./families/depthwise-conv.ts";
import { elements } from "./families/elements.ts";
import { matmul } from "./families/matmul.ts";
import { pool } from "./families/pool.ts";
import { mappingsOf } from "./mappings.ts";
import { paretoOptimal } from "./pareto.ts";

/** How each family cuts its kernels. */
export const families: Readonly<Record<KernelFamily, Family>> = {
  conv,
  depthwiseConv,
  matmul,
  pool,
  elementwise: elements,
  normalization: elements,
  softmax: elements,
  reduction: elements,
  dataMovement: elements,
  generic: elements,
};

/** Effort over a whole graph, shared out among its distinct kernels: cuts to try, variants to keep. */
const effort = {
  tries: { total: 400_000, least: 600, most: 8_000 },
  keep: { total: 400_000, least: 64, most: 4_096 },
} as const;

/** What makes two kernels equal for their variants. */
export function kernelSignature(kernel: Kernel): string {
  const { family, dtype, loops, operands, stages, arriving, leaving } = kernel;
  return JSON.stringify([
    family,
    dtype,
    loops,
    operands,
    stages.map(({ op: _, reads: __, ...work }) => work),
    arriving,
    leaving,
  ]);
}

const shared = (
  budget: { readonly total: number; readonly least: number; readonly most: number },
  among: number,
): number => Math.max(budget.least, Math.min(budget.most, Math.floor(budget.total / Math.max(1, among))));

/** Cuts to try for each of so many distinct kernels. */
export const triesOf = (distinct: number): number => shared(effort.tries, distinct);

/** The variants of one kernel on a target; `distinct` is the number of kernels that share the effort. */
export function variantsOf(
  kernel: Kernel,
  target: Target,
  distinct = 1,
  window: TimeWindow | null = null,
): VariantList {
  const space: Space = {
    target,
    sides: sidesOf(target),
    tries: triesOf(distinct),
    keep: shared(effort.keep, distinct),
    window,
  };
  return mappingsOf(kernel, families[kernel.family], space);
}

/** Cuts that are tried when the variants of a graph's kernels are listed. */
export function listingTries({ kernels }: KernelGraph): number {
  const distinct = new Set(kernels.map(kernelSignature)).size;
  return distinct * shared(effort.tries, distinct);
}

/**
 * Lists variants of every kernel of a graph, in order; equal kernels share one object. Kernels that are reached when `isLate` are listed in as few
 * cuts as in the largest graphs.
 */
export function variantTable(
  graph: KernelGraph,
  target: Target,
  window: TimeWindow | null = null,
  isLate: () => boolean = () => false,
): readonly VariantList[] {
  const signatures = graph.kernels.map(kernelSignature);
  const distinct = new Set(signatures).size;
  const lists = new Map<string, VariantList>();
  return graph.kernels.map((kernel, id) => {
    const signature = signatures[id] ?? "";
    const known = lists.get(signature);
    if (known !== undefined) return known;
    const list = variantsOf(kernel, target, isLate() ? Infinity : distinct, window);
    lists.set(signature, list);
    return list;
  });
}

/** The variants of two lists of one kernel, as one list. */
export function mergeVariants(first: VariantList, second: VariantList): VariantList {
  const origin = (list: VariantList) => (candidate: VariantList["candidates"][number], index: number) => {
    const { rows, columns, cycles } = candidate;
    return { rows, columns, cycles, list, index };
  };
  const all = [...first.candidates.map(origin(first)), ...second.candidates.map(origin(second))];
  const kept = paretoOptimal(all, effort.keep.most);
  return {
    candidates: kept,
    describe: (index) => {
      const candidate = kept[index];
      if (candidate === undefined) throw new Error("internal: no such variant");
      return candidate.list.describe(candidate.index);
    },
  };
}
