/**
 * A program whose sizes are open: one for all shapes that its conditions admit. `closeProgram` (close.ts) makes the closed program of one shape
 * by evaluating its expressions and planning its memory, which compiles nothing: the kernels are the same, and so are the weights.
 */
import type { Guard, OpenConditions } from "../assumptions.ts";
import type { Dim } from "../dim.ts";
import type { DType } from "../dtype.ts";
import type { ProgramModule, WeightSegment } from "../program.ts";

/** A symbol is read off dim `axis` of input `input`. */
export interface OpenSymbol {
  readonly name: string;
  readonly input: number;
  readonly axis: number;
}

export type OpenPlace =
  | { readonly kind: "weights"; readonly segment: number }
  | { readonly kind: "buffer"; readonly buffer: number }
  | { readonly kind: "cache"; readonly cache: number };

/**
 * An input that stays in memory from call to call: output `output` is input `input` with further positions behind it along an axis. Both lie in one place, with room
 * for `capacity` positions, so that what was given is fed again without being moved.
 *
 *     [outer, capacity, inner]      the first `past` positions are the input, the first `present` ones the output
 */
export interface OpenCache {
  readonly input: number;
  readonly output: number;
  readonly outer: Dim;
  readonly past: Dim;
  readonly present: Dim;
  /** bytes of a position */
  readonly innerBytes: number;
}

/** `at` bytes behind a place. */
export interface OpenAddress {
  readonly place: OpenPlace;
  readonly at: Dim;
}

export interface OpenPort {
  readonly name: string;
  readonly dtype: DType;
  readonly dims: readonly Dim[];
  readonly place: OpenPlace;
}

/** Bytes needed from one step's time to another's, both included. */
export interface OpenBuffer {
  readonly bytes: Dim;
  readonly first: number;
  readonly last: number;
}

/** A kernel's call: addresses, then sizes, then the range of units. One of no units is left out. */
export interface OpenStep {
  readonly function: string;
  readonly args: readonly OpenAddress[];
  readonly sizes: readonly Dim[];
  readonly units: Dim;
  /** for which sizes it runs: steps that do the same in two ways have opposite conditions */
  readonly when?: Guard;
  readonly work: Dim;
  readonly indices?: {
    readonly arg: number;
    readonly dtype: "i32" | "i64";
    readonly count: Dim;
    readonly axes: readonly number[];
    readonly sizes: readonly Dim[];
  };
  readonly origin: readonly string[];
}

export interface OpenProgram {
  readonly name: string;
  readonly conditions: OpenConditions;
  readonly symbols: readonly OpenSymbol[];
  readonly inputs: readonly OpenPort[];
  readonly outputs: readonly OpenPort[];
  readonly buffers: readonly OpenBuffer[];
  readonly caches: readonly OpenCache[];
  /** the symbol for the positions that caches have room for, which is no dim of the model; null without caches */
  readonly capacity: string | null;
  readonly steps: readonly OpenStep[];
  /** bytes of all weights, which begin at 0, and where each segment lies */
  readonly weights: { readonly bytes: number; readonly offsets: readonly number[] };
  /** in order of preference */
  readonly modules: readonly ProgramModule[];
}

export interface CompiledOpenProgram {
  readonly program: OpenProgram;
  /** by `ProgramModule.file` */
  readonly modules: ReadonlyMap<string, Uint8Array>;
  readonly weights: readonly WeightSegment[];
}
