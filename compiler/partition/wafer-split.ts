/** A model cut over wafers: what lies on each of them, what they send each other, and how good that is. */
import type { KernelId } from "../../ir/kernel-graph.ts";
import type { Placement } from "../../ir/placement.ts";
import type { StageLink } from "./stages.ts";

/** One stage of the pipeline. Bytes are those of all its cores, cycles and words are per sample. */
export interface WaferStage {
  readonly kernels: readonly KernelId[];
  readonly placement: Placement;
  readonly cores: number;
  readonly weightBytes: number;
  readonly activationBytes: number;
  readonly cycles: number;
  readonly ioCycles: number;
  readonly wordsIn: number;
  readonly wordsOut: number;
}

export interface WaferSplit {
  readonly model: string;
  readonly target: string;
  /** in the order of data; wafers that would only make it slower are left out */
  readonly stages: readonly WaferStage[];
  readonly links: readonly StageLink[];
  /** cycles per sample of the slowest wafer */
  readonly interval: number;
  readonly latencyCycles: number;
  /** no chain of so many wafers, made of the listed variants, is faster */
  readonly bound: number;
  readonly gap: number;
  readonly status: "optimal" | "feasible";
  readonly seed: number;
}
