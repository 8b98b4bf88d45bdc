/**
 * The checker's part for copies of the model. The first copy is checked kernel by kernel and lane by lane; the others are the same somewhere else, so that
 * it remains to be seen that no two copies share a router, that each lies inside the usable area, that neither its kernels nor its lanes meet dead
 * cores or keep-out areas there, and how long words travel where it lies.
 */
import { nth } from "../../../ir/access.ts";
import type { Core, Placement, Rect, Route } from "../../../ir/placement.ts";
import { copyOffset, rectMovedBy, routeMovedBy } from "../../../ir/placement.ts";
import type { Target } from "../../../ir/machine/target.ts";
import { corners, hopCycles, stepX, stepY, type Tally } from "./check-routes.ts";
import type { Faults } from "./faults.ts";

/** What was counted of the first copy's routes, and how long words travel in every copy, by edge. */
export interface Counted extends Tally {
  readonly travels: readonly Float64Array[];
}

/** Checks the copies and gives the travel times of each; `first` are those of the first. */
export function checkCopies(
  placement: Placement,
  target: Target,
  first: Float64Array,
  faults: Faults,
): readonly Float64Array[] {
  const { copies, kernels, constraints } = placement;
  const { count, columns } = copies;
  if (count === 1) return [first];
  if (constraints.pins.length > 0)
    faults.add("copies", `are ${count}, and ${constraints.pins.length} layers are pinned to one place`);
  const reach = reachOf(placement);
  const rows = Math.ceil(count / columns);
  const apartX = columns === 1 || copies.stepX >= reach.width;
  const apartY = rows === 1 || copies.stepY >= reach.height;
  if (!apartX || !apartY || columns > count) {
    faults.add(
      "copies",
      `reach over ${reach.width} x ${reach.height} cores each and lie only ${copies.stepX} and ${copies.stepY} apart`,
    );
    return [first];
  }
  const isDead = deadCores(placement, target);
  const travels = [first];
  for (let copy = 1; copy < count; copy++) {
    const offset = copyOffset(copies, copy);
    const name = `copy ${copy + 1}`;
    for (const { rect } of kernels) {
      const wrong = faultOfRect(rectMovedBy(rect, offset), placement, target, isDead);
      if (wrong !== null) faults.add(name, wrong);
    }
    travels.push(travelOf(placement, target, offset, isDead, name, faults));
  }
  return travels;
}

/** Columns and rows from the first to the last that kernels and lanes of the first copy touch. */
function reachOf({ kernels, routes }: Placement): { readonly width: number; readonly height: number } {
  const [left, top, right, bottom] = [[], [], [], []] as [number[], number[], number[], number[]];
  const add = (x: number, y: number, width: number, height: number): void => {
    left.push(x);
    top.push(y);
    right.push(x + width);
    bottom.push(y + height);
  };
  for (const { rect } of kernels) add(rect.x, rect.y, rect.width, rect.height);
  for (const [x, y] of routes.flatMap((route) => lanesOf(route).flat())) add(x, y, 1, 1);
  const span = (from: readonly number[], to: readonly number[]): number =>
    to.reduce((most, at) => Math.max(most, at), 0) - from.reduce((least, at) => Math.min(least, at), Infinity);
  return kernels.length === 0 ? { width: 0, height: 0 } : { width: span(left, right), height: span(top, bottom) };
}

const lanesOf = (route: Route): readonly ReturnType<typeof corners>[] =>
  Array.from({ length: route.lanes }, (_, lane) => corners(route, lane));

function deadCores({ constraints }: Placement, target: Target): (x: number, y: number) => boolean {
  const { width } = target.fabric;
  const dead = new Set([
    ...constraints.deadCores.map(({ x, y }) => y * width + x),
    ...(target.deadCores ?? []).map(([x, y]) => y * width + x),
  ]);
  return (x, y) => dead.has(y * width + x);
}

function faultOfRect(
  { x, y, width, height }: Rect,
  { constraints }: Placement,
  { fabric, io }: Target,
  isDead: (x: number, y: number) => boolean,
): string | null {
  const right = fabric.width - io.columnsEast;
  const bottom = fabric.height - io.rowsSouth;
  const name = `${width} x ${height} at (${x}, ${y})`;
  if (x < io.columnsWest || y < io.rowsNorth || x + width > right || y + height > bottom)
    return `${name} is not inside the usable area`;
  const area = constraints.keepOut.find(
    (other) => x < other.x + other.width && other.x < x + width && y < other.y + other.height && other.y < y + height,
  );
  if (area !== undefined) return `${name} lies on the keep-out at (${area.x}, ${area.y})`;
  for (let row = y; row < y + height; row++)
    for (let column = x; column < x + width; column++)
      if (isDead(column, row)) return `${name} lies on the dead core (${column}, ${row})`;
  return null;
}

/** Cycles that a word travels in the slowest lane, by edge, of a copy. */
function travelOf(
  { routes }: Placement,
  target: Target,
  offset: Core,
  isDead: (x: number, y: number) => boolean,
  name: string,
  faults: Faults,
): Float64Array {
  const { width, height } = target.fabric;
  const travel = new Float64Array(routes.length);
  for (const [index, route] of routes.entries()) {
    let slowest = 0;
    for (const points of lanesOf(routeMovedBy(route, offset))) {
      const cycles = cyclesOfLane(points, target, (x, y) => {
        const isOff = x < 0 || y < 0 || x >= width || y >= height;
        if (isOff || isDead(x, y))
          faults.add(name, `route ${index} passes (${x}, ${y}), which is ${isOff ? "off the fabric" : "dead"}`);
        return !isOff;
      });
      slowest = Math.max(slowest, cycles);
    }
    travel[index] = slowest;
  }
  return travel;
}

/** Cycles over the routers of a lane; ends at the first that `visit` refuses. */
function cyclesOfLane(
  points: ReturnType<typeof corners>,
  target: Target,
  visit: (x: number, y: number) => boolean,
): number {
  let [x, y] = points[0] ?? [0, 0];
  let before: number | null = null;
  let cycles = 0;
  if (!visit(x, y)) return cycles;
  for (const [nextX, nextY] of points.slice(1)) {
    if (x === nextX && y === nextY) continue;
    const direction = nextX > x ? 0 : nextX < x ? 1 : nextY > y ? 2 : 3;
    if (before !== null && before !== direction) cycles += target.link.turnCycles;
    before = direction;
    while (x !== nextX || y !== nextY) {
      cycles += hopCycles(target, x, y, direction);
      x += nth(stepX, direction);
      y += nth(stepY, direction);
      if (!visit(x, y)) return cycles;
    }
  }
  return cycles;
}
