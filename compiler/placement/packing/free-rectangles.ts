/**
 * A packer for rectangles that are blocked here and there, as by dead cores: it keeps all free boxes that cannot be made larger, puts each
 * item into a corner of one of them, and splits the boxes that it cuts. A heuristic: what it does not find may exist.
 */
import type { Placed } from "./blocks.ts";
import type { Box, Grid } from "./grid.ts";
import type { Problem } from "../problem.ts";
import type { Staircase, Standing } from "./staircase.ts";

/** In which order items are placed, and which corner is taken. */
export interface PackingMode {
  /** as data flows, or the largest first */
  readonly order: "flow" | "area";
  /** nearest to what feeds the item, or where least is left over beside it */
  readonly choice: "near" | "snug";
}

/** All modes, in the order in which they are tried. */
export const packingModes: readonly PackingMode[] = [
  { order: "flow", choice: "near" },
  { order: "area", choice: "snug" },
  { order: "flow", choice: "snug" },
  { order: "area", choice: "near" },
];

/** Shapes larger than the smallest by this factor are tried only when no smaller one fits. */
const areaSlack = 1.12;

/** Free boxes kept at most, the largest. */
const maxBoxes = 12_000;

/** Steps (items times free boxes) beyond which only the first modes are tried. */
const stepBudget = 4e6;

/** How many of the modes a problem can afford. */
export const affordableModes = (problem: Problem, boxes: readonly Box[]): readonly PackingMode[] =>
  packingModes.slice(0, problem.items.length * (boxes.length + 4 * problem.items.length) > stepBudget ? 2 : 4);

/** Free boxes of a grid, the largest first and not too many. */
export function freeBoxesOf(grid: Grid): readonly Box[] {
  const boxes = grid.largestBoxes();
  if (boxes.length <= maxBoxes) return boxes;
  return boxes.sort((a, b) => b.width * b.height - a.width * a.height).slice(0, maxBoxes);
}

/** Packs all items; null when one finds no room. `neighbours` are the items that exchange data with an item, placed or not. */
export function packFreeBoxes(
  problem: Problem,
  stairs: readonly Staircase[],
  boxes: readonly Box[],
  mode: PackingMode,
): readonly Placed[] | null {
  const standings = stairs.map(roundsOf);
  const placed = new Array<Placed | undefined>(problem.items.length);
  let free = boxes;
  for (const item of ordered(problem, standings, mode)) {
    const place = bestPlace(free, standings[problem.items[item] ?? -1] ?? nothing, wishOf(placed, item), mode);
    if (place === null) return null;
    placed[item] = place;
    free = without(free, place);
  }
  return placed as Placed[];
}

const area = ({ width, height }: { readonly width: number; readonly height: number }): number => width * height;

const bySize = (stairs: Staircase): readonly Standing[] => [...stairs].sort((a, b) => area(a) - area(b));

function ordered({ items }: Problem, standings: readonly Rounds[], { order }: PackingMode): number[] {
  const all = [...items.keys()];
  if (order === "flow") return all;
  const least = items.map((item) => area(standings[item]?.good[0] ?? { width: 0, height: 0 }));
  return all.sort((a, b) => (least[b] ?? 0) - (least[a] ?? 0) || a - b);
}

/** Twice the middle of the items placed before and after one in the flow; null when none of them is placed. */
function wishOf(placed: readonly (Placed | undefined)[], item: number): Wish {
  const near = [placed[item - 1], placed[item + 1]].filter((one) => one !== undefined);
  if (near.length === 0) return null;
  const sum = (of: (one: Placed) => number): number => near.reduce((total, one) => total + of(one), 0) / near.length;
  return { x: sum((one) => 2 * one.x + one.width), y: sum((one) => 2 * one.y + one.height) };
}

/** The best place of the good shapes; where none fits, that of the smallest other one that does. */
function bestPlace(free: readonly Box[], { good, others }: Rounds, wish: Wish, mode: PackingMode): Placed | null {
  const first = bestOf(free, good, wish, mode);
  if (first !== null) return first;
  for (const size of others) {
    const place = bestOf(free, [size], wish, mode);
    if (place !== null) return place;
  }
  return null;
}

function bestOf(free: readonly Box[], sizes: readonly Standing[], wish: Wish, { choice }: PackingMode): Placed | null {
  const found: { place: Placed | null; score: number } = { place: null, score: Infinity };
  for (const box of free) {
    for (const size of sizes) {
      if (size.width > box.width || size.height > box.height) continue;
      const snug = Math.min(box.width - size.width, box.height - size.height);
      if (choice === "snug" && snug > found.score) continue;
      for (let corner = 0; corner < 4; corner++) {
        const x = corner % 2 === 0 ? box.x : box.x + box.width - size.width;
        const y = corner < 2 ? box.y : box.y + box.height - size.height;
        const away =
          wish === null ? x + y : Math.abs(2 * x + size.width - wish.x) + Math.abs(2 * y + size.height - wish.y);
        // ties are broken by the other measure
        const score = choice === "snug" ? snug + away * 1e-6 : away + snug * 1e-3;
        if (score >= found.score) continue;
        found.score = score;
        found.place = { ...size, x, y };
      }
    }
  }
  return found.place;
}

/** Shapes to try at first, and those to fall back on, each smallest first. */
interface Rounds {
  readonly good: readonly Standing[];
  readonly others: readonly Standing[];
}

function roundsOf(stairs: Staircase): Rounds {
  const limit = areaSlack * stairs.reduce((least, standing) => Math.min(least, area(standing)), Infinity);
  const small = stairs.filter((standing) => area(standing) <= limit);
  const step = Math.max(1, small.length / maxGood);
  const count = Math.min(maxGood, small.length);
  const good = new Set(Array.from({ length: count }, (_, i) => small[Math.floor(i * step)] as Standing));
  return { good: bySize([...good]), others: bySize(stairs.filter((standing) => !good.has(standing))) };
}

/** Twice the middle that an item should have; null for no wish. */
type Wish = { readonly x: number; readonly y: number } | null;

const nothing: Rounds = { good: [], others: [] };

/** Shapes tried at first at most. */
const maxGood = 12;

/** The free boxes that remain when a box is taken. */
export function without(free: readonly Box[], taken: Box): readonly Box[] {
  const kept: Box[] = [];
  const parts: Box[] = [];
  const [right, bottom] = [taken.x + taken.width, taken.y + taken.height];
  for (const box of free) {
    const [boxRight, boxBottom] = [box.x + box.width, box.y + box.height];
    if (taken.x >= boxRight || box.x >= right || taken.y >= boxBottom || box.y >= bottom) {
      kept.push(box);
      continue;
    }
    if (taken.x > box.x) parts.push({ ...box, width: taken.x - box.x });
    if (right < boxRight) parts.push({ ...box, x: right, width: boxRight - right });
    if (taken.y > box.y) parts.push({ ...box, height: taken.y - box.y });
    if (bottom < boxBottom) parts.push({ ...box, y: bottom, height: boxBottom - bottom });
  }
  parts.sort((a, b) => area(b) - area(a));
  const maximal: Box[] = [];
  for (const part of parts) if (!maximal.some((box) => holds(box, part))) maximal.push(part);
  // a whole box that was not cut can only hold a part that lies beside what was taken
  return [...kept, ...maximal.filter((part) => !kept.some((box) => holds(box, part)))];
}

const holds = (a: Box, b: Box): boolean =>
  a.x <= b.x && a.y <= b.y && a.x + a.width >= b.x + b.width && a.y + a.height >= b.y + b.height;
