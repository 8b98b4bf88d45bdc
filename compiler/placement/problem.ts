/**
 * The engine's own view of a placement problem: items with shapes to choose from, on a rectangle that is bare or partly blocked. It knows nothing of kernels, so
 * that any library of variants can be placed by it.
 *
 * Items of one class have the same shapes. A shape may be turned by 90 degrees.
 */
import type { Box, Grid } from "./packing/grid.ts";

/** A way to build an item. */
export interface Shape {
  readonly rows: number;
  readonly columns: number;
  readonly cycles: number;
}

/** What constraints leave of the rectangle, and where some items have to lie. */
export interface Site {
  /** cores that nobody may use */
  readonly grid: Grid;
  readonly corners: readonly CornerPin[];
  readonly groups: readonly Group[];
}

/** An item whose north-west corner is given. */
export interface CornerPin {
  readonly item: number;
  readonly x: number;
  readonly y: number;
  /** null: either way */
  readonly rotated: boolean | null;
}

/** Items whose rectangles, together with those settled before, must touch. */
export interface Group {
  readonly items: readonly number[];
  readonly anchors: readonly Box[];
}

export interface Problem {
  /** the rectangle to fill, in cores */
  readonly width: number;
  readonly height: number;
  /** shapes per class, ascending in cycles, none empty */
  readonly classes: readonly (readonly Shape[])[];
  /** class of each item; items stand in the order in which data flows */
  readonly items: readonly number[];
  /** absent: the bare rectangle */
  readonly site?: Site;
  /** consecutive items that may be packed in any order; absent: the order is kept (packing/sets.ts) */
  readonly window?: number;
}

/** Cores that items may lie on. */
export const coresOf = ({ width, height, site }: Problem): number => site?.grid.free ?? width * height;

/** How many items each class has. */
export function classCounts(problem: Problem): number[] {
  const counts = problem.classes.map(() => 0);
  for (const item of problem.items) counts[item] = (counts[item] ?? 0) + 1;
  return counts;
}

/** Index behind the last shape of at most `cycles`. */
export function shapesWithin(shapes: readonly Shape[], cycles: number): number {
  let low = 0;
  let high = shapes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((shapes[middle]?.cycles ?? Infinity) <= cycles) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Every time that some shape takes, ascending, each once. */
export function distinctTimes(problem: Problem): number[] {
  const times = new Set<number>();
  for (const shapes of problem.classes) for (const { cycles } of shapes) times.add(cycles);
  return [...times].sort((a, b) => a - b);
}
