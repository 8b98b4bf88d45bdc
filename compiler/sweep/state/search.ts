/**
 * Spends a budget of points near the frontier, or near the best point, of a space too large to be done whole. Rounds of a fixed size: first points from
 * everywhere, then neighbours of the best found so far on each axis, mixtures of two of them, and some from everywhere still. Which points come next depends
 * on the seed and on what earlier rounds gave, and not on who did them or in which order: the same seed gives the same points. Where points search on for an
 * effort, a round begins with many at a share of it, and only the better ones are done in full (rungs.ts).
 */
import { nth } from "../../../ir/access.ts";
import { seededRandom } from "../../random.ts";
import { frontierOf } from "../results/frontier.ts";
import { entrants, promote, type Rungs, stepsOf, type Tried } from "./rungs.ts";
import type { SearchKind } from "./search-kinds.ts";
import type { Space } from "../spec/space.ts";

export interface SearchPlan {
  readonly kind: SearchKind;
  /** points of full effort at most; one that is tried at a share of it counts as that share */
  readonly budget: number;
  readonly seed: number;
}

/** Losses by number, the less the better: null for a point that has none. */
export type Losses = ReadonlyMap<number, readonly number[] | null>;

/** Does points with a share of their effort. */
export type Evaluate = (indices: readonly number[], share: number) => Promise<Losses>;

/** Points of a round: enough for many threads, few enough to learn from. */
const roundPoints = 24;

/** Share of the budget that is spent everywhere, before anything is known. */
const firstShare = 0.25;

/** Shares of a later round. */
const shares = { neighbours: 0.6, mixtures: 0.2 } as const;

/** Points of which neighbours are looked at when the best one is sought. */
const bestKept = 4;

/** Draws for each point that is wanted, until points are counted through instead. */
const drawsEach = 60;

/** Numbers of the points that were done in full, in the order in which they were chosen. */
export async function searchPoints(
  space: Space,
  plan: SearchPlan,
  rungs: Rungs,
  evaluate: Evaluate,
): Promise<readonly number[]> {
  const search = new Search(space, plan, rungs);
  for (let next = search.next(); next.length > 0; next = search.next()) {
    let climbing = next;
    for (const { share, onward } of stepsOf(rungs, next.length)) {
      const losses = await evaluate(climbing, share);
      search.spend(share * climbing.length);
      if (onward === null) search.learn(climbing, losses);
      else climbing = promote(triedOf(losses), onward, plan.kind);
      if (climbing.length === 0) break;
    }
  }
  return search.chosen;
}

const triedOf = (losses: Losses): readonly Tried[] =>
  [...losses].flatMap(([index, found]) => (found === null ? [] : [{ index, losses: found }]));

class Search {
  readonly #space: Space;
  readonly #plan: SearchPlan;
  readonly #rungs: Rungs;
  readonly #random: () => number;
  /** points that were tried or done */
  readonly #seen = new Set<number>();
  readonly #chosen: number[] = [];
  /** points of full effort */
  #spent = 0;
  readonly #losses = new Map<number, readonly number[]>();
  /** where counting goes on */
  #counted = 0;

  constructor(space: Space, plan: SearchPlan, rungs: Rungs) {
    this.#space = space;
    this.#plan = plan;
    this.#rungs = rungs;
    this.#random = seededRandom(plan.seed);
  }

  get chosen(): readonly number[] {
    return this.#chosen;
  }

  spend(points: number): void {
    this.#spent += points;
  }

  learn(done: readonly number[], losses: Losses): void {
    this.#chosen.push(...done);
    // in the order of their numbers: rounds end in any order
    for (const [index, loss] of [...losses].toSorted(([a], [b]) => a - b))
      if (loss !== null) this.#losses.set(index, loss);
  }

  /** The points that the next round begins with; none when the budget is spent or every point was looked at. */
  next(): readonly number[] {
    const { budget } = this.#plan;
    const first = Math.ceil(firstShare * budget);
    // sums of shares, which are powers of two
    const left = entrants(this.#rungs, Math.min(roundPoints, budget - this.#spent));
    const round: number[] = [];
    const isFirst = this.#spent < first;
    const best = isFirst ? [] : this.#best();
    if (best.length > 0) {
      this.#take(this.#neighbours(best), Math.round(shares.neighbours * left), round);
      this.#draw(() => this.#mixture(best), Math.round(shares.mixtures * left), round);
    }
    this.#draw(() => this.#anywhere(), left - round.length, round);
    this.#countOn(left - round.length, round);
    return round;
  }

  #accept(index: number, round: number[]): boolean {
    if (this.#seen.has(index) || this.#space.pointAt(index) === null) return false;
    this.#seen.add(index);
    round.push(index);
    return true;
  }

  #take(candidates: readonly number[], wanted: number, round: number[]): void {
    let left = wanted;
    for (const index of candidates) if (left > 0 && this.#accept(index, round)) left--;
  }

  #draw(candidate: () => number, wanted: number, round: number[]): void {
    let left = wanted;
    for (let draws = 0; left > 0 && draws < drawsEach * wanted; draws++) if (this.#accept(candidate(), round)) left--;
  }

  /** Fills a round with points in order, where draws find none that are new. */
  #countOn(wanted: number, round: number[]): void {
    for (let left = wanted; left > 0 && this.#counted < this.#space.size; this.#counted++)
      if (this.#accept(this.#counted, round)) left--;
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  #anywhere(): number {
    return this.#space.indexOf(this.#space.lengths.map((length) => this.#below(length)));
  }

  #mixture(best: readonly number[]): number {
    const [a, b] = [0, 1].map(() => this.#space.positionsOf(nth(best, this.#below(best.length))));
    return this.#space.indexOf(this.#space.lengths.map((_, axis) => nth((this.#random() < 0.5 ? a : b) ?? [], axis)));
  }

  /** Points one step away on one axis, in an order of the seed. */
  #neighbours(best: readonly number[]): readonly number[] {
    const found = best.flatMap((index) => {
      const positions = this.#space.positionsOf(index);
      return positions.flatMap((position, axis) =>
        [position - 1, position + 1]
          .filter((next) => next >= 0 && next < nth(this.#space.lengths, axis))
          .map((next) => this.#space.indexOf(positions.with(axis, next))),
      );
    });
    return found
      .map((index) => ({ index, key: this.#random() }))
      .toSorted((a, b) => a.key - b.key)
      .map(({ index }) => index);
  }

  /** The frontier, or the few best points. */
  #best(): readonly number[] {
    const known = [...this.#losses].toSorted(([a], [b]) => a - b);
    if (this.#plan.kind === "pareto")
      return frontierOf(known.map(([, losses]) => losses)).map((position) => nth(known, position)[0]);
    return known
      .toSorted(([, a], [, b]) => nth(a, 0) - nth(b, 0))
      .slice(0, bestKept)
      .map(([index]) => index);
  }
}
