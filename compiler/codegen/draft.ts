/**
 * A program before its memory is planned: steps that name places instead of addresses. Slots are final (they are the program's values);
 * buffers are what the memory plan places.
 */
import type { ValueType } from "../../ir/graph.ts";
import type {
  CopyStep,
  DeferredStep,
  HostStep,
  IfStep,
  KernelStep,
  LoopStep,
  ScanStep,
  SlotId,
} from "../../ir/program.ts";
import type { KernelCode } from "./kernel.ts";
import type { SegmentId } from "./weight-pool.ts";

export type BufferId = number;

/** Where bytes will lie. */
export type Place = BufferPlace | { readonly kind: "weights"; readonly segment: SegmentId } | PartPlace;

/** A value in one piece, `at` bytes behind a buffer's start. */
export interface BufferPlace {
  readonly kind: "buffer";
  readonly buffer: BufferId;
  readonly at: number;
}

/** Pieces of a buffer, the first one `at` bytes behind its start: an input that the caller writes into a value that contains it. */
export interface PartPlace {
  readonly kind: "part";
  readonly buffer: BufferId;
  readonly at: number;
  readonly pieceBytes: number;
  readonly stride: number;
}

/** A value of the program; without a place it is a JavaScript value. */
export interface Slot {
  readonly type: ValueType;
  readonly place: Place | null;
}

/** Bytes needed from one time to another, both included. */
export interface Buffer {
  readonly bytes: number;
  first: number;
  last: number;
}

/** An output that may lie where a dying operand lies. */
export interface InPlaceCandidate {
  readonly from: BufferId;
  readonly to: BufferId;
}

export interface DraftKernel {
  readonly kind: "kernel";
  readonly code: KernelCode;
  readonly args: readonly Place[];
  /** of all that the arguments point to */
  readonly bytes: number;
  readonly origin: readonly string[];
  readonly kernel: number;
}

export interface DraftBlock {
  readonly steps: readonly DraftStep[];
}

type WithBlocks<S, K extends string> = Omit<S, K> & { readonly [P in K]: DraftBlock };

export type DraftStep =
  | DraftKernel
  | HostStep
  | CopyStep
  | DeferredStep
  | WithBlocks<IfStep, "then" | "else">
  | WithBlocks<LoopStep, "body">
  | WithBlocks<ScanStep, "body">;

export interface Draft {
  readonly inputs: readonly SlotId[];
  readonly outputs: readonly SlotId[];
  readonly slots: readonly Slot[];
  readonly buffers: readonly Buffer[];
  readonly inPlace: readonly InPlaceCandidate[];
  readonly steps: readonly DraftStep[];
}

export type { KernelStep };
