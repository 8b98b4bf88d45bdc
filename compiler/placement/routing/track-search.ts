/**
 * The way of a bundle through what other bundles left: a search over tracks, bands of rows and of columns as wide as the bundle, for the way that
 * overloads links least and then is shortest.
 *
 *     tracks   along both sides of every rectangle near the way, over the ends of the bundle, and some spread evenly between them
 *     cost     of a track from one place to another: a difference of prefix sums over the links of its lanes, each way
 *     search   leg by leg: the least cost to be on row i and turn into column j after so many legs, and the same for columns
 *
 * At bends a bundle fills part of a square; tracks count half of it, and the course that is found is looked over exactly by who asked.
 */
import type { Rect, RouteShape } from "../../../ir/placement.ts";
import type { BandCosts, Fabric, LinkPrices } from "./fabric.ts";
import type { Course } from "./route-geometry.ts";

export interface TrackQuery {
  readonly from: Rect;
  readonly to: Rect;
  readonly lanes: number;
  readonly prices: LinkPrices;
  /** rectangles that ways run along */
  readonly rects: readonly Rect[];
  /** where ways may run */
  readonly bounds: Rect;
}

/** Legs of a way at most. */
const mostLegs = 5;

/** Tracks along each axis at most, and how many of them over each end. */
const mostTracks = 64;
const tracksOverEnd = 8;

/** How far beyond both ends ways run, in cores and in widths of the bundle. */
const margin = 48;
const marginWidths = 3;

/** What a bend costs, in links: of ways that are equal else the straighter is taken. */
const bendLinks = 8;

/** One axis of the search: bands of rows for legs along x, or of columns for legs along y. */
interface Tracks {
  readonly bases: readonly number[];
  readonly costs: readonly BandCosts[];
  /** bands that lie within the producer, and within the consumer */
  readonly starts: readonly boolean[];
  readonly ends: readonly boolean[];
}

/** What is known about the legs so far: least costs by track * other tracks + other track, and where the leg came from. */
interface Layer {
  readonly cost: Float64Array;
  readonly came: Int16Array;
}

interface Search {
  readonly query: TrackQuery;
  /** rows carry legs along x and end at columns, and the other way round */
  readonly rows: Tracks;
  readonly columns: Tracks;
}

/** Where a way turns last before its end. */
interface Goal {
  readonly cost: number;
  readonly lastAlongX: boolean;
  /** legs before the last one */
  readonly legs: number;
  readonly row: number;
  readonly column: number;
}

/** The best way of up to five legs with one bend or more; null where the bundle has none inside the bounds. */
export function searchTracks(fabric: Fabric, query: TrackQuery): Course | null {
  const region = regionOf(query);
  const search: Search = {
    query,
    rows: tracksOf(fabric, query, region, "x"),
    columns: tracksOf(fabric, query, region, "y"),
  };
  const along: { x: Layer; y: Layer }[] = [firstLayers(search)];
  let goal = bestGoal(search, along, null);
  while (along.length < mostLegs - 1) {
    const { x, y } = along.at(-1) as { x: Layer; y: Layer };
    // a leg along x starts where one along y has turned into its row
    along.push({ x: nextLayer(search, y, "x"), y: nextLayer(search, x, "y") });
    goal = bestGoal(search, along, goal);
  }
  return goal === null ? null : courseOf(search, along, goal);
}

function regionOf({ from, to, lanes, bounds }: TrackQuery): Rect {
  const reach = margin + marginWidths * lanes;
  const x = Math.max(bounds.x, Math.min(from.x, to.x) - reach);
  const y = Math.max(bounds.y, Math.min(from.y, to.y) - reach);
  const right = Math.min(bounds.x + bounds.width, Math.max(from.x + from.width, to.x + to.width) + reach);
  const bottom = Math.min(bounds.y + bounds.height, Math.max(from.y + from.height, to.y + to.height) + reach);
  return { x, y, width: right - x, height: bottom - y };
}

/** A rectangle across an axis: the rows that bands along x lie in, or the columns that bands along y do. */
const acrossOf = ({ x, y, width, height }: Rect, axis: "x" | "y"): readonly [low: number, size: number] =>
  axis === "x" ? [y, height] : [x, width];

function tracksOf(fabric: Fabric, query: TrackQuery, region: Rect, axis: "x" | "y"): Tracks {
  const { lanes, from, to, prices } = query;
  const bases = basesOf(query, region, axis);
  const [low, size] = acrossOf(region, axis === "x" ? "y" : "x");
  const within = (rect: Rect): boolean[] => {
    const [start, span] = acrossOf(rect, axis);
    return bases.map((base) => base >= start && base + lanes <= start + span);
  };
  return {
    bases,
    costs: fabric.bandCosts({ axis, bases, lanes, low, size }, prices),
    starts: within(from),
    ends: within(to),
  };
}

