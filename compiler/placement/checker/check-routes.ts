/**
 * The checker's part for routes: follows every lane core by core and keeps, for each color, who uses it on which router. A router sends the
 * words of one color from one way in (a neighbour, or its own core) to any ways out; so at any router a color may carry one value only, and
 * that value may come from one side only. This forbids crossings of lanes, and allows a value to fork. Routes that take turns in a lane
 * (check-turns.ts) are the exception: a router switches between their ways in. A dead core's router passes nothing, and no router holds more
 * colors than it can: those of the routes, of the kernel on its core, and the reserved ones.
 */
import { nth } from "../../../ir/access.ts";
import { showName } from "../../../ir/diagnostic.ts";
import type { KernelGraph } from "../../../ir/kernel-graph.ts";
import { legsOfShape, linkDirections, type Placement, type Rect, type Route } from "../../../ir/placement.ts";
import type { Target } from "../../../ir/machine/target.ts";
import { checkOrder, checkTrees, switchWord, type Turns, turnsOf } from "./check-turns.ts";
import type { Faults } from "./faults.ts";

type Point = readonly [x: number, y: number];

/** Where words of one color run; one entry per router. */
interface ColorPlane {
  /** value + 1, or the negative number of a lane with turns; 0 where the color is free */
  readonly value: Int32Array;
  /** which lane of how many: lane * 65,536 + lanes */
  readonly lane: Int32Array;
  /** way in: 1 + direction of the neighbour, or `ownCore`; where turns are taken, that of the first who came */
  readonly wayIn: Uint8Array;
  /** ways out already counted as load, one bit each */
  readonly waysOut: Uint8Array;
}

const ownCore = 5;

interface Books {
  readonly graph: KernelGraph;
  readonly placement: Placement;
  readonly target: Target;
  readonly faults: Faults;
  readonly planes: Map<number, ColorPlane>;
  /** words per sample by router and direction */
  readonly load: Float64Array;
  /** routers that pass nothing */
  readonly dead: ReadonlySet<number>;
  /** numbers of dead links: twice that of their first router, one more for the link to the south */
  readonly deadLinks: ReadonlySet<number>;
  /** lanes in which routes take turns */
  readonly turns: Turns;
  /** cycles that a word travels in the slowest lane, by edge */
  readonly travel: Float64Array;
  /** the link that the certificate calls the fullest, and the edges found on it */
  readonly named: number;
  readonly edgesOnNamed: Set<number>;
}

/** What was counted on the way. */
export interface Tally {
  /** words per sample by router * 4 + direction (east, west, south, north) */
  readonly load: Float64Array;
  /** colors by router: those of routes, of the kernel on it, and the reserved ones */
  readonly colors: Uint16Array;
  /** cycles that a word travels in the slowest lane, by edge */
  readonly travel: Float64Array;
  /** edges on the link that the certificate calls the fullest */
  readonly edgesOnNamed: ReadonlySet<number>;
}

/** Checks all routes and counts what they take of links and routers. */
export function checkRoutes(graph: KernelGraph, placement: Placement, target: Target, faults: Faults): Tally {
  const routers = target.fabric.width * target.fabric.height;
  const load = new Float64Array(routers * 4);
  const { deadCores } = placement.constraints;
  const cores = [...deadCores.map(({ x, y }) => [x, y] as const), ...(target.deadCores ?? [])];
  const dead = new Set(cores.map(([x, y]) => y * target.fabric.width + x));
  const travel = new Float64Array(placement.routes.length);
  const named = linkNamed(placement, target);
  const books: Books = {
    graph,
    placement,
    target,
    faults,
    planes: new Map(),
    load,
    dead,
    deadLinks: new Set(
      (placement.constraints.deadLinks ?? []).map(
        ({ x, y, side }) => 2 * (y * target.fabric.width + x) + (side === "east" ? 0 : 1),
      ),
    ),
    turns: turnsOf(placement),
    travel,
    named,
    edgesOnNamed: new Set(),
  };
  const allowed = allowedColors(target);
  for (const [index, route] of placement.routes.entries()) {
    if (checkEnds(books, route, index, allowed)) walkLanes(books, route);
  }
  checkOrder(graph, placement, books.turns, faults);
  checkTrees(placement, target, books.turns, faults);
  const colors = checkColorCounts(books);
  return { load, colors, travel, edgesOnNamed: books.edgesOnNamed };
}

