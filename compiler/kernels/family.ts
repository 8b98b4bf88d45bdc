/**
 * What a kernel family is: the loops that it cuts, and which of them most finely. How cuts are laid over a rectangle, and what they cost, follows
 * from the kernel's nest (mappings.ts, ir/machine). The placer sees only lists of shapes with their cycles, and the figures of the one it
 * takes, so any library of variants can be placed by the same engine.
 */
import type { Kernel } from "../../ir/kernel-graph.ts";
import type { Variant } from "../../ir/machine/cost.ts";
import { type Target, usableRect } from "../../ir/machine/target.ts";

/** A variant before its figures are written out: what sizing and floorplan look at. May be turned by 90 degrees. */
export interface Candidate {
  readonly rows: number;
  readonly columns: number;
  readonly cycles: number;
}

/** All worthwhile ways to map one kernel: none beaten by another in time and both sides, ascending in time. */
export interface VariantList {
  readonly candidates: readonly Candidate[];
  /** the figures of the candidate at an index */
  readonly describe: (index: number) => Variant;
}

/** Where a kernel is to be fitted, and how much may be spent on listing its variants. */
export interface Space {
  readonly target: Target;
  readonly sides: Sides;
  /** cuts to try per kernel */
  readonly tries: number;
  /** variants to keep per kernel */
  readonly keep: number;
  /** cycles that are of interest; null for all */
  readonly window: TimeWindow | null;
}

/** An interval of cycles within which variants are listed finely. */
export interface TimeWindow {
  readonly least: number;
  readonly most: number;
}

/** Longest side of a rectangle on the target, and how long the other may then be at most. */
export interface Sides {
  readonly long: number;
  readonly short: number;
}

/** How the kernels of a family are cut. */
export interface Family {
  /** loops that may be cut; a core's time falls as the pieces of the last one grow, which is cut most finely */
  readonly cuts: (kernel: Kernel) => readonly string[];
}

/** Sides that fit the usable rectangle, one way or the other. */
export function sidesOf(target: Target): Sides {
  const { width, height } = usableRect(target);
  return { long: Math.max(width, height), short: Math.min(width, height) };
}

/** True when a shape fits the usable rectangle upright or turned. */
export const fitsSides = (rows: number, columns: number, { long, short }: Sides): boolean =>
  Math.max(rows, columns) <= long && Math.min(rows, columns) <= short;
