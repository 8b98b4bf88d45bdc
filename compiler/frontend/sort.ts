/** Topological order of a graph's nodes. Most models come sorted; then the list is returned as it is. Never recursive: chains are long. */
import { diagnostic, type Diagnostic } from "../../ir/diagnostic.ts";
import { readNames } from "./free-names.ts";
import { nodeSubject, type OnnxGraph, type OnnxNode } from "./onnx.ts";

export interface SortedNodes {
  readonly nodes: readonly OnnxNode[];
  /** WSC2003 when there is no order */
  readonly problem: Diagnostic | null;
}

const known = new WeakMap<OnnxGraph, SortedNodes>();

/**
 * Orders nodes so that each stands behind those that it reads (its subgraphs' captures count); among free ones the model's order holds.
 * Remembered per graph: a loop's body is lowered more than once.
 */
export function sortedNodes(graph: OnnxGraph): SortedNodes {
  const remembered = known.get(graph);
  if (remembered !== undefined) return remembered;
  const sorted = isSorted(graph) ? { nodes: graph.nodes, problem: null } : sort(graph);
  known.set(graph, sorted);
  return sorted;
}

/** True when no node reads what a later one (or itself) defines. */
function isSorted(graph: OnnxGraph): boolean {
  const later = new Set<string>();
  for (const node of graph.nodes) for (const name of node.outputs) if (name !== "") later.add(name);
  for (const node of graph.nodes) {
    for (const name of readNames(node)) if (later.has(name)) return false;
    for (const name of node.outputs) later.delete(name);
  }
  return true;
}

function sort(graph: OnnxGraph): SortedNodes {
  const producers = new Map<string, number>();
  for (const [at, node] of graph.nodes.entries()) {
    for (const name of node.outputs) if (name !== "") producers.set(name, at);
  }
  const order = depthFirst(graph.nodes.map((node) => producersRead(node, producers)));
  const at = (position: number): OnnxNode => graph.nodes[position] as OnnxNode;
  if (order.cycle === null) return { nodes: order.positions.map(at), problem: null };
  return { nodes: graph.nodes, problem: cycleDiagnostic(order.cycle.map(at)) };
}

function producersRead(node: OnnxNode, producers: ReadonlyMap<string, number>): number[] {
  const sources = new Set<number>();
  for (const name of readNames(node)) {
    const source = name === "" ? undefined : producers.get(name);
    if (source !== undefined) sources.add(source);
  }
  return [...sources];
}

interface Order {
  readonly positions: readonly number[];
  readonly cycle: readonly number[] | null;
}

/** Post-order of a depth-first walk along `sources`, with a stack of its own. */
function depthFirst(sources: readonly (readonly number[])[]): Order {
  const positions: number[] = [];
  const state = new Uint8Array(sources.length); // 0 new, 1 on the path, 2 done
  for (const root of sources.keys()) {
    if (state[root] !== 0) continue;
    const path = [{ at: root, next: 0 }];
    state[root] = 1;
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const source = sources[top.at]?.[top.next++];
      if (source === undefined) {
        state[top.at] = 2;
        positions.push(top.at);
        path.pop();
      } else if (state[source] === 1) {
        const start = path.findIndex(({ at }) => at === source);
        return { positions, cycle: path.slice(start).map(({ at }) => at) };
      } else if (state[source] === 0) {
        state[source] = 1;
        path.push({ at: source, next: 0 });
      }
    }
  }
  return { positions, cycle: null };
}

const shownNodes = 5;

function cycleDiagnostic(cycle: readonly OnnxNode[]): Diagnostic {
  const [first] = cycle;
  const names = cycle.slice(0, shownNodes).map(nodeSubject);
  const more = cycle.length > shownNodes ? ` and ${cycle.length - shownNodes} more` : "";
  const message =
    cycle.length === 1 ? "the node reads its own output: a cycle" : `the graph has a cycle: ${names.join(", ")}${more}`;
  return diagnostic("error", "WSC2003", message, { subject: first && nodeSubject(first) });
}