/** Number of the link that the certificate calls the fullest; -1 for none. */
function linkNamed({ certificate }: Placement, { fabric }: Target): number {
  const link = certificate.fullestLink;
  if (link === null || link.x >= fabric.width || link.y >= fabric.height) return -1;
  return (link.y * fabric.width + link.x) * 4 + linkDirections.indexOf(link.direction);
}

/** All colors but the reserved ones and the lowest, which belong to the kernels: a router never has to hold more than it can. */
function allowedColors(target: Target): ReadonlySet<number> {
  const { perRouter, reserved, kernel } = target.colors;
  const free: number[] = [];
  for (let color = 0; color < perRouter; color++) if (!reserved.includes(color)) free.push(color);
  return new Set(free.slice(kernel));
}

function routeName(books: Books, route: Route): string {
  const name = (id: number): string => `"${showName(books.graph.kernels[id]?.name ?? "")}"`;
  return `route ${route.edge} ${name(route.from)} -> ${name(route.to)}`;
}

/** False when the route cannot be followed. */
function checkEnds(books: Books, route: Route, index: number, allowed: ReadonlySet<number>): boolean {
  const { graph, target, faults } = books;
  const edge = graph.edges[index];
  const fault = (message: string): false => {
    faults.add(routeName(books, route), message);
    return false;
  };
  if (edge === undefined || route.edge !== index || route.from !== edge.from || route.to !== edge.to) {
    return fault(`is not the route of edge ${index}`);
  }
  if (!allowed.has(route.color)) return fault(`color ${route.color} is not one that routes may use`);
  const longest = Math.max(target.fabric.width, target.fabric.height);
  if (!Number.isInteger(route.lanes) || route.lanes < 1 || route.lanes > longest)
    return fault(`has ${route.lanes} lanes`);
  if (route.turn !== undefined && route.lanes !== 1) return fault(`takes turns in ${route.lanes} lanes at once`);
  const between = Math.max(0, legsOfShape(route.shape).legs - 2);
  const { via = [] } = route;
  if (via.length !== between) return fault(via.length < between ? "has no middle leg" : "has a leg too many");
  const coordinates = [route.fromX, route.fromY, route.toX, route.toY, ...via];
  if (!coordinates.every((c) => Number.isInteger(c) && c >= 0 && c < longest)) return fault("leaves the fabric");
  return true;
}

/**
 * Where a lane starts, turns and ends. Its legs lie `shift` rows or columns beside the first lane's; the shift turns over at a bend whose legs
 * both go towards larger coordinates, or both towards smaller ones.
 */
export function corners(route: Route, lane: number): readonly Point[] {
  const { fromX, fromY, toX, toY, lanes, via = [] } = route;
  const { first, legs } = legsOfShape(route.shape);
  const alongX = (leg: number): boolean => (first === "x") === (leg % 2 === 0);
  const [start, firstLine] = first === "x" ? [fromX, fromY] : [fromY, fromX];
  const [end, lastLine] = alongX(legs - 1) ? [toX, toY] : [toY, toX];
  const lines = legs === 1 ? [firstLine] : [firstLine, ...via, lastLine];
  const point = (leg: number, along: number, line: number): Point => (alongX(leg) ? [along, line] : [line, along]);
  let shift = lane;
  let line = firstLine + shift;
  let grew = (lines[1] ?? end) >= start;
  const points: Point[] = [point(0, start, line)];
  for (let leg = 1; leg < legs; leg++) {
    const before = nth(lines, leg - 1);
    const grows = leg === legs - 1 ? end > before : nth(lines, leg + 1) >= before;
    if (grows === grew) shift = lanes - 1 - shift;
    const next = nth(lines, leg) + shift;
    points.push(point(leg - 1, next, line));
    line = next;
    grew = grows;
  }
  points.push(point(legs - 1, end, line));
  return points;
}

