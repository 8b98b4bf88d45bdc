/**
 * Fields that change a model's meaning and that onnx-proto's schema lacks: overloads of functions, and default values of their attributes.
 * Read from the same bytes, and only from models that have functions with such fields. The lists run parallel to the decoder's.
 */
import type { Onnx, OnnxProto } from "./proto.ts";
import type { Scan } from "./scan.ts";
import { textOf, WireReader, type WireField } from "./wire.ts";

export interface NodeExtras {
  readonly overload: string;
  /** per attribute, per graph of it, per node */
  readonly graphs: ReadonlyMap<number, readonly (GraphExtras | null)[]>;
}

export type GraphExtras = readonly (NodeExtras | null)[];

export interface FunctionExtras {
  readonly overload: string;
  readonly defaults: readonly Onnx.IAttributeProto[];
  readonly nodes: GraphExtras;
}

export interface ModelExtras {
  readonly graph: GraphExtras;
  readonly functions: readonly FunctionExtras[];
}

/** Null when the model has nothing of the kind. */
export function readExtras(bytes: Uint8Array, scan: Scan, proto: OnnxProto): ModelExtras | null {
  const [graph] = scan.graphs;
  if (!scan.hasExtras || graph === undefined) return null;
  const reader = new ExtrasReader(bytes, proto);
  return { graph: reader.nodes(graph, 1) ?? [], functions: scan.functions.map((field) => reader.function(field)) };
}

const nodeField = { attribute: 5, overload: 8 } as const;
const attributeField = { g: 6, graphs: 11 } as const;
const functionField = { node: 7, defaults: 11, overload: 13 } as const;

class ExtrasReader {
  readonly #bytes: Uint8Array;
  readonly #proto: OnnxProto;

  constructor(bytes: Uint8Array, proto: OnnxProto) {
    this.#bytes = bytes;
    this.#proto = proto;
  }

  /** Extras of the nodes of a message whose nodes have field number `number`; null when none has any. */
  nodes(message: WireField, number: number): GraphExtras | null {
    const nodes = this.#fields(message)
      .filter((field) => field.number === number)
      .map((field) => this.#node(field));
    return nodes.some((node) => node !== null) ? nodes : null;
  }

  function(message: WireField): FunctionExtras {
    const fields = this.#fields(message);
    const defaults = fields.filter((field) => field.number === functionField.defaults);
    return {
      overload: this.#overload(fields, functionField.overload),
      defaults: defaults.map(({ start, end }) => this.#proto.AttributeProto.decode(this.#bytes.subarray(start, end))),
      nodes: this.nodes(message, functionField.node) ?? [],
    };
  }

  #node(message: WireField): NodeExtras | null {
    const fields = this.#fields(message);
    const overload = this.#overload(fields, nodeField.overload);
    const graphs = new Map<number, readonly (GraphExtras | null)[]>();
    for (const [i, attribute] of fields.filter((field) => field.number === nodeField.attribute).entries()) {
      const inner = this.#graphs(attribute);
      if (inner !== null) graphs.set(i, inner);
    }
    return overload === "" && graphs.size === 0 ? null : { overload, graphs };
  }

  #graphs(attribute: WireField): readonly (GraphExtras | null)[] | null {
    const graphs = this.#fields(attribute)
      .filter(({ number }) => number === attributeField.g || number === attributeField.graphs)
      .map((field) => this.nodes(field, 1));
    return graphs.some((graph) => graph !== null) ? graphs : null;
  }

  #overload(fields: readonly WireField[], number: number): string {
    const field = fields.findLast((candidate) => candidate.number === number);
    return field === undefined ? "" : textOf(this.#bytes, field);
  }

  #fields(message: WireField): WireField[] {
    const reader = new WireReader(this.#bytes, message.start, message.end);
    const fields: WireField[] = [];
    for (let field = reader.next(); field !== null; field = reader.next()) fields.push(field);
    return fields;
  }
}
