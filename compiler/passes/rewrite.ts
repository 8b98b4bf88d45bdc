/**
 * The one way in which passes change graphs. A graph is rebuilt op by op, in order; for each op a rule may emit other ops and say which
 * values stand for the old results, or decline (null), and the op is copied. Producers are looked up in the new graph, so that
 * one sweep fuses a whole chain. What is no longer used is dropped at the end. Cost: linear in ops and uses.
 */
import { GraphBuilder, type FoldHook } from "../../ir/builder.ts";
import { type Graph, type Op, type OpSpec, regionsOf, type Value, type ValueId } from "../../ir/graph.ts";
import { withoutDeadCode } from "./dead-code.ts";

export interface Rewrite {
  readonly op: Op;
  /** the op's inputs in the new graph */
  readonly inputs: readonly ValueId[];
  readonly builder: GraphBuilder;
  /** the op that defines a value of the new graph */
  producer(value: ValueId): Op | undefined;
  /** how many readers (graph outputs included) a value of the new graph will have, counted in the old graph */
  uses(value: ValueId): number;
  /** shape of the op's first result, which must be a static tensor */
  resultShape(): readonly number[];
  /** copies the op as it is, for rules that must know its new results; not a change */
  keep(): readonly ValueId[];
  /** emits an op of the same origin, merged with the origins of `merged` */
  emit(spec: OpSpec, ...merged: readonly Op[]): readonly ValueId[];
  emitOne(spec: OpSpec, ...merged: readonly Op[]): ValueId;
}

/** New values for the op's results, or null to keep the op. */
export type Rule = (rewrite: Rewrite) => readonly ValueId[] | null;

export function rewriteGraph(graph: Graph, rule: Rule, fold: FoldHook | null = null): Graph {
  const rewriter = new Rewriter(graph, rule, fold);
  return rewriter.run();
}

/** Names of ops merged into one, in order, each once. */
export function mergeOrigins(ops: readonly { readonly origin: readonly string[] }[]): readonly string[] {
  if (ops.length === 1) return ops[0]?.origin ?? [];
  return [...new Set(ops.flatMap((op) => op.origin))];
}

/** Readers of every value of a graph; being a graph output counts as one. */
export function countUses(graph: Graph): number[] {
  const uses = new Array<number>(graph.values.length).fill(0);
  const count = (id: ValueId): void => {
    uses[id] = (uses[id] ?? 0) + 1;
  };
  for (const op of graph.ops) op.inputs.forEach(count);
  for (const port of graph.outputs) count(port.value);
  return uses;
}

class Rewriter implements Rewrite {
  op!: Op;
  inputs: readonly ValueId[] = [];
  readonly builder: GraphBuilder;
  readonly #graph: Graph;
  readonly #rule: Rule;
  readonly #fold: FoldHook | null;
  /** old value -> new value */
  readonly #mapped = new Map<ValueId, ValueId>();
  readonly #producers = new Map<ValueId, Op>();
  readonly #oldUses: readonly number[];
  readonly #newUses = new Map<ValueId, number>();
  #changed = false;
  /** results of the copy of the current op, once it is made */
  #kept: readonly ValueId[] | null = null;
  #opsSeen = 0;

  constructor(graph: Graph, rule: Rule, fold: FoldHook | null) {
    this.#graph = graph;
    this.#rule = rule;
    this.#fold = fold;
    this.builder = new GraphBuilder(graph.name, fold);
    this.#oldUses = countUses(graph);
  }

  run(): Graph {
    const { inputs, ops, outputs } = this.#graph;
    for (const port of inputs) this.#map(port.value, this.builder.input(port.name, this.#oldValue(port.value).type));
    for (const op of ops) this.#visit(op);
    for (const port of outputs) this.builder.output(port.name, this.#newValue(port.value));
    return this.#changed ? withoutDeadCode(this.builder.finish()) : this.#graph;
  }

  producer(value: ValueId): Op | undefined {
    this.#indexNewOps();
    return this.#producers.get(value);
  }

  uses(value: ValueId): number {
    return this.#newUses.get(value) ?? 0;
  }

  resultShape(): readonly number[] {
    const type = this.#oldValue(this.op.outputs[0] ?? -1).type;
    if (type.kind !== "tensor") throw new Error(`internal: ${this.op.kind} gives no static tensor`);
    return type.shape;
  }

  keep(): readonly ValueId[] {
    this.#kept ??= this.#copy(this.op);
    return this.#kept;
  }

  emit(spec: OpSpec, ...merged: readonly Op[]): readonly ValueId[] {
    return this.builder.emit(spec, { origin: mergeOrigins([...merged, this.op]) });
  }

  emitOne(spec: OpSpec, ...merged: readonly Op[]): ValueId {
    return this.builder.emitOne(spec, { origin: mergeOrigins([...merged, this.op]), names: this.#names() });
  }

  #visit(op: Op): void {
    this.op = op;
    this.inputs = op.inputs.map((id) => this.#newValue(id));
    this.#kept = null;
    const results = this.#rule(this);
    if (results !== this.#kept) this.#changed = true;
    const values = results ?? this.keep();
    op.outputs.forEach((old, index) => {
      const value = values[index];
      if (value === undefined)
        throw new Error(`internal: a rule gave ${values.length} of ${op.outputs.length} results`);
      this.#map(old, value);
    });
  }

  #copy(op: Op): readonly ValueId[] {
    const types = op.outputs.map((id) => this.#oldValue(id).type);
    return this.builder.emit(
      { ...this.#rewriteRegions(op), inputs: this.inputs },
      { origin: op.origin, names: this.#names(), types },
    );
  }

  /** Applies the rule inside regions too. */
  #rewriteRegions(op: Op): OpSpec {
    if (regionsOf(op).length === 0) return op;
    const inside = (region: Graph): Graph => {
      const rewritten = rewriteGraph(region, this.#rule, this.#fold);
      if (rewritten !== region) this.#changed = true;
      return rewritten;
    };
    if (op.kind === "if") return { ...op, then: inside(op.then), else: inside(op.else) };
    if (op.kind === "loop" || op.kind === "scan") return { ...op, body: inside(op.body) };
    return op;
  }

  #names(): readonly string[] {
    return this.op.outputs.map((id) => this.#oldValue(id).name);
  }

  #oldValue(id: ValueId): Value {
    const value = this.#graph.values[id];
    if (value === undefined) throw new Error(`internal: no value %${id}`);
    return value;
  }

  /** The new value of an old one; constants come over when they are first read. */
  #newValue(id: ValueId): ValueId {
    const known = this.#mapped.get(id);
    if (known !== undefined) return known;
    const { constant, name } = this.#oldValue(id);
    if (constant === undefined) throw new Error(`internal: %${id} is read before it is defined`);
    return this.#map(id, this.builder.constant(constant, name));
  }

  #map(old: ValueId, value: ValueId): ValueId {
    this.#mapped.set(old, value);
    this.#newUses.set(value, (this.#newUses.get(value) ?? 0) + (this.#oldUses[old] ?? 0));
    return value;
  }

  #indexNewOps(): void {
    for (; this.#opsSeen < this.builder.opCount; this.#opsSeen++) {
      const op = this.builder.opAt(this.#opsSeen);
      for (const output of op.outputs) this.#producers.set(output, op);
    }
  }
}
