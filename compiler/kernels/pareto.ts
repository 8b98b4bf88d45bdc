/** Which of many variants are worth keeping. */
import type { Candidate } from "./family.ts";

const shortSide = (c: Candidate): number => Math.min(c.rows, c.columns);
const longSide = (c: Candidate): number => Math.max(c.rows, c.columns);
const area = (c: Candidate): number => c.rows * c.columns;

/** Collects variants, keeping for each pair of sides the fastest only: cuts by the ten thousand have shapes by the hundred. */
export class Collector<C extends Candidate> {
  readonly #fastest = new Map<number, C>();

  /** True when a variant of these sides and cycles would be kept; asked before it is built. */
  wants(rows: number, columns: number, cycles: number): boolean {
    const known = this.#fastest.get(keyOf(rows, columns));
    return known === undefined || cycles < known.cycles;
  }

  add(candidate: C): void {
    this.#fastest.set(keyOf(candidate.rows, candidate.columns), candidate);
  }

  /** What no other beats, at most about `keep`. */
  optimal(keep: number): readonly C[] {
    return paretoOptimal([...this.#fastest.values()], keep);
  }
}

/** Longest side of any fabric, and one: keys stay small integers, which a Map finds several times faster. */
const keyBase = 16_385;

const keyOf = (rows: number, columns: number): number =>
  rows < columns ? rows * keyBase + columns : columns * keyBase + rows;

/**
 * Those that no other beats in time, shorter side and longer side at once (a variant may be turned, so its sides have no names), ascending
 * in time. More than `keep` are thinned: a grid over time and aspect keeps, in each cell, the one of least area.
 */
export function paretoOptimal<C extends Candidate>(candidates: readonly C[], keep: number): readonly C[] {
  const sorted = [...candidates].sort(
    (a, b) => a.cycles - b.cycles || area(a) - area(b) || shortSide(a) - shortSide(b) || a.rows - b.rows,
  );
  const longestByShort = new PrefixMinimum(candidates.reduce((most, c) => Math.max(most, shortSide(c)), 0) + 1);
  const optimal: C[] = [];
  for (const candidate of sorted) {
    const short = shortSide(candidate);
    const long = longSide(candidate);
    if (longestByShort.upTo(short) <= long) continue;
    longestByShort.lower(short, long);
    optimal.push(candidate);
  }
  return optimal.length <= keep ? optimal : thinByGrid(optimal, keep);
}

/** Minima over prefixes of an array whose entries only fall (a Fenwick tree). */
class PrefixMinimum {
  readonly #tree: Float64Array;

  constructor(size: number) {
    this.#tree = new Float64Array(size + 1).fill(Infinity);
  }

  upTo(index: number): number {
    let least = Infinity;
    for (let i = index + 1; i > 0; i -= i & -i) least = Math.min(least, this.#tree[i] ?? Infinity);
    return least;
  }

  lower(index: number, value: number): void {
    const tree = this.#tree;
    for (let i = index + 1; i < tree.length; i += i & -i) tree[i] = Math.min(tree[i] ?? Infinity, value);
  }
}

const aspectClasses = 8;

function thinByGrid<C extends Candidate>(optimal: readonly C[], keep: number): readonly C[] {
  const fastest = Math.max(1, optimal[0]?.cycles ?? 1);
  const slowest = Math.max(1, optimal.at(-1)?.cycles ?? 1);
  const timeClasses = Math.max(1, Math.floor(keep / aspectClasses));
  const timeStep = Math.log(slowest / fastest) / timeClasses + 1e-9;
  const cells = new Map<number, C>();
  for (const candidate of optimal) {
    const time = Math.floor(Math.log(Math.max(1, candidate.cycles) / fastest) / timeStep);
    const aspect = Math.floor(Math.log2(longSide(candidate) / shortSide(candidate)));
    const cell = time * aspectClasses + Math.min(aspectClasses - 1, aspect);
    const best = cells.get(cell);
    if (best === undefined || area(candidate) < area(best)) cells.set(cell, candidate);
  }
  const chosen = new Set(cells.values());
  // the smallest of all stays, whatever its cell holds: it decides what fits at all
  const smallest = optimal.reduce((a, b) => (area(b) < area(a) ? b : a));
  return optimal.filter((candidate) => candidate === smallest || chosen.has(candidate));
}
