/**
 * Packings with room between the items: each is packed as if its sides were longer by some factor, and lies in the middle of what it got. Where
 * much of the rectangle is free, routes find ways there that a tight packing does not leave.
 */
import type { Problem, Shape } from "../problem.ts";
import type { Placed } from "./blocks.ts";
import { floorplansAt } from "./floorplan.ts";

/** Factors that are tried: for wafers that are nearly empty, less full, half full. */
const factors = [2, 1.5, 1.25];

/** Packings at an interval, those with most room first; none where constraints say what lies where. */
export function* loosePackings(problem: Problem, cycles: number): Generator<readonly Placed[]> {
  if (problem.site !== undefined) return;
  for (const factor of factors) {
    const wide = (side: number): number => Math.ceil(side * factor);
    const classes = problem.classes.map((shapes) =>
      shapes.map((shape) => ({ ...shape, rows: wide(shape.rows), columns: wide(shape.columns) })),
    );
    for (const styled of floorplansAt({ ...problem, classes }, cycles)) {
      for (const plan of styled) {
        yield plan.map((placed, item) => inTheMiddle(placed, shapeAt(problem, item, placed.shape)));
        // more styles of one packing differ little where there is room
        break;
      }
    }
  }
}

function shapeAt({ classes, items }: Problem, item: number, shape: number): Shape {
  const found = classes[items[item] ?? -1]?.[shape];
  if (found === undefined) throw new Error(`internal: item ${item} has no shape ${shape}`);
  return found;
}

function inTheMiddle(placed: Placed, { rows, columns }: Shape): Placed {
  const [width, height] = placed.rotated ? [rows, columns] : [columns, rows];
  const x = placed.x + ((placed.width - width) >> 1);
  const y = placed.y + ((placed.height - height) >> 1);
  return { ...placed, x, y, width, height };
}
