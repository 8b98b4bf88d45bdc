/**
 * Kernels whose rectangle is settled before the search: those pinned to a rectangle, and those that stay where an earlier placement had them.
 */
import type { KernelGraph, KernelId } from "../../ir/kernel-graph.ts";
import { doubleCentre, type Movement, type PlacedKernel, type Placement, type PlacementConstraints, type Rect } from "../../ir/placement.ts"; // prettier-ignore
import type { VariantList } from "../kernels/family.ts";
import { type Target, usableRect } from "../../ir/machine/target.ts";
import { type Box, Grid, overlapOf } from "./packing/grid.ts";
import { blockedBoxes, type Held, holdIn, type Preference, rectOfPin } from "./task.ts";

/** Fast before small, or small before fast. */
export const fastFirst: Preference = (a, b) => a.cycles - b.cycles || a.rows * a.columns - b.rows * b.columns;
export const smallFirst: Preference = (a, b) => a.rows * a.columns - b.rows * b.columns || a.cycles - b.cycles;
export const thinFirst: Preference = (a, b) =>
  Math.min(a.rows, a.columns) - Math.min(b.rows, b.columns) || smallFirst(a, b);

/** Where variants of a kernel inside a rectangle come from. */
export type ListInside = (kernel: KernelId, rect: Rect) => VariantList;

/** Settles the kernels that are pinned to a rectangle; a kernel without a variant that fits is returned instead. */
export function holdPins(
  constraints: PlacementConstraints,
  listInside: ListInside,
  better: Preference,
): readonly Held[] | { readonly unfit: KernelId } {
  const held: Held[] = [];
  for (const pin of constraints.pins) {
    const rect = rectOfPin(pin);
    if (rect === null) continue;
    const one = holdIn(pin.kernel, rect, pin.rotated, listInside(pin.kernel, rect), better);
    if (one === null) return { unfit: pin.kernel };
    held.push(one);
  }
  return held;
}

/** What may be lost of an earlier placement's speed by a layer that is kept in a changed form. */
const speedLoss = 1.02;

/** Kernels of an earlier placement that can stay where they were; those of another name or family are not looked for. */
export function holdOld(
  graph: KernelGraph,
  target: Target,
  constraints: PlacementConstraints,
  old: Placement,
  pinned: readonly Held[],
  listInside: ListInside,
): readonly Held[] {
  const { x, y, width, height } = usableRect(target);
  const local = (rect: Rect): Box => ({ ...rect, x: rect.x - x, y: rect.y - y });
  const grid = new Grid(width, height, [
    ...blockedBoxes(constraints, target),
    ...pinned.map(({ reserved }) => local(reserved)),
  ]);
  const settled = new Set([...pinned.map(({ kernel }) => kernel), ...constraints.pins.map(({ kernel }) => kernel)]);
  const kept: Held[] = [];
  for (const [kernel, before] of matches(graph, old)) {
    if (settled.has(kernel) || !grid.isFree(local(before.rect))) continue;
    if (kept.some(({ rect }) => overlapOf(rect, before.rect) !== null)) continue;
    const one = holdAsBefore(kernel, before, listInside(kernel, before.rect));
    const allowed = Math.max(before.variant.cycles, old.certificate.objective) * speedLoss;
    if (one !== null && one.list.describe(one.variant).cycles <= allowed) kept.push(one);
  }
  return kept;
}

/** The same sides where the kernel still has them, else the fastest inside its old rectangle. */
function holdAsBefore(kernel: KernelId, { rect, rotated, variant }: PlacedKernel, list: VariantList): Held | null {
  const isSame = (c: { rows: number; columns: number }): number =>
    c.rows === variant.mapping.height && c.columns === variant.mapping.width ? 0 : 1;
  const held = holdIn(kernel, rect, rotated, list, (a, b) => isSame(a) - isSame(b) || fastFirst(a, b));
  return held ?? holdIn(kernel, rect, null, list, fastFirst);
}

/** Kernels of the graph and what they were, paired by name and family; equal names in order. */
function matches(graph: KernelGraph, old: Placement): Map<KernelId, PlacedKernel> {
  const known = new Map<string, PlacedKernel[]>();
  const key = (family: string, name: string): string => `${family} ${name}`;
  for (const kernel of old.kernels) {
    const list = known.get(key(kernel.family, kernel.name));
    if (list === undefined) known.set(key(kernel.family, kernel.name), [kernel]);
    else list.push(kernel);
  }
  const pairs = new Map<KernelId, PlacedKernel>();
  for (const { id, family, name } of graph.kernels) {
    const before = known.get(key(family, name))?.shift();
    if (before !== undefined) pairs.set(id, before);
  }
  return pairs;
}

/** Kept kernels in the order in which they are given up: those nearest in the flow to what has to be placed, the slow ones first. */
export function releaseOrder(kept: readonly Held[], graph: KernelGraph, free: ReadonlySet<KernelId>): readonly Held[] {
  const distance = new Map(kept.map(({ kernel }) => [kernel, distanceTo(kernel, graph.kernels.length, free)]));
  const cycles = ({ list, variant }: Held): number => list.describe(variant).cycles;
  return [...kept].sort(
    (a, b) =>
      (distance.get(a.kernel) ?? 0) - (distance.get(b.kernel) ?? 0) || cycles(b) - cycles(a) || a.kernel - b.kernel,
  );
}

function distanceTo(kernel: KernelId, count: number, free: ReadonlySet<KernelId>): number {
  for (let step = 1; step < count; step++) if (free.has(kernel - step) || free.has(kernel + step)) return step;
  return count;
}

/** How far the kernels of a placement went from where they were. */
export function movementFrom(graph: KernelGraph, old: Placement, kernels: readonly PlacedKernel[]): Movement {
  const pairs = matches(graph, old);
  let kept = 0;
  let doubled = 0;
  for (const [id, before] of pairs) {
    const now = kernels[id]?.rect ?? before.rect;
    const a = doubleCentre(now);
    const b = doubleCentre(before.rect);
    doubled += Math.abs(a.x - b.x) + Math.abs(a.y - b.y);
    if (now.x === before.rect.x && now.y === before.rect.y && now.width === before.rect.width && now.height === before.rect.height) kept++; // prettier-ignore
  }
  return { kept, moved: pairs.size - kept, added: kernels.length - pairs.size, distance: doubled / 2 };
}
