/**
 * The kernel graph: the layers that can be placed on a wafer. A kernel is a nest of loops over its operands, made of one stage or several
 * that follow each other in the same cores; an edge carries one value, or a part of it, from the kernel that makes it to one that reads it.
 * Views (reshape) are folded into edges, constants are operands that stay; what cannot be placed is listed under `host` with its reason.
 *
 * Units: words are 32-bit words of the fabric per sample, bytes are bytes, flops count a multiply-add as two.
 */
import { type DType, dtypeInfo } from "./dtype.ts";

/** What a kernel does, and so how it may be cut; compiler/kernels/families holds one file per name. */
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

/** A loop of a kernel's nest. Its iterations are independent, or are combined where no result has the loop in its axes. */
export interface Loop {
  readonly name: string;
  readonly size: number;
}

/** `factor` times the number of a loop's iteration. */
export interface Term {
  readonly loop: string;
  readonly factor: number;
}

/** One dim of an operand, and which of its positions an iteration touches. */
export type Axis =
  /** the position that is the sum of the terms and of `offset`; positions outside the operand are padding */
  | { readonly kind: "index"; readonly size: number; readonly terms: readonly Term[]; readonly offset: number }
  /** dealt out evenly over the iterations of a loop */
  | { readonly kind: "spread"; readonly size: number; readonly loop: string }
  /** every iteration may need all of it */
  | { readonly kind: "whole"; readonly size: number };

/**
 * What becomes of an operand: `weight` stays in the cores for good, `activation` arrives with every sample, `state` stays on the wafer from
 * sample to sample, `local` is made and read by the stages of the kernel, `result` leaves it.
 */
export const operandRoles = ["weight", "activation", "state", "local", "result"] as const;

export type OperandRole = (typeof operandRoles)[number];

export interface Operand {
  readonly name: string;
  readonly role: OperandRole;
  readonly dtype: DType;
  readonly axes: readonly Axis[];
}

/** Operations by their speed: at the rate of a multiply-add, and at that of a division. */
export interface Operations {
  readonly fast: number;
  readonly slow: number;
}

/** Values that the cores which share a row agree on, each before they go on. */
export interface Combination {
  /** loops that run along the row */
  readonly loops: readonly string[];
  /** values per row */
  readonly times: number;
}

/** An operand that a stage reads at other positions than those its core made: what is lacking comes from other cores of the rectangle. */
export interface Gather {
  /** made by an earlier stage of the kernel */
  readonly operand: string;
  /** the positions that an iteration reads */
  readonly axes: readonly Axis[];
}

/** What a stage reads as an input of its op. */
export interface StageRead {
  readonly operand: string;
  /** the positions of the value that an iteration reads; null: those that the operand's own axes say */
  readonly axes: readonly Axis[] | null;
}

/** One op of the graph inside a kernel. Loops that it runs over and that its result lacks are summed up. */
export interface Stage {
  /** index into `Graph.ops` */
  readonly op: number;
  /** the op's kind */
  readonly kind: string;
  /** the operand that it makes */
  readonly makes: string;
  /** the operand behind each input of the op */
  readonly reads: readonly StageRead[];
  /** its iterations: one loop, or a sum of terms, per dim */
  readonly domain: readonly (readonly Term[])[];
  /** loops that a vector instruction may run along */
  readonly vector: readonly string[];
  /** operations per iteration, and per element of the result */
  readonly perPoint: Operations;
  readonly perResult: Operations;
  readonly combine: Combination | null;
  readonly gathers: readonly Gather[];
  /** words may have to go anywhere in the rectangle */
  readonly shuffles: boolean;
  /** steps that wait for each other across the rectangle */
  readonly steps: number;
  /** inner loops that its code holds */
  readonly codeUnits: number;
}

/** A cache that stays on the wafer. */
export interface KernelState {
  /** with role `state` */
  readonly operand: string;
  /** the model's input that holds the cache before the first step */
  readonly past: string;
  /** the concat (index into `Graph.ops`) that makes it longer, and the operand behind each of its inputs, null for the cache; null: a stage of the kernel does it */
  readonly append: { readonly op: number; readonly reads: readonly (string | null)[] } | null;
}

