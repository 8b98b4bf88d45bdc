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

/** Which column or row of the second leg a lane takes, counted from its first, so that lanes nest at the bend. */
export function turnOf(course: Course, lane: number): number {
  const east = course.toX >= course.fromX;
  const south = course.toY >= course.fromY;
  return east === south ? course.lanes - 1 - lane : lane;
}

/** Walks every lane from its first core to its last. */
export function walk(course: Course, visit: Visit): void {
  const { lanes, shape, fromX, fromY, toX, toY } = course;
  for (let lane = 0; lane < lanes; lane++) {
    switch (shape) {
      case "horizontal":
        walkRow(fromX, toX, fromY + lane, visit);
        visit(toX, fromY + lane, -1);
        break;
      case "vertical":
        walkColumn(fromY, toY, fromX + lane, visit);
        visit(fromX + lane, toY, -1);
        break;
      case "xy": {
        const column = toX + turnOf(course, lane);
        walkRow(fromX, column, fromY + lane, visit);
        walkColumn(fromY + lane, toY, column, visit);
        visit(column, toY, -1);
        break;
      }
      case "yx": {
        const row = toY + turnOf(course, lane);
        walkColumn(fromY, row, fromX + lane, visit);
        walkRow(fromX + lane, toX, row, visit);
        visit(toX, row, -1);
        break;
      }
    }
  }
}

/** All cores from `from` up to, without, `to`. */
function walkRow(from: number, to: number, y: number, visit: Visit): void {
  for (let x = from; x < to; x++) visit(x, y, directions.east);
  for (let x = from; x > to; x--) visit(x, y, directions.west);
}

function walkColumn(from: number, to: number, x: number, visit: Visit): void {
  for (let y = from; y < to; y++) visit(x, y, directions.south);
  for (let y = from; y > to; y--) visit(x, y, directions.north);
}

/** Links that all lanes pass. */
export function courseLength(course: Course): number {
  let links = 0;
  walk(course, (_x, _y, direction) => {
    if (direction >= 0) links++;
  });
  return links;
}

const right = (rect: Rect): number => rect.x + rect.width - 1;
const bottom = (rect: Rect): number => rect.y + rect.height - 1;

/** Windows per side to try. */
const maxWindows = 8;

/** Positions of a window of `size` in [low, high] to try: nearest to `wish` first, then side by side over the whole range. */
function windows(low: number, high: number, size: number, wish: number): number[] {
  const last = high - size + 1;
  if (last < low) return [];
  const near = Math.max(low, Math.min(last, wish));
  const count = Math.min(maxWindows, Math.floor((high - low + 1) / size));
  const positions = [near];
  for (let i = 0; i < count; i++) positions.push(low + Math.floor(((last - low) * i) / Math.max(1, count - 1)));
  return [...new Set(positions)];
}

/** Courses of `lanes` lanes from one rectangle to another, the most direct ones first. */
export function coursesBetween(from: Rect, to: Rect, lanes: number): Course[] {
  const columnFirst = rowFirstCourses(flip(from), flip(to), lanes).map(flipCourse);
  return [...straightCourses(from, to, lanes), ...rowFirstCourses(from, to, lanes), ...columnFirst];
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

function straightCourses(from: Rect, to: Rect, lanes: number): Course[] {
  const courses: Course[] = [];
  const top = Math.max(from.y, to.y);
  for (const y of windows(top, Math.min(bottom(from), bottom(to)), lanes, top)) {
    const east = to.x > from.x;
    const fromX = east ? right(from) : from.x;
    courses.push({ lanes, shape: "horizontal", fromX, fromY: y, toX: east ? to.x : right(to), toY: y });
  }
  const left = Math.max(from.x, to.x);
  for (const x of windows(left, Math.min(right(from), right(to)), lanes, left)) {
    const south = to.y > from.y;
    const fromY = south ? bottom(from) : from.y;
    courses.push({ lanes, shape: "vertical", fromX: x, fromY, toX: x, toY: south ? to.y : bottom(to) });
  }
  return courses;
}

/** Along rows of the producer, then along columns of the consumer. */
function rowFirstCourses(from: Rect, to: Rect, lanes: number): Course[] {
  const courses: Course[] = [];
  for (const fromY of windows(from.y, bottom(from), lanes, to.y > from.y ? bottom(from) - lanes + 1 : from.y)) {
    for (const toX of windows(to.x, right(to), lanes, from.x)) {
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
