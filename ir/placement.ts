/**
 * A placement: every kernel on its own rectangle of cores, a route with a color for every edge, and a certificate. It holds all that an
 * independent checker needs besides the kernel graph and the target.
 *
 * Coordinates are cores: x counts columns eastward, y counts rows southward, (0, 0) is the north-west core of the fabric. A rectangle
 * covers x..x+width-1 and y..y+height-1.
 *
 * Routes are bundles of parallel lanes, one word per lane, link and cycle, from cores of the producer's rectangle to cores of the consumer's.
 * They run straight, or with one bend: in dimension order, row first (`xy`) or, where that way is crowded, column first (`yx`).
 *
 *     producer  a >----------+        xy: lane i starts in row fromY + i, turns into column toX + turn(i), ends in row toY
 *               b >-------+  |        yx: lane i starts in column fromX + i, turns into row toY + turn(i), ends in column toX
 *                         v  v        lanes nest at the bend, so that no two cross and one color serves all: turn(i) = lanes-1-i
 *                        consumer     when the bundle goes east and south, or west and north; else i
 *
 * Equal coordinates count as going east or south. A straight bundle runs from (fromX, fromY) to (toX, toY) with its lanes side by side in the
 * rows below (`horizontal`) or the columns to the right (`vertical`).
 */
import type { KernelFamily, KernelId, Variant } from "./kernel-graph.ts";

export const placementVersion = 1;

export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** The facts about the machine that a placement depends on, copied so that it can be read alone. */
export interface PlacementTarget {
  readonly name: string;
  /** cores of the fabric */
  readonly width: number;
  readonly height: number;
  /** where kernels may lie */
  readonly usable: Rect;
  readonly sramBytes: number;
  /** the clock that figures in seconds are derived with */
  readonly clockHz: number;
}

export interface PlacedKernel {
  readonly kernel: KernelId;
  readonly name: string;
  readonly family: KernelFamily;
  readonly rect: Rect;
  /** the variant's rows lie along x */
  readonly rotated: boolean;
  readonly variant: Variant;
}

export type RouteShape = "horizontal" | "vertical" | "xy" | "yx";

export interface Route {
  /** index into `KernelGraph.edges` */
  readonly edge: number;
  readonly from: KernelId;
  readonly to: KernelId;
  readonly color: number;
  readonly lanes: number;
  readonly shape: RouteShape;
  /** first core of lane 0 */
  readonly fromX: number;
  readonly fromY: number;
  /** straight: last core of lane 0; `xy`: leftmost column of the second leg, last row; `yx`: last column, topmost row of the second leg */
  readonly toX: number;
  readonly toY: number;
}

/** What decides the interval: the slowest kernel, the fullest link, or the words over the wafer's edge. */
export type Bottleneck = "kernel" | "link" | "io";

export interface Certificate {
  /** cycles between two samples in the steady state */
  readonly objective: number;
  /** no placement of these kernels with these variants on this target has a smaller interval */
  readonly bound: number;
  /** (objective - bound) / objective */
  readonly gap: number;
  readonly status: "optimal" | "feasible";
  readonly solver: string;
  readonly seed: number;
  readonly bottleneck: Bottleneck;
  /** the slowest kernel; null where nothing is placed */
  readonly slowest: KernelId | null;
  /** cycles by cause; the objective is their maximum */
  readonly kernelCycles: number;
  readonly linkCycles: number;
  readonly ioCycles: number;
  /** cycles from the first word of a sample in to its last word out, when the pipeline is empty */
  readonly latencyCycles: number;
  /** sum of |dx| + |dy| between the centres of connected kernels, weighted by nothing */
  readonly wireLength: number;
}

export interface Placement {
  readonly version: typeof placementVersion;
  readonly model: string;
  readonly target: PlacementTarget;
  readonly kernels: readonly PlacedKernel[];
  readonly routes: readonly Route[];
  readonly certificate: Certificate;
}

/** Samples per second at the clock of the target. */
export const samplesPerSecond = (placement: Placement): number =>
  placement.target.clockHz / placement.certificate.objective;

/** Cores of all rectangles as a share of the usable ones. */
export function utilisation(placement: Placement): number {
  const { usable } = placement.target;
  let cores = 0;
  for (const { rect } of placement.kernels) cores += rect.width * rect.height;
  return cores / (usable.width * usable.height);
}

/** Twice the centre of a rectangle (integers, so that lengths are exact). */
export const doubleCentre = (rect: Rect): { readonly x: number; readonly y: number } => ({
  x: 2 * rect.x + rect.width,
  y: 2 * rect.y + rect.height,
});
