/**
 * Routes: a bundle of lanes for every edge, with a color that nobody else uses on any router it passes.
 *
 * A lane moves one word per link and cycle, so a bundle needs words / interval lanes; it gets twice that where the rectangles' sides allow,
 * which leaves room for another bundle on the same links. Edges are routed by falling traffic; each takes, among a handful of courses, the
 * one that leaves the fullest link emptiest, then the shortest. A value that goes to several kernels in one lane forks on its way: its
 * routes start at one core, share a color, and count once on shared links.
 */
import type { KernelEdge } from "../../ir/kernel-graph.ts";
import type { Rect, Route } from "../../ir/placement.ts";
import { type Course, coursesBetween, walk } from "./route-geometry.ts";

export interface RouteProblem {
  readonly width: number;
  readonly height: number;
  readonly edges: readonly KernelEdge[];
  /** by kernel */
  readonly rects: readonly Rect[];
  readonly ports: readonly number[];
  /** colors that routes may use, ascending, all below 32 */
  readonly colors: readonly number[];
  readonly wordsPerCycle: number;
  /** cycles per sample that links should not exceed */
  readonly interval: number;
}

export interface Routing {
  readonly routes: readonly Route[];
  /** words per sample over the fullest link */
  readonly fullestLink: number;
}

/** No color is left: the edge, and a router on its way where all are taken. */
export interface RoutingFailure {
  readonly edge: number;
  readonly x: number;
  readonly y: number;
  /** edges that pass that router */
  readonly others: readonly number[];
}

interface Fabric {
  readonly problem: RouteProblem;
  /** bit per color in use, by router */
  readonly taken: Uint32Array;
  /** words per sample, by router and direction */
  readonly load: Float64Array;
  readonly trees: Map<number, Tree>;
}

/** The routers and links of a value that forks, with its single start. */
interface Tree {
  readonly color: number;
  readonly fromX: number;
  readonly fromY: number;
  readonly routers: Set<number>;
  readonly links: Set<number>;
}

/** Routes all edges, or says where colors ran out. */
export function routeEdges(problem: RouteProblem): Routing | RoutingFailure {
  const size = problem.width * problem.height;
  const fabric: Fabric = {
    problem,
    taken: new Uint32Array(size),
    load: new Float64Array(size * 4),
    trees: new Map(),
  };
  const forking = forkingValues(problem);
  const routes = new Array<Route>(problem.edges.length);
  for (const edge of byTraffic(problem.edges)) {
    const route = routeEdge(fabric, edge, forking.has(problem.edges[edge]?.value ?? -1));
    if (route === null) return explain(problem, routes, edge);
    routes[edge] = route;
  }
  return { routes, fullestLink: fabric.load.reduce((most, words) => Math.max(most, words), 0) };
}

function byTraffic(edges: readonly KernelEdge[]): number[] {
  const order = edges.map((_, index) => index);
  return order.sort((a, b) => (edges[b]?.words ?? 0) - (edges[a]?.words ?? 0) || a - b);
}

const wordsPerLane = ({ interval, wordsPerCycle }: RouteProblem): number => Math.max(1, (interval * wordsPerCycle) / 2);

function lanesWanted(problem: RouteProblem, edge: KernelEdge): number {
  const limit = Math.min(problem.ports[edge.from] ?? 1, problem.ports[edge.to] ?? 1);
  return Math.max(1, Math.min(limit, Math.ceil(edge.words / wordsPerLane(problem))));
}

/** Values that several kernels read and one lane can carry. */
function forkingValues(problem: RouteProblem): Set<number> {
  const readers = new Map<number, number>();
  for (const { value } of problem.edges) readers.set(value, (readers.get(value) ?? 0) + 1);
  const forking = new Set<number>();
  for (const { value, words } of problem.edges) {
    if ((readers.get(value) ?? 0) > 1 && words <= wordsPerLane(problem)) forking.add(value);
  }
  return forking;
}

function routeEdge(fabric: Fabric, index: number, forks: boolean): Route | null {
  const { problem } = fabric;
  const edge = problem.edges[index] as KernelEdge;
  const from = problem.rects[edge.from] as Rect;
  const to = problem.rects[edge.to] as Rect;
  const tree = forks ? (fabric.trees.get(edge.value) ?? null) : null;
  for (let lanes = forks ? 1 : lanesWanted(problem, edge); lanes >= 1; lanes = Math.floor(lanes / 2)) {
    const courses = tree === null ? coursesBetween(from, to, lanes) : coursesBetween(startOf(tree), to, 1);
    const chosen = chooseCourse(fabric, courses, edge.words / lanes, tree);
    if (chosen === null) continue;
    claim(fabric, chosen.course, chosen.color, edge.words / lanes, forks ? edge.value : null);
    return { edge: index, from: edge.from, to: edge.to, color: chosen.color, ...chosen.course };
  }
  return null;
}

