/**
 * Wire length: a lower bound, and a local search that moves kernels of a finished packing nearer to what they exchange data with.
 *
 * Two rectangles that do not overlap are apart by at least half their shorter sides together, so the sum over edges of half the shortest
 * sides that the kernels can have is a bound.
 */
import type { KernelGraph, KernelId } from "../../ir/kernel-graph.ts";
import type { Placed } from "./packing/blocks.ts";
import type { Box, Grid } from "./packing/grid.ts";
import type { Problem } from "./problem.ts";
import { type Staircase, staircases, type Standing } from "./packing/staircase.ts";
import type { Held, Task } from "./task.ts";

const shortSide = ({ rows, columns }: { readonly rows: number; readonly columns: number }): number =>
  Math.min(rows, columns);

/** No placement of these kernels has shorter wires. */
export function wireBound(graph: KernelGraph, task: Task): number {
  const shortest = new Array<number>(graph.kernels.length).fill(0);
  for (const [item, id] of task.ids.entries()) {
    const candidates = task.lists[item]?.candidates ?? [];
    shortest[id] = candidates.reduce((least, candidate) => Math.min(least, shortSide(candidate)), Infinity);
  }
  for (const { kernel, list } of task.held) {
    shortest[kernel] = list.candidates.reduce((least, candidate) => Math.min(least, shortSide(candidate)), Infinity);
  }
  const settled = new Map(task.held.flatMap((one) => (isTight(one) ? [[one.kernel, one.rect] as const] : [])));
  return graph.edges.reduce((sum, { from, to }) => {
    const a = settled.get(from);
    const b = settled.get(to);
    if (a !== undefined && b !== undefined) return sum + distance(a, b);
    return sum + ((shortest[from] ?? 0) + (shortest[to] ?? 0)) / 2;
  }, 0);
}

/** True when no other variant of the kernel fits what is reserved for it in another place. */
const isTight = ({ rect, reserved, list }: Held): boolean =>
  rect.width === reserved.width && rect.height === reserved.height && list.candidates.length === 1;

const middleX = (box: Box): number => box.x + box.width / 2;
const middleY = (box: Box): number => box.y + box.height / 2;
const distance = (a: Box, b: Box): number => Math.abs(middleX(a) - middleX(b)) + Math.abs(middleY(a) - middleY(b));

/** Rounds over all kernels at most. */
const maxRounds = 12;

/** Boxes looked at per search at most; decides how many rounds large graphs get. */
const stepBudget = 4e8;

/** Shapes per kernel that are tried at a new place. */
const maxShapes = 10;

interface Wires {
  readonly problem: Problem;
  readonly grid: Grid;
  /** boxes by kernel; undefined for none */
  readonly boxes: (Placed | Box)[];
  /** kernels at the other end of each edge, by kernel */
  readonly ends: readonly (readonly KernelId[])[];
}

/** Moves items of a plan, one at a time, as long as wires get shorter; shapes are those of at most `cycles`. */
export function shortenWires(
  graph: KernelGraph,
  task: Task,
  plan: readonly Placed[],
  cycles: number,
  grid: Grid,
  origin: { readonly x: number; readonly y: number },
): readonly Placed[] {
  const { problem, ids } = task;
  const boxes = new Array<Placed | Box>(graph.kernels.length);
  for (const { kernel, rect } of task.held) boxes[kernel] = { ...rect, x: rect.x - origin.x, y: rect.y - origin.y };
  for (const [item, id] of ids.entries()) boxes[id] = plan[item] as Placed;
  const ends: KernelId[][] = graph.kernels.map(() => []);
  for (const { from, to } of graph.edges) {
    ends[from]?.push(to);
    ends[to]?.push(from);
  }
  const wires: Wires = { problem, grid, boxes, ends };
  const stairs = staircases(problem, cycles);
  const shapes = stairs.map(shapesToTry);
  const tied = new Set([
    ...(problem.site?.corners.map(({ item }) => item) ?? []),
    ...(problem.site?.groups.flatMap(({ items }) => items) ?? []),
  ]);
  const perRound = ids.length * ids.length * (maxShapes * 24);
  const rounds = Math.min(maxRounds, Math.floor(stepBudget / Math.max(1, perRound)));
  for (let round = 0; round < rounds; round++) {
    let moved = false;
    for (const [item, id] of ids.entries()) {
      if (tied.has(item) || ends[id]?.length === 0) continue;
      const better = bestMove(wires, id, shapes[problem.items[item] ?? -1] ?? []);
      if (better === null) continue;
      boxes[id] = better;
      moved = true;
    }
    if (!moved) break;
  }
  return ids.map((id) => boxes[id] as Placed);
}

