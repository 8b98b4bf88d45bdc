/**
 * Why a placement is no better: which constraint binds and at which layer, with figures, and for each thing that could be changed the least
 * change that would help. Nothing is guessed: a change is applied to the target or the constraints, and the bound on the interval (or, for
 * links, the routes of the same rectangles) is computed again under it.
 */
import { showName } from "../../ir/diagnostic.ts";
import { type KernelGraph, sramCategories } from "../../ir/kernel-graph.ts";
import { type Placement, type PlacementConstraints, unconstrained } from "../../ir/placement.ts";
import type { VariantList } from "../kernels/family.ts";
import { ioBytesPerCycle, type Target, usableRect } from "../targets/target.ts";
import { areaBound, areaCurve, totalAreaAt } from "./area-bound.ts";
import { ioCyclesOf, linkCyclesOf } from "./certificate.ts";
import { fastFirst, holdPins } from "./hold.ts";
import { classCounts, coresOf } from "./problem.ts";
import { routePlan } from "./search.ts";
import { type Task, taskOf, variantsInside } from "./task.ts";
import { tunedVariants } from "./variants.ts";

/** What keeps the interval from being shorter. */
export type Binding = "area" | "memory" | "kernel" | "pin" | "packing" | "link" | "io";

/** A change and what it was computed to do. */
export interface Change {
  /** what is changed, as `core.sramBytes` */
  readonly what: string;
  readonly from: number;
  readonly to: number;
  readonly unit: string;
  /** cycles between samples that are proven necessary, before and after */
  readonly before: number;
  readonly after: number;
}

export interface Explanation {
  readonly binding: Binding;
  /** the layer at which it binds; null for the wafer's edge or an empty graph */
  readonly layer: string | null;
  /** one sentence with the figures */
  readonly reason: string;
  readonly figures: {
    readonly intervalCycles: number;
    readonly boundCycles: number;
    readonly kernelCycles: number;
    readonly linkCycles: number;
    readonly ioCycles: number;
    readonly coresUsed: number;
    readonly coresUsable: number;
    /** words per cycle over the fullest link, of so many */
    readonly linkWordsPerCycle: number;
    readonly linkCapacity: number;
    readonly linkEdges: readonly string[];
    /** bytes per cycle over the wafer's edge */
    readonly ioBytesPerCycle: number;
    readonly routerColors: number;
    readonly routerCapacity: number;
    /** bytes in the fullest core of the slowest layer */
    readonly sramBytes: number;
    readonly sramCapacity: number;
  };
  readonly changes: readonly Change[];
}

/** A target with constraints, and the least interval that both allow. */
interface Case {
  readonly target: Target;
  readonly constraints: PlacementConstraints;
}

interface Sized {
  readonly bound: number;
  readonly task: Task;
  readonly lists: readonly VariantList[];
}

/** Explains a placement; takes some seconds for large graphs, since variants are listed again for every change. */
export function explainPlacement(graph: KernelGraph, target: Target, placement: Placement): Explanation {
  const { constraints, certificate } = placement;
  const base = sized(graph, { target, constraints });
  const { binding, layer, reason } = bindingOf(graph, target, placement, base);
  const sram = sramOfSlowest(placement);
  const cores = placement.kernels.reduce((sum, { rect }) => sum + rect.width * rect.height, 0);
  const usable = usableRect(target);
  const words = certificate.fullestLink?.words ?? 0;
  return {
    binding,
    layer,
    reason,
    figures: {
      intervalCycles: certificate.objective,
      boundCycles: certificate.bound,
      kernelCycles: certificate.kernelCycles,
      linkCycles: certificate.linkCycles,
      ioCycles: certificate.ioCycles,
      coresUsed: cores,
      coresUsable: base === null ? usable.width * usable.height : coresOf(base.task.problem) + heldCores(base.task),
      linkWordsPerCycle: words / certificate.objective,
      linkCapacity: target.link.wordsPerCycle,
      linkEdges: (certificate.fullestLink?.edges ?? []).map((edge) => edgeName(graph, edge)),
      ioBytesPerCycle: (certificate.ioCycles * ioBytesPerCycle(target)) / certificate.objective,
      routerColors: certificate.fullestRouter?.colors ?? 0,
      routerCapacity: target.colors.perRouter,
      sramBytes: sram,
      sramCapacity: target.core.sramBytes,
    },
    changes: base === null ? [] : changesOf(graph, target, placement, base),
  };
}

const heldCores = ({ held }: Task): number =>
  held.reduce((sum, { reserved }) => sum + reserved.width * reserved.height, 0);

function edgeName(graph: KernelGraph, index: number): string {
  const edge = graph.edges[index];
  const name = (id: number | undefined): string => showName(graph.kernels[id ?? -1]?.name ?? "");
  return `${name(edge?.from)} -> ${name(edge?.to)}`;
}