const startOf = (tree: Tree): Rect => ({ x: tree.fromX, y: tree.fromY, width: 1, height: 1 });

interface Choice {
  readonly course: Course;
  readonly color: number;
  readonly fullest: number;
  readonly length: number;
}

function chooseCourse(fabric: Fabric, courses: readonly Course[], words: number, tree: Tree | null): Choice | null {
  let best: Choice | null = null;
  for (const course of courses) {
    const choice = assess(fabric, course, words, tree);
    if (choice === null) continue;
    if (best === null || isBetter(fabric.problem, choice, best)) best = choice;
  }
  return best;
}

/** Links fuller than the interval are worst; below it the shorter course wins. */
function isBetter(problem: RouteProblem, a: Choice, b: Choice): boolean {
  const limit = problem.interval * problem.wordsPerCycle;
  const excessA = Math.max(0, a.fullest - limit);
  const excessB = Math.max(0, b.fullest - limit);
  return excessA < excessB || (excessA === excessB && a.length < b.length);
}

/** What a course would meet: a free color, or null; the fullest link after it; its length. */
function assess(fabric: Fabric, course: Course, words: number, tree: Tree | null): Choice | null {
  const { width } = fabric.problem;
  let taken = 0;
  let fullest = 0;
  let length = 0;
  walk(course, (x, y, direction) => {
    const router = y * width + x;
    if (tree === null || !tree.routers.has(router)) taken |= fabric.taken[router] ?? 0;
    if (direction < 0) return;
    length++;
    const link = router * 4 + direction;
    if (tree === null || !tree.links.has(link)) fullest = Math.max(fullest, (fabric.load[link] ?? 0) + words);
  });
  const color = tree === null ? freeColor(fabric.problem, taken) : isTaken(taken, tree.color) ? null : tree.color;
  return color === null ? null : { course, color, fullest, length };
}

const isTaken = (taken: number, color: number): boolean => ((taken >>> color) & 1) === 1;

const freeColor = (problem: RouteProblem, taken: number): number | null =>
  problem.colors.find((color) => !isTaken(taken, color)) ?? null;

/** Enters a course into the books. */
function claim(fabric: Fabric, course: Course, color: number, words: number, value: number | null): void {
  const { width } = fabric.problem;
  const tree = value === null ? null : treeOf(fabric, course, color, value);
  walk(course, (x, y, direction) => {
    const router = y * width + x;
    fabric.taken[router] = ((fabric.taken[router] ?? 0) | (1 << color)) >>> 0;
    tree?.routers.add(router);
    if (direction < 0) return;
    const link = router * 4 + direction;
    if (tree?.links.has(link) === true) return;
    tree?.links.add(link);
    fabric.load[link] = (fabric.load[link] ?? 0) + words;
  });
}

function treeOf(fabric: Fabric, course: Course, color: number, value: number): Tree {
  const known = fabric.trees.get(value);
  if (known !== undefined) return known;
  const tree: Tree = { color, fromX: course.fromX, fromY: course.fromY, routers: new Set(), links: new Set() };
  fabric.trees.set(value, tree);
  return tree;
}

/** Looks for the router with the most colors on the most direct way of an edge that found none. */
function explain(problem: RouteProblem, routes: readonly (Route | undefined)[], edge: number): RoutingFailure {
  const { from, to } = problem.edges[edge] as KernelEdge;
  const users = new Map<number, number[]>();
  for (const route of routes) {
    if (route === undefined) continue;
    walk(route, (x, y) => {
      const router = y * problem.width + x;
      const known = users.get(router) ?? [];
      if (known.at(-1) !== route.edge) users.set(router, [...known, route.edge]);
    });
  }
  let worst: RoutingFailure = { edge, x: 0, y: 0, others: [] };
  const course = coursesBetween(problem.rects[from] as Rect, problem.rects[to] as Rect, 1)[0];
  if (course === undefined) return worst;
  walk(course, (x, y) => {
    const others = users.get(y * problem.width + x) ?? [];
    if (others.length > worst.others.length) worst = { edge, x, y, others };
  });
  return worst;
}
