/**
 * The kernel library: families by name, and the variants of every kernel of a graph. Kernels that differ only in name and origin share one
 * list, so that a network of a thousand equal layers costs no more than one.
 */
import type { Kernel, KernelFamily, KernelGraph } from "../../ir/kernel-graph.ts";
import type { Target } from "../targets/target.ts";
import { type Family, type FamilyContext, sidesOf, type VariantList } from "./family.ts";
import { convVariants } from "./families/conv.ts";
import { dataMovementVariants } from "./families/data-movement.ts";
import { depthwiseConvVariants } from "./families/depthwise-conv.ts";
import { elementwiseVariants } from "./families/elementwise.ts";
import { genericVariants } from "./families/generic.ts";
import { matmulVariants } from "./families/matmul.ts";
import { normalizationVariants } from "./families/normalization.ts";
import { poolVariants } from "./families/pool.ts";
import { reductionVariants } from "./families/reduction.ts";
import { softmaxVariants } from "./families/softmax.ts";

/** How each family cuts its kernels. */
export const families: Readonly<Record<KernelFamily, Family>> = {
  conv: convVariants,
  depthwiseConv: depthwiseConvVariants,
  matmul: matmulVariants,
  pool: poolVariants,
  elementwise: elementwiseVariants,
  normalization: normalizationVariants,
  softmax: softmaxVariants,
  reduction: reductionVariants,
  dataMovement: dataMovementVariants,
  generic: genericVariants,
};

/** Effort over a whole graph, shared out among its distinct kernels. */
const totalTries = 1_500_000;
const totalKept = 400_000;
const triesPerKernel = { least: 1_000, most: 30_000 };
const keptPerKernel = { least: 64, most: 4_096 };

const clamp = (value: number, { least, most }: { readonly least: number; readonly most: number }): number =>
  Math.max(least, Math.min(most, Math.floor(value)));

/** What makes two kernels equal for their variants. */
export function kernelSignature(kernel: Kernel): string {
  const { family, dtype, dims, flops, weightBytes, wordsIn, wordsOut, fanOut } = kernel;
  return JSON.stringify([
    family,
    dtype,
    flops,
    weightBytes,
    wordsIn,
    wordsOut,
    fanOut,
    dims.map((dim) => [dim.name, dim.size]),
  ]);
}

/** The variants of one kernel on a target. */
export function variantsOf(kernel: Kernel, target: Target, distinctKernels = 1): VariantList {
  const context: FamilyContext = {
    target,
    sides: sidesOf(target),
    tries: clamp(totalTries / distinctKernels, triesPerKernel),
    keep: clamp(totalKept / distinctKernels, keptPerKernel),
  };
  return families[kernel.family](kernel, context);
}

/** One list per kernel of a graph, in order; equal kernels share one object. */
export function variantTable(graph: KernelGraph, target: Target): readonly VariantList[] {
  const signatures = graph.kernels.map(kernelSignature);
  const distinct = new Set(signatures).size;
  const lists = new Map<string, VariantList>();
  return graph.kernels.map((kernel, id) => {
    const signature = signatures[id] ?? "";
    const known = lists.get(signature);
    if (known !== undefined) return known;
    const list = variantsOf(kernel, target, distinct);
    lists.set(signature, list);
    return list;
  });
}
