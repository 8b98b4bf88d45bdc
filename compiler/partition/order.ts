/** The order that contiguous splits obey: items on a cycle of it stay together, and the rest is a partial order of blocks. */
import { contract, type Hypergraph } from "./hypergraph.ts";
import type { Instance } from "./instance.ts";

export interface BlockOrder {
  /** by item: its block */
  readonly blockOf: Int32Array;
  /** costs with blocks as items; blocks stand in topological order */
  readonly graph: Hypergraph;
  /** by block: blocks right before it */
  readonly before: readonly Int32Array[];
}

/** Merges what no chain of devices can separate, and numbers the blocks in topological order. */
export function blockOrder({ graph, successors }: Instance): BlockOrder {
  const { componentOf, components } = strongComponents(successors);
  // Tarjan closes a component after all that it reaches: the reverse of that is a topological order
  const blockOf = componentOf.map((component) => components - 1 - component);
  const before = Array.from({ length: components }, () => new Set<number>());
  for (const [item, list] of successors.entries()) {
    const from = blockOf[item] ?? 0;
    for (const next of list) {
      const to = blockOf[next] ?? 0;
      if (from !== to) before[to]?.add(from);
    }
  }
  return {
    blockOf,
    graph: contract(graph, blockOf, components),
    before: before.map((set) => Int32Array.from(set).sort()),
  };
}

/** Tarjan's strongly connected components, with a stack of its own. */
function strongComponents(successors: readonly Int32Array[]): {
  readonly componentOf: Int32Array;
  readonly components: number;
} {
  const count = successors.length;
  const index = new Int32Array(count).fill(-1);
  const low = new Int32Array(count);
  const componentOf = new Int32Array(count).fill(-1);
  const open: number[] = [];
  let visited = 0;
  let components = 0;
  const enter = (vertex: number): { readonly vertex: number; next: number } => {
    index[vertex] = low[vertex] = visited++;
    open.push(vertex);
    return { vertex, next: 0 };
  };
  const close = (vertex: number): void => {
    for (let member = open.pop(); member !== undefined; member = open.pop()) {
      componentOf[member] = components;
      if (member === vertex) break;
    }
    components++;
  };
  for (let root = 0; root < count; root++) {
    if (index[root] !== -1) continue;
    const path = [enter(root)];
    for (let frame = path.at(-1); frame !== undefined; frame = path.at(-1)) {
      const { vertex } = frame;
      const next = successors[vertex]?.[frame.next++];
      if (next === undefined) {
        path.pop();
        const parent = path.at(-1)?.vertex;
        if (parent !== undefined) low[parent] = Math.min(low[parent] ?? 0, low[vertex] ?? 0);
        if (low[vertex] === index[vertex]) close(vertex);
      } else if (index[next] === -1) path.push(enter(next));
      else if (componentOf[next] === -1) low[vertex] = Math.min(low[vertex] ?? 0, index[next] ?? 0);
    }
  }
  return { componentOf, components };
}

/** Merges runs of consecutive blocks until at most `most` are left: coarser, and an order still. */
export function coarsen({ blockOf, graph, before }: BlockOrder, most: number): BlockOrder {
  const run = Math.ceil(graph.items / most);
  const runOf = Int32Array.from({ length: graph.items }, (_, block) => Math.floor(block / run));
  const runs = Math.ceil(graph.items / run);
  const merged = Array.from({ length: runs }, () => new Set<number>());
  for (const [block, list] of before.entries()) {
    const to = runOf[block] ?? 0;
    for (const earlier of list) if (runOf[earlier] !== to) merged[to]?.add(runOf[earlier] ?? 0);
  }
  return {
    blockOf: blockOf.map((block) => runOf[block] ?? 0),
    graph: contract(graph, runOf, runs),
    before: merged.map((set) => Int32Array.from(set).sort()),
  };
}
