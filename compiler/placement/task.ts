/**
 * What the engine is given: constraints split the kernels into those whose rectangle is settled before the search (pinned to a rectangle, or
 * kept from an earlier placement) and the items that remain, on the cores that remain. Variants that no free box of the wafer can hold are
 * dropped, which sharpens the bound: with scattered dead cores, free boxes are small.
 */
import type { KernelGraph, KernelId } from "../../ir/kernel-graph.ts";
import type { Pin, PlacementConstraints, Rect } from "../../ir/placement.ts";
import type { VariantList } from "../kernels/family.ts";
import { variantsOf } from "../kernels/library.ts";
import { type Target, usableRect } from "../../ir/machine/target.ts";
import { type Box, Grid, widestByHeight } from "./packing/grid.ts";
import type { CornerPin, Group, Problem } from "./problem.ts";
import { classesOf } from "./variants.ts";
import { filterVariants } from "./variant-lists.ts";

/** A kernel that the search does not touch. Coordinates are those of the fabric. */
export interface Held {
  readonly kernel: KernelId;
  readonly rect: Rect;
  /** cores that are the kernel's alone; at least its rectangle */
  readonly reserved: Rect;
  readonly rotated: boolean;
  readonly list: VariantList;
  /** index into the list's candidates */
  readonly variant: number;
}

export interface Task {
  readonly problem: Problem;
  /** kernel by item */
  readonly ids: readonly KernelId[];
  /** variants by item */
  readonly lists: readonly VariantList[];
  readonly held: readonly Held[];
}

/** A problem cannot be set up: these kernels have nowhere to lie. */
export interface Homeless {
  readonly homeless: readonly KernelId[];
}

/** Which of two variants a settled kernel takes, the better one first. */
export type Preference = (a: { rows: number; columns: number; cycles: number }, b: typeof a) => number;

/** The kernel's best variant inside a rectangle, in its north-west corner; null when none fits. */
export function holdIn(
  kernel: KernelId,
  rect: Rect,
  rotated: boolean | null,
  list: VariantList,
  better: Preference,
): Held | null {
  let best: { readonly index: number; readonly rotated: boolean } | null = null;
  for (const [index, candidate] of list.candidates.entries()) {
    const { rows, columns } = candidate;
    const upright = rotated !== true && columns <= rect.width && rows <= rect.height;
    const turned = rotated !== false && rows <= rect.width && columns <= rect.height;
    if (!upright && !turned) continue;
    const known = best === null ? undefined : list.candidates[best.index];
    if (known === undefined || better(candidate, known) < 0) best = { index, rotated: !upright };
  }
  if (best === null) return null;
  const { rows = 1, columns = 1 } = list.candidates[best.index] ?? {};
  const [width, height] = best.rotated ? [rows, columns] : [columns, rows];
  return {
    kernel,
    rect: { x: rect.x, y: rect.y, width, height },
    reserved: rect,
    rotated: best.rotated,
    list,
    variant: best.index,
  };
}

/** Variants of one kernel that fit a rectangle of the fabric, listed as finely as for a wafer of that size. */
export function variantsInside(graph: KernelGraph, target: Target, kernel: KernelId, rect: Rect): VariantList {
  const layer = graph.kernels[kernel];
  if (layer === undefined) throw new Error(`internal: no kernel ${kernel}`);
  const io = { ...target.io, columnsWest: 0, columnsEast: 0, rowsNorth: 0, rowsSouth: 0 };
  return variantsOf(layer, { ...target, io, fabric: { width: rect.width, height: rect.height } });
}

export const rectOfPin = ({ x, y, width, height }: Pin): Rect | null =>
  width === null || height === null ? null : { x, y, width, height };

