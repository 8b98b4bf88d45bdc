/**
 * Shared lanes: many thin edges into one kernel take turns in a few lanes, where each would else need a color of its own at every router near
 * the kernel.
 *
 *     a --+------+-----+        a lane is a tree that leads to one core of the reader: every member goes along its row to the column of that
 *         b      c     |        core, then along the column (or column first), so that where two meet they go on together
 *     d -------+-------+
 *                      v        members follow each other in the order of the reader's operands; behind each goes a control word that switches
 *                   reader      the routers where several ways meet
 *
 * Members are added one by one, to a lane that has words left or to a new one, by length and by the words above what links should carry.
 */
import { controlWords, type Rect, type Route } from "../../../ir/placement.ts";
import type { Fabric } from "./fabric.ts";
import { type Allows, type Course, courseLength, walk } from "./route-geometry.ts";

/** An edge that may take turns. */
export interface ThinEdge {
  /** index into the edges of the problem */
  readonly edge: number;
  readonly from: number;
  readonly to: number;
  readonly words: number;
  /** place of what it carries among the operands of its reader */
  readonly operand: number;
  /** its producer's rectangle */
  readonly rect: Rect;
}

export interface SharingProblem {
  /** colors that routes may use */
  readonly colors: readonly number[];
  /** words per sample that a link should carry at most */
  readonly limit: number;
  /** ways in that a router can be switched between */
  readonly positions: number;
  readonly allows: Allows;
}

/** A tree of lanes to one core. */
interface Lane {
  readonly end: Rect;
  readonly order: "xy" | "yx";
  readonly color: number;
  readonly members: { readonly thin: ThinEdge; readonly course: Course }[];
  words: number;
  /** ways in by router: one bit per direction, and one for the router's own core */
  readonly waysIn: Map<number, number>;
}

interface Option {
  readonly lane: Lane | null;
  readonly order: "xy" | "yx";
  readonly end: Rect;
  readonly color: number;
  readonly course: Course;
  readonly cost: number;
}

/** So many more links a member goes before a new lane is begun for it. */
const newLaneLinks = 48;

/** Cores of the reader that new lanes are tried to end at, along each side. */
const mostEnds = 12;

/** A word above what a link should carry weighs as much as so many links. */
const overloadLinks = 1000;

const ownCore = 1 << 4;

/**
 * Lays lanes into one rectangle for as many of the edges as find a color; the others are left out of what is returned. Routers and links are
 * booked.
 */
export function shareLanes(
  problem: SharingProblem,
  fabric: Fabric,
  reader: Rect,
  edges: readonly ThinEdge[],
): readonly Route[] {
  const lanes: Lane[] = [];
  // neighbours one after the other, so that they find each other's lanes
  const inPlace = [...edges].sort((a, b) => a.rect.y - b.rect.y || a.rect.x - b.rect.x || a.edge - b.edge);
  for (const thin of inPlace) {
    const option = bestOption(problem, fabric, lanes, reader, thin);
    if (option !== null) join(fabric, lanes, thin, option);
  }
  return lanes.flatMap(routesOf);
}

/** The members of a lane, in the order in which they take turns. */
function routesOf({ members, color }: Lane): readonly Route[] {
  const inTurn = [...members].sort((a, b) => a.thin.operand - b.thin.operand || a.thin.edge - b.thin.edge);
  return inTurn.map(({ thin: { edge, from, to }, course }, turn) => ({ edge, from, to, color, ...course, turn }));
}

function bestOption(
  problem: SharingProblem,
  fabric: Fabric,
  lanes: readonly Lane[],
  reader: Rect,
  thin: ThinEdge,
): Option | null {
  const words = thin.words + controlWords;
  let best: Option | null = null;
  let least = Infinity;
  const consider = (option: Option): void => {
    if (option.cost >= least) return;
    best = option;
    least = option.cost;
  };
  for (const lane of lanes) {
    if (lane.words + words > problem.limit) continue;
    const course = courseTo(thin.rect, lane.end, lane.order);
    const cost = courseLength(course);
    if (cost >= least) continue;
    if (!problem.allows(course) || !fits(problem, fabric, lane, course)) continue;
    const { overload } = fabric.survey(course, problem.limit - words);
    consider({
      lane,
      order: lane.order,
      end: lane.end,
      color: lane.color,
      course,
      cost: cost + overload * overloadLinks,
    });
  }
  for (const order of ["xy", "yx"] as const) {
    for (const end of endsOf(reader, thin.rect, order)) {
      const course = courseTo(thin.rect, end, order);
      const cost = courseLength(course) + newLaneLinks;
      if (cost >= least) continue;
      if (!problem.allows(course)) continue;
      const { taken, overload } = fabric.survey(course, problem.limit - words);
      const color = problem.colors.find((candidate) => ((taken >>> candidate) & 1) === 0);
      if (color === undefined) continue;
      consider({ lane: null, order, end, color, course, cost: cost + overload * overloadLinks });
    }
  }
  return best;
}

function join(fabric: Fabric, lanes: Lane[], thin: ThinEdge, { lane, order, end, color, course }: Option): void {
  const joined: Lane = lane ?? { end, order, color, members: [], words: 0, waysIn: new Map() };
  if (lane === null) lanes.push(joined);
  joined.members.push({ thin, course });
  joined.words += thin.words + controlWords;
  for (const [router, ways] of waysInOf(fabric.width, course)) {
    joined.waysIn.set(router, (joined.waysIn.get(router) ?? 0) | ways);
  }
  fabric.claim(course, color, thin.words + controlWords);
}

/** From the core of a rectangle that is nearest to the end. */
function courseTo(from: Rect, end: Rect, shape: "xy" | "yx"): Course {
  const fromX = Math.max(from.x, Math.min(from.x + from.width - 1, end.x));
  const fromY = Math.max(from.y, Math.min(from.y + from.height - 1, end.y));
  return { lanes: 1, shape, fromX, fromY, toX: end.x, toY: end.y };
}

/** Cores of the reader on the side where a member comes from, spread over that side. */
function endsOf(reader: Rect, from: Rect, order: "xy" | "yx"): readonly Rect[] {
  const { x, y, width, height } = reader;
  const nearX = Math.max(x, Math.min(x + width - 1, from.x));
  const nearY = Math.max(y, Math.min(y + height - 1, from.y));
  const core = (coreX: number, coreY: number): Rect => ({ x: coreX, y: coreY, width: 1, height: 1 });
  const side = order === "xy" ? width : height;
  const count = Math.min(mostEnds, side);
  const at = (index: number): number => Math.floor((index * side) / count);
  return Array.from({ length: count }, (_, i) => (order === "xy" ? core(x + at(i), nearY) : core(nearX, y + at(i))));
}

/** True when a member finds the lane's color free or the lane's own on its way, and no router has more ways in than it can switch. */
function fits({ positions }: SharingProblem, fabric: Fabric, lane: Lane, course: Course): boolean {
  for (const [router, ways] of waysInOf(fabric.width, course)) {
    const known = lane.waysIn.get(router);
    if (known === undefined && fabric.isTakenAt(router, lane.color)) return false;
    if (waysIn((known ?? 0) | ways) > positions) return false;
  }
  return true;
}

/** The way in at each router of a course of one lane, as a bit. */
function waysInOf(width: number, course: Course): readonly (readonly [router: number, way: number])[] {
  const ways: (readonly [number, number])[] = [];
  let way = ownCore;
  walk(course, (x, y, direction) => {
    ways.push([y * width + x, way]);
    way = 1 << direction;
  });
  return ways;
}

function waysIn(bits: number): number {
  let count = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) count++;
  return count;
}
