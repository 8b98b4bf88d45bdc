/**
 * Links that carry too much are relieved by negotiation: the bundles on them are taken up one by one and laid where they overload links least,
 * several rounds long, and links that stay overloaded become dearer from round to round, so that of two bundles that want the same links
 * the one with the cheaper way around goes there. The best state of all rounds is kept.
 */
import { nth } from "../../../ir/access.ts";
import type { Rect, Route } from "../../../ir/placement.ts";
import { overlapOf } from "../packing/grid.ts";
import type { Fabric, LinkPrices } from "./fabric.ts";
import { type Allows, boxesOf, type Course, courseLength, walk } from "./route-geometry.ts";
import { searchTracks } from "./track-search.ts";

/** An edge whose bundle may be laid anew. */
export interface Negotiable {
  readonly edge: number;
  readonly from: Rect;
  readonly to: Rect;
  readonly words: number;
  /** lanes that it may have, the first of equally good ones is taken */
  readonly widths: readonly number[];
}

export interface Negotiation {
  readonly fabric: Fabric;
  /** by edge; changed in place */
  readonly routes: (Route | undefined)[];
  readonly edges: readonly Negotiable[];
  /** colors that routes may use */
  readonly colors: readonly number[];
  /** words per sample that a link should carry at most */
  readonly limit: number;
  readonly rects: readonly Rect[];
  readonly bounds: Rect;
  readonly allows: Allows;
}

const maxRounds = 10;

/** Searches at most: decides how long crowded placements take. */
const maxSearches = 160;

/** Rounds without a better state after which it ends. */
const patience = 2;

/** Any link, as a share of one that is overloaded by as much as it should carry. */
const perLink = 1e-6;

/** Colors that are tried one by one where no color is free on the best way. */
const colorsToTry = 3;

/** Lays bundles on overloaded links anew until there are none or nothing gets better. */
export function negotiate(negotiation: Negotiation): void {
  const { fabric, routes, limit } = negotiation;
  if (!isTooFull(fabric.fullest(), limit)) return;
  const history = new Float32Array(fabric.links);
  let best = { fullest: fabric.fullest(), routes: [...routes] };
  let searches = 0;
  let stale = 0;
  for (let round = 0; round < maxRounds && searches < maxSearches && stale < patience; round++) {
    for (const edge of fullestFirst(negotiation)) {
      if (searches < maxSearches) searches += layAnew(negotiation, edge, history);
    }
    if (fabric.fullest() < best.fullest * (1 - 1e-9)) {
      best = { fullest: fabric.fullest(), routes: [...routes] };
      stale = 0;
    } else stale++;
    if (!isTooFull(best.fullest, limit)) break;
    fabric.remember(history, limit);
  }
  restore(negotiation, best.routes);
}

/** Edges by the fullest link that they pass: those that decide come first. */
function fullestFirst({ fabric, routes, edges }: Negotiation): readonly Negotiable[] {
  const peaks = new Map(
    edges.map((one) => {
      const route = routes[one.edge];
      return [one, route === undefined ? 0 : fabric.peak(route)] as const;
    }),
  );
  return [...edges].sort((a, b) => (peaks.get(b) as number) - (peaks.get(a) as number) || a.edge - b.edge);
}

const isTooFull = (fullest: number, limit: number): boolean => fullest > limit * (1 + 1e-6);

/** Puts back the routes of an earlier state. */
function restore({ fabric, routes, edges }: Negotiation, wanted: readonly (Route | undefined)[]): void {
  const changed = edges.filter(({ edge }) => routes[edge] !== wanted[edge]);
  const each = (list: readonly (Route | undefined)[], book: (route: Route, words: number) => void): void => {
    for (const { edge, words } of changed) {
      const route = list[edge];
      if (route !== undefined) book(route, words / route.lanes);
    }
  };
  each(routes, (route, words) => {
    fabric.release(route, route.color, words);
  });
  each(wanted, (route, words) => {
    fabric.claim(route, route.color, words);
  });
  for (const { edge } of changed) routes[edge] = wanted[edge];
}

