/**
 * Routes: a bundle of lanes for every edge, with a color that nobody else uses on any router it passes.
 *
 * A lane moves one word per link and cycle, so a bundle needs words / interval lanes; it gets twice that where the rectangles' sides allow,
 * which leaves room for another bundle on the same links. Edges are routed by falling traffic; each takes, among a handful of courses, the
 * one that overloads links least, then the shortest; one with two bends where dead routers or colors leave no other. Then edges on overloaded
 * links are taken up and laid again, a few times, with two bends too where those relieve links.
 *
 * A value that goes to several kernels and fits one lane forks on its way: its routes start at one core, share a color, and count once on
 * the links they share. Being in dimension order from one core, they form a tree. Many thin edges into one kernel take turns in shared lanes
 * (shared-lanes.ts).
 */
import type { KernelEdge } from "../../../ir/kernel-graph.ts";
import { controlWords, type Core, laneOf, type Rect, type Route } from "../../../ir/placement.ts";
import { Fabric } from "./fabric.ts";
import { Grid } from "../packing/grid.ts";
import {
  type Allows,
  anyCourse,
  boxesOf,
  type Course,
  coursesBetween,
  detoursBetween,
  treeCourse,
  walk,
} from "./route-geometry.ts";
import { negotiate, type Negotiable } from "./negotiate.ts";
import { shareLanes, type ThinEdge } from "./shared-lanes.ts";

export interface RouteProblem {
  readonly width: number;
  readonly height: number;
  readonly edges: readonly KernelEdge[];
  /** by edge: the place of what it carries among the operands of its reader */
  readonly operandOrder: readonly number[];
  /** by kernel */
  readonly rects: readonly Rect[];
  readonly ports: readonly number[];
  /** colors that routes may use, ascending, all below 32 */
  readonly colors: readonly number[];
  /** ways in that may take turns on one color of a router */
  readonly switchPositions: number;
  /** cycles that a word takes of a link */
  readonly cyclesPerWord: number;
  /** cycles per sample that links should not exceed */
  readonly interval: number;
  /** routers that nothing passes */
  readonly dead: readonly Core[];
  /** routes that are known, by edge; those that cannot be taken are laid anew */
  readonly kept: ReadonlyMap<number, Route>;
}

export interface Routing {
  readonly routes: readonly Route[];
  /** words per sample over the fullest link */
  readonly fullestLink: number;
}

/** No color is left: the edge, and the router on its most direct way where most are taken. */
export interface RoutingFailure {
  readonly edge: number;
  readonly x: number;
  readonly y: number;
  /** edges that pass that router */
  readonly others: readonly number[];
  /** a dead router on the most direct way; null when there is none */
  readonly dead: Core | null;
}

interface State {
  readonly problem: RouteProblem;
  /** accepts courses that keep clear of dead routers */
  readonly allows: Allows;
  readonly fabric: Fabric;
  readonly routes: (Route | undefined)[];
}

/** Windows per side of a rectangle that courses are tried through. */
const firstWindows = 6;
const detourWindows = 6;

/** So many times more of them among dead routers, where most ways are barred. */
const moreWindows = 3;

/** Routes all edges, or says where colors ran out. */
export function routeEdges(problem: RouteProblem): Routing | RoutingFailure {
  const fabric = new Fabric(problem.width, problem.height, problem.dead);
  try {
    return routeOn(fabric, problem);
  } finally {
    fabric.close();
  }
}

function routeOn(fabric: Fabric, problem: RouteProblem): Routing | RoutingFailure {
  const state: State = {
    problem,
    allows: clearOf(problem),
    fabric,
    routes: new Array<Route | undefined>(problem.edges.length),
  };
  layKept(state);
  layShared(state);
  const forking = forkingStreams(state);
  for (const readers of forking.values()) if (state.routes[readers[0] ?? -1] === undefined) layTree(state, readers);
  for (const edge of byTraffic(problem.edges)) {
    if (state.routes[edge] === undefined && !layBundle(state, edge)) return explain(state, edge);
  }
  relieve(state, forking);
  const routes = state.routes.map((route) => {
    if (route === undefined) throw new Error("internal: an edge has no route");
    return route;
  });
  return { routes, fullestLink: fabric.fullest() };
}

