/**
 * Kernels whose rectangle is settled before the search: those pinned to a rectangle, and those that stay where an earlier placement had them.
 */
import type { KernelGraph, KernelId } from "../../ir/kernel-graph.ts";
import {
  doubleCentre,
  type Movement,
  type PlacedKernel,
  type Placement,
  type PlacementConstraints,
  type Rect,
  type Route,
} from "../../ir/placement.ts";
import { costOf, siteOf, sramBytes, type Variant } from "../../ir/machine/cost.ts";
import { isMappingOf } from "../../ir/machine/mapping.ts";
import { nestOf } from "../../ir/machine/work.ts";
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

/** The list of the one variant that a kernel had; empty where it cannot have it any more. */
export type ListAsBefore = (kernel: KernelId, before: Variant) => VariantList;

/** Lists the mapping that a kernel of an earlier placement had, at what it costs now. */
export const listAsBefore =
  (graph: KernelGraph, target: Target): ListAsBefore =>
  (id, { mapping }) => {
    const kernel = graph.kernels[id];
    if (kernel === undefined) throw new Error(`internal: no kernel ${id}`);
    const variant = isMappingOf(kernel.loops, mapping)
      ? { mapping, ...costOf(siteOf(target, nestOf(kernel)), mapping) }
      : null;
    if (variant === null || sramBytes(variant.sram) > target.core.sramBytes) return { candidates: [], describe: none };
    const { height: rows, width: columns } = mapping;
    return { candidates: [{ rows, columns, cycles: variant.cycles }], describe: () => variant };
  };

const none = (): never => {
  throw new Error("internal: no such variant");
};

/** Settles the kernels that are pinned to a rectangle; kernels without a variant that fits are returned instead. */
export function holdPins(
  constraints: PlacementConstraints,
  listInside: ListInside,
  better: Preference,
): readonly Held[] | { readonly unfit: readonly KernelId[] } {
  const held: Held[] = [];
  const unfit: KernelId[] = [];
  for (const pin of constraints.pins) {
    const rect = rectOfPin(pin);
    if (rect === null) continue;
    const one = holdIn(pin.kernel, rect, pin.rotated, listInside(pin.kernel, rect), better);
    if (one === null) unfit.push(pin.kernel);
    else held.push(one);
  }
  return unfit.length > 0 ? { unfit } : held;
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
  asBefore: ListAsBefore,
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
    const same = holdIn(kernel, before.rect, before.rotated, asBefore(kernel, before.variant), fastFirst);
    const one = same ?? holdAsBefore(kernel, before, listInside(kernel, before.rect));
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

const sameRect = (a: Rect, b: Rect): boolean =>
  a.x === b.x && a.y === b.y && a.width === b.width && a.height === b.height;

/**
 * Routes of an earlier placement, by edge, for edges whose kernels both lie where they lay. Edges of one stream may share links, and routes
 * of one lane take turns, so that a stream, and a lane, keeps all of its routes or none.
 */
export function keptRoutes(
  graph: KernelGraph,
  old: Placement,
  kernels: readonly PlacedKernel[],
): ReadonlyMap<number, Route> {
  const idNow = new Map<KernelId, KernelId>();
  for (const [id, before] of matches(graph, old)) {
    const now = kernels[id];
    if (now !== undefined && sameRect(now.rect, before.rect)) idNow.set(before.kernel, id);
  }
  const between = new Map<string, Route[]>();
  for (const route of old.routes) {
    const key = `${idNow.get(route.from) ?? "gone"} ${idNow.get(route.to) ?? "gone"}`;
    between.set(key, [...(between.get(key) ?? []), route]);
  }
  const kept = new Map<number, Route>();
  const broken = new Set<number>();
  for (const [edge, { from, to, stream }] of graph.edges.entries()) {
    const route = between.get(`${from} ${to}`)?.shift();
    if (route === undefined) broken.add(stream);
    else kept.set(edge, { ...route, edge, from, to });
  }
  const whole = new Map([...kept].filter(([edge]) => !broken.has(graph.edges[edge]?.stream ?? -1)));
  return new Map([...whole].filter(([, route]) => route.turn === undefined || keepsLane(old, whole, route)));
}

/** True when as many routes of a lane are kept as it had. */
function keepsLane(old: Placement, kept: ReadonlyMap<number, Route>, route: Route): boolean {
  const inLane = (one: Route): boolean =>
    one.turn !== undefined && one.color === route.color && one.toX === route.toX && one.toY === route.toY;
  return [...kept.values()].filter(inLane).length === old.routes.filter(inLane).length;
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
    if (sameRect(now, before.rect)) kept++;
  }
  return { kept, moved: pairs.size - kept, added: kernels.length - pairs.size, distance: doubled / 2 };
}
