/**
 * Why a placement is no better: which constraint binds and at which layer, with figures, and for each thing that could be changed the least
 * change that would help (explain-changes.ts). Nothing is guessed: where the interval is above its bound, a faster packing is looked for and
 * routed, and what becomes of it tells whether rectangles, links or colors stand in the way.
 */
import { showName } from "../../../ir/diagnostic.ts";
import type { KernelGraph } from "../../../ir/kernel-graph.ts";
import { sramBytes } from "../../../ir/machine/cost.ts";
import { type PlacedKernel, type Placement, rectangleCores } from "../../../ir/placement.ts";
import { ioBytesPerCycle, type Target, usableRect } from "../../../ir/machine/target.ts";
import { areaCurve, totalAreaAt } from "../sizing/area-bound.ts";
import { Allowance, type ExplainLimits } from "./allowance.ts";
import { type Change, changesForRoutes, changesOf, type Jam, mostToPack, rowsForBound } from "./explain-changes.ts";
import { goalExplanations } from "./explain-goal.ts";
import { leastPackable, pack } from "../packing/floorplan.ts";
import { fullestOf } from "../routing/fullest.ts";
import { leastInterval, type PreparedProblem } from "../prepare.ts";
import { classCounts, coresOf } from "../problem.ts";
import { placedKernels, routePlan } from "../search.ts";
import { type Task, variantsInside } from "../task.ts";

export type { Change } from "./explain-changes.ts";

/** What keeps the interval from being shorter. */
export type Binding =
  "area" | "memory" | "kernel" | "pin" | "packing" | "link" | "colors" | "io" | "limit" | "movement";

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
  /** false: the limits were reached before every change was tried, or made as small as it can be */
  readonly isComplete: boolean;
}

/**
 * Explains a placement of a prepared problem; takes some seconds for large graphs, since variants are listed again for every change. Within limits
 * what binds is always said, and as many changes are tried as there is time for.
 */
export function explainPlacement(base: PreparedProblem, placement: Placement, limits: ExplainLimits = {}): Explanation {
  const { certificate } = placement;
  const { graph, target } = base.scene;
  const allowance = new Allowance(limits);
  const deadline = limits.deadline ?? Infinity;
  const { found, changes } = explainedBy({ graph, target, placement, base, allowance, deadline });
  const { binding, layer, reason } = found;
  const sram = sramOfSlowest(placement);
  const cores = rectangleCores(placement.kernels);
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
      coresUsable: coresOf(base.task.problem) + heldCores(base.task),
      linkWordsPerCycle: words / certificate.objective,
      linkCapacity: 1 / target.link.cyclesPerWord,
      linkEdges: (certificate.fullestLink?.edges ?? []).map((edge) => edgeName(graph, edge)),
      ioBytesPerCycle: (certificate.ioCycles * ioBytesPerCycle(target)) / certificate.objective,
      routerColors: certificate.fullestRouter?.colors ?? 0,
      routerCapacity: target.colors.perRouter,
      sramBytes: sram,
      sramCapacity: target.core.sramBytes,
    },
    changes,
    isComplete: !allowance.isCut,
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
  return slowest === undefined ? 0 : sramBytes(slowest.variant.sram);
}

/** What a placement is explained from. */
interface Subject {
  readonly graph: KernelGraph;
  readonly target: Target;
  readonly placement: Placement;
  readonly base: PreparedProblem;
  readonly allowance: Allowance;
  /** milliseconds since the epoch */
  readonly deadline: number;
}

/** What binds, and where. */
export interface Found {
  readonly binding: Binding;
  readonly layer: string | null;
  readonly reason: string;
  /** rectangles that routes are too slow for */
  readonly jam?: Jam;
  /** what would help, where the reason itself shows it */
  readonly change?: Change;
}

const cyclesText = (cycles: number): string => `${Math.round(cycles)} cycles`;

function explainedBy(subject: Subject): { readonly found: Found; readonly changes: readonly Change[] } {
  const { placement, base, allowance } = subject;
  const { kind } = placement.certificate.goal;
  if (kind !== "throughput") return goalExplanations[kind](subject);
  const found = bindingOf(subject);
  const forRoutes = found.jam === undefined ? [] : changesForRoutes(found.jam, allowance);
  const rows = found.binding === "packing" && Date.now() < subject.deadline ? rowsForBound(placement, base) : null;
  const special = [found.change, rows].filter((change) => change !== undefined && change !== null);
  const known = new Set([...special, ...forRoutes].map(({ what }) => what));
  const general = changesOf(base, allowance).filter(({ what }) => !known.has(what));
  return { found, changes: [...special, ...forRoutes, ...general] };
}

/** Which of all limits is the one that decides. */
function bindingOf(subject: Subject): Found {
  if (subject.placement.kernels.length === 0) return nothing;
  switch (subject.placement.certificate.bottleneck) {
    case "io":
      return edgeBinds(subject);
    case "link":
      return linkBinds(subject);
    case "kernel":
      return kernelBinds(subject);
  }
}

const nothing: Found = { binding: "kernel", layer: null, reason: "nothing is placed" };

function edgeBinds({ target, placement }: Subject): Found {
  const perCycle = ioBytesPerCycle(target);
  const bytes = Math.round(placement.certificate.ioCycles * perCycle);
  const reason = `the model's inputs and outputs are ${bytes} bytes a sample over an edge of ${perCycle.toFixed(1)} bytes a cycle`;
  return { binding: "io", layer: null, reason };
}

