/**
 * Fuses kernels where moving a value costs more than computing where it is. The question is asked at the interval that the wafer's area and edge
 * allow: two kernels become one if the one needs no more cores to keep up with it than the two. Kernels on all ways between two go along, so that
 * what is worth it only together (a value and the scale that is made of it) is found too. In the order of the data, so the result is the same
 * in every run.
 */
import type { Graph } from "../../../ir/graph.ts";
import type { KernelGraph, KernelId } from "../../../ir/kernel-graph.ts";
import type { Target } from "../../../ir/machine/target.ts";
import { draftKernels } from "../build.ts";
import { type Draft, withTraffic } from "../draft.ts";
import { kernelSignature } from "../library.ts";
import { Estimate } from "./estimate.ts";
import { foldLayouts } from "./layout.ts";
import { seamWays } from "./merge.ts";
import { keepStates } from "./state.ts";
import { carryOut, type Plan, plannedKernel, planOf } from "./plan.ts";
import { isScattered } from "./rule.ts";

/** The kernel graph of a lowered graph, fused for a machine. */
export function buildFusedKernels(graph: Graph, target: Target): KernelGraph {
  const draft = (): Draft => {
    const kernels = draftKernels(graph);
    foldLayouts(kernels, graph);
    keepStates(kernels, graph);
    return kernels;
  };
  const apart = draft().finish();
  const estimate = new Estimate(target, new Set(apart.kernels.map(kernelSignature)).size);
  const edge = estimate.edgeCycles([apart.inputs, apart.outputs]);
  let interval = estimate.interval(apart.kernels, edge);
  let fused = fuseAt(draft(), estimate, interval);
  for (let round = 1; round < maxRounds; round++) {
    const next = estimate.interval(fused.kernels, edge);
    if (next === null || (interval !== null && next > interval * 0.9)) break;
    interval = next;
    fused = fuseAt(draft(), estimate, interval);
  }
  return fused;
}

/** Fusing makes room, which shortens the interval at which it is decided. */
const maxRounds = 3;

function fuseAt(draft: Draft, estimate: Estimate, interval: number | null): KernelGraph {
  for (const id of draft.ids) {
    if (!draft.has(id)) continue;
    let reader: KernelId | null = id;
    while (reader !== null) reader = fuseInto(draft, reader, estimate, interval);
  }
  return draft.finish();
}

/** Kernels that go along at most. */
const mostBetween = 8;

/** Fuses a kernel with one of its producers, and gives the kernel that came of it; null where none is worth it. */
function fuseInto(draft: Draft, reader: KernelId, estimate: Estimate, interval: number | null): KernelId | null {
  if (isScattered(draft.at(reader).kernel)) return null;
  const producers = [...new Set(draft.around(reader).into.map(({ from }) => from))];
  // the nearest first: it lies on all other ways
  producers.sort((a, b) => draft.placesOf(b).last - draft.placesOf(a).last);
  // what two of a chain are not worth, all three may be: scores, their weights and what they weigh
  const before = producers.flatMap((id) => onlyProducer(draft, id) ?? []);
  for (const producer of [...producers, ...before]) {
    const group = draft.between(producer, reader, mostBetween);
    if (group === null) continue;
    const fused = fuseGroup(draft, group, estimate, interval);
    if (fused !== null) return fused;
  }
  return null;
}

/** The kernel that alone feeds another; null where there are others, or none. */
function onlyProducer(draft: Draft, id: KernelId): KernelId | null {
  const [producer, ...others] = new Set(draft.around(id).into.map(({ from }) => from));
  return producer === undefined || others.length > 0 ? null : producer;
}

/** One kernel of several that stand in the order of the data, the first makes what the others need. */
function fuseGroup(
  draft: Draft,
  group: readonly KernelId[],
  estimate: Estimate,
  interval: number | null,
): KernelId | null {
  const apart = group.reduce(
    (sum, id) => sum + estimate.cores(withTraffic(draft.at(id).kernel, draft.around(id)), interval),
    0,
  );
  let best: { readonly plan: Plan; readonly cores: number } | null = null;
  for (const way of seamWays) {
    const plan = planOf(draft, group, way);
    if (plan === null) continue;
    const cores = estimate.cores(plannedKernel(plan), interval);
    if (cores <= apart && Number.isFinite(cores) && (best === null || cores < best.cores)) best = { plan, cores };
    if (!plan.hasSeams) break;
  }
  return best === null ? null : carryOut(draft, best.plan);
}
