/** For one class and one interval: the least height of an item by its width, both orientations taken together. */
import { type Problem, type Shape, shapesWithin } from "../problem.ts";

/** A shape as it would stand on the fabric. */
export interface Standing {
  readonly width: number;
  readonly height: number;
  /** index into the class's shapes */
  readonly shape: number;
  /** rows of the shape run along x */
  readonly rotated: boolean;
}

/** Ascending in width, strictly descending in height. */
export type Staircase = readonly Standing[];

/** The staircase of a class among the shapes of at most `cycles` that fit the rectangle. */
export function staircaseOf(shapes: readonly Shape[], cycles: number, width: number, height: number): Staircase {
  const lowest: (Standing | undefined)[] = new Array<Standing | undefined>(width + 1);
  const end = shapesWithin(shapes, cycles);
  for (let index = 0; index < end; index++) {
    const { rows, columns } = shapes[index] as Shape;
    offer(lowest, columns, rows, index, false, height);
    if (rows !== columns) offer(lowest, rows, columns, index, true, height);
  }
  const steps: Standing[] = [];
  for (const standing of lowest) {
    if (standing !== undefined && standing.height < (steps.at(-1)?.height ?? Infinity)) steps.push(standing);
  }
  return steps;
}

function offer(
  lowest: (Standing | undefined)[],
  width: number,
  height: number,
  shape: number,
  rotated: boolean,
  highest: number,
): void {
  if (width >= lowest.length || height > highest) return;
  const known = lowest[width];
  if (known === undefined || height < known.height) lowest[width] = { width, height, shape, rotated };
}

/** One staircase per class. */
export const staircases = (problem: Problem, cycles: number): readonly Staircase[] =>
  problem.classes.map((shapes) => staircaseOf(shapes, cycles, problem.width, problem.height));
