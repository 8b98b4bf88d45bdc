/** Which names a graph reads from outside of it: those that its nodes use and nothing inside defines. */
import type { OnnxGraph, OnnxNode } from "./onnx.ts";

/** Subgraphs of a node, in the order of its attributes. */
export function subgraphsOf(node: OnnxNode): readonly OnnxGraph[] {
  if (node.attributes.size === 0) return [];
  const graphs: OnnxGraph[] = [];
  for (const attribute of node.attributes.values()) {
    if (attribute.kind === "graph") graphs.push(attribute.value);
    else if (attribute.kind === "graphs") graphs.push(...attribute.value);
  }
  return graphs;
}

/** Names that a graph defines itself. */
export function definedNames(graph: OnnxGraph): Set<string> {
  const defined = new Set<string>(graph.initializers.keys());
  for (const { name } of graph.inputs) defined.add(name);
  for (const node of graph.nodes) for (const name of node.outputs) defined.add(name);
  return defined;
}

const known = new WeakMap<OnnxGraph, readonly string[]>();

/** Names that a graph takes from the graphs around it, in order of first use; remembered, so nesting costs nothing twice. */
export function freeNames(graph: OnnxGraph): readonly string[] {
  const remembered = known.get(graph);
  if (remembered !== undefined) return remembered;
  const defined = definedNames(graph);
  const free = new Set<string>();
  const read = (name: string): void => {
    if (name !== "" && !defined.has(name)) free.add(name);
  };
  for (const node of graph.nodes) readNames(node).forEach(read);
  for (const { name } of graph.outputs) read(name);
  const names = [...free];
  known.set(graph, names);
  return names;
}

/** Names that a node reads: its inputs, then what its subgraphs capture. */
export function readNames(node: OnnxNode): readonly string[] {
  const graphs = subgraphsOf(node);
  return graphs.length === 0 ? node.inputs : [...node.inputs, ...graphs.flatMap(freeNames)];
}
