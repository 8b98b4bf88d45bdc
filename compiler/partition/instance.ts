/**
 * Device graph -> items to split, exactly: nodes of a color class are one item; items that cost nothing and hang on one net go wherever that
 * net is, so they are left out and put back at the end. Beside the costs stands the order that contiguous splits obey.
 *
 * Order: an edge between forward nodes orders their items. Items of backward nodes alone have no forward node to follow; the edges between
 * backward nodes order them, the other way round, as in the paper.
 */
import type { DeviceGraph, NodeId, Split } from "./device-graph.ts";
import { type Assignment, type Hypergraph, hypergraphOf, type Machine, total } from "./hypergraph.ts";

export interface Instance {
  readonly source: DeviceGraph;
  readonly machine: Machine;
  readonly graph: Hypergraph;
  /** nodes of each item */
  readonly members: readonly (readonly number[])[];
  /** items that must not stand behind an item in a contiguous split */
  readonly successors: readonly Int32Array[];
  /** memory cannot bind: everything fits one accelerator */
  readonly sizeIsFree: boolean;
  /** in the order in which they were left out */
  readonly dropped: readonly DroppedItem[];
}

/** An item that is left out, and how it finds its device. */
interface DroppedItem {
  readonly nodes: readonly number[];
  /** items and dropped items (as -1 - index) whose device it may take */
  readonly beside: readonly number[];
  /** takes the first of their devices where nothing comes before it, else the last */
  readonly first: boolean;
}

/** The instance of a graph on a machine with so many devices. */
export function instanceOf(source: DeviceGraph, accelerators: number, cpus: number): Instance {
  const { itemOf, items } = mergeColors(source);
  const successors = orderOf(source, itemOf, items);
  const all = costsOf(source, itemOf, items);
  const sizeIsFree = total(all.size) <= source.sizeLimit;
  const machine = { accelerators, cpus, sizeLimit: sizeIsFree ? Infinity : source.sizeLimit };
  const members: number[][] = Array.from({ length: items }, () => []);
  for (const [node, item] of itemOf.entries()) members[item]?.push(node);
  const { kept, dropped } = dropIdle(all, successors, members, sizeIsFree);
  const numberOf = new Int32Array(items).fill(-1);
  for (const [number, item] of kept.entries()) numberOf[item] = number;
  return {
    source,
    machine,
    graph: restrict(all, kept, numberOf),
    members: kept.map((item) => members[item] ?? []),
    successors: kept.map((item) => renumber(successors[item], numberOf)),
    sizeIsFree,
    dropped: dropped.map(({ beside, ...rest }) => ({
      ...rest,
      beside: beside.map((item) => {
        const number = numberOf[item] ?? -1;
        return number >= 0 ? number : -1 - dropped.findIndex((other) => other.item === item);
      }),
    })),
  };
}

function mergeColors({ nodes }: DeviceGraph): { readonly itemOf: Int32Array; readonly items: number } {
  const itemOf = new Int32Array(nodes.length);
  const byColor = new Map<NodeId, number>();
  let items = 0;
  for (const [node, { colorClass }] of nodes.entries()) {
    const known = colorClass === null ? undefined : byColor.get(colorClass);
    const item = known ?? items++;
    if (colorClass !== null) byColor.set(colorClass, item);
    itemOf[node] = item;
  }
  return { itemOf, items };
}

/** Successors of every item in the order of contiguous splits. */
function orderOf({ nodes, edges }: DeviceGraph, itemOf: Int32Array, items: number): Int32Array[] {
  const hasForward = new Uint8Array(items);
  for (const [node, { backward }] of nodes.entries()) if (!backward) hasForward[itemOf[node] ?? 0] = 1;
  const successors = Array.from({ length: items }, () => new Set<number>());
  for (const { from, to } of edges) {
    const [a, b] = [itemOf[from] ?? 0, itemOf[to] ?? 0];
    if (a === b) continue;
    const backward = [nodes[from]?.backward === true, nodes[to]?.backward === true];
    if (!backward[0] && !backward[1]) successors[a]?.add(b);
    if (backward[0] && backward[1] && (hasForward[a] === 0 || hasForward[b] === 0)) successors[b]?.add(a);
  }
  return successors.map((set) => Int32Array.from(set).sort());
}

function costsOf({ nodes, edges, transfer }: DeviceGraph, itemOf: Int32Array, items: number): Hypergraph {
  const work = new Float64Array(items);
  const cpuWork = new Float64Array(items);
  const size = new Float64Array(items);
  const supported = new Uint8Array(items).fill(1);
  for (const [node, value] of nodes.entries()) {
    const item = itemOf[node] ?? 0;
    work[item] = (work[item] ?? 0) + value.work;
    cpuWork[item] = (cpuWork[item] ?? 0) + value.cpuWork;
    size[item] = (size[item] ?? 0) + value.size;
    if (!value.supported) supported[item] = 0;
  }
  const pins = nodes.map((_, node) => [itemOf[node] ?? 0]);
  for (const { from, to } of edges) pins[from]?.push(itemOf[to] ?? 0);
  const nets = pins.map((list, node) => ({ pins: list, cost: transfer[node] ?? 0 }));
  return hypergraphOf({ work, cpuWork, size, supported }, nets);
}

