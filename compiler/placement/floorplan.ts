/** Finds the least interval at which the items can be packed, starting from the bound that sizing proved. */
import { distinctTimes, type Problem, transposed } from "./problem.ts";
import { layOut, type Placed, shelve } from "./shelves.ts";

export interface Floorplan {
  /** slowest shape taken */
  readonly cycles: number;
  /** by item */
  readonly placed: readonly Placed[];
  /** packings tried */
  readonly tries: number;
}

export interface FloorplanOptions {
  /** intervals closer than this ratio are not told apart */
  readonly tolerance: number;
  /** milliseconds since the epoch after which the best found is taken */
  readonly deadline: number;
  readonly onTry?: (cycles: number, fits: boolean) => void;
}

/** Packs all items at one interval, along rows or along columns of the wafer; null when neither works. */
export function pack(problem: Problem, cycles: number): readonly Placed[] | null {
  const along = shelve(problem, cycles);
  if (along !== null) return layOut(problem, cycles, along);
  const turned = transposed(problem);
  const across = shelve(turned, cycles);
  if (across === null) return null;
  return layOut(turned, cycles, across).map((item) => ({
    x: item.y,
    y: item.x,
    width: item.height,
    height: item.width,
    shape: item.shape,
    rotated: !item.rotated,
  }));
}

/**
 * The least interval, from `bound` up, whose packing succeeds: first ever larger steps, then bisection. Packing at a larger interval can
 * use every shape of a smaller one, so success is monotone. Null when the smallest shapes of all cannot be packed.
 */
export function floorplan(problem: Problem, bound: number, options: FloorplanOptions): Floorplan | null {
  const times = [bound, ...distinctTimes(problem).filter((time) => time > bound)];
  let tries = 0;
  let best: readonly Placed[] | null = null;
  const attempt = (index: number): boolean => {
    tries++;
    const cycles = times[index] ?? bound;
    const placed = pack(problem, cycles);
    options.onTry?.(cycles, placed !== null);
    if (placed !== null) best = placed;
    return placed !== null;
  };
  let failed = -1;
  let fits = 0;
  for (let ratio = 1.01; !attempt(fits); ratio = 1 + (ratio - 1) * 2) {
    failed = fits;
    if (fits === times.length - 1) return null;
    fits = nextIndex(times, fits, bound * ratio);
  }
  while (fits - failed > 1 && (times[fits] ?? 0) > (times[failed] ?? bound) * (1 + options.tolerance)) {
    if (Date.now() > options.deadline) break;
    const middle = (failed + fits) >> 1;
    if (attempt(middle)) fits = middle;
    else failed = middle;
  }
  return best === null ? null : { cycles: slowest(problem, best), placed: best, tries };
}

/** The first index after `from` whose time reaches `time`, or the last one. */
function nextIndex(times: readonly number[], from: number, time: number): number {
  let index = from + 1;
  while (index < times.length - 1 && (times[index] ?? Infinity) < time) index++;
  return Math.min(index, times.length - 1);
}

function slowest(problem: Problem, placed: readonly Placed[]): number {
  return placed.reduce((most, { shape }, item) => {
    const shapes = problem.classes[problem.items[item] ?? 0] ?? [];
    return Math.max(most, shapes[shape]?.cycles ?? 0);
  }, 0);
}