interface Found {
  readonly course: Course;
  readonly color: number;
  readonly overload: number;
  readonly links: number;
}

/** Lays one bundle anew if it lies on overloaded links; how many searches that took. */
function layAnew(negotiation: Negotiation, wish: Negotiable, history: Float32Array): number {
  const { fabric, routes, limit } = negotiation;
  const route = routes[wish.edge];
  if (route === undefined || fabric.survey(route, limit, 0).overload === 0) return 0;
  fabric.release(route, route.color, wish.words / route.lanes);
  let best: Found | null = null;
  let searches = 0;
  for (const lanes of wish.widths) {
    searches++;
    const found = findWay(negotiation, wish, lanes, history);
    if (found !== null && (best === null || isBetter(found, best))) best = found;
    if (best?.overload === 0) break;
  }
  const next =
    best === null ? route : { edge: wish.edge, from: route.from, to: route.to, color: best.color, ...best.course };
  fabric.claim(next, next.color, wish.words / next.lanes);
  routes[wish.edge] = next;
  return searches;
}

const isBetter = (a: Found, b: Found): boolean =>
  a.overload < b.overload || (a.overload === b.overload && a.links < b.links);

function findWay(negotiation: Negotiation, wish: Negotiable, lanes: number, history: Float32Array): Found | null {
  const { fabric, colors, limit, rects, bounds } = negotiation;
  const { from, to } = wish;
  const words = wish.words / lanes;
  const prices: LinkPrices = { words, limit, perLink, history, blocking: maskOf(colors) };
  const course = searchTracks(fabric, { from, to, lanes, prices, rects, bounds });
  if (course === null) return null;
  const found = settle(negotiation, course, words, colors);
  if (found !== null) return found;
  for (const color of leastTaken(fabric, course, colors)) {
    const around = searchTracks(fabric, {
      from,
      to,
      lanes,
      prices: { ...prices, blocking: maskOf([color]) },
      rects,
      bounds,
    });
    const other = around === null ? null : settle(negotiation, around, words, [color]);
    if (other !== null) return other;
  }
  return null;
}

/** A course with the first of some colors that is free on all of it; null where none is. */
function settle(
  { fabric, limit, allows, bounds }: Negotiation,
  course: Course,
  words: number,
  colors: readonly number[],
): Found | null {
  const boxes = boxesOf(course);
  const crossesItself = boxes.some((box, leg) => boxes.slice(leg + 2).some((later) => overlapOf(box, later) !== null));
  if (crossesItself || !boxes.every((box) => isWithin(box, bounds)) || !allows(course)) return null;
  const { taken, overload } = fabric.survey(course, limit - words);
  const color = colors.find((candidate) => ((taken >>> candidate) & 1) === 0);
  return color === undefined ? null : { course, color, overload, links: courseLength(course) };
}

const isWithin = (box: Rect, bounds: Rect): boolean =>
  box.x >= bounds.x &&
  box.y >= bounds.y &&
  box.x + box.width <= bounds.x + bounds.width &&
  box.y + box.height <= bounds.y + bounds.height;

const maskOf = (colors: readonly number[]): number => colors.reduce((mask, color) => (mask | (1 << color)) >>> 0, 0);

/** The colors that are taken on the fewest routers of a course. */
function leastTaken(fabric: Fabric, course: Course, colors: readonly number[]): readonly number[] {
  const times = colors.map(() => 0);
  walk(course, (x, y) => {
    for (const [index, color] of colors.entries()) {
      if (fabric.isTakenAt(y * fabric.width + x, color)) times[index] = nth(times, index) + 1;
    }
  });
  const order = [...colors.keys()].sort((a, b) => nth(times, a) - nth(times, b) || a - b);
  return order.slice(0, colorsToTry).map((index) => colors[index] as number);
}
