/**
 * Puts a graph of ONNX nodes together, for operators that are described by others: what `OperatorVersion.lower` gives in their place. Names are
 * such that nothing which the node's own subgraphs read is hidden by them.
 */
import type { TensorData } from "../../ir/tensor.ts";
import { freeNames, subgraphsOf } from "./free-names.ts";
import { nodeOrigin, type OnnxAttribute, type OnnxGraph, type OnnxNode, type OnnxValueInfo } from "./onnx.ts";
import { NameSource, renameGraph } from "./rename.ts";

/** The versions that written nodes are meant in. */
const opsets: ReadonlyMap<string, number> = new Map([
  ["", 21],
  ["com.microsoft", 1],
]);

export interface WrittenNode {
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
  readonly domain?: "" | "com.microsoft";
}

export const intAttribute = (value: number): OnnxAttribute => ({ kind: "int", value: BigInt(value) });
export const intsAttribute = (...values: readonly number[]): OnnxAttribute => ({
  kind: "ints",
  value: values.map(BigInt),
});
export const floatAttribute = (value: number): OnnxAttribute => ({ kind: "float", value });
export const stringAttribute = (value: string): OnnxAttribute => ({ kind: "string", value });

export class GraphWriter {
  readonly #origin: string;
  readonly #names: NameSource;
  readonly #nodes: OnnxNode[] = [];
  readonly #inputs: OnnxValueInfo[] = [];
  readonly #initializers = new Map<string, TensorData>();

  private constructor(origin: string, names: NameSource) {
    this.#origin = origin;
    this.#names = names;
  }

  /** A writer of what stands for a node. */
  static for(node: OnnxNode): GraphWriter {
    const taken = new Set([...node.inputs, ...node.outputs, ...subgraphsOf(node).flatMap(freeNames)]);
    return new GraphWriter(nodeOrigin(node), new NameSource(taken));
  }

  /** A writer of a subgraph: it may read what this one defines. */
  inner(): GraphWriter {
    return new GraphWriter(this.#origin, this.#names);
  }

  /** An input of the graph. */
  input(hint: string, type: OnnxValueInfo["type"] = null): string {
    const name = this.#fresh(hint);
    this.#inputs.push({ name, type });
    return name;
  }

  constant(tensor: TensorData): string {
    const name = this.#fresh("constant");
    this.#initializers.set(name, tensor);
    return name;
  }

  /** A node; the names of its `count` results. */
  nodes(
    opType: string,
    inputs: readonly string[],
    count: number,
    { attributes = {}, domain = "" }: WrittenNode = {},
  ): string[] {
    const index = this.#nodes.length;
    const outputs = Array.from({ length: count }, () => this.#fresh(opType));
    const name = `${this.#origin}/${opType}_${index}`;
    const map = new Map(Object.entries(attributes));
    this.#nodes.push({ name, index, domain, opType, overload: "", inputs, outputs, attributes: map, opsets });
    return outputs;
  }

  /** A node of one result. */
  node(opType: string, inputs: readonly string[], rest: WrittenNode = {}): string {
    const [name] = this.nodes(opType, inputs, 1, rest);
    if (name === undefined) throw new Error("internal: a node without a result");
    return name;
  }

  /** The nodes of another graph with values in place of its inputs; the names of its results. */
  splice(graph: OnnxGraph, values: readonly string[]): readonly string[] {
    const renamed = renameGraph(graph, (name) => name, this.#names);
    for (const [name, tensor] of renamed.initializers) this.#initializers.set(name, tensor);
    for (const [i, { name }] of renamed.inputs.entries()) {
      this.#push("Identity", [values[i] ?? ""], [name]);
    }
    for (const node of renamed.nodes) {
      const index = this.#nodes.length;
      this.#nodes.push({ ...node, index, name: `${this.#origin}/${nodeOrigin(node)}` });
    }
    return renamed.outputs.map(({ name }) => name);
  }

  finish(outputs: readonly string[]): OnnxGraph {
    return {
      name: this.#origin,
      nodes: this.#nodes,
      inputs: this.#inputs,
      outputs: outputs.map((name) => ({ name, type: null })),
      initializers: this.#initializers,
    };
  }

  #push(opType: string, inputs: readonly string[], outputs: readonly string[]): void {
    const index = this.#nodes.length;
    const name = `${this.#origin}/${opType}_${index}`;
    this.#nodes.push({ name, index, domain: "", opType, overload: "", inputs, outputs, attributes: new Map(), opsets });
  }

  #fresh(hint: string): string {
    return this.#names.fresh(`${this.#origin}/${hint}`);
  }
}