function sramOfSlowest({ kernels, certificate }: Placement): number {
  const slowest = certificate.slowest === null ? undefined : kernels[certificate.slowest];
  return slowest === undefined ? 0 : sramCategories.reduce((sum, category) => sum + slowest.variant.sram[category], 0);
}

/** The bound on the interval in one case; null when not everything has a variant. */
function sized(graph: KernelGraph, { target, constraints }: Case): Sized | null {
  const ioCycles = ioCyclesOf(graph, target);
  const lists = tunedVariants(graph, target, ioCycles);
  if (lists.some(({ candidates }) => candidates.length === 0)) return null;
  const held = holdPins(constraints, (kernel, rect) => variantsInside(graph, target, kernel, rect), fastFirst);
  if ("unfit" in held) return null;
  const task = taskOf(graph, target, lists, constraints, held);
  if ("kernel" in task) return null;
  const bound = areaBound(task.problem);
  if (bound === null) return null;
  const pinned = held.map(({ list, variant }) => list.describe(variant).cycles);
  return { bound: Math.max(1, bound, ioCycles, ...pinned), task, lists };
}

interface Found {
  readonly binding: Binding;
  readonly layer: string | null;
  readonly reason: string;
}

const cyclesText = (cycles: number): string => `${Math.round(cycles)} cycles`;

/** Which of all limits is the one that decides. */
function bindingOf(graph: KernelGraph, target: Target, placement: Placement, base: Sized | null): Found {
  const { certificate, kernels } = placement;
  const { bottleneck, slowest, objective, bound, fullestLink } = certificate;
  if (bottleneck === "io") {
    const bytes = certificate.ioCycles * ioBytesPerCycle(target);
    return { binding: "io", layer: null, reason: `the model's inputs and outputs are ${Math.round(bytes)} bytes a sample over an edge of ${ioBytesPerCycle(target).toFixed(1)} bytes a cycle` }; // prettier-ignore
  }
  if (bottleneck === "link") {
    const edges = (fullestLink?.edges ?? []).map((edge) => edgeName(graph, edge));
    const where = fullestLink === null ? "" : ` at (${fullestLink.x}, ${fullestLink.y}) ${fullestLink.direction}`;
    return { binding: "link", layer: edges[0] ?? null, reason: `the fullest link${where} carries ${Math.round(fullestLink?.words ?? 0)} words a sample, of ${edges.join(" and ")}; the slowest layer takes ${cyclesText(certificate.kernelCycles)}` }; // prettier-ignore
  }
  const kernel = slowest === null ? undefined : kernels[slowest];
  if (kernel === undefined || base === null) return { binding: "kernel", layer: null, reason: "nothing is placed" };
  const layer = showName(kernel.name);
  const is = `"${layer}" takes ${cyclesText(kernel.variant.cycles)} on ${kernel.rect.width} x ${kernel.rect.height} cores`;
  if (placement.constraints.pins.some((pin) => pin.kernel === slowest && pin.width !== null)) {
    return { binding: "pin", layer, reason: `${is}, the fastest that its pinned rectangle allows` };
  }
  const fastest = base.lists[kernel.kernel]?.candidates[0]?.cycles ?? 0;
  if (fastest >= kernel.variant.cycles) return alone(graph, target, kernel.kernel, layer, is);
  const { task } = base;
  const counts = classCounts(task.problem);
  const curves = task.problem.classes.map(areaCurve);
  if (objective > bound) {
    const needed = totalAreaAt(curves, counts, objective - 1);
    return { binding: "packing", layer, reason: `${is}; by area ${cyclesText(bound)} are possible (${needed} of ${coresOf(task.problem)} cores for one cycle less), and no arrangement with its routes was found` }; // prettier-ignore
  }
  const needed = totalAreaAt(curves, counts, objective - 1);
  return { binding: "area", layer, reason: `${is}; all layers one cycle faster need ${Number.isFinite(needed) ? needed : "more than any number of"} cores, and ${coresOf(task.problem)} are there` }; // prettier-ignore
}

/** A layer that is as fast as it can be on this target: because of SRAM, or because its loops cannot be cut further. */
function alone(graph: KernelGraph, target: Target, id: number, layer: string, is: string): Found {
  const rich = { ...target, core: { ...target.core, sramBytes: target.core.sramBytes * 4 } };
  const { width, height } = usableRect(target);
  const fastest = (machine: Target): number =>
    variantsInside(graph, machine, id, { x: 0, y: 0, width, height }).candidates[0]?.cycles ?? Infinity;
  const now = fastest(target);
  return fastest(rich) < now
    ? { binding: "memory", layer, reason: `${is}; with four times the SRAM per core it would take ${cyclesText(fastest(rich))}` } // prettier-ignore
    : { binding: "kernel", layer, reason: `${is}, and no cut of its loops is faster, however many cores` };
}

