/**
 * What a split costs, in the form that the search works on. Items are what stays together; a net is an output that costs time to move, with
 * the item that makes it and those that read it as pins. By the definition of a load, every accelerator that holds some pins of a net but not
 * all pays the net's cost once, whichever side of it the accelerator is on.
 */

export interface Hypergraph {
  readonly items: number;
  /** by item: time on an accelerator, time on a CPU, memory */
  readonly work: Float64Array;
  readonly cpuWork: Float64Array;
  readonly size: Float64Array;
  /** by item: 1 where it may run on an accelerator */
  readonly supported: Uint8Array;
  /** by net: items, ascending, at least two */
  readonly pins: readonly Int32Array[];
  readonly cost: Float64Array;
  /** by item: its nets, ascending */
  readonly netsOf: readonly Int32Array[];
}

/** The devices that items are split over. */
export interface Machine {
  readonly accelerators: number;
  readonly cpus: number;
  /** memory of an accelerator; Infinity where it cannot bind */
  readonly sizeLimit: number;
}

/** By item: its device. Accelerators come first, CPUs after them. */
export type Assignment = Int32Array;

export interface Net {
  readonly pins: readonly number[];
  readonly cost: number;
}

/** Amounts of items, by item. */
export type Amounts = Pick<Hypergraph, "work" | "cpuWork" | "size" | "supported">;

/** Builds a hypergraph: equal nets become one, nets that cannot be cut or cost nothing go. */
export function hypergraphOf(amounts: Amounts, nets: Iterable<Net>): Hypergraph {
  const items = amounts.work.length;
  const byPins = new Map<string, { readonly pins: Int32Array; cost: number }>();
  for (const { pins, cost } of nets) {
    const distinct = Int32Array.from(new Set(pins)).sort();
    if (distinct.length < 2 || cost <= 0) continue;
    const key = distinct.join(",");
    const known = byPins.get(key);
    if (known === undefined) byPins.set(key, { pins: distinct, cost });
    else known.cost += cost;
  }
  const merged = [...byPins.values()];
  const netsOf: number[][] = Array.from({ length: items }, () => []);
  for (const [net, { pins }] of merged.entries()) for (const item of pins) netsOf[item]?.push(net);
  return {
    items,
    ...amounts,
    pins: merged.map(({ pins }) => pins),
    cost: Float64Array.from(merged, ({ cost }) => cost),
    netsOf: netsOf.map((list) => Int32Array.from(list)),
  };
}

/** Merges items: `groupOf` names the group of every item, or -1 for one that is left out; groups are 0 … `groups` - 1. */
export function contract(graph: Hypergraph, groupOf: Int32Array, groups: number): Hypergraph {
  const work = new Float64Array(groups);
  const cpuWork = new Float64Array(groups);
  const size = new Float64Array(groups);
  const supported = new Uint8Array(groups).fill(1);
  for (let item = 0; item < graph.items; item++) {
    const group = groupOf[item] ?? -1;
    if (group < 0) continue;
    work[group] = (work[group] ?? 0) + (graph.work[item] ?? 0);
    cpuWork[group] = (cpuWork[group] ?? 0) + (graph.cpuWork[item] ?? 0);
    size[group] = (size[group] ?? 0) + (graph.size[item] ?? 0);
    if (graph.supported[item] === 0) supported[group] = 0;
  }
  const nets = graph.pins.map((pins, net) => ({
    pins: [...pins].flatMap((item) => ((groupOf[item] ?? -1) < 0 ? [] : [groupOf[item] ?? 0])),
    cost: graph.cost[net] ?? 0,
  }));
  return hypergraphOf({ work, cpuWork, size, supported }, nets);
}

/** Loads of all devices; the plain definition, which the incremental books are tested against. */
export function loadsOf(graph: Hypergraph, machine: Machine, assignment: Assignment): Float64Array {
  const loads = new Float64Array(machine.accelerators + machine.cpus);
  for (let item = 0; item < graph.items; item++) {
    const device = assignment[item] ?? 0;
    const cost = device < machine.accelerators ? graph.work[item] : graph.cpuWork[item];
    loads[device] = (loads[device] ?? 0) + (cost ?? 0);
  }
  for (const [net, pins] of graph.pins.entries()) {
    const touched = new Set<number>();
    for (const item of pins) touched.add(assignment[item] ?? 0);
    if (touched.size < 2) continue;
    for (const device of touched) {
      if (device < machine.accelerators) loads[device] = (loads[device] ?? 0) + (graph.cost[net] ?? 0);
    }
  }
  return loads;
}

/** Sum of an array. */
export function total(values: Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}