export interface Kernel {
  readonly id: KernelId;
  /** for people: the name of the first ONNX node behind it, made unique (compiler/kernels/layer-names.ts) */
  readonly name: string;
  readonly family: KernelFamily;
  /** what the kernel computes in */
  readonly dtype: DType;
  readonly loops: readonly Loop[];
  readonly operands: readonly Operand[];
  readonly stages: readonly Stage[];
  readonly states: readonly KernelState[];
  /** indices into `Graph.ops` of ops that only say in which order it reads or makes a value */
  readonly moves: readonly number[];
  readonly flops: number;
  /** words per sample over the border of its rectangle: each value that it reads once, its results once per reader (slices together once) */
  readonly arriving: number;
  readonly leaving: number;
  /** ONNX node names */
  readonly origin: readonly string[];
}

/** The positions of a value that are sent. */
export interface ValuePart {
  readonly starts: readonly number[];
  readonly sizes: readonly number[];
  readonly steps: readonly number[];
}

/** One value, or a part of it, on its way between two kernels. */
export interface KernelEdge {
  readonly from: KernelId;
  /** the operand of the producer that holds the value */
  readonly result: string;
  readonly to: KernelId;
  /** the operands of the reader that it becomes: several where the reader needs it in several ways */
  readonly operands: readonly string[];
  readonly words: number;
  /** edges with equal numbers carry the same words from the same kernel */
  readonly stream: number;
  /** index into `Graph.values` of the value as its producer made it */
  readonly value: number;
  /** null: all of the value */
  readonly part: ValuePart | null;
}

/** A value that crosses the edge of the wafer: an input or output of the model, or one exchanged with a host op. */
export interface KernelPort {
  readonly name: string;
  readonly kernel: KernelId;
  readonly words: number;
}

/** A value from outside, and the operands of the kernel that it becomes. */
export interface KernelInput extends KernelPort {
  readonly operands: readonly string[];
}

/** A value that leaves, and the operand of the kernel that holds it. */
export interface KernelOutput extends KernelPort {
  readonly result: string;
}

/** An op that stays on the host. */
export interface HostKernel {
  /** index into `Graph.ops` */
  readonly op: number;
  readonly kind: string;
  readonly reason: string;
  readonly origin: readonly string[];
}

/** Element types that f32 operands may have on the wafer: themselves, or 16 bits with sums of 32 (`--precision`). */
export const precisions = ["f32", "f16", "bf16"] as const;

export type Precision = (typeof precisions)[number];

export interface KernelGraph {
  readonly name: string;
  /** what operands are that are f32 in the model */
  readonly precision: Precision;
  readonly kernels: readonly Kernel[];
  readonly edges: readonly KernelEdge[];
  readonly inputs: readonly KernelInput[];
  readonly outputs: readonly KernelOutput[];
  readonly host: readonly HostKernel[];
}

/** Bytes of a word of the fabric. */
export const wordBytes = 4;

/** Elements of an operand. */
export const operandElements = ({ axes }: Operand): number => axes.reduce((product, { size }) => product * size, 1);

/** Bytes of an operand in memory, where elements of less than a byte are packed. */
export const operandBytes = (operand: Operand): number =>
  Math.ceil((operandElements(operand) * dtypeInfo(operand.dtype).bits) / 8);

const bytesOfRole = (kernel: Pick<Kernel, "operands">, role: OperandRole): number =>
  kernel.operands.reduce((sum, operand) => (operand.role === role ? sum + operandBytes(operand) : sum), 0);

/** Bytes of constants that stay in the cores. */
export const weightBytes = (kernel: Pick<Kernel, "operands">): number => bytesOfRole(kernel, "weight");

/** Bytes of what arrives with every sample. */
export const activationBytes = (kernel: Pick<Kernel, "operands">): number => bytesOfRole(kernel, "activation");

/** Words of a kernel's results. */
export const resultWords = (kernel: Pick<Kernel, "operands">): number =>
  Math.ceil(bytesOfRole(kernel, "result") / wordBytes);

/** Indices into `Graph.ops` of what a kernel stands for. */
export const opsOf = (kernel: Kernel): readonly number[] => [...kernel.moves, ...kernel.stages.map(({ op }) => op)];

export const isKernelFamily = (text: string): text is KernelFamily =>
  (kernelFamilies as readonly string[]).includes(text);
