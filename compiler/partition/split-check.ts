/**
 * Scores a split from nothing but the graph and the definition of a load; shares no code with the search, whose answers it checks.
 *
 * Load of an accelerator = its nodes' work + the transfer of every node outside that feeds a node inside, once + the transfer of every node
 * inside that feeds a node outside, once. Load of a CPU = its nodes' CPU work.
 */
import type { DeviceGraph, NodeId, Split } from "./device-graph.ts";
import { nodeLabel } from "./device-graph.ts";

export interface SplitScore {
  readonly legal: boolean;
  /** what is illegal, in words */
  readonly errors: readonly string[];
  readonly maxLoad: number;
  /** accelerators first, then CPUs */
  readonly loads: readonly number[];
  readonly sizes: readonly number[];
  /** no path between forward nodes leaves a device and comes back to it */
  readonly contiguous: boolean;
}

interface Device {
  readonly cpu: boolean;
  readonly nodes: readonly number[];
}

/** Checks and scores a split. `accelerators`, `cpus`: how many there are. */
export function checkSplit(
  graph: DeviceGraph,
  split: Split,
  accelerators: number = graph.accelerators,
  cpus: number = graph.cpus,
): SplitScore {
  const errors: string[] = [];
  if (split.accelerators.length > accelerators)
    errors.push(`${split.accelerators.length} accelerators, and there are ${accelerators}`);
  if (split.cpus.length > cpus) errors.push(`${split.cpus.length} CPUs, and there are ${cpus}`);
  const { devices, where } = locate(graph, split, errors);
  if (errors.length > 0) return { legal: false, errors, maxLoad: Infinity, loads: [], sizes: [], contiguous: false };
  const loads = devices.map((device, index) => loadOf(graph, device, index, where));
  const sizes = devices.map(({ nodes }) => nodes.reduce((sum, node) => sum + (graph.nodes[node]?.size ?? 0), 0));
  errors.push(...colorErrors(graph, where));
  for (const [index, { cpu, nodes }] of devices.entries()) {
    if (cpu) continue;
    const size = sizes[index] ?? 0;
    if (size > graph.sizeLimit) errors.push(`accelerator ${index} holds ${size}, and its limit is ${graph.sizeLimit}`);
    for (const node of nodes) {
      const { supported, id, name } = graph.nodes[node] ?? { supported: true, id: node, name: "" };
      if (!supported) errors.push(`${nodeLabel({ id, name })} runs on CPUs only`);
    }
  }
  const contiguous = devices.every((_, device) => isContiguous(graph, where, device));
  return { legal: errors.length === 0, errors, maxLoad: Math.max(0, ...loads), loads, sizes, contiguous };
}

/** Device of every node, with complaints about those that have none or two. */
function locate(
  graph: DeviceGraph,
  split: Split,
  errors: string[],
): { readonly devices: readonly Device[]; readonly where: Int32Array } {
  const indexOf = new Map<NodeId, number>(graph.nodes.map(({ id }, index) => [id, index]));
  const where = new Int32Array(graph.nodes.length).fill(-1);
  const groups = [
    ...split.accelerators.map((ids) => ({ cpu: false, ids })),
    ...split.cpus.map((ids) => ({ cpu: true, ids })),
  ];
  const devices = groups.map(({ cpu, ids }, device) => {
    const nodes: number[] = [];
    for (const id of ids) {
      const node = indexOf.get(id);
      if (node === undefined) errors.push(`there is no node ${id}`);
      else if (where[node] !== -1) errors.push(`node ${id} is placed twice`);
      else {
        where[node] = device;
        nodes.push(node);
      }
    }
    return { cpu, nodes };
  });
  for (const [node, { id }] of graph.nodes.entries()) if (where[node] === -1) errors.push(`node ${id} is not placed`);
  return { devices, where };
}

function loadOf(graph: DeviceGraph, { cpu, nodes }: Device, device: number, where: Int32Array): number {
  let load = 0;
  for (const node of nodes) load += (cpu ? graph.nodes[node]?.cpuWork : graph.nodes[node]?.work) ?? 0;
  if (cpu) return load;
  const coming = new Set<number>();
  const going = new Set<number>();
  for (const { from, to } of graph.edges) {
    if (where[from] !== device && where[to] === device) coming.add(from);
    if (where[from] === device && where[to] !== device) going.add(from);
  }
  for (const node of coming) load += graph.transfer[node] ?? 0;
  for (const node of going) load += graph.transfer[node] ?? 0;
  return load;
}

function colorErrors(graph: DeviceGraph, where: Int32Array): string[] {
  const deviceOf = new Map<NodeId, number>();
  const split = new Set<NodeId>();
  for (const [node, { colorClass }] of graph.nodes.entries()) {
    if (colorClass === null) continue;
    const device = where[node] ?? -1;
    if ((deviceOf.get(colorClass) ?? device) !== device) split.add(colorClass);
    deviceOf.set(colorClass, device);
  }
  return [...split].map((color) => `color class ${color} is on two devices`);
}

/** Walks forward from every edge that leaves the device; a step back into it breaks contiguity. */
function isContiguous(graph: DeviceGraph, where: Int32Array, device: number): boolean {
  const forward = (node: number): boolean => graph.nodes[node]?.backward === false;
  const next = new Map<number, number[]>();
  for (const { from, to } of graph.edges) {
    if (!forward(from) || !forward(to)) continue;
    const list = next.get(from);
    if (list === undefined) next.set(from, [to]);
    else list.push(to);
  }
  const left: number[] = [];
  for (const [from, targets] of next) {
    if (where[from] === device) left.push(...targets.filter((to) => where[to] !== device));
  }
  const seen = new Set<number>(left);
  for (let node = left.pop(); node !== undefined; node = left.pop()) {
    for (const to of next.get(node) ?? []) {
      if (where[to] === device) return false;
      if (seen.has(to)) continue;
      seen.add(to);
      left.push(to);
    }
  }
  return true;
}
