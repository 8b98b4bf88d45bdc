/**
 * A placement: every kernel on its own rectangle of cores, a route with a color for every edge, and a certificate. It holds all that an
 * independent checker needs besides the kernel graph and the target.
 *
 * Coordinates are cores: x counts columns eastward, y counts rows southward, (0, 0) is the north-west core of the fabric. A rectangle
 * covers x..x+width-1 and y..y+height-1.
 *
 * Routes are bundles of parallel lanes, one word per lane, link and cycle, from cores of the producer's rectangle to cores of the consumer's.
 * They run straight, or with bends; a shape names the axes of the legs in order: row first with one bend is `xy`, column first `yx`.
 *
 *     producer  a >----------+        xy: lane i starts in row fromY + i, turns into column toX + turn(i), ends in row toY
 *               b >-------+  |        yx: lane i starts in column fromX + i, turns into row toY + turn(i), ends in column toX
 *                         v  v        lanes nest at the bend, so that no two cross and one color serves all: turn(i) = lanes-1-i
 *                        consumer     when the bundle goes east and south, or west and north; else i
 *
 * Equal coordinates count as going east or south. A straight bundle runs from (fromX, fromY) to (toX, toY) with its lanes side by side in the
 * rows below (`horizontal`) or the columns to the right (`vertical`).
 *
 * Where links, dead routers or colors bar those ways, a bundle bends up to four times. `via` holds the first column or row of every leg between
 * the first and the last one; lanes nest at each bend: their order across the bundle turns over where both legs go east or south, or both west
 * or north, and stays where they do not. A leg's direction is that from where the leg before it lies to where the next one lies.
 *
 * Routes of one value may share a color and then lanes, link by link, as far as they agree: the value forks, and a link carries it once. Routes
 * into one kernel may share a lane, too: they meet on their way, and take turns in the order of the kernel's operands. A router that several of
 * them enter is switched from one way in to the next by a control word that follows the words of each.
 */
import type { KernelFamily, KernelId, Precision } from "./kernel-graph.ts";
import type { LayoutMove } from "./machine/region-moves.ts";
import type { Variant } from "./machine/cost.ts";
import type { RegionSram } from "./machine/resident.ts";

export const placementVersion = 5;

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

export const routeShapes = [
  "horizontal",
  "vertical",
  "xy",
  "yx",
  "xyx",
  "yxy",
  "xyxy",
  "yxyx",
  "xyxyx",
  "yxyxy",
] as const;

export type RouteShape = (typeof routeShapes)[number];

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
  /** straight: last core of lane 0; else the last column and the topmost row of the last leg, or its leftmost column and the last row */
  readonly toX: number;
  readonly toY: number;
  /** of two and more bends: the first column or row of each leg between the first and the last */
  readonly via?: readonly number[];
  /** place among the routes that take turns in the lane that ends where this one does; absent for lanes of its own */
  readonly turn?: number;
}

/** The axis along which a route's first leg runs, and how many legs it has. */
export const legsOfShape = (shape: RouteShape): { readonly first: "x" | "y"; readonly legs: number } => {
  switch (shape) {
    case "horizontal":
      return { first: "x", legs: 1 };
    case "vertical":
      return { first: "y", legs: 1 };
    default:
      return { first: shape.startsWith("x") ? "x" : "y", legs: shape.length };
  }
};

/** Columns and rows that `via` has to hold for a shape. */
export const viasOf = (shape: RouteShape): number => Math.max(0, legsOfShape(shape).legs - 2);

/** A rectangle somewhere else. */
export const rectMovedBy = (rect: Rect, { x, y }: Core): Rect => ({ ...rect, x: rect.x + x, y: rect.y + y });

/** A route somewhere else. */
export function routeMovedBy(route: Route, { x, y }: Core): Route {
  const { first } = legsOfShape(route.shape);
  const ends = { fromX: route.fromX + x, fromY: route.fromY + y, toX: route.toX + x, toY: route.toY + y };
  if (route.via === undefined) return { ...route, ...ends };
  // the first of them belongs to the second leg, which crosses the first
  const via = route.via.map((line, leg) => line + ((first === "x") === (leg % 2 === 0) ? x : y));
  return { ...route, ...ends, via };
}

/** Names the lane that a route takes turns in: its reader, its color and its last core. */
export const laneOf = ({ to, color, toX, toY }: Route): string => `k${to} ${color} (${toX}, ${toY})`;

/** Words that follow those of an edge in a shared lane: the control word that moves the switches on. */
export const controlWords = 1;

/** How kernels share the wafer. */
export type PlacementMode =
  /** each on a rectangle of its own, all at work at once on successive samples */
  | { readonly kind: "pipeline" }
  /** one after the other on one region, weights and states staying there; there are no routes but those of the moves inside it */
  | {
      readonly kind: "resident";
      readonly region: Rect;
      readonly sram: RegionSram;
      /** by edge, and by operand of its reader */
      readonly moves: readonly LayoutMove[];
    };

export const modeNames = ["pipeline", "resident"] as const;

export type ModeName = PlacementMode["kind"];

/** One core of the fabric. */
export interface Core {
  readonly x: number;
  readonly y: number;
}

/**
 * How often all kernels and routes stand on the wafer, side by side: copy i lies `stepX` * (i mod `columns`) cores east and `stepY` * floor(i / `columns`)
 * south of the first, whose kernels and routes the placement lists. Samples are dealt out to the copies in turn.
 */
export interface Copies {
  readonly count: number;
  readonly columns: number;
  readonly stepX: number;
  readonly stepY: number;
}

/** The model once. */
export const oneCopy: Copies = { count: 1, columns: 1, stepX: 0, stepY: 0 };

