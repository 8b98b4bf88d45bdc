/** A placement task as a problem for the search over floorplans (arrange.ts) and for its proofs (prove.ts), and what they find as packings. */
import type { KernelGraph } from "../../ir/kernel-graph.ts";
import {
  type Arrangement,
  type ArrangementProblem,
  type ClassShapes,
  rememberLimits,
} from "./arrangement/arrangement.ts";
import type { Placed } from "./packing/blocks.ts";
import { leastCycles, wireBoundAt } from "./arrangement/cost-bound.ts";
import type { Problem, Shape } from "./problem.ts";
import { type Staircase, staircases } from "./packing/staircase.ts";
import type { Task } from "./task.ts";

/** What all wires cost at their shortest, as a share of the cycles: they decide between packings of about one speed. */
const wireShare = 0.02;

/** Corners of one class with what stands at each. */
interface Corners extends ClassShapes {
  readonly standings: Staircase;
}

export interface TaskArrangement {
  readonly problem: ArrangementProblem;
  /** an arrangement as a packing of the task's items */
  readonly planOf: (arrangement: Arrangement) => readonly Placed[];
}

/** The items of a task on the bare rectangle; `wires` false leaves speed alone to decide. */
export function taskArrangement(graph: KernelGraph, { problem, ids }: Task, wires: boolean): TaskArrangement {
  const shapesAt = rememberLimits((cycles) =>
    staircases(problem, cycles).map((standings, kind) => cornersOf(problem.classes[kind] ?? [], standings)),
  );
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
  const standing = kind?.standings[kind.widths.indexOf(width)];
  if (standing?.height !== height) throw new Error(`internal: item ${item} has no shape ${width} x ${height}`);
  return { x, y, ...standing };
}

/** A class's staircase as the search takes it. */
const cornersOf = (shapes: readonly Shape[], standings: Staircase): Corners => ({
  count: standings.length,
  widths: Uint16Array.from(standings, ({ width }) => width),
  heights: Uint16Array.from(standings, ({ height }) => height),
  cycles: Float64Array.from(standings, ({ shape }) => (shapes[shape] as Shape).cycles),
  standings,
});