function linkBinds({ graph, target, placement }: Subject): Found {
  const { kernels, constraints, certificate } = placement;
  const { fullestLink, kernelCycles, ioCycles, objective } = certificate;
  const edges = (fullestLink?.edges ?? []).map((edge) => edgeName(graph, edge));
  const where = fullestLink === null ? "" : ` at (${fullestLink.x}, ${fullestLink.y}) ${fullestLink.direction}`;
  return {
    binding: "link",
    layer: edges[0] ?? null,
    reason: `the fullest link${where} carries ${Math.round(fullestLink?.words ?? 0)} words a sample, of ${edges.join(" and ")}; the slowest layer takes ${cyclesText(kernelCycles)}`,
    jam: { graph, target, constraints, ioCycles, kernels, interval: objective },
  };
}

function kernelBinds(subject: Subject): Found {
  const { graph, placement, base } = subject;
  const { slowest, objective } = placement.certificate;
  const kernel = slowest === null ? undefined : placement.kernels[slowest];
  if (kernel === undefined) return nothing;
  const layer = showName(kernel.name);
  const is = speedOf(kernel);
  if (placement.constraints.pins.some((pin) => pin.kernel === slowest && pin.width !== null)) {
    return { binding: "pin", layer, reason: `${is}, the fastest that its pinned rectangle allows` };
  }
  const limiting = placement.kernels.find(
    ({ kernel: id }) => (base.lists[id]?.candidates[0]?.cycles ?? 0) >= objective,
  );
  if (limiting !== undefined) return alone(graph, subject.target, limiting);
  if (objective > leastInterval(base)) return jamOf(subject, layer, is);
  const cores = `${coresFor(base, objective - 1)} cores, and ${coresOf(base.task.problem)} are there`;
  return { binding: "area", layer, reason: `${is}; all layers one cycle faster need ${cores}` };
}

const speedOf = ({ name, variant, rect }: PlacedKernel): string =>
  `"${showName(name)}" takes ${cyclesText(variant.cycles)} on ${rect.width} x ${rect.height} cores`;

/** Least cores for all items at an interval; Infinity when some item has no variant that fast. */
const coresFor = ({ task: { problem } }: PreparedProblem, cycles: number): number =>
  totalAreaAt(problem.classes.map(areaCurve), classCounts(problem), cycles);

/** A layer that is as fast as it can be on this target: because of SRAM, or because its loops cannot be cut further. */
function alone(graph: KernelGraph, target: Target, placed: PlacedKernel): Found {
  const layer = showName(placed.name);
  const is = speedOf(placed);
  const { width, height } = usableRect(target);
  const fastest = (machine: Target): number =>
    variantsInside(graph, machine, placed.kernel, { x: 0, y: 0, width, height }).candidates[0]?.cycles ?? Infinity;
  const rich = fastest({ ...target, core: { ...target.core, sramBytes: target.core.sramBytes * 4 } });
  return rich < fastest(target)
    ? { binding: "memory", layer, reason: `${is}; with four times the SRAM per core it would take ${cyclesText(rich)}` }
    : { binding: "kernel", layer, reason: `${is}, and no cut of its loops is faster, however many cores` };
}

/** Packings within this ratio of the placement's interval are not faster. */
const tolerance = 0.004;

/** The placement is above its bound: because no faster packing was found, or because of what its routes come to. */
function jamOf({ graph, target, placement, base, deadline }: Subject, layer: string, is: string): Found {
  const { certificate } = placement;
  const { objective, status } = certificate;
  const { task, scene } = base;
  // by area; the certificate's may include a proof about rectangles
  const bound = leastInterval(base);
  const isQuick = task.problem.items.length <= mostToPack;
  const cycles = isQuick ? leastPackable(task.problem, bound, { tolerance, deadline }) : null;
  const plan = cycles === null || cycles > objective * (1 - tolerance) ? null : pack(task.problem, cycles);
  if (cycles === null || plan === null) {
    const cores = `${coresFor(base, bound)} of ${coresOf(task.problem)} cores`;
    const reason = `${is}; by area ${cyclesText(bound)} are possible (${cores}), and no arrangement of the rectangles ${status === "optimal" ? "is faster" : "was found"}`;
    return { binding: "packing", layer, reason };
  }
  const kernels = placedKernels(scene, task, plan);
  const jam: Jam = { ...scene, kernels, interval: objective };
  const routed = routePlan(scene, kernels);
  const faster = `${is}; an arrangement at ${cyclesText(cycles)} was found`;
  if ("x" in routed) {
    const edge = edgeName(graph, routed.edge);
    const others = routed.others.slice(0, 3).map((other) => edgeName(graph, other)).join(", "); // prettier-ignore
    const reason = `${faster}, but no color is left for ${edge} at router (${routed.x}, ${routed.y}), which ${routed.others.length} others pass: ${others}`;
    return { binding: "colors", layer: edge, reason, jam };
  }
  if (routed.interval < objective) {
    // a search of its own would have taken it
    const kept = certificate.movement?.kept ?? 0;
    const change: Change = { what: "--from", from: kept, to: 0, unit: "layers", measure: "interval", before: objective, after: routed.interval }; // prettier-ignore
    if (kept > 0) return { binding: "movement", layer, reason: `${faster}, but ${kept} layers stay where they were`, change }; // prettier-ignore
    return { binding: "packing", layer, reason: `${faster} after the search had ended` };
  }
  const { fullestLink } = fullestOf(graph, target, kernels, routed.routing.routes);
  const edges = (fullestLink?.edges ?? []).map((edge) => edgeName(graph, edge));
  const reason = `${faster}, but its fullest link takes ${cyclesText(routed.interval)} for ${edges.join(" and ")}`;
  return { binding: "link", layer: edges[0] ?? null, reason, jam };
}
