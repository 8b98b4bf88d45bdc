/**
 * The kernel graph: the layers that can be placed on a wafer. A kernel is one op of the graph with its fused epilogue; an edge carries
 * one value from the kernel that makes it to a kernel that reads it. Views (reshape) are folded into edges, constants into `weightBytes`;
 * what cannot be placed is listed under `host` with its reason.
 *
 * Units: words are 32-bit words of the fabric per sample, bytes are bytes, flops count a multiply-add as two.
 */
import type { DType } from "./dtype.ts";

/** How a kernel's loops may be cut over cores; compiler/kernels/families holds one file per name. */
export const kernelFamilies = [
  "conv",
  "depthwiseConv",
  "matmul",
  "pool",
  "elementwise",
  "normalization",
  "softmax",
  "reduction",
  "dataMovement",
  "generic",
] as const;

export type KernelFamily = (typeof kernelFamilies)[number];

/** Index into `KernelGraph.kernels`. */
export type KernelId = number;

/** One loop, or one parameter of the loop nest such as a stride; the families say which names they read. */
export interface LoopDim {
  readonly name: string;
  readonly size: number;
}

export interface Kernel {
  readonly id: KernelId;
  /** for people: the name of the first ONNX node behind it */
  readonly name: string;
  readonly family: KernelFamily;
  readonly dims: readonly LoopDim[];
  /** what the kernel computes in */
  readonly dtype: DType;
  readonly flops: number;
  /** bytes of constants that stay resident in the cores */
  readonly weightBytes: number;
  /** activations read and written per sample, in words */
  readonly wordsIn: number;
  readonly wordsOut: number;
  /** how often the result leaves the kernel: once per reader (slices together once), model outputs and host included; at least 1 */
  readonly fanOut: number;
  /** index into `Graph.ops` */
  readonly op: number;
  /** ONNX node names */
  readonly origin: readonly string[];
}

/** One value on its way between two kernels. Edges with equal `value` carry the same words from the same kernel. */
export interface KernelEdge {
  readonly from: KernelId;
  readonly to: KernelId;
  readonly words: number;
  /** index into `Graph.values` of the value as its producer made it; from their count on, of the result of a slice that is sent its part */
  readonly value: number;
}

/** A value that crosses the edge of the wafer: an input or output of the model, or one exchanged with a host op. */
export interface KernelPort {
  readonly name: string;
  readonly kernel: KernelId;
  readonly words: number;
}

/** An op that stays on the host. */
export interface HostKernel {
  /** index into `Graph.ops` */
  readonly op: number;
  readonly kind: string;
  readonly reason: string;
  readonly origin: readonly string[];
}

export interface KernelGraph {
  readonly name: string;
  readonly kernels: readonly Kernel[];
  readonly edges: readonly KernelEdge[];
  readonly inputs: readonly KernelPort[];
  readonly outputs: readonly KernelPort[];
  readonly host: readonly HostKernel[];
}

/** Bytes of SRAM in the fullest core, by what they hold. */
export interface SramBudget {
  readonly code: number;
  readonly weights: number;
  readonly activations: number;
  readonly buffers: number;
  readonly stack: number;
}

export const sramCategories = ["code", "weights", "activations", "buffers", "stack"] as const;

export type SramCategory = (typeof sramCategories)[number];

/** One way to cut a kernel over a rectangle of cores, and what it costs. Turning it by 90 degrees changes no figure. */
export interface Variant {
  readonly rows: number;
  readonly columns: number;
  /** pieces per loop, by dim name; a dim not named is not cut */
  readonly cut: readonly LoopDim[];
  /** cycles per sample in a steady pipeline */
  readonly cycles: number;
  /** cycles from the first word in to the last word out */
  readonly latency: number;
  readonly sram: SramBudget;
  /** words that can enter, and that can leave, the rectangle per cycle and link word */
  readonly ports: number;
  /** colors that the kernel uses inside its own rectangle */
  readonly colors: number;
}

/** Bytes that a budget asks of its fullest core. */
export const sramBytes = (sram: SramBudget): number =>
  sram.code + sram.weights + sram.activations + sram.buffers + sram.stack;

/** The size of a dim, or `otherwise` where the kernel has none of that name. */
export function dimOf(kernel: { readonly dims: readonly LoopDim[] }, name: string, otherwise = 1): number {
  return kernel.dims.find((dim) => dim.name === name)?.size ?? otherwise;
}

export const isKernelFamily = (text: string): text is KernelFamily =>
  (kernelFamilies as readonly string[]).includes(text);
