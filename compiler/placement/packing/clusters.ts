/**
 * Items that are to touch, as one item: they lie along a line (the spine), the first of them on one side, the rest on the other, without a
 * gap along it, so that their union hangs together whatever their shapes.
 *
 *     +----+      +-----+
 *     | 0  +------+  2  |
 *     |    |  1   |     |        above the spine, their south sides on it
 *     +----+------+-----+
 *     |   3   |    4    |        below it, their north sides on it
 *     +-------+    |    |
 *             +---------+
 *
 * For one interval the smallest boxes over all heights of the two rows are its shapes; like any other it may be turned.
 */
import type { Placed } from "./blocks.ts";
import type { Shape } from "../problem.ts";
import type { Staircase, Standing } from "./staircase.ts";

/** Where a member lies in the box of its cluster. */
export interface Seat extends Standing {
  readonly member: number;
  readonly dx: number;
  readonly dy: number;
}

export interface Cluster {
  /** one per box, with cycles 0: all are fast enough */
  readonly shapes: readonly Shape[];
  /** seats by shape */
  readonly seats: readonly (readonly Seat[])[];
}

/** Heights per row that are tried. */
const maxHeights = 40;

/** Splits that are tried in large groups: those near the middle. */
const maxSplits = 9;

interface Row {
  readonly width: number;
  readonly height: number;
  readonly standings: readonly Standing[];
}

/** The smallest boxes of a cluster; no shapes when its members fit no box of `width` x `height`. */
export function clusterOf(members: readonly Staircase[], width: number, height: number): Cluster {
  const heights = heightsToTry(members);
  const limit = Math.max(width, height);
  const found: { readonly shape: Shape; readonly seats: readonly Seat[] }[] = [];
  for (const split of splitsOf(members.length)) {
    const above = rowsOf(members.slice(0, split), heights, limit);
    const below = split === members.length ? [emptyRow] : rowsOf(members.slice(split), heights, limit);
    for (const top of above) {
      for (const bottom of below) {
        const shape = { rows: top.height + bottom.height, columns: Math.max(top.width, bottom.width), cycles: 0 };
        if (fits(shape, width, height)) found.push({ shape, seats: seatsOf(top, bottom) });
      }
    }
  }
  const kept = found.filter(({ shape }) => !found.some((other) => beats(other.shape, shape)));
  const distinct = new Map(kept.map((one) => [`${one.shape.rows} ${one.shape.columns}`, one]));
  return {
    shapes: [...distinct.values()].map(({ shape }) => shape),
    seats: [...distinct.values()].map(({ seats }) => seats),
  };
}

const fits = ({ rows, columns }: Shape, width: number, height: number): boolean =>
  (rows <= height && columns <= width) || (rows <= width && columns <= height);

const beats = (a: Shape, b: Shape): boolean =>
  a.rows <= b.rows && a.columns <= b.columns && (a.rows < b.rows || a.columns < b.columns);

const emptyRow: Row = { width: 0, height: 0, standings: [] };

/** First members above the spine: all of them, or part. */
function splitsOf(count: number): number[] {
  const splits = Array.from({ length: count - 1 }, (_, i) => i + 1);
  splits.sort((a, b) => Math.abs(2 * a - count) - Math.abs(2 * b - count) || a - b);
  return [count, ...splits.slice(0, maxSplits)];
}

function heightsToTry(members: readonly Staircase[]): number[] {
  const all = [...new Set(members.flatMap((stairs) => stairs.map(({ height }) => height)))].sort((a, b) => a - b);
  if (all.length <= maxHeights) return all;
  return Array.from({ length: maxHeights }, (_, i) => all[Math.round((i * (all.length - 1)) / (maxHeights - 1))] ?? 1);
}

/** Rows of least width by height, each member as narrow as the height allows. */
function rowsOf(members: readonly Staircase[], heights: readonly number[], limit: number): Row[] {
  const rows: Row[] = [];
  for (const height of heights) {
    const standings = members.flatMap((stairs) => stairs.find((standing) => standing.height <= height) ?? []);
    const width = standings.reduce((sum, standing) => sum + standing.width, 0);
    if (standings.length < members.length || width > limit) continue;
    const tallest = standings.reduce((most, standing) => Math.max(most, standing.height), 0);
    if (rows.at(-1)?.width !== width) rows.push({ width, height: tallest, standings });
  }
  return rows;
}

function seatsOf(top: Row, bottom: Row): Seat[] {
  const seats: Seat[] = [];
  let dx = 0;
  for (const standing of top.standings) {
    seats.push({ ...standing, member: seats.length, dx, dy: top.height - standing.height });
    dx += standing.width;
  }
  dx = 0;
  for (const standing of bottom.standings) {
    seats.push({ ...standing, member: seats.length, dx, dy: top.height });
    dx += standing.width;
  }
  return seats;
}

/** The members' places once their cluster has one. */
export function membersOf({ seats }: Cluster, { shape, rotated, x, y }: Placed): readonly Placed[] {
  return (seats[shape] ?? []).map(({ dx, dy, width, height, shape: own, rotated: turned }) =>
    rotated
      ? { x: x + dy, y: y + dx, width: height, height: width, shape: own, rotated: !turned }
      : { x: x + dx, y: y + dy, width, height, shape: own, rotated: turned },
  );
}