/** Boxes that nobody may use, in coordinates of the usable rectangle; runs of dead cores in a row are one box. */
export function blockedBoxes(constraints: PlacementConstraints, target: Target): Box[] {
  const { x, y } = usableRect(target);
  const dead: { x: number; y: number; width: number; height: number }[] = [];
  for (const core of constraints.deadCores) {
    const last = dead.at(-1);
    if (last !== undefined && last.y === core.y - y && last.x + last.width === core.x - x) last.width++;
    else dead.push({ x: core.x - x, y: core.y - y, width: 1, height: 1 });
  }
  return [...dead, ...constraints.keepOut.map((rect) => ({ ...rect, x: rect.x - x, y: rect.y - y }))];
}

/** Sets up the engine's problem; `lists` are the variants by kernel. */
export function taskOf(
  graph: KernelGraph,
  target: Target,
  lists: readonly VariantList[],
  constraints: PlacementConstraints,
  held: readonly Held[],
): Task | Homeless {
  const { x, y, width, height } = usableRect(target);
  const local = (rect: Rect): Box => ({ ...rect, x: rect.x - x, y: rect.y - y });
  const blocked = [...blockedBoxes(constraints, target), ...held.map(({ reserved }) => local(reserved))];
  const settled = new Set(held.map(({ kernel }) => kernel));
  const ids = graph.kernels.flatMap(({ id }) => (settled.has(id) ? [] : [id]));
  const isBare = blocked.length === 0 && constraints.pins.length === 0 && constraints.coLocate.length === 0;
  if (isBare) {
    const homeless = emptyOf(ids, lists);
    if (homeless.length > 0) return { homeless };
    return { problem: { width, height, ...classesOf(lists) }, ids, lists, held };
  }
  const grid = new Grid(width, height, blocked);
  const itemOf = new Map(ids.map((id, item) => [id, item]));
  const corners = constraints.pins.flatMap((pin): CornerPin[] => {
    const item = itemOf.get(pin.kernel);
    return item === undefined ? [] : [{ item, x: pin.x - x, y: pin.y - y, rotated: pin.rotated }];
  });
  const fitting = fittingLists(ids, lists, grid, corners);
  const homeless = emptyOf(ids, fitting);
  if (homeless.length > 0) return { homeless };
  const groups = constraints.coLocate.map((members): Group => ({
    items: members.flatMap((id) => itemOf.get(id) ?? []),
    anchors: held.flatMap((one) => (members.includes(one.kernel) ? [local(one.rect)] : [])),
  }));
  return {
    problem: { width, height, ...classesOf(fitting), site: { grid, corners, groups } },
    ids,
    lists: fitting,
    held,
  };
}

/** Kernels whose list, at the same place, is empty. */
const emptyOf = (ids: readonly KernelId[], lists: readonly VariantList[]): readonly KernelId[] =>
  ids.filter((_, item) => lists[item]?.candidates.length === 0);

/** Variants of each item that some free box can hold, or that fit at its corner. */
function fittingLists(
  ids: readonly KernelId[],
  lists: readonly VariantList[],
  grid: Grid,
  corners: readonly CornerPin[],
): readonly VariantList[] {
  const widest = widestByHeight(grid.largestBoxes(), grid.height);
  const fits = (width: number, height: number): boolean => height <= grid.height && width <= (widest[height] ?? 0);
  const known = new Map<VariantList, VariantList>();
  return ids.map((id, item) => {
    const list = lists[id];
    if (list === undefined) throw new Error(`internal: kernel ${id} has no variants`);
    const corner = corners.find((one) => one.item === item);
    if (corner !== undefined)
      return filterVariants(list, ({ rows, columns }) => fitsCorner(grid, corner, rows, columns));
    const filtered =
      known.get(list) ?? filterVariants(list, ({ rows, columns }) => fits(columns, rows) || fits(rows, columns));
    known.set(list, filtered);
    return filtered;
  });
}

const fitsCorner = (grid: Grid, { x, y, rotated }: CornerPin, rows: number, columns: number): boolean =>
  (rotated !== true && grid.isFree({ x, y, width: columns, height: rows })) ||
  (rotated !== false && grid.isFree({ x, y, width: rows, height: columns }));
