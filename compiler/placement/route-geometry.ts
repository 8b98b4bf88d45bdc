/** Where a bundle of lanes runs between two rectangles; ir/placement.ts draws the shapes. */
import type { Rect, RouteShape } from "../../ir/placement.ts";

/** A route without its color. */
export interface Course {
  readonly lanes: number;
  readonly shape: RouteShape;
  readonly fromX: number;
  readonly fromY: number;
  readonly toX: number;
  readonly toY: number;
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

/** The legs of a lane, first to last; a leg may have no steps. */
export function legsOf(course: Course, lane: number): readonly Leg[] {
  const { shape, fromX, fromY, toX, toY } = course;
  switch (shape) {
    case "horizontal":
      return [rowLeg(fromX, toX, fromY + lane)];
    case "vertical":
      return [columnLeg(fromY, toY, fromX + lane)];
    case "xy": {
      const column = toX + turnOf(course, lane);
      return [rowLeg(fromX, column, fromY + lane), columnLeg(fromY + lane, toY, column)];
    }
    case "yx": {
      const row = toY + turnOf(course, lane);
      return [columnLeg(fromY, row, fromX + lane), rowLeg(fromX + lane, toX, row)];
    }
  }
}

/** Which column or row of the second leg a lane takes, counted from its first, so that lanes nest at the bend. */
export function turnOf(course: Course, lane: number): number {
  const east = course.toX >= course.fromX;
  const south = course.toY >= course.fromY;
  return east === south ? course.lanes - 1 - lane : lane;
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
export function coursesBetween(from: Rect, to: Rect, lanes: number, most: number): Course[] {
  const columnFirst = rowFirstCourses(flip(from), flip(to), lanes, most).map(flipCourse);
  const courses = [
    ...straightCourses(from, to, lanes, most),
    ...rowFirstCourses(from, to, lanes, most),
    ...columnFirst,
  ];
  const lengths = new Map(courses.map((course) => [course, courseLength(course)]));
  return courses.sort((a, b) => (lengths.get(a) ?? 0) - (lengths.get(b) ?? 0));
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
