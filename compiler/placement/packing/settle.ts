/**
 * Items that are settled before the search at one interval: those with a given north-west corner, then those that must touch something that
 * lies already. Each takes its smallest shape that is fast enough and has room.
 */
import type { Placed } from "./blocks.ts";
import { type Box, partsOf } from "./grid.ts";
import type { Group, Problem, Site } from "../problem.ts";
import type { Staircase, Standing } from "./staircase.ts";

/** Places by item. */
export type Settled = ReadonlyMap<number, Placed>;

const area = ({ width, height }: Standing): number => width * height;

/** Smallest first. */
const bySize = (stairs: Staircase): Standing[] => [...stairs].sort((a, b) => area(a) - area(b));

/** Settles what can be settled; null when something has no room. */
export function settle(problem: Problem, site: Site, stairs: readonly Staircase[]): Settled | null {
  const settled = new Map<number, Placed>();
  const stairsOf = (item: number): Staircase => stairs[problem.items[item] ?? -1] ?? [];
  const taken: Box[] = [];
  const isFree = (box: Box): boolean => site.grid.isFree(box) && taken.every((other) => !overlap(box, other));
  const put = (item: number, placed: Placed): void => {
    settled.set(item, placed);
    taken.push(placed);
  };
  for (const { item, x, y, rotated } of site.corners) {
    const place = bySize(stairsOf(item))
      .filter((standing) => rotated === null || standing.rotated === rotated)
      .map((standing) => ({ ...standing, x, y }))
      .find(isFree);
    if (place === undefined) return null;
    put(item, place);
  }
  for (const group of site.groups) if (!attach(group, settled, stairsOf, isFree, put)) return null;
  return settled;
}

const overlap = (a: Box, b: Box): boolean =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

/** Lays the rest of a group against what lies of it; true when nothing of it lies yet, or all of it hangs together. */
function attach(
  group: Group,
  settled: Settled,
  stairsOf: (item: number) => Staircase,
  isFree: (box: Box) => boolean,
  put: (item: number, placed: Placed) => void,
): boolean {
  const boxes: Box[] = [...group.anchors, ...group.items.flatMap((item) => settled.get(item) ?? [])];
  if (boxes.length === 0) return true;
  for (const item of group.items) {
    if (settled.has(item)) continue;
    const place = besideBest(boxes, stairsOf(item), isFree);
    if (place === null) return false;
    put(item, place);
    boxes.push(place);
  }
  return partsOf(boxes) === 1;
}

/** The place along the boxes that leaves least parts, then the smallest shape there. */
function besideBest(boxes: readonly Box[], stairs: Staircase, isFree: (box: Box) => boolean): Placed | null {
  let best: Placed | null = null;
  let fewest = Infinity;
  for (const standing of bySize(stairs)) {
    for (const box of boxes) {
      for (const place of placesBeside(box, standing)) {
        if (!isFree(place)) continue;
        const parts = partsOf([...boxes, place]);
        if (parts >= fewest) continue;
        fewest = parts;
        best = place;
      }
    }
    if (fewest === 1) break;
  }
  return best;
}

/** Beside each side of a box, flush with either end. */
function placesBeside({ x, y, width, height }: Box, standing: Standing): Placed[] {
  const [endX, endY] = [x + width - standing.width, y + height - standing.height];
  const at = (px: number, py: number): Placed => ({ ...standing, x: px, y: py });
  return [
    at(x + width, y), at(x + width, endY), at(x - standing.width, y), at(x - standing.width, endY),
    at(x, y + height), at(endX, y + height), at(x, y - standing.height), at(endX, y - standing.height),
  ]; // prettier-ignore
}
