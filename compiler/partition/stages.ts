/** The wafers of a split as a graph of stages: who sends how much to whom, in which order data passes, how long a sample takes. */
import graphlib from "graphlib";
import type { KernelGraph, KernelId } from "../../ir/kernel-graph.ts";

export interface Stages {
  /** words per sample from one wafer to another; each value once per reading wafer */
  readonly links: readonly StageLink[];
  /** wafers, senders before their readers */
  readonly order: readonly number[];
  /** latency of the longest way through the wafers, in the unit of `latency` */
  readonly latency: number;
}

export interface StageLink {
  readonly from: number;
  readonly to: number;
  readonly words: number;
}

/** Draws up the stages of a split. `latency`: by wafer. Null when wafers wait for each other in a circle: that is no pipeline. */
export function stagesOf(
  graph: KernelGraph,
  groups: readonly (readonly KernelId[])[],
  latency: readonly number[],
): Stages | null {
  const waferOf = new Map(groups.flatMap((ids, wafer) => ids.map((id) => [id, wafer] as const)));
  const stages = new graphlib.Graph({ directed: true });
  for (const wafer of groups.keys()) stages.setNode(String(wafer));
  const words = new Map<string, StageLink>();
  const sent = new Set<string>();
  for (const edge of graph.edges) {
    const from = waferOf.get(edge.from) ?? 0;
    const to = waferOf.get(edge.to) ?? 0;
    const stream = `${edge.stream} ${to}`;
    if (from === to || sent.has(stream)) continue;
    sent.add(stream);
    const key = `${from} ${to}`;
    words.set(key, { from, to, words: (words.get(key)?.words ?? 0) + edge.words });
    stages.setEdge(String(from), String(to));
  }
  // at most as many nodes as wafers: its recursion is no danger here
  if (!graphlib.alg.isAcyclic(stages)) return null;
  const order = graphlib.alg.topsort(stages).map(Number);
  return { links: [...words.values()], order, latency: longestWay(stages, order, latency) };
}

function longestWay(stages: graphlib.Graph, order: readonly number[], latency: readonly number[]): number {
  const end = new Map<number, number>();
  for (const wafer of order) {
    const before = (stages.predecessors(String(wafer)) ?? []).map((sender) => end.get(Number(sender)) ?? 0);
    end.set(wafer, Math.max(0, ...before) + (latency[wafer] ?? 0));
  }
  return Math.max(0, ...end.values());
}
