/**
 * How many samples wait in front of a layer: what comes to it on a short way is there long before what comes on the longest, and samples that follow each
 * other must not wait for that.
 */
import type { KernelId } from "../../ir/kernel-graph.ts";

/** A layer as it is placed: cycles from its operands to its results. */
export interface Paced {
  readonly kernel: KernelId;
  readonly latency: number;
}

/** One sample is worked on while the next arrives. */
export const leastSlots = 2;

/** Slots of what goes from one layer to another; layers come before those that read from them. A value's way takes an interval at most. */
export function slotsBetween(
  layers: readonly Paced[],
  edges: readonly { readonly from: KernelId; readonly to: KernelId }[],
  interval: number,
): (from: KernelId, to: KernelId) => number {
  const latencyOf = new Map(layers.map(({ kernel, latency }) => [kernel, latency]));
  const starts = new Map<KernelId, number>();
  const startOf = (kernel: KernelId): number => {
    const known = starts.get(kernel);
    if (known !== undefined) return known;
    const start = edges.reduce(
      (latest, { from, to }) => (to === kernel ? Math.max(latest, arrivalFrom(from)) : latest),
      0,
    );
    starts.set(kernel, start);
    return start;
  };
  const arrivalFrom = (from: KernelId): number => startOf(from) + (latencyOf.get(from) ?? 0) + interval;
  return (from, to) => leastSlots + Math.ceil(Math.max(0, startOf(to) - arrivalFrom(from)) / interval);
}
