/** What reports of placements are made of. */
import type { HostKernel, KernelGraph } from "../../../ir/kernel-graph.ts";
import type { Target } from "../../../ir/machine/target.ts";
import type { Placement } from "../../../ir/placement.ts";
import type { ReportEdge, WaferLink } from "./report-data.ts";
import type { ReportSimulation } from "./simulation.ts";

/** What a report of one wafer is made of. */
export interface PlacedInput {
  readonly kernels: KernelGraph;
  readonly placement: Placement;
  readonly target: Target;
  /** null where none lies beside the placement */
  readonly simulation: ReportSimulation | null;
}

/** One wafer of a split: its part of the kernel graph, and where that lies. */
export interface SplitStage {
  readonly kernels: KernelGraph;
  readonly placement: Placement;
  /** cycles from a sample's first word to when it reaches the wafer */
  readonly begin: number;
}

/** What a report of several wafers is made of. Cycles are those of a pipeline of all wafers. */
export interface SplitInput {
  readonly model: string;
  readonly target: Target;
  readonly stages: readonly SplitStage[];
  readonly links: readonly WaferLink[];
  /** values between wafers, by layers counted over all stages in their order */
  readonly crossing: readonly ReportEdge[];
  readonly host: readonly HostKernel[];
  readonly interval: number;
  readonly latencyCycles: number;
  readonly bound: number;
  readonly gap: number;
  readonly status: "optimal" | "feasible";
}