/** Grids of dead routers, which all routings of a wafer share. */
const gridsOfDead = new WeakMap<readonly Core[], Grid>();

/** Dead routers are looked up for all lanes of a leg at once. */
function clearOf({ width, height, dead }: RouteProblem): Allows {
  if (dead.length === 0) return anyCourse;
  const known = gridsOfDead.get(dead);
  const grid =
    known?.width === width && known.height === height
      ? known
      : new Grid(
          width,
          height,
          dead.map(({ x, y }) => ({ x, y, width: 1, height: 1 })),
        );
  gridsOfDead.set(dead, grid);
  return (course) => boxesOf(course).every((box) => grid.isFree(box));
}

function byTraffic(edges: readonly KernelEdge[]): number[] {
  const order = edges.map((_, index) => index);
  return order.sort((a, b) => (edges[b]?.words ?? 0) - (edges[a]?.words ?? 0) || a - b);
}

const limitOf = ({ interval, cyclesPerWord }: RouteProblem): number => interval / cyclesPerWord;

function edgeAt(problem: RouteProblem, index: number): KernelEdge {
  const edge = problem.edges[index];
  if (edge === undefined) throw new Error(`internal: no edge ${index}`);
  return edge;
}

function rectAt(problem: RouteProblem, kernel: number): Rect {
  const rect = problem.rects[kernel];
  if (rect === undefined) throw new Error(`internal: kernel ${kernel} has no rectangle`);
  return rect;
}

/** Most edges into one kernel that have a color each, as a share of the colors that routes may use. */
const ownColorShare = 0.5;

/** Lays lanes in which many thin edges into one kernel take turns. */
function layShared(state: State): void {
  const { problem, fabric, routes, allows } = state;
  const { colors, switchPositions: positions } = problem;
  if (positions < 2) return;
  const limit = limitOf(problem);
  const into = new Map<number, ThinEdge[]>();
  for (const [edge, { from, to, words }] of problem.edges.entries()) {
    if (routes[edge] !== undefined || words + controlWords > limit / 2) continue;
    const operand = problem.operandOrder[edge] ?? edge;
    into.set(to, [...(into.get(to) ?? []), { edge, from, to, words, operand, rect: rectAt(problem, from) }]);
  }
  for (const [reader, thin] of into) {
    if (thin.length <= colors.length * ownColorShare) continue;
    for (const route of shareLanes({ colors, limit, positions, allows }, fabric, rectAt(problem, reader), thin)) {
      routes[route.edge] = route;
    }
  }
}

/** Edges by stream, for those that several kernels read and half a lane can carry. */
function forkingStreams({ problem, routes }: State): ReadonlyMap<number, readonly number[]> {
  const readers = new Map<number, number[]>();
  for (const [index, { stream, words }] of problem.edges.entries()) {
    if (words > limitOf(problem) / 2 || routes[index]?.turn !== undefined) continue;
    const known = readers.get(stream);
    if (known === undefined) readers.set(stream, [index]);
    else known.push(index);
  }
  return new Map([...readers].filter(([, edges]) => edges.length > 1));
}

/** Takes over routes that are known, stream by stream; routes of one stream and color count once on the links they share. */
function layKept(state: State): void {
  const { problem, fabric, routes, allows } = state;
  const bundles = new Map<string, Route[]>();
  for (const route of problem.kept.values()) {
    const key =
      route.turn === undefined
        ? `${edgeAt(problem, route.edge).stream} ${route.color} ${route.lanes}`
        : `lane ${laneOf(route)}`;
    bundles.set(key, [...(bundles.get(key) ?? []), route]);
  }
  for (const bundle of bundles.values()) {
    const [{ edge, color, lanes }] = bundle as [Route];
    const tree = treeOf(bundle);
    const fits = problem.colors.includes(color) && bundle.every(allows) && !fabric.isTaken(tree, color);
    if (!fits) continue;
    if (bundle[0]?.turn === undefined) fabric.claimTree(tree, color, edgeAt(problem, edge).words / lanes);
    else for (const route of bundle) fabric.claim(route, color, edgeAt(problem, route.edge).words + controlWords);
    for (const route of bundle) routes[route.edge] = route;
  }
}

