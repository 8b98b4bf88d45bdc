/**
 * Replaces calls of model-local functions by their bodies, so that nothing behind this knows functions. Values of a body get names that
 * nothing else in the model has; attributes that refer to the call's are replaced by them, or by the function's defaults, or left out;
 * nodes keep the opset versions of the function that they come from.
 */
import { fail, showName } from "../../ir/diagnostic.ts";
import { definedNames, subgraphsOf } from "./free-names.ts";
import { checkExpansion, functionSubject, FunctionTable } from "./functions.ts";
import { nodeOrigin, nodeSubject, type OnnxAttribute, type OnnxFunction, type OnnxGraph, type OnnxModel, type OnnxNode } from "./onnx.ts"; // prettier-ignore
import { NameSource, renameNode } from "./rename.ts";

/** The model without functions. */
export function inlineFunctions(model: OnnxModel): OnnxModel {
  const table = new FunctionTable(model.functions);
  if (table.size === 0) return model;
  checkExpansion(table, model.graph.nodes);
  const inliner = new Inliner(table, new NameSource(allNames(model.graph)));
  return { ...model, graph: inliner.graph(model.graph), functions: [] };
}

function allNames(graph: OnnxGraph, names: Set<string> = new Set()): Set<string> {
  for (const name of definedNames(graph)) names.add(name);
  for (const node of graph.nodes) for (const inner of subgraphsOf(node)) allNames(inner, names);
  return names;
}

class Inliner {
  readonly #table: FunctionTable;
  readonly #names: NameSource;

  constructor(table: FunctionTable, names: NameSource) {
    this.#table = table;
    this.#names = names;
  }

  graph(graph: OnnxGraph): OnnxGraph {
    const nodes: OnnxNode[] = [];
    for (const node of graph.nodes) this.#inline(node, nodes);
    return { ...graph, nodes };
  }

  /** Appends `node`, or what it stands for, to `nodes`. */
  #inline(node: OnnxNode, nodes: OnnxNode[]): void {
    const fn = this.#table.of(node);
    if (fn === undefined) nodes.push(withGraphs(node, (graph) => this.graph(graph)));
    else for (const inner of this.#body(fn, node)) this.#inline(inner, nodes);
  }

  #body(fn: OnnxFunction, call: OnnxNode): readonly OnnxNode[] {
    const names = this.#argumentNames(fn, call);
    const rename = (name: string): string => {
      const known = names.get(name);
      if (known !== undefined) return known;
      const fresh = this.#names.fresh(`${nodeOrigin(call)}/${name}`);
      names.set(name, fresh);
      return fresh;
    };
    const attributes = new Map([...fn.defaults, ...call.attributes]);
    return fn.nodes.map((node) => {
      // first the body's names, then the call's attributes: a graph among those reads the caller's names
      const concrete = instantiate(renameNode(node, rename, this.#names), fn, attributes);
      return { ...concrete, name: `${nodeOrigin(call)}/${nodeOrigin(node)}` };
    });
  }

  /** Names that the body's formals stand for; a formal that the call leaves out is the empty name. */
  #argumentNames(fn: OnnxFunction, call: OnnxNode): Map<string, string> {
    const subject = nodeSubject(call);
    if (call.inputs.length > fn.inputs.length || call.outputs.length > fn.outputs.length) {
      const counts = `${call.inputs.length} inputs and ${call.outputs.length} outputs`;
      const message = `it has ${counts}, ${functionSubject(fn)} has ${fn.inputs.length} and ${fn.outputs.length}`;
      throw fail("WSC3003", message, { subject });
    }
    const names = new Map(fn.inputs.map((formal, i) => [formal, call.inputs[i] ?? ""]));
    for (const [i, formal] of fn.outputs.entries()) {
      const actual = call.outputs[i] ?? "";
      if (names.has(formal))
        throw fail("WSC1008", `"${showName(formal)}" is input and output at once`, { subject: functionSubject(fn) });
      if (actual !== "") names.set(formal, actual);
    }
    return names;
  }
}

function withGraphs(node: OnnxNode, change: (graph: OnnxGraph) => OnnxGraph): OnnxNode {
  if (subgraphsOf(node).length === 0) return node;
  const attributes = [...node.attributes].map(([name, attribute]): [string, OnnxAttribute] => {
    if (attribute.kind === "graph") return [name, { kind: "graph", value: change(attribute.value) }];
    return [name, attribute.kind === "graphs" ? { kind: "graphs", value: attribute.value.map(change) } : attribute];
  });
  return { ...node, attributes: new Map(attributes) };
}

/** A node of a function with the call's attributes in place of references, and the function's opsets; its subgraphs alike. */
function instantiate(node: OnnxNode, fn: OnnxFunction, given: ReadonlyMap<string, OnnxAttribute>): OnnxNode {
  const attributes = new Map<string, OnnxAttribute>();
  for (const [name, attribute] of node.attributes) {
    const actual = attribute.kind === "reference" ? given.get(attribute.to) : attribute;
    if (actual !== undefined) attributes.set(name, actual);
  }
  const concrete = { ...node, attributes, opsets: fn.opsets };
  return withGraphs(concrete, (graph) => ({
    ...graph,
    nodes: graph.nodes.map((inner) => instantiate(inner, fn, given)),
  }));
}
