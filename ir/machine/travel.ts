/** How long a word travels over routers and links of a target, when nothing is in its way. */
import type { Target } from "./target.ts";

export type Axis = "x" | "y";

/** Cycles over the links of one row (axis x) or column (axis y) of the fabric, from one core's router to another's. */
export function lineCycles({ link }: Target, axis: Axis, from: number, to: number): number {
  const { hopCycles, seams } = link;
  const hops = Math.abs(to - from) * hopCycles;
  if (seams === undefined) return hops;
  const every = axis === "x" ? seams.columns : seams.rows;
  const crossed = Math.abs(Math.floor(to / every) - Math.floor(from / every));
  return hops + crossed * (seams.hopCycles - hopCycles);
}

/** Cycles that a word needs to cross a rectangle, wherever it lies: in over one ramp, along both sides with a bend, out over another. */
export const crossingCycles = (target: Target, rows: number, columns: number): number =>
  lineCycles(target, "x", 0, columns) +
  lineCycles(target, "y", 0, rows) +
  (rows > 1 && columns > 1 ? target.link.turnCycles : 0) +
  2 * target.link.rampCycles +
  1;
