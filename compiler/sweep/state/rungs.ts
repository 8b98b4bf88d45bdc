/**
 * Successive halving: many points are tried with little of the effort that a sweep asks for, the better quarter of them with four times as much, and so on up to
 * all of it. Effort is counted work, so that what is promoted is the same on every machine. (Jamieson and Talwalkar 2016; ranks as in NSGA-II, Deb 2002.)
 */
import { nth } from "../../../ir/access.ts";
import { frontierOf } from "../results/frontier.ts";
import type { SearchKind } from "./search-kinds.ts";

/** Shares of the effort, ascending; the last is all of it. */
export type Rungs = readonly number[];

/** Points are not tried first: all of them are done as the specification says. */
export const singleRung: Rungs = [1];

/** One point in `promoted` goes on from each rung, with as many times the effort: each rung costs as much as the next. */
const promoted = 4;

export const effortRungs: Rungs = [1 / promoted ** 2, 1 / promoted, 1];

/** What is done on a rung. */
export interface Step {
  readonly share: number;
  readonly points: number;
  /** of these, so many go on; null for the last step */
  readonly onward: number | null;
}

/** The steps of so many points, of which one at least comes to the end; a rung from which all would go on is left out. */
export function stepsOf(rungs: Rungs, points: number): readonly Step[] {
  const countAt = (rung: number): number => (rung === 0 ? points : Math.max(1, Math.round(points / promoted ** rung)));
  if (points === 0) return [];
  return rungs.flatMap((share, rung): Step[] => {
    const onward = rung + 1 < rungs.length ? countAt(rung + 1) : null;
    return onward !== null && onward >= countAt(rung) ? [] : [{ share, points: countAt(rung), onward }];
  });
}

/** Points that can begin where there is room for so many of full effort. */
export function entrants(rungs: Rungs, room: number): number {
  const cost = (points: number): number =>
    stepsOf(rungs, points).reduce((sum, step) => sum + step.share * step.points, 0);
  let points = Math.ceil(room / nth(rungs, 0));
  while (points > 0 && cost(points) > room) points--;
  return points;
}

/** A point and its losses, the less the better. */
export interface Tried {
  readonly index: number;
  readonly losses: readonly number[];
}

/** The points that go on, ascending: front by front, of the last one those that stand farthest apart; for the best, by the first loss. */
export function promote(tried: readonly Tried[], wanted: number, kind: SearchKind): readonly number[] {
  const order = tried.toSorted((a, b) => a.index - b.index);
  const found =
    kind === "best"
      ? order.toSorted((a, b) => nth(a.losses, 0) - nth(b.losses, 0) || a.index - b.index).slice(0, wanted)
      : byFronts(order, wanted);
  return found.map(({ index }) => index).toSorted((a, b) => a - b);
}

function byFronts(tried: readonly Tried[], wanted: number): readonly Tried[] {
  const found: Tried[] = [];
  for (let rest = tried; rest.length > 0 && found.length < wanted;) {
    const on = new Set(frontierOf(rest.map(({ losses }) => losses)));
    const front = rest.filter((_, i) => on.has(i));
    found.push(...(found.length + front.length <= wanted ? front : apart(front, wanted - found.length)));
    rest = rest.filter((_, i) => !on.has(i));
  }
  return found;
}

/** So many of a front with most room around them; its ends have all the room. */
function apart(front: readonly Tried[], wanted: number): readonly Tried[] {
  const room = new Map(front.map(({ index }) => [index, 0]));
  for (const objective of (front[0]?.losses ?? []).keys()) {
    const line = front.toSorted((a, b) => nth(a.losses, objective) - nth(b.losses, objective) || a.index - b.index);
    const at = (i: number): number => nth(nth(line, i).losses, objective);
    const span = at(line.length - 1) - at(0);
    for (const [i, { index }] of line.entries()) {
      const isEnd = i === 0 || i === line.length - 1;
      const more = isEnd ? Infinity : span === 0 ? 0 : (at(i + 1) - at(i - 1)) / span;
      room.set(index, (room.get(index) as number) + more);
    }
  }
  const roomOf = ({ index }: Tried): number => room.get(index) as number;
  return front
    .toSorted((a, b) => (roomOf(a) === roomOf(b) ? a.index - b.index : roomOf(b) - roomOf(a)))
    .slice(0, wanted);
}
