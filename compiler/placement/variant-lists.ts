/** Variant lists made from others: part of one, or one in another order of merit. */
import type { Variant } from "../../ir/machine/cost.ts";
import type { Candidate, VariantList } from "../kernels/family.ts";

/** Those candidates of a list that a predicate accepts. */
export function filterVariants(
  list: VariantList,
  accepts: (candidate: Candidate, index: number) => boolean,
): VariantList {
  const kept: number[] = [];
  for (const [index, candidate] of list.candidates.entries()) if (accepts(candidate, index)) kept.push(index);
  return kept.length === list.candidates.length ? list : pick(list, kept);
}

/** A list whose candidates' cycles are replaced by a cost, in ascending order. */
export function costVariants(
  list: VariantList,
  costOf: (candidate: Candidate, variant: () => Variant) => number,
): VariantList {
  const costs = list.candidates.map((candidate, index) => costOf(candidate, () => list.describe(index)));
  const order = list.candidates.map((_, index) => index).filter((index) => Number.isFinite(costs[index]));
  const area = (index: number): number => (list.candidates[index]?.rows ?? 0) * (list.candidates[index]?.columns ?? 0);
  order.sort((a, b) => (costs[a] ?? 0) - (costs[b] ?? 0) || area(a) - area(b) || a - b);
  return pick(list, order, (index) => costs[index] ?? 0);
}

function pick(list: VariantList, indices: readonly number[], cost?: (index: number) => number): VariantList {
  const at = (index: number): Candidate => {
    const candidate = list.candidates[index];
    if (candidate === undefined) throw new Error("internal: no such variant");
    return candidate;
  };
  const candidates = indices.map((index) => (cost === undefined ? at(index) : { ...at(index), cycles: cost(index) }));
  return { candidates, describe: (index) => list.describe(indices[index] ?? -1) };
}

/** Applies a change to every list, once per distinct list, so that equal kernels go on sharing one. */
export function mapLists<T>(lists: readonly T[], change: (list: T) => T): readonly T[] {
  const known = new Map<T, T>();
  return lists.map((list) => {
    const result = known.get(list) ?? change(list);
    known.set(list, result);
    return result;
  });
}
