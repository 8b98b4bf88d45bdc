/** A convolution of open sizes, as its kernels see it. */
import { type ConvOp, epilogueOperands } from "../../../ir/graph.ts";
import type { OpenKernelArg, OpenOperands } from "./kernel.ts";

export type OpenConv = Omit<ConvOp, "inputs" | "outputs" | "origin">;

/** A convolution's numbers for rows and columns. */
export interface ConvPlane {
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  readonly before: readonly [number, number];
  readonly after: readonly [number, number];
}

/** Operands of the epilogue as arguments. */
export const extraArgs = ({ inputs }: OpenOperands): readonly OpenKernelArg[] =>
  inputs
    .slice(epilogueOperands.conv)
    .map((_, i): OpenKernelArg => ({ kind: "input", index: epilogueOperands.conv + i }));
