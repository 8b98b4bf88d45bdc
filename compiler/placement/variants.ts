/**
 * Which variants the placer chooses from. Loops can be cut in too many ways to list them all finely, and only those near the final interval
 * matter; so every kernel first lists coarse cuts of all speeds, sizing by area tells where the interval will be, and then every kernel lists
 * fine cuts around it. Repeated while the interval keeps falling out of the window.
 */
import type { KernelGraph } from "../../ir/kernel-graph.ts";
import type { TimeWindow, VariantList } from "../kernels/family.ts";
import { mergeVariants, variantTable } from "../kernels/library.ts";
import { type Target, usableRect } from "../../ir/machine/target.ts";
import { areaBound } from "./sizing/area-bound.ts";
import type { Problem } from "./problem.ts";

/** The window around an expected interval. */
const windowAround = (cycles: number): TimeWindow => ({ least: cycles * 0.7, most: cycles * 1.5 });

const maxRounds = 3;

/**
 * Variants of every kernel, fine around the interval that the area (or `slowest`, if that is more) allows. Once `isLate`, kernels are listed in few
 * cuts, and no finer round begins.
 */
export function tunedVariants(
  graph: KernelGraph,
  target: Target,
  slowest: number,
  isLate: () => boolean = () => false,
): readonly VariantList[] {
  let lists = variantTable(graph, target, null, isLate);
  let expected = expectedInterval(graph, target, lists, slowest);
  for (let round = 0; round < maxRounds && (expected === null || !isLate()); round++) {
    // what does not fit yet may fit with finer cuts of any speed; no lack of time decides that
    const window = expected === null ? { least: 0, most: Infinity } : windowAround(expected);
    lists = mergeTables(lists, variantTable(graph, target, window, expected === null ? undefined : isLate));
    const next = expectedInterval(graph, target, lists, slowest);
    if (next === null || (expected !== null && next > expected * 0.8)) break;
    expected = next;
  }
  return lists;
}

function expectedInterval(
  graph: KernelGraph,
  target: Target,
  lists: readonly VariantList[],
  slowest: number,
): number | null {
  if (lists.some(({ candidates }) => candidates.length === 0)) return null;
  const bound = areaBound(problemOf(graph, target, lists));
  return bound === null ? null : Math.max(bound, slowest);
}

/** Merges list by list; kernels that shared a list in both tables share the result. */
function mergeTables(coarse: readonly VariantList[], fine: readonly VariantList[]): VariantList[] {
  const merged = new Map<VariantList, VariantList>();
  return coarse.map((list, index) => {
    const known = merged.get(list);
    if (known !== undefined) return known;
    const result = mergeVariants(list, fine[index] ?? list);
    merged.set(list, result);
    return result;
  });
}

/** The engine's view of all kernels on the bare rectangle. */
export function problemOf(graph: KernelGraph, target: Target, lists: readonly VariantList[]): Problem {
  const { width, height } = usableRect(target);
  if (lists.length !== graph.kernels.length) throw new Error("internal: some kernel has no variants");
  return { width, height, ...classesOf(lists) };
}

/** Items with one variant list become one class. */
export function classesOf(lists: readonly VariantList[]): Pick<Problem, "classes" | "items"> {
  const classes: VariantList["candidates"][] = [];
  const numbers = new Map<VariantList, number>();
  const items = lists.map((list) => {
    const known = numbers.get(list);
    if (known !== undefined) return known;
    numbers.set(list, classes.length);
    classes.push(list.candidates);
    return classes.length - 1;
  });
  return { classes, items };
}