/** Lays one tree for all readers of a value, from some core of its producer, if one color is free on all of it. */
function layTree(state: State, edges: readonly number[]): void {
  const { problem, fabric } = state;
  const first = edgeAt(problem, edges[0] ?? 0);
  const from = rectAt(problem, first.from);
  for (const start of startsIn(from)) {
    const courses = edges.map((index) => treeCourse(start, rectAt(problem, edgeAt(problem, index).to)));
    const tree = treeOf(courses);
    const color = problem.colors.find((candidate) => !fabric.isTaken(tree, candidate));
    if (color === undefined) continue;
    fabric.claimTree(tree, color, first.words);
    for (const [i, index] of edges.entries()) {
      const { to } = edgeAt(problem, index);
      state.routes[index] = { edge: index, from: first.from, to, color, ...(courses[i] as Course) };
    }
    return;
  }
}

/** Cores that a tree may start from: the middle and the corners. */
function startsIn({ x, y, width, height }: Rect): Rect[] {
  const core = (dx: number, dy: number): Rect => ({ x: x + dx, y: y + dy, width: 1, height: 1 });
  const [right, bottom] = [width - 1, height - 1];
  return [core(right >> 1, bottom >> 1), core(0, 0), core(right, 0), core(0, bottom), core(right, bottom)];
}

/** Routers and links of several courses, each once: `x`, `y`, and the direction or -1. */
function treeOf(courses: readonly Course[]): readonly (readonly [number, number, number])[] {
  const seen = new Set<string>();
  const parts: [number, number, number][] = [];
  for (const course of courses) {
    walk(course, (x, y, direction) => {
      const key = `${x} ${y} ${direction}`;
      if (seen.has(key)) return;
      seen.add(key);
      parts.push([x, y, direction]);
    });
  }
  return parts;
}

/** Lays the bundle of one edge where it overloads links least; false when no width of it finds a color. */
function layBundle(state: State, index: number): boolean {
  const { problem, fabric } = state;
  const edge = edgeAt(problem, index);
  const from = rectAt(problem, edge.from);
  const to = rectAt(problem, edge.to);
  const tried = problem.dead.length > 0 ? firstWindows * moreWindows : firstWindows;
  let best: Choice | null = null;
  for (const lanes of widthsToTry(problem, edge)) {
    const choice = chooseCourse(state, coursesBetween(from, to, lanes, tried, state.allows), edge.words / lanes);
    if (choice !== null && (best === null || choice.overload < best.overload)) best = choice;
    if (best?.overload === 0) break;
  }
  if (best === null || (best.overload > 0 && problem.dead.length > 0)) best = chooseDetour(state, index, best);
  if (best === null) return false;
  const { course, color } = best;
  fabric.claim(course, color, edge.words / course.lanes);
  state.routes[index] = { edge: index, from: edge.from, to: edge.to, color, ...course };
  return true;
}

/** The best course with two bends where it beats what is known. */
function chooseDetour(state: State, index: number, known: Choice | null): Choice | null {
  const { problem } = state;
  const { width, height } = problem;
  const edge = edgeAt(problem, index);
  const bounds: Rect = { x: 0, y: 0, width, height };
  let best = known;
  for (const lanes of widthsToTry(problem, edge)) {
    const courses = detoursBetween(
      rectAt(problem, edge.from),
      rectAt(problem, edge.to),
      lanes,
      detourWindows,
      bounds,
      state.allows,
    );
    const choice = chooseCourse(state, courses, edge.words / lanes, best?.overload);
    if (choice !== null && (best === null || choice.overload < best.overload)) best = choice;
    if (best?.overload === 0) break;
  }
  return best;
}

