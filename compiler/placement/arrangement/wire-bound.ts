/**
 * Least wires between rectangles that do not overlap. Two of them are apart along one axis at least, so their centres are half the sum of
 * their thinner sides m apart. Three that are all connected need more than that counted thrice: either two stand apart along x and two along
 * y, or all three stand in a row, and half the box around their centres is (m_a + m_b + m_c + the least of them) / 2 in either case:
 *
 *     wires >= sum over wires (m_a + m_b) / 2  +  sum over triangles that share no wire of min(m_a, m_b, m_c)
 *
 * Where many are all connected (a clique) they need more than their triangles (clique-bound.ts); the larger of the two bounds holds.
 */
import { type Clique, cliquesOf, cliqueSum } from "./clique-bound.ts";

export interface Wire {
  readonly from: number;
  readonly to: number;
}

/** Three items, each connected to each. */
export type Triangle = readonly [number, number, number];

/** Bound by the thinner sides of the items, in cores. */
export function wireBound(wires: readonly Wire[], thin: readonly number[]): number {
  const side = (item: number): number => thin[item] ?? 0;
  const pairs = wires.reduce((sum, { from, to }) => sum + (from === to ? 0 : (side(from) + side(to)) / 2), 0);
  const more = (triangles: readonly Triangle[]): number =>
    triangles.reduce((sum, [a, b, c]) => sum + Math.min(side(a), side(b), side(c)), 0);
  const { triangles, cliques, beside } = groupsOf(wires);
  const byTriangles = pairs + more(triangles);
  if (cliques.length === 0 || !Number.isFinite(byTriangles)) return byTriangles;
  const inCliques = cliques.reduce((sum, clique) => sum + cliqueSum(clique.map(side)), 0);
  return Math.max(byTriangles, pairs + inCliques + more(beside));
}

interface Groups {
  readonly triangles: readonly Triangle[];
  readonly cliques: readonly Clique[];
  /** triangles of the wires that no clique has */
  readonly beside: readonly Triangle[];
}

/** By list of wires: a bound is asked for at many limits. */
const known = new WeakMap<readonly Wire[], Groups>();

function groupsOf(wires: readonly Wire[]): Groups {
  const before = known.get(wires);
  if (before !== undefined) return before;
  const { cliques, rest } = cliquesOf(wires);
  const groups = { triangles: trianglesOf(wires), cliques, beside: trianglesOf(rest) };
  known.set(wires, groups);
  return groups;
}

/** Triangles that share no wire, taken in the order of the wires. */
export function trianglesOf(wires: readonly Wire[]): readonly Triangle[] {
  const free = new Map<number, Set<number>>();
  const neighbours = (item: number): Set<number> => {
    const set = free.get(item) ?? new Set();
    free.set(item, set);
    return set;
  };
  for (const { from, to } of wires) {
    if (from === to) continue;
    neighbours(from).add(to);
    neighbours(to).add(from);
  }
  const triangles: Triangle[] = [];
  for (const { from, to } of wires) {
    if (!neighbours(from).has(to)) continue;
    const third = [...neighbours(from)].find((item) => neighbours(to).has(item));
    if (third === undefined) continue;
    const corners: Triangle = [from, to, third];
    for (const [a, b] of [
      [from, to],
      [to, third],
      [third, from],
    ] as const) {
      neighbours(a).delete(b);
      neighbours(b).delete(a);
    }
    triangles.push(corners);
  }
  return triangles;
}