/** Factors by which something is made larger, tried in turn until the bound falls. */
const factors = [1.01, 1.02, 1.05, 1.1, 1.25, 1.5, 2, 4];

function changesOf(graph: KernelGraph, target: Target, placement: Placement, base: Sized): Change[] {
  const { constraints } = placement;
  const before = base.bound;
  const found: (Change | null)[] = [moreCores(base), ...[1.1, 2].map((factor) => coresTimes(base, factor))];
  const attempt = (what: string, unit: string, from: number, change: (value: number) => Target, whole: boolean): Change | null => {
    for (const factor of factors) {
      const to = whole ? Math.ceil(from * factor) : from * factor;
      const after = sized(graph, { target: change(to), constraints })?.bound ?? before;
      if (after < before) return { what, from, to, unit, before, after };
    }
    return null;
  }; // prettier-ignore
  const { core, link, io } = target;
  found.push(
    attempt("core.sramBytes", "bytes", core.sramBytes, (sramBytes) => ({ ...target, core: { ...core, sramBytes } }), true), // prettier-ignore
    attempt("link.wordsPerCycle", "words per cycle", link.wordsPerCycle, (wordsPerCycle) => ({ ...target, link: { ...link, wordsPerCycle } }), false), // prettier-ignore
    linkOfRoutes(graph, target, placement),
    attempt("io.bytesPerSecond", "bytes per second", io.bytesPerSecond, (bytesPerSecond) => ({ ...target, io: { ...io, bytesPerSecond } }), false), // prettier-ignore
    ...withoutEach(graph, target, constraints, before),
  );
  return found.filter((change) => change !== null);
}

/** Cores that make the next shorter interval possible by area; null when other things bind. */
function moreCores({ task, bound }: Sized): Change | null {
  const { problem } = task;
  const curves = problem.classes.map(areaCurve);
  const counts = classCounts(problem);
  const times = curves.flatMap(({ times: own }) => own).filter((time) => time < bound);
  const have = coresOf(problem);
  const after = times.length === 0 ? 0 : times.reduce((most, time) => Math.max(most, time), 0);
  const needed = after === 0 ? Infinity : totalAreaAt(curves, counts, after);
  if (!Number.isFinite(needed) || needed <= have) return null;
  return { what: "usable cores", from: have, to: needed, unit: "cores", before: bound, after };
}

/** The bound when there are so many times more cores, with the same variants. */
function coresTimes({ task, bound }: Sized, factor: number): Change | null {
  const { site: _, ...bare } = task.problem;
  const have = coresOf(task.problem);
  const to = Math.round(have * factor);
  const held = task.held.map(({ list, variant }) => list.describe(variant).cycles);
  const after = Math.max(areaBound({ ...bare, width: to, height: 1 }) ?? bound, ...held);
  return after < bound ? { what: "usable cores", from: have, to, unit: "cores", before: bound, after } : null;
}

/** Words per link and cycle with which the same rectangles, routed again, are no longer slowed by links. */
function linkOfRoutes(graph: KernelGraph, target: Target, { kernels, constraints, certificate }: Placement): Change | null {
  if (certificate.bottleneck !== "link") return null;
  const from = target.link.wordsPerCycle;
  const scene = { graph, constraints, ioCycles: certificate.ioCycles };
  const kernelCycles = Math.max(certificate.kernelCycles, certificate.ioCycles);
  for (const factor of [...factors, 8, 16]) {
    const machine = { ...target, link: { ...target.link, wordsPerCycle: from * factor } };
    const routed = routePlan({ ...scene, target: machine }, kernels);
    if (!("routing" in routed)) continue;
    const after = Math.max(kernelCycles, linkCyclesOf(routed.routing, machine));
    if (after < certificate.objective) {
      return { what: "link.wordsPerCycle on these rectangles", from, to: from * factor, unit: "words per cycle", before: certificate.objective, after }; // prettier-ignore
    }
  }
  return null;
} // prettier-ignore

/** The bound without each kind of constraint. */
function withoutEach(
  graph: KernelGraph,
  target: Target,
  constraints: PlacementConstraints,
  before: number,
): (Change | null)[] {
  const kinds: readonly (readonly [string, number, Partial<PlacementConstraints>])[] = [
    ["pins", constraints.pins.length, { pins: unconstrained.pins }],
    ["keep-out areas", constraints.keepOut.length, { keepOut: unconstrained.keepOut }],
    ["dead cores", constraints.deadCores.length, { deadCores: unconstrained.deadCores }],
  ];
  return kinds.map(([what, from, change]) => {
    if (from === 0) return null;
    const after = sized(graph, { target, constraints: { ...constraints, ...change } })?.bound ?? before;
    return after < before ? { what, from, to: 0, unit: what, before, after } : null;
  });
}
