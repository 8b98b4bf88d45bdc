/** Where a bundle of lanes runs between two rectangles; ir/placement.ts draws the shapes. */
import type { Target } from "../../../ir/machine/target.ts";
import { lineCycles } from "../../../ir/machine/travel.ts";
import { legsOfShape, type Rect, type RouteShape } from "../../../ir/placement.ts";

/** A route without its color. */
export interface Course {
  readonly lanes: number;
  readonly shape: RouteShape;
  readonly fromX: number;
  readonly fromY: number;
  readonly toX: number;
  readonly toY: number;
  /** first column or row of each leg between the first and the last; absent where there is none */
  readonly via?: readonly number[];
}

/** Directions in which a word can leave a router. */
export const directions = { east: 0, west: 1, south: 2, north: 3 } as const;

/** Called for every router of a course: its place and the direction in which the lane goes on, or -1 at its end. */
export type Visit = (x: number, y: number, direction: number) => void;

/** A straight part of a lane: from a core `steps` links in one direction. */
export interface Leg {
  readonly x: number;
  readonly y: number;
  readonly direction: number;
  readonly steps: number;
}

const rowLeg = (x: number, toX: number, y: number): Leg => ({
  x,
  y,
  direction: toX >= x ? directions.east : directions.west,
  steps: Math.abs(toX - x),
});

const columnLeg = (y: number, toY: number, x: number): Leg => ({
  x,
  y,
  direction: toY >= y ? directions.south : directions.north,
  steps: Math.abs(toY - y),
});

/** Where the legs of a bundle lie: for each leg its first row (along x) or column (along y); and where it starts and ends along the outer legs. */
interface Frame {
  readonly firstAlongX: boolean;
  readonly bases: readonly number[];
  readonly start: number;
  readonly end: number;
}

function frameOf({ shape, fromX, fromY, toX, toY, via = [] }: Course): Frame {
  const { first, legs } = legsOfShape(shape);
  const firstAlongX = first === "x";
  const lastAlongX = firstAlongX === (legs % 2 === 1);
  const lastBase = legs === 1 ? [] : [lastAlongX ? toY : toX];
  return {
    firstAlongX,
    bases: [firstAlongX ? fromY : fromX, ...via, ...lastBase],
    start: firstAlongX ? fromX : fromY,
    end: lastAlongX ? toX : toY,
  };
}

/** The legs of a lane, first to last; a leg may have no steps. */
export function legsOf(course: Course, lane: number): readonly Leg[] {
  const { firstAlongX, bases, start, end } = frameOf(course);
  const last = bases.length - 1;
  const base = (leg: number): number => bases[leg] as number;
  // the outer end of the last leg is a line of cores that all lanes reach, so standing there means having come back to it
  const isForward = (leg: number): boolean =>
    leg === last && last > 0
      ? end > base(leg - 1)
      : (leg === last ? end : base(leg + 1)) >= (leg === 0 ? start : base(leg - 1));
  const offsets: number[] = [lane];
  for (let leg = 1; leg <= last; leg++) {
    const before = offsets[leg - 1] as number;
    offsets.push(isForward(leg - 1) === isForward(leg) ? course.lanes - 1 - before : before);
  }
  const lies = (leg: number): number => base(leg) + (offsets[leg] as number);
  return bases.map((_, leg) => {
    const from = leg === 0 ? start : lies(leg - 1);
    const to = leg === last ? end : lies(leg + 1);
    return firstAlongX === (leg % 2 === 0) ? rowLeg(from, to, lies(leg)) : columnLeg(from, to, lies(leg));
  });
}

const stepX = [1, -1, 0, 0];
const stepY = [0, 0, 1, -1];

/** Walks every lane from its first core to its last. */
export function walk(course: Course, visit: Visit): void {
  for (let lane = 0; lane < course.lanes; lane++) {
    let x = course.fromX;
    let y = course.fromY;
    for (const leg of legsOf(course, lane)) {
      ({ x, y } = leg);
      for (let step = 0; step < leg.steps; step++) {
        visit(x, y, leg.direction);
        x += stepX[leg.direction] ?? 0;
        y += stepY[leg.direction] ?? 0;
      }
    }
    visit(x, y, -1);
  }
}

/** Links that all lanes pass together. */
export function courseLength(course: Course): number {
  let links = 0;
  for (let lane = 0; lane < course.lanes; lane++) for (const { steps } of legsOf(course, lane)) links += steps;
  return links;
}

/** Cycles that a word travels in the lane that takes longest. */
export function courseCycles(target: Target, course: Course): number {
  let most = 0;
  for (let lane = 0; lane < course.lanes; lane++) most = Math.max(most, laneCycles(target, legsOf(course, lane)));
  return most;
}

