/** Why a placement has no fewer cores, no less latency or no shorter wires, where one of these was its objective. */
import { showName } from "../../../ir/diagnostic.ts";
import type { KernelGraph } from "../../../ir/kernel-graph.ts";
import type { PlacedKernel, Placement, PlacementObjective } from "../../../ir/placement.ts";
import type { VariantList } from "../../kernels/family.ts";
import type { Target } from "../../../ir/machine/target.ts";
import type { Found } from "./explain.ts";
import type { Change } from "./explain-changes.ts";
import type { Allowance } from "./allowance.ts";
import { leastFactor } from "./least-change.ts";
import { filterVariants, mapLists } from "../variant-lists.ts";
import { tunedVariants } from "../variants.ts";

/** What binds, and the least changes that help. */
export interface GoalExplanation {
  readonly found: Found;
  readonly changes: readonly Change[];
}

interface Subject {
  readonly graph: KernelGraph;
  readonly target: Target;
  readonly placement: Placement;
  readonly allowance: Allowance;
}

/** Explains an objective other than throughput. */
export const goalExplanations: Readonly<
  Record<Exclude<PlacementObjective, "throughput">, (subject: Subject) => GoalExplanation>
> = { cores: explainCores, latency: explainLatency, wire: explainWire };

const areaOf = ({ rect }: PlacedKernel): number => rect.width * rect.height;

/** The kernel that has most of something; undefined where nothing is placed. */
function mostOf(kernels: readonly PlacedKernel[], measure: (kernel: PlacedKernel) => number): PlacedKernel | undefined {
  return kernels.reduce<PlacedKernel | undefined>(
    (most, kernel) => (most === undefined || measure(kernel) > measure(most) ? kernel : most),
    undefined,
  );
}

const nothing: GoalExplanation = {
  found: { binding: "kernel", layer: null, reason: "nothing is placed" },
  changes: [],
};

/** SRAM and the limit on the interval are made at most so many times larger. */
const mostFactor = 4;

function explainCores({ graph, target, placement, allowance }: Subject): GoalExplanation {
  const { goal } = placement.certificate;
  const largest = mostOf(placement.kernels, areaOf);
  if (largest === undefined) return nothing;
  const limit = placement.constraints.maxInterval;
  const before = leastCores(graph, target, limit);
  const change = (what: string, unit: string, from: number, after: (factor: number) => number): Change | null => {
    const helps = (factor: number): boolean => after(factor) < before;
    const mayTry = (): boolean => allowance.mayList(graph);
    const factor = mayTry() && helps(mostFactor) ? leastFactor(helps, mostFactor, mayTry) : null;
    if (factor === null) return null;
    return { what, from, to: Math.ceil(from * factor), unit, measure: "cores", before, after: after(factor) };
  };
  const { core } = target;
  const memory = change("core.sramBytes", "bytes", core.sramBytes, (factor) => leastCores(graph, { ...target, core: { ...core, sramBytes: Math.ceil(core.sramBytes * factor) } }, limit)); // prettier-ignore
  const interval = limit === null ? null : change("--max-interval", "cycles", limit, (factor) => leastCores(graph, target, Math.ceil(limit * factor))); // prettier-ignore
  const layer = showName(largest.name);
  const is = `"${layer}" has the most cores, ${areaOf(largest)} of ${goal.value}`;
  const changes = [memory, interval].filter((one) => one !== null);
  const found = (binding: Found["binding"], why: string): GoalExplanation => ({ found: { binding, layer, reason: `${is}; ${why}` }, changes }); // prettier-ignore
  if (goal.value > goal.bound) return found("packing", `${goal.bound} cores are the least by area, and no arrangement of them with its routes was found`); // prettier-ignore
  if (interval !== null)
    return found("limit", `the limit of ${limit ?? 0} cycles between samples keeps layers from fewer`);
  if (memory !== null) return found("memory", "every layer has its least cores, and SRAM keeps some from fewer");
  return found("kernel", "every layer has its least cores, and no more SRAM would lessen them");
}

/** Sum over all layers of the least cores of a variant within the limit; Infinity where some layer has none. */
function leastCores(graph: KernelGraph, target: Target, limit: number | null): number {
  const known = new Map<VariantList, number>();
  const all = tunedVariants(graph, target, 0);
  const quick = limit === null ? all : mapLists(all, (list) => filterVariants(list, ({ cycles }) => cycles <= limit));
  return quick.reduce((sum, list) => {
    const least = known.get(list) ?? list.candidates.reduce((few, c) => Math.min(few, c.rows * c.columns), Infinity);
    known.set(list, least);
    return sum + least;
  }, 0);
}

function explainLatency({ placement }: Subject): GoalExplanation {
  const { goal } = placement.certificate;
  const slowest = mostOf(placement.kernels, ({ variant }) => variant.latency);
  if (slowest === undefined) return nothing;
  const layer = showName(slowest.name);
  const is = `"${layer}" has the longest latency, ${Math.round(slowest.variant.latency)} of ${goal.value} cycles`;
  const optimal = goal.value === goal.bound;
  const reason = optimal
    ? `${is}; no choice of variants on these cores has less`
    : `${is}; at least ${goal.bound} cycles are needed on these cores, the rest is lost to rectangles and ways`;
  return { found: { binding: optimal ? "area" : "packing", layer, reason }, changes: [] };
}

function explainWire({ placement }: Subject): GoalExplanation {
  const { kernels, routes, certificate } = placement;
  const { goal } = certificate;
  const lengths = routes.map(({ from, to }) => distance(kernels[from], kernels[to]));
  const longest = lengths.indexOf(lengths.reduce((a, b) => Math.max(a, b), 0));
  const route = routes[longest];
  if (route === undefined) return nothing;
  const name = (id: number): string => showName(kernels[id]?.name ?? "");
  const layer = `${name(route.from)} -> ${name(route.to)}`;
  const is = `${layer} is the longest wire, ${lengths[longest] ?? 0} of ${goal.value}`;
  const optimal = goal.value === goal.bound;
  const reason = optimal
    ? `${is}; the thinnest variants of both ends allow no shorter ones`
    : `${is}; at least ${goal.bound} are needed by the thinnest variants, and no arrangement that short was found`;
  return { found: { binding: optimal ? "kernel" : "packing", layer, reason }, changes: [] };
}

function distance(a: PlacedKernel | undefined, b: PlacedKernel | undefined): number {
  if (a === undefined || b === undefined) return 0;
  const dx = a.rect.x + a.rect.width / 2 - b.rect.x - b.rect.width / 2;
  const dy = a.rect.y + a.rect.height / 2 - b.rect.y - b.rect.height / 2;
  return Math.abs(dx) + Math.abs(dy);
}
