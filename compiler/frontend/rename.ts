/**
 * Copies of nodes and graphs under other value names, so that nodes of different scopes (function bodies, branches) may stand in one graph.
 * Names that a graph defines are made unique; names that it reads from outside go through the caller's `outer`.
 */
import { definedNames } from "./free-names.ts";
import type { OnnxAttribute, OnnxGraph, OnnxNode } from "./onnx.ts";

/** Hands out names that nothing else has. */
export class NameSource {
  readonly #taken: Set<string>;
  readonly #next = new Map<string, number>();

  constructor(taken: Iterable<string> = []) {
    this.#taken = new Set(taken);
  }

  /** `base` itself if nobody has it, else with the first free number behind it. */
  fresh(base: string): string {
    let name = base;
    let count = this.#next.get(base) ?? 1;
    while (this.#taken.has(name)) name = `${base}~${++count}`;
    this.#next.set(base, count);
    this.#taken.add(name);
    return name;
  }
}

export type Rename = (name: string) => string;

/** A node that reads and defines other names; its subgraphs follow. */
export function renameNode(node: OnnxNode, rename: Rename, names: NameSource): OnnxNode {
  const renamed = (name: string): string => (name === "" ? "" : rename(name));
  return {
    ...node,
    inputs: node.inputs.map(renamed),
    outputs: node.outputs.map(renamed),
    attributes: renameAttributes(node.attributes, rename, names),
  };
}

function renameAttributes(
  attributes: OnnxNode["attributes"],
  outer: Rename,
  names: NameSource,
): ReadonlyMap<string, OnnxAttribute> {
  const graphs = [...attributes.values()].some(({ kind }) => kind === "graph" || kind === "graphs");
  if (!graphs) return attributes;
  return new Map([...attributes].map(([name, attribute]) => [name, renameAttribute(attribute, outer, names)]));
}

function renameAttribute(attribute: OnnxAttribute, outer: Rename, names: NameSource): OnnxAttribute {
  if (attribute.kind === "graph") return { kind: "graph", value: renameGraph(attribute.value, outer, names) };
  if (attribute.kind !== "graphs") return attribute;
  return { kind: "graphs", value: attribute.value.map((graph) => renameGraph(graph, outer, names)) };
}

/** A graph whose own names are unique in `names`. */
export function renameGraph(graph: OnnxGraph, outer: Rename, names: NameSource): OnnxGraph {
  const own = new Map<string, string>();
  for (const name of definedNames(graph)) if (name !== "") own.set(name, names.fresh(name));
  const rename: Rename = (name) => own.get(name) ?? outer(name);
  return {
    name: graph.name,
    inputs: graph.inputs.map(({ name, type }) => ({ name: rename(name), type })),
    outputs: graph.outputs.map(({ name, type }) => ({ name: rename(name), type })),
    initializers: new Map([...graph.initializers].map(([name, tensor]) => [rename(name), tensor])),
    nodes: graph.nodes.map((node) => renameNode(node, rename, names)),
  };
}