/** Where a copy lies from the first. */
export const copyOffset = ({ columns, stepX, stepY }: Copies, copy: number): Core => ({
  x: stepX * (copy % columns),
  y: stepY * Math.floor(copy / columns),
});

/** A kernel that has its place given: the north-west corner only, or a rectangle that it lies in and that no other kernel enters. */
export interface Pin {
  readonly kernel: KernelId;
  readonly x: number;
  readonly y: number;
  /** null: only the corner is given; the kernel's own rectangle then begins there */
  readonly width: number | null;
  readonly height: number | null;
  /** null: either way */
  readonly rotated: boolean | null;
}

/** A link that works neither way, by the western or northern one of its two routers. */
export interface DeadLink extends Core {
  readonly side: "east" | "south";
}

/** What the user asked for beyond the objective; every part is checked (compiler/placement/checker/check-constraints.ts). */
export interface PlacementConstraints {
  readonly pins: readonly Pin[];
  /** no kernel lies there; routes may cross */
  readonly keepOut: readonly Rect[];
  /** neither core nor router works; or the core is given up because of a dead link */
  readonly deadCores: readonly Core[];
  /** links that no word passes; left out where all work */
  readonly deadLinks?: readonly DeadLink[];
  /** the rectangles of each group touch: their union is connected by shared borders */
  readonly coLocate: readonly (readonly KernelId[])[];
  /** cycles between two samples at most; null for no limit */
  readonly maxInterval: number | null;
}

/** No constraints. */
export const unconstrained: PlacementConstraints = {
  pins: [],
  keepOut: [],
  deadCores: [],
  coLocate: [],
  maxInterval: null,
};

export const placementObjectives = ["throughput", "latency", "cores", "wire"] as const;

/** What a placement is to have the least of: cycles between samples, cycles from first word in to last word out, cores, or wire length. */
export type PlacementObjective = (typeof placementObjectives)[number];

/** What the placement was asked to minimise and how near it came. */
export interface Goal {
  readonly kind: PlacementObjective;
  /** cycles, cores, or hops between centres */
  readonly value: number;
  /** no placement of these kernels with these variants under these constraints has less */
  readonly bound: number;
  /** (value - bound) / value */
  readonly gap: number;
  readonly status: "optimal" | "feasible";
}

export const linkDirections = ["east", "west", "south", "north"] as const;

export type LinkDirection = (typeof linkDirections)[number];

/** The link that carries most. */
export interface FullestLink {
  /** the router that the words leave */
  readonly x: number;
  readonly y: number;
  readonly direction: LinkDirection;
  /** words per sample */
  readonly words: number;
  /** indices into `KernelGraph.edges`, ascending */
  readonly edges: readonly number[];
}

/** The router that holds most colors: those of routes, of the kernel on its core, and the reserved ones. */
export interface FullestRouter {
  readonly x: number;
  readonly y: number;
  readonly colors: number;
}

/** How far kernels went from an earlier placement that the search began with. */
export interface Movement {
  /** kernels that have the rectangle they had */
  readonly kept: number;
  readonly moved: number;
  /** kernels that the earlier placement did not have */
  readonly added: number;
  /** sum of |dx| + |dy| between old and new centres */
  readonly distance: number;
}

/** What decides the interval: the slowest kernel, the fullest link, or the words over the wafer's edge. */
export type Bottleneck = "kernel" | "link" | "io";

/** What is claimed and proven. Samples per second come from all copies of the model; everything else is counted of one. */
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
  /**
   * cycles by cause. In a pipeline those of the slowest kernel and the fullest link; the objective is the maximum of the two, shared by the copies, and of
   * the third, which they have in common. On one region those of all kernels, and of all moves with the ways in and out; the objective is their sum.
   */
  readonly kernelCycles: number;
  readonly linkCycles: number;
  /** cycles that a sample takes of the wafer's edge */
  readonly ioCycles: number;
  /** cycles from the first word of a sample in to its last word out, when the pipeline is empty */
  readonly latencyCycles: number;
  /** sum of |dx| + |dy| between the centres of connected kernels, weighted by nothing */
  readonly wireLength: number;
  /** equal to objective, bound, gap and status where throughput is the goal */
  readonly goal: Goal;
  /** null where nothing is routed */
  readonly fullestLink: FullestLink | null;
  readonly fullestRouter: FullestRouter | null;
  /** null unless an earlier placement was given */
  readonly movement: Movement | null;
}

export interface Placement {
  readonly version: typeof placementVersion;
  readonly model: string;
  /** what operands are that are f32 in the model */
  readonly precision: Precision;
  readonly target: PlacementTarget;
  readonly constraints: PlacementConstraints;
  readonly mode: PlacementMode;
  readonly copies: Copies;
  /** of the first copy, as are the routes */
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
  return coresInUse(placement) / (usable.width * usable.height);
}

/** Cores of all rectangles of all copies. */
export const coresInUse = ({ mode, copies, kernels }: Pick<Placement, "mode" | "copies" | "kernels">): number =>
  copies.count * (mode.kind === "resident" ? rectangleCores([{ rect: mode.region }]) : rectangleCores(kernels));

/** Cores of all rectangles together. */
export const rectangleCores = (kernels: readonly { readonly rect: Rect }[]): number =>
  kernels.reduce((sum, { rect }) => sum + rect.width * rect.height, 0);

/** Twice the centre of a rectangle (integers, so that lengths are exact). */
export const doubleCentre = (rect: Rect): { readonly x: number; readonly y: number } => ({
  x: 2 * rect.x + rect.width,
  y: 2 * rect.y + rect.height,
});