const contains = ({ x, y, width, height }: Rect, [px, py]: Point): boolean =>
  px >= x && px < x + width && py >= y && py < y + height;

function walkLanes(books: Books, route: Route): void {
  for (let lane = 0; lane < route.lanes; lane++) {
    const points = corners(route, lane);
    const fault = faultOfLane(books, route, points);
    if (fault !== null) {
      books.faults.add(routeName(books, route), `lane ${lane} ${fault}`);
      return;
    }
    if (!walkLane(books, route, points, lane)) return;
  }
}

function faultOfLane({ placement, target }: Books, route: Route, points: readonly Point[]): string | null {
  const from = placement.kernels[route.from]?.rect;
  const to = placement.kernels[route.to]?.rect;
  const first = points[0] ?? [-1, -1];
  const last = points.at(-1) ?? [-1, -1];
  if (from === undefined || !contains(from, first)) return `starts at (${first.join(", ")}), outside its producer`;
  if (to === undefined || !contains(to, last)) return `ends at (${last.join(", ")}), outside its consumer`;
  const fabric: Rect = { x: 0, y: 0, width: target.fabric.width, height: target.fabric.height };
  return points.every((point) => contains(fabric, point)) ? null : "leaves the fabric";
}

export const stepX: readonly number[] = [1, -1, 0, 0];
export const stepY: readonly number[] = [0, 0, 1, -1];

function passesDeadLink({ deadLinks, target }: Books, x: number, y: number, direction: number): boolean {
  if (deadLinks.size === 0) return false;
  const firstX = direction === 1 ? x - 1 : x;
  const firstY = direction === 3 ? y - 1 : y;
  return deadLinks.has(2 * (firstY * target.fabric.width + firstX) + (direction < 2 ? 0 : 1));
}

/** Follows one lane; false after a fault. */
function walkLane(books: Books, route: Route, points: readonly Point[], lane: number): boolean {
  const { width } = books.target.fabric;
  const words = (books.graph.edges[route.edge]?.words ?? 0) / route.lanes + switchWord(route);
  let [x, y] = points[0] ?? [0, 0];
  let wayIn = ownCore;
  let cycles = 0;
  for (const [nextX, nextY] of points.slice(1)) {
    const direction = nextX > x ? 0 : nextX < x ? 1 : nextY > y ? 2 : 3;
    const bends = wayIn !== ownCore && wayIn !== 1 + direction;
    if (bends && (x !== nextX || y !== nextY)) cycles += books.target.link.turnCycles;
    while (x !== nextX || y !== nextY) {
      const router = y * width + x;
      if (!enter(books, route, router, wayIn, lane)) return false;
      if (passesDeadLink(books, x, y, direction)) {
        books.faults.add(routeName(books, route), `passes a dead link at ${whereIs(books, router)}`);
        return false;
      }
      leave(books, route, router, direction, words);
      cycles += hopCycles(books.target, x, y, direction);
      x += stepX[direction] ?? 0;
      y += stepY[direction] ?? 0;
      wayIn = 1 + direction;
    }
  }
  books.travel[route.edge] = Math.max(books.travel[route.edge] ?? 0, cycles);
  books.turns.of(route)?.leave(y * width + x, ownCore);
  return enter(books, route, y * width + x, wayIn, lane);
}

/** Cycles of the hop from a router in a direction; more where it leads over a seam of the mesh. */
export function hopCycles({ link }: Target, x: number, y: number, direction: number): number {
  const { seams } = link;
  if (seams === undefined) return link.hopCycles;
  const forward = direction % 2 === 0 ? 1 : 0;
  const crosses = direction < 2 ? (x + forward) % seams.columns === 0 : (y + forward) % seams.rows === 0;
  return crosses ? seams.hopCycles : link.hopCycles;
}

function planeOf(books: Books, color: number): ColorPlane {
  let plane = books.planes.get(color);
  if (plane === undefined) {
    const routers = books.load.length / 4;
    plane = {
      value: new Int32Array(routers),
      lane: new Int32Array(routers),
      wayIn: new Uint8Array(routers),
      waysOut: new Uint8Array(routers),
    };
    books.planes.set(color, plane);
  }
  return plane;
}

