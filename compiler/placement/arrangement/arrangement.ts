/**
 * The question that the search for a floorplan answers, for any library of kernels: items with shapes, wires between them, a rectangle.
 *
 *     cost = time weight * cycles of the slowest item + wire weight * sum over wires of the L1 distance of the items' centres
 */
import type { Curve } from "./slicing-tree.ts";

/** Shapes of a class by their width as they would stand: widths ascend, heights descend; what each corner takes. */
export interface ClassShapes extends Curve {
  /** cycles, by corner */
  readonly cycles: Float64Array;
}

export interface ArrangementProblem {
  /** the rectangle, in cores */
  readonly width: number;
  readonly height: number;
  /** class of each item */
  readonly items: readonly number[];
  /** items in the order in which data flows */
  readonly order: readonly number[];
  readonly wires: readonly { readonly from: number; readonly to: number }[];
  readonly timeWeight: number;
  readonly wireWeight: number;
  /** shapes of every class of at most so many cycles that fit the rectangle one way or the other */
  readonly shapesAt: (cycles: number) => readonly ClassShapes[];
}

/** Where an item stands, in cores from the lower left corner. */
export interface Spot {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Arrangement {
  /** the room around each item that is its alone */
  readonly boxes: readonly Spot[];
  /** cycles that shapes were allowed to take; what the slowest takes; wires in cores */
  readonly limit: number;
  readonly cycles: number;
  readonly wire: number;
  readonly cost: number;
  readonly spots: readonly Spot[];
}

/** Cost of an arrangement by its slowest item and its wires. */
export const costOf = (problem: ArrangementProblem, cycles: number, wire: number): number =>
  problem.timeWeight * cycles + problem.wireWeight * wire;

/** Limits whose shapes are kept at hand; tuning asks for the same ones again. */
const limitsKept = 512;

/** A list of shapes by limit that is made once per limit. */
export function rememberLimits<Shapes>(shapesAt: (cycles: number) => Shapes): (cycles: number) => Shapes {
  const known = new Map<number, Shapes>();
  return (cycles) => {
    const before = known.get(cycles);
    if (before !== undefined) return before;
    if (known.size >= limitsKept) known.clear();
    const shapes = shapesAt(cycles);
    known.set(cycles, shapes);
    return shapes;
  };
}
