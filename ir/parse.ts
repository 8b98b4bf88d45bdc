/**
 * Reads the text form that ir/print.ts writes. Text is checked for its grammar and for names: values are defined once, before they are used,
 * and numbered without gaps. Whether ops make sense is for the verifier.
 */
import { type Graph, type Op, type OpKind, type Port, type Value, type ValueId } from "./graph.ts";
import { opKinds, parseAttributes, regionFields } from "./text/attributes.ts";
import { parseConstant, type Resources } from "./text/constant.ts";
import { TextReader } from "./text/lexer.ts";
import { parseType } from "./text/type.ts";

/** The graph that a text describes; constants that it only names are taken from `resources`, or stay without data where it lacks them. */
export function parseGraph(text: string, resources: Resources = new Map()): Graph {
  const reader = new TextReader(text);
  const graph = parseBlock(reader, resources);
  reader.end();
  return graph;
}

const parseBlock = (reader: TextReader, resources: Resources): Graph =>
  reader.nested(() => new GraphParser(reader, resources).parse());

/** What stands left of `=`: a number, with the value's name where there is one. */
interface Target {
  readonly id: ValueId;
  readonly name: string | null;
  /** where it stands in the text */
  readonly start: number;
}

class GraphParser {
  readonly #reader: TextReader;
  readonly #resources: Resources;
  readonly #values = new Map<ValueId, Value>();
  readonly #inputs: Port[] = [];
  readonly #outputs: Port[] = [];
  readonly #ops: Op[] = [];

  constructor(reader: TextReader, resources: Resources) {
    this.#reader = reader;
    this.#resources = resources;
  }

  parse(): Graph {
    this.#reader.expect("graph");
    const name = this.#reader.string("the graph's name");
    this.#reader.expect("{");
    while (!this.#reader.at("}")) this.#statement();
    const values = this.#denseValues();
    this.#reader.expect("}");
    return { name, values, inputs: this.#inputs, outputs: this.#outputs, ops: this.#ops };
  }

  #statement(): void {
    if (this.#reader.accept("output")) {
      this.#output();
      return;
    }
    const targets = this.#targets();
    this.#reader.expect("=");
    const [only] = targets;
    if (only !== undefined && targets.length === 1 && this.#leaf(only)) return;
    this.#op(targets);
  }

  #output(): void {
    const name = this.#reader.string("the output's name");
    this.#reader.expect("=");
    this.#outputs.push({ name, value: this.#operand() });
  }

  #targets(): Target[] {
    const targets: Target[] = [];
    do targets.push(this.#target());
    while (this.#reader.accept(","));
    return targets;
  }

  #target(): Target {
    const { start } = this.#reader.peek();
    const id = this.#id('"%", "output" or "}"');
    const name = this.#reader.peek().kind === "string" ? this.#reader.string() : null;
    return { id, name, start };
  }

  #id(expected: string): ValueId {
    if (!this.#reader.accept("%")) throw this.#reader.unexpected(expected);
    return this.#reader.integer("a value's number", 0);
  }

  /** A value that no op defines, if the statement is one. */
  #leaf(target: Target): boolean {
    const name = target.name ?? "";
    if (this.#reader.accept("input")) this.#input(target);
    else if (this.#reader.accept("constant")) this.#define(target, parseConstant(this.#reader, name, this.#resources));
    else if (this.#reader.accept("undefined")) this.#define(target, { type: this.#type(), name });
    else return false;
    return true;
  }

  #input(target: Target): void {
    const port = this.#reader.string("the input's name");
    this.#define(target, { type: this.#type(), name: target.name ?? port });
    this.#inputs.push({ name: port, value: target.id });
  }

  #type(): Value["type"] {
    this.#reader.expect(":");
    return parseType(this.#reader);
  }

  #op(targets: readonly Target[]): void {
    const reader = this.#reader;
    const kind = this.#kind();
    const inputs = reader.list("(", ")", () => this.#operand());
    const attributes = parseAttributes(reader, kind);
    this.#results(targets);
    const origin = this.#origin();
    const regions = regionFields(kind).map((name) => [name, this.#region(name)] as const);
    const outputs = targets.map((target) => target.id);
    // the table of attributes is typed by ir/graph.ts, so the fields are those of the kind
    const op: unknown = { kind, inputs, outputs, origin, ...Object.fromEntries([...attributes, ...regions]) };
    this.#ops.push(op as Op);
  }

  #kind(): OpKind {
    const { start } = this.#reader.peek();
    const word = this.#reader.word('an op, "input" or "constant"');
    const kind = opKinds.find((known) => known === word);
    if (kind === undefined) throw this.#reader.errorAt(start, `there is no op "${word}"`);
    return kind;
  }

  #operand(): ValueId {
    const { start } = this.#reader.peek();
    const id = this.#id("a value");
    if (!this.#values.has(id)) throw this.#reader.errorAt(start, `%${id} is not defined before`);
    return id;
  }

  /** `: type, type`, one for each target. */
  #results(targets: readonly Target[]): void {
    this.#reader.expect(":");
    for (const [i, target] of targets.entries()) {
      if (i > 0) this.#reader.expect(",");
      this.#define(target, { type: parseType(this.#reader), name: target.name ?? "" });
    }
  }

  #origin(): string[] {
    const names: string[] = [];
    if (!this.#reader.accept("from")) return names;
    do names.push(this.#reader.string("a node's name"));
    while (this.#reader.accept(","));
    return names;
  }

  #region(name: string): Graph {
    this.#reader.expect(name);
    return parseBlock(this.#reader, this.#resources);
  }

  #define(target: Target, value: Value): void {
    if (this.#values.has(target.id)) throw this.#reader.errorAt(target.start, `%${target.id} is defined twice`);
    this.#values.set(target.id, value);
  }

  #denseValues(): Value[] {
    return Array.from({ length: this.#values.size }, (_, id) => {
      const value = this.#values.get(id);
      if (value === undefined) throw this.#reader.unexpected(`a definition of %${id}, for numbers without gaps`);
      return value;
    });
  }
}
