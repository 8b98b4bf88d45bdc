/** A placement task as a problem for the search over floorplans (arrange.ts) and for its proofs (prove.ts), and what they find as packings. */
import type { KernelGraph } from "../../ir/kernel-graph.ts";
import type { Arrangement, ArrangementProblem, ClassShapes } from "./arrangement.ts";
import type { Placed } from "./blocks.ts";
import { leastCycles, wireBoundAt } from "./cost-bound.ts";
import { type Problem, type Shape, shapesWithin } from "./problem.ts";
import type { Task } from "./task.ts";

/** What all wires cost at their shortest, as a share of the cycles: they decide between packings of about one speed. */
const wireShare = 0.02;

/** Corners of one class with the shape behind each. */
interface Corners extends ClassShapes {
  readonly shapes: readonly number[];
  readonly turned: readonly boolean[];
}

export interface TaskArrangement {
  readonly problem: ArrangementProblem;
  /** an arrangement as a packing of the task's items */
  readonly planOf: (arrangement: Arrangement) => readonly Placed[];
}

/** Limits whose corners are kept at hand. */
const limitsKept = 256;

/** The items of a task on the bare rectangle; `wires` false leaves speed alone to decide. */
export function taskArrangement(graph: KernelGraph, { problem, ids }: Task, wires: boolean): TaskArrangement {
  const known = new Map<number, readonly Corners[]>();
  const shapesAt = (cycles: number): readonly Corners[] => {
    const before = known.get(cycles);
    if (before !== undefined) return before;
    if (known.size >= limitsKept) known.clear();
    const corners = problem.classes.map((shapes) => cornersOf(problem, shapes, cycles));
    known.set(cycles, corners);
    return corners;
  };
  const itemOf = new Map(ids.map((id, item) => [id, item]));
  const links = graph.edges.flatMap(({ from, to }) => {
    const [a, b] = [itemOf.get(from), itemOf.get(to)];
    return a === undefined || b === undefined || a === b ? [] : [{ from: a, to: b }];
  });
  const bare: ArrangementProblem = {
    width: problem.width,
    height: problem.height,
    items: problem.items,
    order: [...problem.items.keys()],
    wires: wires ? links : [],
    timeWeight: 1,
    wireWeight: 0,
    shapesAt,
  };
  return {
    problem: { ...bare, wireWeight: wires ? weightOf(bare) : 0 },
    planOf: ({ limit, spots }) => spots.map((spot, item) => placedOf(problem, shapesAt(limit), spot, item)),
  };
}

function weightOf(problem: ArrangementProblem): number {
  const cycles = leastCycles(problem);
  if (cycles === null) return 0;
  const wire = wireBoundAt(problem, cycles);
  return wire > 0 ? (wireShare * cycles) / wire : 0;
}

function placedOf(
  problem: Problem,
  corners: readonly Corners[],
  { x, y, width, height }: Arrangement["spots"][number],
  item: number,
): Placed {
  const kind = corners[problem.items[item] ?? -1];
  const corner = kind?.widths.indexOf(width) ?? -1;
  const shape = kind?.shapes[corner];
  if (shape === undefined || kind?.heights[corner] !== height)
    throw new Error(`internal: item ${item} has no shape ${width} x ${height}`);
  return { x, y, width, height, shape, rotated: kind.turned[corner] ?? false };
}

/** Smallest boxes of a class at a limit, both ways round. */
function cornersOf({ width, height }: Problem, shapes: readonly Shape[], limit: number): Corners {
  const lowest = new Array<{ readonly high: number; readonly shape: number; readonly turned: boolean } | undefined>(
    width + 1,
  );
  const offer = (wide: number, high: number, shape: number, turned: boolean): void => {
    if (wide <= width && high <= height && high < (lowest[wide]?.high ?? Infinity))
      lowest[wide] = { high, shape, turned };
  };
  const count = shapesWithin(shapes, limit);
  for (let shape = 0; shape < count; shape++) {
    const { rows, columns } = shapes[shape] as Shape;
    offer(columns, rows, shape, false);
    offer(rows, columns, shape, true);
  }
  const corners = lowest.flatMap((box, wide) => (box === undefined ? [] : [{ wide, ...box }]));
  let least = Infinity;
  const kept = corners.filter(({ high }) => {
    const lower = high < least;
    least = Math.min(least, high);
    return lower;
  });
  return {
    count: kept.length,
    widths: Uint16Array.from(kept, ({ wide }) => wide),
    heights: Uint16Array.from(kept, ({ high }) => high),
    cycles: Float64Array.from(kept, ({ shape }) => (shapes[shape] as Shape).cycles),
    shapes: kept.map(({ shape }) => shape),
    turned: kept.map(({ turned }) => turned),
  };
}