/** Books a router for a route's color; false when someone else has it. */
function enter(books: Books, route: Route, router: number, wayIn: number, lane: number): boolean {
  if (books.dead.has(router)) {
    books.faults.add(routeName(books, route), `passes ${whereIs(books, router)}, which is dead`);
    return false;
  }
  const plane = planeOf(books, route.color);
  const turn = books.turns.of(route);
  turn?.enter(router, wayIn);
  const value = turn === null ? (books.graph.edges[route.edge]?.stream ?? 0) + 1 : -turn.number;
  // lanes of one bundle carry different words; only the same lane of an equal bundle carries the same
  const part = lane * 65_536 + route.lanes;
  const known = plane.value[router];
  if (known === 0) {
    plane.value[router] = value;
    plane.lane[router] = part;
    plane.wayIn[router] = wayIn;
    return true;
  }
  const isSame = known === value && plane.lane[router] === part;
  if (isSame && (turn !== null || plane.wayIn[router] === wayIn)) return true;
  const who = isSame
    ? "the same words from another side"
    : known === value
      ? "other words of the same value"
      : (known ?? 0) < 0
        ? "a lane in which others take turns"
        : `the value of ${producerOf(books, (known ?? 0) - 1)}`;
  books.faults.add(routeName(books, route), `color ${route.color} at ${whereIs(books, router)} is taken by ${who}`);
  return false;
}

function whereIs({ target }: Books, router: number): string {
  const { width } = target.fabric;
  return `router (${router % width}, ${Math.floor(router / width)})`;
}

function producerOf({ graph }: Books, value: number): string {
  const edge = graph.edges.find((one) => one.stream === value);
  return `layer "${showName(graph.kernels[edge?.from ?? -1]?.name ?? "")}"`;
}

/** Counts colors router by router: those of routes, of the kernel on the core, and those that are reserved. */
function checkColorCounts(books: Books): Uint16Array {
  const { target, placement } = books;
  const { width } = target.fabric;
  const { perRouter, reserved } = target.colors;
  const count = new Uint16Array(books.load.length / 4);
  for (const { value } of books.planes.values()) {
    for (let router = 0; router < count.length; router++) if (value[router] !== 0) count[router] = (count[router] ?? 0) + 1; // prettier-ignore
  }
  for (const { rect, variant } of placement.kernels) {
    for (let y = rect.y; y < rect.y + rect.height; y++) {
      for (let x = rect.x; x < rect.x + rect.width; x++) count[y * width + x] = (count[y * width + x] ?? 0) + variant.colors; // prettier-ignore
    }
  }
  const kept = reserved.filter((color) => color < perRouter).length;
  const over = count.findIndex((colors) => colors > perRouter - kept);
  if (over >= 0) reportColors(books, over, count[over] ?? 0, perRouter - kept);
  return count.map((colors) => colors + kept);
}

function reportColors(books: Books, over: number, colors: number, room: number): void {
  const { target, placement } = books;
  const { width } = target.fabric;
  const owner = placement.kernels.find(({ rect }) => contains(rect, [over % width, Math.floor(over / width)]));
  books.faults.add(
    owner === undefined ? "colors" : `kernel ${owner.kernel} "${showName(owner.name)}"`,
    `${whereIs(books, over)} would hold ${colors} colors of routes and of the kernel on it, and has ${room}`,
  );
}

/** Counts a link's load; words of one value on one color travel it once, words of routes that take turns add up. */
function leave(books: Books, route: Route, router: number, direction: number, words: number): void {
  const link = router * 4 + direction;
  if (link === books.named) books.edgesOnNamed.add(route.edge);
  const turn = books.turns.of(route);
  if (turn !== null) {
    turn.leave(router, 1 + direction);
    books.load[link] = (books.load[link] ?? 0) + words;
    return;
  }
  const plane = planeOf(books, route.color);
  const bit = 1 << direction;
  const out = plane.waysOut[router] ?? 0;
  if ((out & bit) !== 0) return;
  plane.waysOut[router] = out | bit;
  books.load[link] = (books.load[link] ?? 0) + words;
}
