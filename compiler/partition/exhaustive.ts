/**
 * Small instances, decided: depth first over all assignments, item by item. A partial assignment's loads only grow, so it is left as soon as one
 * of them reaches the best known load, or the devices' remaining time is less than the remaining work. Of devices of a kind that hold nothing
 * yet, one is tried.
 */
import type { Assignment, Hypergraph, Machine } from "./hypergraph.ts";

export interface Exhausted {
  /** a better assignment than the one given, or null */
  readonly assignment: Assignment | null;
  /** all assignments were considered: nothing is better */
  readonly complete: boolean;
}

/** Looks for assignments below `upper`, within so many steps. */
export function searchAll(
  graph: Hypergraph,
  machine: Machine,
  sequence: readonly number[],
  upper: number,
  steps: number,
): Exhausted {
  const { accelerators, cpus, sizeLimit } = machine;
  const devices = accelerators + cpus;
  const where = new Int32Array(graph.items).fill(-1);
  const loads = new Float64Array(devices);
  const sizes = new Float64Array(devices);
  const held = new Int32Array(devices);
  const pinCount = new Int32Array(graph.pins.length * devices);
  const spread = new Int32Array(graph.pins.length);
  const rest = remainingWork(graph, machine, sequence);
  // loads before each item was placed: taking it back restores them without rounding
  const saved = sequence.map(() => new Float64Array(devices));
  let best: Assignment | null = null;
  let limit = upper;
  let depth = 0;
  for (let left = steps; left > 0; left--) {
    if (depth === sequence.length) {
      limit = loads.reduce((most, load) => Math.max(most, load), 0);
      best = where.slice();
      depth--;
      continue;
    }
    const item = sequence[depth] ?? 0;
    const before = where[item] ?? -1;
    if (before < 0) saved[depth]?.set(loads);
    else remove(item, before, depth);
    const next = nextDevice(item, before);
    where[item] = next;
    if (next < 0) {
      if (depth === 0) return { assignment: best, complete: true };
      depth--;
      continue;
    }
    add(item, next);
    if (promises(depth + 1)) depth++;
  }
  return { assignment: best, complete: false };

  function nextDevice(item: number, after: number): number {
    for (let device = after + 1; device < devices; device++) {
      const isCpu = device >= accelerators;
      if (!isCpu && graph.supported[item] === 0) continue;
      if (!isCpu && (sizes[device] ?? 0) + (graph.size[item] ?? 0) > sizeLimit) continue;
      const isFirstOfKind = device === 0 || device === accelerators;
      if (held[device] === 0 && !isFirstOfKind && held[device - 1] === 0) continue;
      return device;
    }
    return -1;
  }

  function add(item: number, device: number): void {
    const isCpu = device >= accelerators;
    loads[device] = (loads[device] ?? 0) + ((isCpu ? graph.cpuWork[item] : graph.work[item]) ?? 0);
    sizes[device] = (sizes[device] ?? 0) + (graph.size[item] ?? 0);
    held[device] = (held[device] ?? 0) + 1;
    for (const net of graph.netsOf[item] ?? []) {
      const at = net * devices;
      pinCount[at + device] = (pinCount[at + device] ?? 0) + 1;
      if ((pinCount[at + device] ?? 0) > 1) continue;
      spread[net] = (spread[net] ?? 0) + 1;
      if ((spread[net] ?? 0) > 1) pay(net, device);
      if (spread[net] === 2) {
        for (let other = 0; other < accelerators; other++) {
          if (other !== device && (pinCount[at + other] ?? 0) > 0) pay(net, other);
        }
      }
    }
  }

  function pay(net: number, device: number): void {
    if (device < accelerators) loads[device] = (loads[device] ?? 0) + (graph.cost[net] ?? 0);
  }

  function remove(item: number, device: number, place: number): void {
    loads.set(saved[place] ?? loads);
    sizes[device] = (sizes[device] ?? 0) - (graph.size[item] ?? 0);
    held[device] = (held[device] ?? 0) - 1;
    for (const net of graph.netsOf[item] ?? []) {
      const at = net * devices + device;
      pinCount[at] = (pinCount[at] ?? 0) - 1;
      if (pinCount[at] === 0) spread[net] = (spread[net] ?? 0) - 1;
    }
  }

  /** Whether what is placed leaves hope for a load below the limit. */
  function promises(place: number): boolean {
    const below = limit * (1 - 1e-12);
    let room = 0;
    for (let device = 0; device < devices; device++) {
      const load = loads[device] ?? 0;
      if (load >= below) return false;
      room += limit - load;
    }
    return (rest[place] ?? 0) <= room;
  }
}

/** By place: the least time that the items from there on take, all devices together. */
function remainingWork(
  { work, cpuWork, supported }: Hypergraph,
  machine: Machine,
  sequence: readonly number[],
): number[] {
  const rest = new Array<number>(sequence.length + 1).fill(0);
  for (let place = sequence.length - 1; place >= 0; place--) {
    const item = sequence[place] ?? 0;
    const onAccelerator = machine.accelerators > 0 && supported[item] === 1 ? (work[item] ?? 0) : Infinity;
    const onCpu = machine.cpus > 0 ? (cpuWork[item] ?? 0) : Infinity;
    // rounded sums must not cut off what fits exactly
    rest[place] = (rest[place + 1] ?? 0) + Math.min(onAccelerator, onCpu) * (1 - 1e-12);
  }
  return rest;
}