interface Idle extends DroppedItem {
  readonly item: number;
}

/**
 * Finds items that cost no time (nor memory that counts), hang on at most one net, and begin or end the order with all their neighbours on
 * that net: wherever those neighbours are, one of their devices takes the item at no cost, and contiguity stays. Such items go one by one,
 * which makes others such items.
 */
function dropIdle(
  graph: Hypergraph,
  successors: readonly Int32Array[],
  members: readonly (readonly number[])[],
  sizeIsFree: boolean,
): { readonly kept: number[]; readonly dropped: Idle[] } {
  const predecessors: number[][] = Array.from({ length: graph.items }, () => []);
  for (const [item, list] of successors.entries()) for (const next of list) predecessors[next]?.push(item);
  const alive = new Uint8Array(graph.items).fill(1);
  const pinsLeft = Int32Array.from(graph.pins, ({ length }) => length);
  const isAlive = (item: number): boolean => alive[item] === 1;
  const costsNothing = (item: number): boolean =>
    graph.work[item] === 0 &&
    graph.cpuWork[item] === 0 &&
    graph.supported[item] === 1 &&
    (sizeIsFree || graph.size[item] === 0);
  const idle = (item: number): Omit<Idle, "item" | "nodes"> | null => {
    const nets = [...(graph.netsOf[item] ?? [])].filter((net) => (pinsLeft[net] ?? 0) > 1);
    if (nets.length > 1) return null;
    const before = (predecessors[item] ?? []).filter(isAlive);
    const after = [...(successors[item] ?? [])].filter(isAlive);
    if (before.length > 0 && after.length > 0) return null;
    const neighbours = before.length > 0 ? before : after;
    if (nets.length === 0) return { beside: neighbours, first: before.length === 0 };
    const pins = [...(graph.pins[nets[0] ?? 0] ?? [])].filter((pin) => pin !== item && isAlive(pin));
    if (!neighbours.every((neighbour) => pins.includes(neighbour))) return null;
    return { beside: neighbours.length > 0 ? neighbours : pins, first: before.length === 0 };
  };
  const dropped: Idle[] = [];
  const queue = Array.from({ length: graph.items }, (_, item) => item).filter(costsNothing);
  let left = graph.items;
  for (let at = 0; at < queue.length && left > 1; at++) {
    const item = queue[at] ?? 0;
    if (!isAlive(item)) continue;
    const found = idle(item);
    if (found === null) continue;
    alive[item] = 0;
    left--;
    dropped.push({ item, nodes: members[item] ?? [], ...found });
    for (const net of graph.netsOf[item] ?? []) {
      pinsLeft[net] = (pinsLeft[net] ?? 0) - 1;
      for (const pin of graph.pins[net] ?? []) if (isAlive(pin) && costsNothing(pin)) queue.push(pin);
    }
    for (const other of [...(predecessors[item] ?? []), ...(successors[item] ?? [])]) {
      if (isAlive(other) && costsNothing(other)) queue.push(other);
    }
  }
  const kept = [...alive.keys()].filter(isAlive);
  return { kept, dropped };
}

function restrict(graph: Hypergraph, kept: readonly number[], numberOf: Int32Array): Hypergraph {
  const pick = (values: Float64Array): Float64Array => Float64Array.from(kept, (item) => values[item] ?? 0);
  const amounts = {
    work: pick(graph.work),
    cpuWork: pick(graph.cpuWork),
    size: pick(graph.size),
    supported: Uint8Array.from(kept, (item) => graph.supported[item] ?? 0),
  };
  const nets = graph.pins.map((pins, net) => ({ pins: [...renumber(pins, numberOf)], cost: graph.cost[net] ?? 0 }));
  return hypergraphOf(amounts, nets);
}

const renumber = (items: Int32Array | undefined, numberOf: Int32Array): Int32Array =>
  (items ?? new Int32Array()).map((item) => numberOf[item] ?? -1).filter((item) => item >= 0);

/**
 * The split of an assignment, with what was left out put back. `position` ranks devices along the chain of a contiguous split; devices keep
 * their number.
 */
export function splitOf(instance: Instance, assignment: Assignment, position?: Int32Array): Split {
  const { machine, dropped, members, source } = instance;
  const devices: number[][] = Array.from({ length: machine.accelerators + machine.cpus }, () => []);
  for (const [item, nodes] of members.entries()) devices[assignment[item] ?? 0]?.push(...nodes);
  const placed = new Int32Array(dropped.length);
  const rank = (device: number): number => position?.[device] ?? device;
  for (let index = dropped.length - 1; index >= 0; index--) {
    const { nodes, beside, first } = dropped[index] as DroppedItem;
    const candidates = beside.map((item) => (item >= 0 ? assignment[item] : placed[-1 - item]) ?? 0);
    candidates.sort((a, b) => (first ? rank(a) - rank(b) : rank(b) - rank(a)));
    const device = candidates[0] ?? assignment[0] ?? 0;
    placed[index] = device;
    devices[device]?.push(...nodes);
  }
  const ids = devices.map((nodes) => nodes.sort((a, b) => a - b).map((node) => source.nodes[node]?.id ?? node));
  return { accelerators: ids.slice(0, machine.accelerators), cpus: ids.slice(machine.accelerators) };
}