/** First rows or columns of the bands, ascending. */
function basesOf({ from, to, lanes, rects }: TrackQuery, region: Rect, axis: "x" | "y"): readonly number[] {
  const [low, size] = acrossOf(region, axis);
  const last = low + size - lanes;
  const spread = (start: number, end: number, count: number): number[] =>
    end < start ? [] : Array.from({ length: count }, (_, i) => start + Math.round(((end - start) * i) / (count - 1)));
  const wanted = new Set<number>();
  for (const rect of [from, to]) {
    const [start, span] = acrossOf(rect, axis);
    for (const base of spread(start, start + span - lanes, tracksOverEnd)) wanted.add(base);
  }
  const beside = new Set<number>();
  for (const rect of rects) {
    if (!meets(rect, region)) continue;
    const [start, span] = acrossOf(rect, axis);
    beside.add(start - lanes).add(start + span);
  }
  const room = Math.max(2, mostTracks - wanted.size);
  const between = [...new Set([...beside, ...spread(low, last, room >> 1)])]
    .filter((base) => base >= low && base <= last)
    .sort((a, b) => a - b);
  const step = Math.max(1, between.length / room);
  for (let i = 0; i < between.length; i += step) wanted.add(between[Math.floor(i)] as number);
  return [...wanted].filter((base) => base >= low && base <= last).sort((a, b) => a - b);
}

const meets = (a: Rect, b: Rect): boolean =>
  a.x <= b.x + b.width && b.x <= a.x + a.width && a.y <= b.y + b.height && b.y <= a.y + a.height;

/** Cost of a leg on a band between two places of the other axis. */
function legCost({ forward, backward, low }: BandCosts, from: number, to: number): number {
  const last = forward.length - 1;
  const at = (place: number): number => Math.max(0, Math.min(last, place - low));
  return to >= from
    ? (forward[at(to)] as number) - (forward[at(from)] as number)
    : (backward[at(from)] as number) - (backward[at(to)] as number);
}

/** The place of a rectangle from which all lanes reach a band the same way; null where the band covers it. */
function outerEnd(start: number, span: number, base: number, lanes: number): number | null {
  if (base >= start) return Math.min(start + span - 1, base);
  const last = base + lanes - 1;
  return last <= start + span - 1 ? Math.max(start, last) : null;
}

const tracksAlong = ({ rows, columns }: Search, axis: "x" | "y"): readonly [own: Tracks, other: Tracks] =>
  axis === "x" ? [rows, columns] : [columns, rows];

function firstLayers(search: Search): { x: Layer; y: Layer } {
  return { x: firstLayer(search, "x"), y: firstLayer(search, "y") };
}

const emptyLayer = (size: number): Layer => ({
  cost: new Float64Array(size).fill(Infinity),
  came: new Int16Array(size).fill(-1),
});

/** Legs out of the producer. */
function firstLayer(search: Search, axis: "x" | "y"): Layer {
  const [own, other] = tracksAlong(search, axis);
  const { from, lanes } = search.query;
  const [start, span] = acrossOf(from, axis === "x" ? "y" : "x");
  const layer = emptyLayer(own.bases.length * other.bases.length);
  for (const [track, isStart] of own.starts.entries()) {
    if (!isStart) continue;
    for (const [turn, base] of other.bases.entries()) {
      const begin = outerEnd(start, span, base, lanes);
      if (begin === null) continue;
      layer.cost[track * other.bases.length + turn] = legCost(
        own.costs[track] as BandCosts,
        begin,
        base + (lanes >> 1),
      );
    }
  }
  return layer;
}

/**
 * Legs along an axis after the last ones along the other: from any band that turned into a track to any other band. The cost from one place to a
 * later one is the difference of two sums, so the best source of each place is the least of `known - sum` over all places before it.
 */
