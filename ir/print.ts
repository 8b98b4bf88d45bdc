/**
 * The text form of a graph; ir/parse.ts reads it back.
 *
 *     graph "mnist" {
 *       %0 = input "image" : f32[1,1,28,28]
 *       %1 "conv.weight" = constant blob "h128:5c1b…" : f32[8,1,5,5]
 *       %2 "relu_out" = conv(%0, %1) {layout = nchw, strides = [1,1], …} epilogue max($0, 0:f32) : f32[1,8,24,24] from "Conv_0", "Relu_1"
 *       output "logits" = %2
 *     }
 *
 * A line defines values by number, with their names in quotes where they have any (an input's only where it is not the port's), and ends with
 * the model's nodes that the op stands for. Constants stand before their first reader; regions follow their op, indented.
 */
import { type Graph, type Op, regionsOf, type Value, type ValueId } from "./graph.ts";
import { printAttributes } from "./text/attributes.ts";
import { printBlob, printConstant } from "./text/constant.ts";
import { showType } from "./types.ts";

/** The graph as text, ending in a line break; the same graph gives the same text. */
export function printGraph(graph: Graph): string {
  const lines: string[] = [];
  printBlock("", "", graph, lines);
  return lines.join("\n") + "\n";
}

const quoted = (text: string): string => JSON.stringify(text);

function printBlock(indent: string, label: string, graph: Graph, lines: string[]): void {
  lines.push(`${indent}${label}graph ${quoted(graph.name)} {`);
  const inner = `${indent}  `;
  const printer = new BodyPrinter(graph, (line) => lines.push(inner + line));
  printer.inputs();
  for (const op of graph.ops) {
    printer.op(op);
    for (const region of regionsOf(op)) printBlock(`${inner}  `, `${region.name} `, region.graph, lines);
  }
  printer.rest();
  lines.push(`${indent}}`);
}

/** Writes the lines of one graph, remembering which values have been defined. */
class BodyPrinter {
  readonly #graph: Graph;
  readonly #write: (line: string) => void;
  readonly #defined = new Set<ValueId>();

  constructor(graph: Graph, write: (line: string) => void) {
    this.#graph = graph;
    this.#write = write;
  }

  inputs(): void {
    for (const { name, value } of this.#graph.inputs) {
      const shown = this.#nameOf(value) === name ? `%${value}` : `%${value} ${quoted(this.#nameOf(value))}`;
      this.#define(value, `${shown} = input ${quoted(name)} : ${this.#typeOf(value)}`);
    }
  }

  op(op: Op): void {
    for (const id of op.inputs) this.#constant(id);
    const results = op.outputs.map((id) => this.#target(id)).join(", ");
    const operands = op.inputs.map((id) => `%${id}`).join(", ");
    const types = op.outputs.map((id) => this.#typeOf(id)).join(", ");
    const origin = op.origin.length === 0 ? "" : ` from ${op.origin.map(quoted).join(", ")}`;
    this.#write(`${results} = ${op.kind}(${operands})${printAttributes(op)} : ${types}${origin}`);
    for (const id of op.outputs) this.#defined.add(id);
  }

  /** Values that no op reads or defines, then the outputs. */
  rest(): void {
    for (const id of this.#graph.values.keys()) {
      this.#constant(id);
      if (!this.#defined.has(id)) this.#define(id, `${this.#target(id)} = undefined : ${this.#typeOf(id)}`);
    }
    for (const { name, value } of this.#graph.outputs) this.#write(`output ${quoted(name)} = %${value}`);
  }

  #constant(id: ValueId): void {
    const value = this.#graph.values[id];
    const text = value === undefined || this.#defined.has(id) ? null : constantText(value);
    if (text !== null) this.#define(id, `${this.#target(id)} = ${text} : ${this.#typeOf(id)}`);
  }

  #define(id: ValueId, line: string): void {
    this.#defined.add(id);
    this.#write(line);
  }

  #target(id: ValueId): string {
    const name = this.#nameOf(id);
    return name === "" ? `%${id}` : `%${id} ${quoted(name)}`;
  }

  #nameOf(id: ValueId): string {
    return this.#graph.values[id]?.name ?? "";
  }

  /** Shows graphs that the verifier will refuse, too: they are the ones that people need to look at. */
  #typeOf(id: ValueId): string {
    const value = this.#graph.values[id];
    return value === undefined ? "?" : showType(value.type);
  }
}

function constantText({ constant, resource }: Value): string | null {
  if (constant !== undefined) return printConstant(constant);
  return resource === undefined ? null : printBlob(resource);
}