/** Lanes with half the limit each, then fewer down to those that the limit asks for, then ever fewer in case colors are short. */
function widthsToTry(problem: RouteProblem, edge: KernelEdge): number[] {
  const ports = Math.min(problem.ports[edge.from] ?? 1, problem.ports[edge.to] ?? 1);
  const limit = Math.max(1, limitOf(problem));
  const most = Math.max(1, Math.min(ports, Math.ceil((2 * edge.words) / limit)));
  const least = Math.max(1, Math.min(most, Math.ceil(edge.words / limit)));
  const widths = new Set<number>();
  for (let i = 0; i < 6; i++) widths.add(Math.round(most + ((least - most) * i) / 5));
  for (let lanes = least; lanes >= 1; lanes = lanes > 8 ? lanes >> 1 : lanes - 1) widths.add(lanes);
  return [...widths];
}

interface Choice {
  readonly course: Course;
  readonly color: number;
  /** words above the limit, summed over links */
  readonly overload: number;
}

/** The course that overloads links least; they come with the shortest first, so the first of several equal ones is taken. */
function chooseCourse(
  state: State,
  courses: readonly Course[],
  words: number,
  enough: number = Infinity,
): Choice | null {
  const { problem, fabric } = state;
  let best: Choice | null = null;
  for (const course of courses) {
    const least = best?.overload ?? enough;
    const { taken, overload } = fabric.survey(course, limitOf(problem) - words, least);
    if (overload >= least && least !== Infinity) continue;
    const color = problem.colors.find((candidate) => ((taken >>> candidate) & 1) === 0);
    if (color === undefined) continue;
    best = { course, color, overload };
    if (overload === 0) break;
  }
  return best;
}

/** Lays bundles on overloaded links again; trees and shared lanes stay. */
function relieve(state: State, forking: ReadonlyMap<number, readonly number[]>): void {
  const { problem, fabric, routes, allows } = state;
  const { width, height, colors, rects } = problem;
  const edges = byTraffic(problem.edges).flatMap((index): Negotiable[] => {
    const { stream, from, to, words } = edgeAt(problem, index);
    const route = routes[index];
    if (route === undefined || route.turn !== undefined || (forking.has(stream) && route.lanes === 1)) return [];
    const widths = widthsToTry(problem, edgeAt(problem, index));
    return [{ edge: index, from: rectAt(problem, from), to: rectAt(problem, to), words, widths: someOf(widths) }];
  });
  const bounds: Rect = { x: 0, y: 0, width, height };
  negotiate({ fabric, routes, edges, colors, limit: limitOf(problem), rects, bounds, allows });
}

/** Lanes with half the limit each, with all of it, and between. */
const someOf = (widths: readonly number[]): readonly number[] => [
  ...new Set([widths[0] ?? 1, widths[3] ?? 1, widths[5] ?? 1]),
];

/** Finds who holds the colors on the most direct way of an edge that found none. */
function explain({ problem, routes }: State, edge: number): RoutingFailure {
  const { from, to } = edgeAt(problem, edge);
  const course = coursesBetween(rectAt(problem, from), rectAt(problem, to), 1, 1)[0];
  const users = new Map<number, number[]>();
  if (course !== undefined) walk(course, (x, y) => users.set(y * problem.width + x, []));
  for (const route of routes) {
    if (route === undefined) continue;
    walk(route, (x, y) => {
      const known = users.get(y * problem.width + x);
      if (known !== undefined && known.at(-1) !== route.edge) known.push(route.edge);
    });
  }
  const dead = problem.dead.find(({ x, y }) => users.has(y * problem.width + x)) ?? null;
  let worst: RoutingFailure = { edge, x: 0, y: 0, others: [], dead };
  for (const [router, others] of users) {
    if (others.length > worst.others.length) {
      worst = { ...worst, x: router % problem.width, y: Math.floor(router / problem.width), others };
    }
  }
  return worst;
}
