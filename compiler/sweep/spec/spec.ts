/** The specification of a sweep: what its points do, which axes they vary, what holds between axes, what of the results is told. */
import type { Scalar } from "../../axes.ts";
import type { ActionName, Kept, Objective } from "./actions.ts";

export interface Axis {
  /** `model`, `target`, `target.FIELD`, `dim.NAME`, or an option of the action */
  readonly name: string;
  readonly values: readonly Scalar[];
}

export interface Spec {
  readonly action: ActionName;
  /** in the order in which they are written; the last one changes fastest */
  readonly axes: readonly Axis[];
  /** what all points have in common */
  readonly fixed: Readonly<Record<string, Scalar>>;
  /** expressions over axes and what is fixed, all of which hold for every point */
  readonly where: readonly string[];
  /** figures that tables have, by name */
  readonly record: readonly string[];
  readonly objectives: readonly Objective[];
  /** files that every point leaves */
  readonly keep: readonly Kept[];
}

/** A point: the value of every axis, and of all that is fixed. */
export type Assignment = Readonly<Record<string, Scalar>>;
