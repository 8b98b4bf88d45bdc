/** Finds the least interval at which the items can be packed, starting from the bound that sizing proved. */
import { type Blocks, blocksOf, type Placed, type Style, styles, transposedBlocks } from "./blocks.ts";
import { nth } from "../../../ir/access.ts";
import { affordableWindow, windowOf } from "./sets.ts";
import { distinctTimes, type Problem } from "../problem.ts";
import { packShelves, packWhole } from "./shelves.ts";
import { packingsOnSite, turnBack } from "./site-packing.ts";

/** A way to pack that succeeded, to be laid out in any style. */
type Packing = (style: Style) => readonly Placed[];

/** Ways to pack at one interval on the bare rectangle: on shelves along rows or along columns of the wafer, or as one block. */
function* packings(problem: Problem, cycles: number): Generator<Packing> {
  const blocks = blocksOf(problem, cycles);
  if (blocks === null) return;
  for (const way of [packShelves, packColumns, packWhole]) {
    const packing = way(blocks);
    if (packing !== null) yield packing;
  }
}

function packColumns(blocks: Blocks): Packing | null {
  const packing = packShelves(transposedBlocks(blocks));
  return packing === null ? null : (style) => packing(style).map(turnBack);
}

/** The first packing at an interval, or null. */
export function pack(problem: Problem, cycles: number): readonly Placed[] | null {
  for (const styled of floorplansAt(problem, cycles)) for (const plan of styled) return plan;
  return null;
}

/** All packings at an interval, each in all styles. */
export function* floorplansAt(problem: Problem, cycles: number): Generator<Iterable<readonly Placed[]>> {
  if (problem.site !== undefined) yield* packingsOnSite(problem, problem.site, cycles);
  else for (const packing of packings(problem, cycles)) yield inStyles(packing);
}

function* inStyles(packing: Packing): Generator<readonly Placed[]> {
  for (const style of styles) yield packing(style);
}

export interface SearchOptions {
  /** intervals closer than this ratio are not told apart */
  readonly tolerance: number;
  /** milliseconds since the epoch after which the best found is taken */
  readonly deadline: number;
  readonly onTry?: (cycles: number, fits: boolean) => void;
}

/** The first step above the bound; with many items a packing takes long, and none is near the bound. */
const firstRatio = ({ items }: Problem): number => (items.length <= manyItems ? 1.01 : 1.04);

const manyItems = 500;

/**
 * The least interval, from `bound` up, for which a packing is found: first ever larger steps, then bisection. Packing at a larger interval can
 * use every shape of a smaller one, so success is monotone but for the limited height lists. Null when nothing fits at any interval.
 */
export function leastPackable(problem: Problem, bound: number, options: SearchOptions): number | null {
  const times = [bound, ...distinctTimes(problem).filter((time) => time > bound)];
  const fitsAt = (index: number): boolean => {
    const cycles = times[index] ?? bound;
    const fits = pack(problem, cycles) !== null;
    options.onTry?.(cycles, fits);
    return fits;
  };
  let failed = -1;
  let fits = 0;
  for (let ratio = firstRatio(problem); !fitsAt(fits); ratio = 1 + (ratio - 1) * 2) {
    failed = fits;
    if (fits === times.length - 1) return null;
    fits = nextIndex(times, fits, bound * ratio);
  }
  while (fits - failed > 1 && (times[fits] ?? 0) > (times[failed] ?? bound) * (1 + options.tolerance)) {
    if (Date.now() > options.deadline) break;
    const middle = (failed + fits) >> 1;
    if (fitsAt(middle)) fits = middle;
    else failed = middle;
  }
  return times[fits] ?? null;
}

/** Largest problems that are packed in wider windows: the blocks of all sets are held in memory. */
const mostToWiden = 500;

/** The same items in windows wider by so many than a budget allows, each of which makes packing take three times as long; null where that would be too much. */
export function widen(problem: Problem, by: number): Problem | null {
  const { items, site } = problem;
  const window = affordableWindow(problem) + by;
  const isMore = by === 1 ? items.length > windowOf(problem) : window <= items.length;
  return items.length > mostToWiden || site !== undefined || !isMore
    ? null
    : { ...problem, window: Math.min(window, items.length) };
}

/** The least interval between the bound and what was reached for which a packing in wider windows is found; null for none. */
export function leastWidened(
  wider: Problem,
  bound: number,
  reached: number,
  { deadline, onTry }: Omit<SearchOptions, "tolerance">,
): number | null {
  const times = distinctTimes(wider).filter((time) => time >= bound && time < reached);
  let [failed, fits] = [-1, times.length];
  while (fits - failed > 1 && (times[fits] ?? reached) > (times[failed] ?? bound) * (1 + wideTolerance)) {
    if (Date.now() > deadline) break;
    const middle = (failed + fits) >> 1;
    const cycles = nth(times, middle);
    const isPacked = pack(wider, cycles) !== null;
    onTry?.(cycles, isPacked);
    if (isPacked) fits = middle;
    else failed = middle;
  }
  return times[fits] ?? null;
}

/** Wider windows that are tried where nothing fits at any interval. */
const lastResorts = [1, 2] as const;

/** A problem with windows wide enough that it can be packed at some interval, and the least for which it is; null where none does. */
export function packableWidened(
  problem: Problem,
  bound: number,
  options: Omit<SearchOptions, "tolerance">,
): { readonly wider: Problem; readonly cycles: number } | null {
  const slowest = distinctTimes(problem).at(-1);
  for (const by of lastResorts) {
    const wider = widen(problem, by);
    if (slowest === undefined || wider === null || Date.now() > options.deadline) return null;
    if (pack(wider, slowest) !== null)
      return { wider, cycles: leastWidened(wider, bound, slowest, options) ?? slowest };
  }
  return null;
}

/** Intervals that are told apart in wider windows. */
const wideTolerance = 0.004;

/** The first index after `from` whose time reaches `time`, or the last one. */
function nextIndex(times: readonly number[], from: number, time: number): number {
  let index = from + 1;
  while (index < times.length - 1 && (times[index] ?? Infinity) < time) index++;
  return Math.min(index, times.length - 1);
}
