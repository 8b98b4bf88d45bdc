/**
 * Kernels whose sizes are open. Plans are made in `Dim`s; what a kernel needs of them while it runs (extents, strides, distances) becomes an
 * i32 parameter behind its addresses, evaluated for each shape (ir/open/close.ts). A key names what is baked in, and of the rest only which
 * parameter it is: layers of one structure share a function, and all shapes do.
 */
import type { Guard } from "../../../ir/assumptions.ts";
import { type Dim, isOpenDim, showDim } from "../../../ir/dim.ts";
import type { DType } from "../../../ir/dtype.ts";
import type { TensorData } from "../../../ir/tensor.ts";
import { kernelType, type PackedArg } from "../kernel.ts";
import type { Bound, FunctionBuilder, Local, ModuleBuilder } from "../wasm/index.ts";

/** Types of an op's operands; `constants[i]` is set when input i is a constant. */
export interface OpenOperands {
  readonly inputs: readonly OpenOperand[];
  readonly output: OpenOperand;
  readonly constants: readonly (TensorData | undefined)[];
  /** whether two sizes are equal for all shapes that the graph admits */
  readonly areEqual: (a: Dim, b: Dim) => boolean;
}

export interface OpenOperand {
  readonly dtype: DType;
  readonly dims: readonly Dim[];
  /** bytes from one matrix of its last two dims to the next, where there is room between them; kernels that cannot do with that are not given it */
  readonly pitch?: Dim;
}

/** What an address parameter points to; `at` is a distance in bytes from there. */
export type OpenKernelArg =
  | { readonly kind: "input" | "output"; readonly index: number; readonly at?: Dim }
  | PackedArg
  /** memory that lives as long as the op's stages run; stages that name the same `id` share it */
  | { readonly kind: "scratch"; readonly id: number; readonly bytes: Dim };

/** As `IndexRead` of ir/program.ts, with open sizes. */
export interface OpenIndexRead {
  readonly arg: number;
  readonly dtype: "i32" | "i64";
  readonly count: Dim;
  readonly axes: readonly number[];
  readonly sizes: readonly Dim[];
}

export interface OpenKernelCode {
  /** equal keys mean equal functions */
  readonly key: string;
  readonly units: Dim;
  readonly args: readonly OpenKernelArg[];
  /** parameters behind the addresses */
  readonly sizes: readonly Dim[];
  readonly work: Dim;
  /** as in ir/open/program.ts */
  readonly when?: Guard;
  readonly indices?: OpenIndexRead;
  /** adds the function to a module; its type is `kernelType(args.length + sizes.length)` */
  readonly emit: (module: ModuleBuilder) => number;
}

/** A size as a kernel knows it: a number, or the parameter that holds it. */
export type Size = number | { readonly param: number };

/** The sizes that one kernel takes as parameters. */
export class SizeParams {
  readonly #dims: Dim[] = [];
  readonly #indices = new Map<string, number>();

  get dims(): readonly Dim[] {
    return this.#dims;
  }

  of(dim: Dim): Size {
    if (!isOpenDim(dim)) return dim;
    const known = this.#indices.get(showDim(dim));
    if (known !== undefined) return { param: known };
    this.#indices.set(showDim(dim), this.#dims.length);
    return { param: this.#dims.push(dim) - 1 };
  }
}

/** A function with `args` addresses and `sizes` size parameters, while it is emitted. */
export interface OpenFunction {
  readonly f: FunctionBuilder;
  readonly addresses: readonly Local[];
  readonly begin: Local;
  readonly end: Local;
  readonly bound: (size: Size) => Bound;
}

/** Adds a kernel's function to a module. */
export const openFunction = (
  module: ModuleBuilder,
  name: string,
  args: number,
  sizes: number,
  body: (site: OpenFunction) => void,
): number =>
  module.function(name, kernelType(args + sizes), (f) => {
    const bound = (size: Size): Bound => (typeof size === "number" ? size : f.param(args + size.param));
    const addresses = f.params.slice(0, args);
    body({ f, addresses, begin: f.param(args + sizes), end: f.param(args + sizes + 1), bound });
  });