/** The flattest and tallest steps, the squarest, and some between. */
function shapesToTry(stairs: Staircase): readonly Standing[] {
  if (stairs.length <= maxShapes) return stairs;
  const picked = Array.from(
    { length: maxShapes },
    (_, i) => stairs[Math.round((i * (stairs.length - 1)) / (maxShapes - 1))] as Standing,
  );
  const squarest = stairs.reduce((a, b) => (b.width + b.height < a.width + a.height ? b : a));
  return [...new Set([...picked, squarest])];
}

const wireOf = ({ boxes, ends }: Wires, id: KernelId, box: Box): number =>
  (ends[id] ?? []).reduce((sum, other) => sum + distance(box, boxes[other] as Box), 0);

/** The place with the shortest wires that is better than the present one; null when there is none. */
function bestMove(wires: Wires, id: KernelId, shapes: readonly Standing[]): Placed | null {
  const now = wires.boxes[id] as Placed;
  let least = wireOf(wires, id, now) - 1e-9;
  let best: Placed | null = null;
  const others = new Set(wires.ends[id]);
  const wishX = medianOf([...(wires.ends[id] ?? [])].map((other) => middleX(wires.boxes[other] as Box)));
  const wishY = medianOf([...(wires.ends[id] ?? [])].map((other) => middleY(wires.boxes[other] as Box)));
  for (const shape of [now, ...shapes]) {
    for (const place of placesFor(wires, others, shape, now, wishX, wishY)) {
      const length = wireOf(wires, id, place);
      if (length >= least || !isFree(wires, id, place)) continue;
      least = length;
      best = place;
    }
  }
  return best;
}

function medianOf(values: number[]): number {
  values.sort((a, b) => a - b);
  return values[values.length >> 1] ?? 0;
}

/** Nearest to the wished middle along either axis, and beside every neighbour. */
function placesFor(
  { boxes }: Wires,
  others: ReadonlySet<KernelId>,
  shape: Standing,
  now: Box,
  wishX: number,
  wishY: number,
): Placed[] {
  const { width, height, shape: index, rotated } = shape;
  const at = (x: number, y: number): Placed => ({
    x: Math.floor(x),
    y: Math.floor(y),
    width,
    height,
    shape: index,
    rotated,
  });
  const toX = wishX - width / 2;
  const toY = wishY - height / 2;
  const places = [at(toX, toY), at(toX, now.y), at(now.x, toY), at(now.x + Math.sign(toX - now.x), now.y), at(now.x, now.y + Math.sign(toY - now.y))]; // prettier-ignore
  for (const other of others) {
    const box = boxes[other] as Box;
    const [centreX, centreY] = [middleX(box) - width / 2, middleY(box) - height / 2];
    for (const y of [box.y - height, box.y + box.height]) places.push(at(centreX, y), at(toX, y), at(now.x, y));
    for (const x of [box.x - width, box.x + box.width]) places.push(at(x, centreY), at(x, toY), at(x, now.y));
  }
  return places;
}

function isFree({ grid, boxes }: Wires, id: KernelId, box: Box): boolean {
  if (!grid.isFree(box)) return false;
  for (let other = 0; other < boxes.length; other++) {
    const taken = boxes[other];
    if (other === id || taken === undefined) continue;
    if (box.x < taken.x + taken.width && taken.x < box.x + box.width && box.y < taken.y + taken.height && taken.y < box.y + box.height) return false; // prettier-ignore
  }
  return true;
}
