/** Small random operator graphs, and the best split of each by trying all of them. */
import fc from "fast-check";
import { type DeviceGraph, type NodeId, parseDeviceGraph, type Split } from "../../compiler/partition/device-graph.ts";
import { checkSplit } from "../../compiler/partition/split-check.ts";

/** Graphs of a few forward nodes, with their backward nodes when training is asked for; edges follow the order of the nodes. */
export const graphs = (
  most: number,
  options: { readonly training?: boolean; readonly tight?: boolean } = {},
): fc.Arbitrary<DeviceGraph> =>
  fc
    .record({
      nodes: fc.array(
        fc.record({
          work: fc.constantFrom(0, 0, 1, 2, 3.5, 5),
          cpu: fc.constantFrom(0, 2, 7, 20),
          size: fc.constantFrom(0, 1, 2),
          supported: fc.constantFrom(1, 1, 1, 1, 0),
          color: fc.constantFrom(null, null, null, 1, 2),
          out: fc.constantFrom(0, 0.5, 1, 2),
          orphan: fc.boolean(),
        }),
        { minLength: 1, maxLength: most },
      ),
      edges: fc.array(fc.tuple(fc.nat(most - 1), fc.nat(most - 1)), { maxLength: 2 * most }),
      accelerators: fc.integer({ min: 1, max: 3 }),
      limit: options.tight === true ? fc.integer({ min: 2, max: 5 }) : fc.constant(1000),
    })
    .map(({ nodes, edges, accelerators, limit }) => {
      const node = (index: number, backward: boolean): object => {
        const { work, cpu, size, supported, color, orphan } = nodes[index] as (typeof nodes)[number];
        const paired = options.training === true && !orphan ? `pair ${index}` : null;
        return {
          id: backward ? nodes.length + index : index,
          fpgaLatency: backward ? 2 * work : work,
          cpuLatency: cpu,
          size,
          supportedOnFpga: supported,
          colorClass: color ?? paired,
          isBackwardNode: backward ? 1 : 0,
        };
      };
      const cost = (index: number): number => nodes[index]?.out ?? 0;
      const inside = edges.filter(([from, to]) => from < to && to < nodes.length);
      const forward = inside.map(([from, to]) => ({ sourceId: from, destId: to, cost: cost(from) }));
      const mirrored = inside.map(([from, to]) => ({
        sourceId: nodes.length + to,
        destId: nodes.length + from,
        cost: cost(to),
      }));
      const training = options.training === true;
      return parseDeviceGraph(
        {
          maxFPGAs: accelerators,
          maxCPUs: 1,
          maxSizePerFPGA: limit,
          nodes: [
            ...nodes.map((_, index) => node(index, false)),
            ...(training ? nodes.map((_, index) => node(index, true)) : []),
          ],
          edges: [...forward, ...(training ? mirrored : [])],
        },
        "random",
      );
    });

/** Every assignment of nodes to devices, as a split. */
export function* allSplits(graph: DeviceGraph): Generator<Split> {
  const devices = graph.accelerators + graph.cpus;
  const where = new Array<number>(graph.nodes.length).fill(0);
  for (;;) {
    const groups: NodeId[][] = Array.from({ length: devices }, () => []);
    for (const [node, { id }] of graph.nodes.entries()) groups[where[node] ?? 0]?.push(id);
    yield { accelerators: groups.slice(0, graph.accelerators), cpus: groups.slice(graph.accelerators) };
    let place = 0;
    while (place < where.length && where[place] === devices - 1) where[place++] = 0;
    if (place === where.length) return;
    where[place] = (where[place] ?? 0) + 1;
  }
}

/** True where the devices can be put in a row such that no edge between forward nodes goes back. */
export function isChain(graph: DeviceGraph, split: Split): boolean {
  const groups = [...split.accelerators, ...split.cpus];
  const deviceOf = new Map(groups.flatMap((ids, device) => ids.map((id) => [id, device] as const)));
  const left = new Set(groups.keys());
  const edges = graph.edges.flatMap(({ from, to }) => {
    const [a, b] = [graph.nodes[from], graph.nodes[to]];
    if (a === undefined || b === undefined || a.backward || b.backward) return [];
    return [[deviceOf.get(a.id), deviceOf.get(b.id)] as const];
  });
  for (;;) {
    const free = [...left].find((device) => !edges.some(([a, b]) => b === device && a !== device && left.has(a ?? -1)));
    if (free === undefined) return left.size === 0;
    left.delete(free);
  }
}

/** The least largest load of all legal splits, and of those that are chains. */
export function bruteForce(graph: DeviceGraph): { readonly best: number; readonly chain: number } {
  let best = Infinity;
  let chain = Infinity;
  for (const split of allSplits(graph)) {
    const { legal, maxLoad } = checkSplit(graph, split);
    if (!legal) continue;
    best = Math.min(best, maxLoad);
    if (maxLoad < chain && isChain(graph, split)) chain = maxLoad;
  }
  return { best, chain };
}
