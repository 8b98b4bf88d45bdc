/**
 * The program: what the runtime executes. One linear memory holds weights and activations at fixed offsets; steps run in order, each kernel
 * step being one call of an exported WASM function.
 *
 * Kernel functions take only i32 parameters: the byte addresses in `args`, then `begin` and `end`, a range of the step's `units`
 * (independent pieces of work: a thread takes a range, one thread takes all).
 */
import type { Json, ValueType } from "./graph.ts";
import type { DType } from "./dtype.ts";

export const programVersion = 1;

/** Index into `Program.values`. */
export type SlotId = number;

export type ProgramValue =
  /** bytes at a fixed address; dense row-major */
  | {
      readonly kind: "memory";
      readonly offset: number;
      readonly dtype: DType;
      readonly shape: readonly number[];
      /** weights are loaded once and never written */
      readonly region: "weights" | "arena";
    }
  /** a part of another value: `pieceBytes` of it at a time lie `stride` bytes apart; an input that the caller writes, or an output that it reads */
  | {
      readonly kind: "part";
      readonly offset: number;
      readonly dtype: DType;
      readonly shape: readonly number[];
      readonly pieceBytes: number;
      readonly stride: number;
    }
  /** a JavaScript value: strings, sequences, tensors of shapes known only at run time */
  | { readonly kind: "host"; readonly type: ValueType };

export interface ProgramPort {
  readonly name: string;
  readonly type: ValueType;
  readonly slot: SlotId;
}

export interface Block {
  readonly steps: readonly Step[];
}

interface StepBase {
  /** ONNX node names behind this step */
  readonly origin: readonly string[];
}

/** Numbers that a kernel reads as indices, each of which must lie within its axis. */
export interface IndexRead {
  /** which of the step's `args` points to them */
  readonly arg: number;
  readonly dtype: "i32" | "i64";
  /** how many they are; they belong to the axes in turn */
  readonly count: number;
  readonly axes: readonly number[];
  /** elements along each of the axes */
  readonly sizes: readonly number[];
}

export interface KernelStep extends StepBase {
  readonly kind: "kernel";
  /** export of the kernels module */
  readonly function: string;
  readonly args: readonly number[];
  readonly units: number;
  /** which of `args` are work areas, and their bytes: calls at the same time need areas of their own */
  readonly private: readonly { readonly arg: number; readonly bytes: number }[];
  /** arithmetic operations of all units together, roughly: tells whether threads should share them */
  readonly work: number;
  /** bytes of operands, results and scratch, each once; left out in programs with open dims, where only a run tells */
  readonly bytes?: number;
  /** id in the kernel graph */
  readonly kernel: number;
  /** left out where the kernel reads no indices */
  readonly indices?: IndexRead;
}

/** A function of runtime/host over JavaScript tensors. */
export interface HostStep extends StepBase {
  readonly kind: "host";
  readonly fn: string;
  readonly attributes: { readonly [key: string]: Json };
  readonly inputs: readonly SlotId[];
  readonly outputs: readonly SlotId[];
  readonly reason: string;
}

/** Copies a value (between memory and host where their kinds differ). */
export interface CopyStep extends StepBase {
  readonly kind: "copy";
  readonly from: SlotId;
  readonly to: SlotId;
}

export interface IfStep extends StepBase {
  readonly kind: "if";
  readonly condition: SlotId;
  readonly then: Block;
  readonly else: Block;
}

/** Runs `body` while the condition holds, at most `tripCount` times. `stacked` values are appended after each iteration. */
export interface LoopStep extends StepBase {
  readonly kind: "loop";
  readonly tripCount: SlotId;
  readonly initialCondition: SlotId;
  /** written by the runtime before each iteration */
  readonly iteration: SlotId;
  readonly condition: SlotId;
  readonly bodyCondition: SlotId;
  readonly body: Block;
  /** after each iteration, `from` becomes `to` (all at once) */
  readonly carried: readonly { readonly from: SlotId; readonly to: SlotId }[];
  readonly stacked: readonly ({ readonly from: SlotId; readonly to: SlotId } & EmptyStack)[];
}

/** What a stacked value is where there was no iteration. */
export interface EmptyStack {
  /** shape of an element, where the slot that it comes from says none */
  readonly emptyShape?: readonly number[];
}

export interface ScanStep extends StepBase {
  readonly kind: "scan";
  readonly length: number;
  readonly slices: readonly {
    readonly from: SlotId;
    readonly to: SlotId;
    readonly axis: number;
    readonly reverse: boolean;
  }[];
  readonly body: Block;
  readonly carried: readonly { readonly from: SlotId; readonly to: SlotId }[];
  readonly stacked: readonly ({
    readonly from: SlotId;
    readonly to: SlotId;
    readonly axis: number;
    readonly reverse: boolean;
  } & EmptyStack)[];
}

export interface DeferredStep extends StepBase {
  readonly kind: "deferred";
  readonly payload: SlotId;
  readonly inputNames: readonly string[];
  readonly inputs: readonly SlotId[];
  readonly outputNames: readonly string[];
  readonly outputs: readonly SlotId[];
  readonly reason: string;
  /** as in ir/graph.ts: the inputs whose values the compiler must be given */
  readonly valueInputs: readonly string[];
}

export type Step = KernelStep | HostStep | CopyStep | IfStep | LoopStep | ScanStep | DeferredStep;

/** What a module needs of an engine: extensions of WebAssembly, and that it joins neighbouring vectors (else its tiles do not fit registers). */
export const moduleFeatures = ["simd128", "relaxed-simd", "joined-vectors"] as const;
export type ModuleFeature = (typeof moduleFeatures)[number];

/** A binary with the kernels; several differ only in the features that they use. One with joined vectors has those that are better so, and no others. */
export interface ProgramModule {
  readonly file: string;
  readonly features: readonly ModuleFeature[];
}

export interface Program extends Block {
  readonly version: typeof programVersion;
  readonly name: string;
  readonly inputs: readonly ProgramPort[];
  readonly outputs: readonly ProgramPort[];
  readonly values: readonly ProgramValue[];
  /** bytes; weights start at `weightsOffset`, the arena (activations, scratch) at `arenaOffset` */
  readonly memory: {
    readonly weightsOffset: number;
    readonly weightsBytes: number;
    readonly arenaOffset: number;
    readonly arenaBytes: number;
  };
  /** in order of preference */
  readonly modules: readonly ProgramModule[];
}

/** A piece of the weights; `write` fills exactly `byteLength` bytes, so that packing needs no second copy of a large model. */
export interface WeightSegment {
  /** in this process, segments of equal content hold the same bytes, whichever program they belong to */
  readonly content: string;
  /** address in linear memory */
  readonly offset: number;
  readonly byteLength: number;
  readonly write: (target: Uint8Array) => void;
}

/** A program with its binaries: what codegen gives and the runtime loads, in memory or from a folder. */
export interface CompiledProgram {
  readonly program: Program;
  /** by `ProgramModule.file` */
  readonly modules: ReadonlyMap<string, Uint8Array>;
  readonly weights: readonly WeightSegment[];
}