function nextLayer(search: Search, before: Layer, axis: "x" | "y"): Layer {
  const [own, other] = tracksAlong(search, axis);
  const { lanes, prices } = search.query;
  const [tracks, turns] = [own.bases.length, other.bases.length];
  const layer = emptyLayer(tracks * turns);
  const bend = bendLinks * lanes * prices.perLink;
  const place = (turn: number): number => other.bases[turn] as number;
  for (let track = 0; track < tracks; track++) {
    const costs = own.costs[track] as BandCosts;
    const known = (source: number): number => before.cost[source * tracks + track] as number;
    const sumAt = (sums: Float64Array, turn: number): number =>
      sums[Math.max(0, Math.min(sums.length - 1, place(turn) + (lanes >> 1) - costs.low))] as number;
    const settle = (turn: number, cost: number, source: number): void => {
      const index = track * turns + turn;
      if (cost + bend >= (layer.cost[index] as number)) return;
      layer.cost[index] = cost + bend;
      layer.came[index] = source;
    };
    // lanes nest only where the leg is longer than the bundle is wide
    let least = Infinity;
    let best = -1;
    for (let turn = 0, source = 0; turn < turns; turn++) {
      for (; place(turn) - place(source) >= lanes; source++) {
        const cost = known(source) - sumAt(costs.forward, source);
        if (cost < least) [least, best] = [cost, source];
      }
      if (best >= 0) settle(turn, least + sumAt(costs.forward, turn), best);
    }
    least = Infinity;
    best = -1;
    for (let turn = turns - 1, source = turns - 1; turn >= 0; turn--) {
      for (; place(source) - place(turn) >= lanes; source--) {
        const cost = known(source) + sumAt(costs.backward, source);
        if (cost < least) [least, best] = [cost, source];
      }
      if (best >= 0) settle(turn, least - sumAt(costs.backward, turn), best);
    }
  }
  return layer;
}

/** The best of what is known and of ways whose last leg follows the last layer. */
function bestGoal(
  search: Search,
  along: readonly { readonly x: Layer; readonly y: Layer }[],
  known: Goal | null,
): Goal | null {
  const { query } = search;
  let best = known;
  for (const axis of ["x", "y"] as const) {
    const [own, other] = tracksAlong(search, axis);
    const before = along.at(-1)?.[axis === "x" ? "y" : "x"];
    if (before === undefined) continue;
    const [start, span] = acrossOf(query.to, axis === "x" ? "y" : "x");
    for (const [track, isEnd] of own.ends.entries()) {
      if (!isEnd) continue;
      for (const [source, base] of other.bases.entries()) {
        const reached = before.cost[source * own.bases.length + track] as number;
        const end = outerEnd(start, span, base, query.lanes);
        if (end === null || reached >= (best?.cost ?? Infinity)) continue;
        const cost = reached + legCost(own.costs[track] as BandCosts, base + (query.lanes >> 1), end);
        if (cost >= (best?.cost ?? Infinity)) continue;
        const [row, column] = axis === "x" ? [track, source] : [source, track];
        best = { cost, lastAlongX: axis === "x", legs: along.length, row, column };
      }
    }
  }
  return best;
}

const shapeOf = (firstAlongX: boolean, legs: number): RouteShape =>
  (firstAlongX ? "xyxyx" : "yxyxy").slice(0, legs) as RouteShape;

/** Follows a goal back to the producer. */
function courseOf(
  { query, rows, columns }: Search,
  along: readonly { readonly x: Layer; readonly y: Layer }[],
  goal: Goal,
): Course {
  const { from, to, lanes } = query;
  const row = (track: number): number => rows.bases[track] as number;
  const column = (track: number): number => columns.bases[track] as number;
  // lines of the legs, the last one first
  const lines = goal.lastAlongX ? [row(goal.row), column(goal.column)] : [column(goal.column), row(goal.row)];
  // the leg before the last one: its track, and the track that it turns into
  let alongX = !goal.lastAlongX;
  let [track, turn] = alongX ? [goal.row, goal.column] : [goal.column, goal.row];
  for (let leg = goal.legs - 1; leg > 0; leg--) {
    const [layer, turns] = alongX ? [along[leg]?.x, columns.bases.length] : [along[leg]?.y, rows.bases.length];
    const source = layer?.came[track * turns + turn] ?? -1;
    lines.push(alongX ? column(source) : row(source));
    [track, turn] = [source, track];
    alongX = !alongX;
  }
  lines.reverse();
  const legs = lines.length;
  const firstAlongX = goal.lastAlongX === (legs % 2 === 1);
  const [firstLine = 0, secondLine = 0] = lines;
  const [lastLine = 0, previousLine = 0] = [lines[legs - 1], lines[legs - 2]];
  const begin = outerEnd(...acrossOf(from, firstAlongX ? "y" : "x"), secondLine, lanes) ?? 0;
  const end = outerEnd(...acrossOf(to, goal.lastAlongX ? "y" : "x"), previousLine, lanes) ?? 0;
  const [fromX, fromY] = firstAlongX ? [begin, firstLine] : [firstLine, begin];
  const [toX, toY] = goal.lastAlongX ? [end, lastLine] : [lastLine, end];
  const via = lines.slice(1, -1);
  const shape = shapeOf(firstAlongX, legs);
  return { lanes, shape, fromX, fromY, toX, toY, ...(via.length === 0 ? {} : { via }) };
}