function laneCycles(target: Target, legs: readonly Leg[]): number {
  let cycles = 0;
  let before: number | null = null;
  for (const { x, y, direction, steps } of legs) {
    if (steps === 0) continue;
    if (before !== null && before !== direction) cycles += target.link.turnCycles;
    before = direction;
    const along = direction === directions.east || direction === directions.west ? "x" : "y";
    const start = along === "x" ? x : y;
    const forward = direction === directions.east || direction === directions.south;
    cycles += lineCycles(target, along, start, start + (forward ? steps : -steps));
  }
  return cycles;
}

const right = (rect: Rect): number => rect.x + rect.width - 1;
const bottom = (rect: Rect): number => rect.y + rect.height - 1;

/** Positions of a window of `size` in [low, high] to try: nearest to `wish` first, then side by side over the whole range. */
function windows(low: number, high: number, size: number, wish: number, most: number): number[] {
  const last = high - size + 1;
  if (last < low) return [];
  const near = Math.max(low, Math.min(last, wish));
  const count = Math.min(most, 2 * Math.floor((high - low + 1) / size));
  const positions = [near];
  for (let i = 0; i < count; i++) positions.push(low + Math.floor(((last - low) * i) / Math.max(1, count - 1)));
  return [...new Set(positions)];
}

/** Courses of `lanes` lanes from one rectangle to another through up to `most` windows per side, the shortest first. */
export function coursesBetween(
  from: Rect,
  to: Rect,
  lanes: number,
  most: number,
  allows: Allows = anyCourse,
): Course[] {
  const columnFirst = rowFirstCourses(flip(from), flip(to), lanes, most).map(flipCourse);
  const courses = [
    ...straightCourses(from, to, lanes, most),
    ...rowFirstCourses(from, to, lanes, most),
    ...columnFirst,
  ];
  return allows === anyCourse ? shortestFirst(courses) : sampled(shortestFirst(courses.filter(allows)));
}

/** Says whether a course may be looked at. */
export type Allows = (course: Course) => boolean;

/** Allows every course. */
export const anyCourse: Allows = () => true;

function shortestFirst(courses: Course[]): Course[] {
  const lengths = new Map(courses.map((course) => [course, courseLength(course)]));
  return courses.sort((a, b) => (lengths.get(a) ?? 0) - (lengths.get(b) ?? 0));
}

/** Courses that are looked at per bundle width; of more, the shortest and a sample of the others. */
const maxCourses = 120;

function sampled(courses: Course[]): Course[] {
  if (courses.length <= maxCourses) return courses;
  const step = courses.length / maxSampled;
  return Array.from({ length: maxSampled }, (_, i) => courses[i < maxSampled / 2 ? i : Math.floor(i * step)] as Course);
}

/** Courses kept of too many: half of them the shortest. */
const maxSampled = 32;

/** For each leg the box of all lanes, bends included: the cores that a bundle can pass. */
export function boxesOf(course: Course): readonly Rect[] {
  const first = legsOf(course, 0);
  const last = legsOf(course, course.lanes - 1);
  return first.map((leg, index) => around(leg, last[index] ?? leg));
}

/** The box around two legs of one direction. */
function around(a: Leg, b: Leg): Rect {
  const acrossX = (stepX[a.direction] ?? 0) * a.steps;
  const acrossY = (stepY[a.direction] ?? 0) * a.steps;
  const alongX = (stepX[b.direction] ?? 0) * b.steps;
  const alongY = (stepY[b.direction] ?? 0) * b.steps;
  const x = Math.min(a.x, a.x + acrossX, b.x, b.x + alongX);
  const y = Math.min(a.y, a.y + acrossY, b.y, b.y + alongY);
  const width = Math.max(a.x, a.x + acrossX, b.x, b.x + alongX) - x + 1;
  const height = Math.max(a.y, a.y + acrossY, b.y, b.y + alongY) - y + 1;
  return { x, y, width, height };
}

/** How far beyond both rectangles the middle leg of two bends may run, in cores. */
const detour = 32;

/** Courses with two bends inside `bounds`, the shortest first: ways around what blocks the direct ones. */
export function detoursBetween(
  from: Rect,
  to: Rect,
  lanes: number,
  most: number,
  bounds: Rect,
  allows: Allows = anyCourse,
): Course[] {
  const rowsOuter = rowDetours(from, to, lanes, most, bounds);
  const columnsOuter = rowDetours(flip(from), flip(to), lanes, most, flip(bounds)).map((course): Course => ({
    ...course,
    shape: "yxy",
    fromX: course.fromY,
    fromY: course.fromX,
    toX: course.toY,
    toY: course.toX,
  }));
  return sampled(shortestFirst([...rowsOuter, ...columnsOuter].filter(allows)));
}

