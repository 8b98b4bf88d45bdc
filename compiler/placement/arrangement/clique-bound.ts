/**
 * Least wires among rectangles that are all connected to each other. Each holds a square of side m around its centre, m being the least of their
 * thinner sides, and these squares are disjoint. Let m be 1. For points p, q of two such squares whose centres are dx, dy apart,
 *
 *     mean |p - q| along x  =  dx                      dx >= 1
 *                              dx + (1 - dx)^3 / 3     dx < 1, which holds along one axis at most
 *
 * so the mean L1 distance of their points is at most 1/3 more than that of their centres, and within one square it is 2/3. The n squares cover an
 * area of n, over which the distances of all ordered pairs of points add up to C n^2.5 at least: C is the mean L1 distance in the best city of
 * area 1. Hence
 *
 *     sum over pairs of centres  >=  C n^2.5 / 2  -  n / 3  -  n (n - 1) / 6
 */
import type { Wire } from "./wire-bound.ts";

/** Items that are all connected to each other. */
export type Clique = readonly number[];

/** Published, rounded down: 0.650245952951, Bender, Bender, Demaine, Fekete, "What is the optimal shape of a city?", J. Phys. A 37 (2004) 147. */
const cityDistance = 0.650245;

/** Sum of the distances of all pairs of centres of n disjoint unit squares, at least. */
export const squaresSum = (n: number): number => (cityDistance * n ** 2.5) / 2 - n / 3 - (n * (n - 1)) / 6;

/** Fewest items for which this says more than the triangles among them do. */
const leastClique = 6;

/**
 * What a clique's wires need beyond half the sum of the thin sides at each: the bound for squares over those of its items that are not thin, over all
 * ways to say what is thin.
 */
export function cliqueSum(thin: readonly number[]): number {
  const sides = [...thin].sort((a, b) => b - a);
  let most = 0;
  let pairs = 0;
  let sum = 0;
  for (const [index, side] of sides.entries()) {
    // (m_a + m_b) / 2 with each of the thicker ones
    pairs += (sum + index * side) / 2;
    sum += side;
    most = Math.max(most, squaresSum(index + 1) * side - pairs);
  }
  return most;
}

/** Large cliques that share no wire, each grown from the first wire that is left, and the wires of none. */
export function cliquesOf(wires: readonly Wire[]): {
  readonly cliques: readonly Clique[];
  readonly rest: readonly Wire[];
} {
  const left = new Map<number, Set<number>>();
  const neighbours = (item: number): Set<number> => {
    const set = left.get(item) ?? new Set();
    left.set(item, set);
    return set;
  };
  for (const { from, to } of wires) {
    if (from === to) continue;
    neighbours(from).add(to);
    neighbours(to).add(from);
  }
  const cliques: Clique[] = [];
  const taken = new Map<number, Set<number>>();
  for (const { from, to } of wires) {
    if (!neighbours(from).has(to)) continue;
    const clique = [from, to];
    for (const item of neighbours(from)) {
      if (item !== to && clique.every((other) => neighbours(other).has(item))) clique.push(item);
    }
    if (clique.length < leastClique) continue;
    cliques.push(clique);
    for (const item of clique) {
      const others = clique.filter((other) => other !== item);
      for (const other of others) neighbours(item).delete(other);
      taken.set(item, new Set([...(taken.get(item) ?? []), ...others]));
    }
  }
  return { cliques, rest: wires.filter(({ from, to }) => !(taken.get(from)?.has(to) ?? false)) };
}