function rowDetours(from: Rect, to: Rect, lanes: number, most: number, bounds: Rect): Course[] {
  const courses: Course[] = [];
  const west = Math.max(bounds.x, Math.min(from.x, to.x) - detour);
  const east = Math.min(right(bounds), Math.max(right(from), right(to)) + detour);
  const middle = (Math.max(from.x, to.x) + Math.min(right(from), right(to))) >> 1;
  for (const via of windows(west, east, lanes, middle, 2 * most)) {
    const fromX = endOf(from, via, lanes);
    const toX = endOf(to, via, lanes);
    if (fromX === null || toX === null) continue;
    for (const fromY of windows(from.y, bottom(from), lanes, to.y, most)) {
      for (const toY of windows(to.y, bottom(to), lanes, from.y, most)) {
        if (Math.abs(toY - fromY) >= lanes) courses.push({ lanes, shape: "xyx", fromX, fromY, toX, toY, via: [via] });
      }
    }
  }
  return courses;
}

/** The column of a rectangle that has the columns via..via+lanes-1 all to one side, itself included. */
function endOf(rect: Rect, via: number, lanes: number): number | null {
  if (via >= rect.x) return Math.min(right(rect), via);
  const last = via + lanes - 1;
  return right(rect) >= last ? Math.max(rect.x, last) : null;
}

/** The direct way in row-first order, for routes that must form a tree: from one core, in a lane of its own. */
export function treeCourse(core: Rect, to: Rect): Course {
  const toX = Math.max(to.x, Math.min(right(to), core.x));
  const toY = Math.max(to.y, Math.min(bottom(to), core.y));
  return { lanes: 1, shape: "xy", fromX: core.x, fromY: core.y, toX, toY };
}

/** Exchanges rows and columns. */
const flip = ({ x, y, width, height }: Rect): Rect => ({ x: y, y: x, width: height, height: width });

const flipCourse = ({ lanes, fromX, fromY, toX, toY }: Course): Course => ({
  lanes,
  shape: "yx",
  fromX: fromY,
  fromY: fromX,
  toX: toY,
  toY: toX,
});

function straightCourses(from: Rect, to: Rect, lanes: number, most: number): Course[] {
  const courses: Course[] = [];
  const top = Math.max(from.y, to.y);
  for (const y of windows(top, Math.min(bottom(from), bottom(to)), lanes, top, most)) {
    const east = to.x > from.x;
    const fromX = east ? right(from) : from.x;
    courses.push({ lanes, shape: "horizontal", fromX, fromY: y, toX: east ? to.x : right(to), toY: y });
  }
  const left = Math.max(from.x, to.x);
  for (const x of windows(left, Math.min(right(from), right(to)), lanes, left, most)) {
    const south = to.y > from.y;
    const fromY = south ? bottom(from) : from.y;
    courses.push({ lanes, shape: "vertical", fromX: x, fromY, toX: x, toY: south ? to.y : bottom(to) });
  }
  return courses;
}

/** Along rows of the producer, then along columns of the consumer. */
function rowFirstCourses(from: Rect, to: Rect, lanes: number, most: number): Course[] {
  const courses: Course[] = [];
  for (const fromY of windows(from.y, bottom(from), lanes, to.y > from.y ? bottom(from) - lanes + 1 : from.y, most)) {
    for (const toX of windows(to.x, right(to), lanes, from.x, most)) {
      const fromX = startColumn(from, toX, lanes);
      if (fromX === null) continue;
      for (const toY of endRows(to, fromY, lanes)) courses.push({ lanes, shape: "xy", fromX, fromY, toX, toY });
    }
  }
  return courses;
}

/** A column of the producer from which all lanes go the same way; lane columns are toX..toX+lanes-1. */
function startColumn(from: Rect, toX: number, lanes: number): number | null {
  if (toX >= from.x) return Math.min(right(from), toX);
  const last = toX + lanes - 1;
  // going west, `turnOf` must see toX < fromX, and no lane may have to turn back
  return last <= right(from) ? Math.max(from.x, last) : null;
}

/** Rows of the consumer that all lanes reach in the same direction: its near side where possible. */
function endRows(to: Rect, fromY: number, lanes: number): number[] {
  const last = fromY + lanes - 1;
  if (last < to.y) return [to.y];
  if (fromY > bottom(to)) return [bottom(to)];
  if (bottom(to) >= last) return [bottom(to)];
  return to.y < fromY ? [to.y] : [];
}
