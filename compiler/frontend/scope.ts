/**
 * Where names mean something while a model is lowered. A `Region` is one graph of the IR under construction; a `Scope` is one ONNX graph
 * within it (a branch that is chosen while lowering shares the region of the graph around it). Names are looked up from the inside out;
 * a value found in another region becomes an input of this one (a capture), a constant is simply repeated.
 */
import { GraphBuilder, type FoldHook } from "../../ir/builder.ts";
import type { Diagnostic } from "../../ir/diagnostic.ts";
import type { Graph, ValueId, ValueType } from "../../ir/graph.ts";
import type { TensorData } from "../../ir/tensor.ts";
import type { OnnxNode } from "./onnx.ts";

/** A node that was put off to run time. */
export interface DeferredNode {
  readonly node: OnnxNode;
  readonly scope: Scope;
  readonly reason: string;
  /** names whose values (not only types) it asked for */
  readonly valueInputs: readonly string[];
  /** what is wrong with it, where that is why: it counts when a run comes there */
  readonly faults: readonly Diagnostic[];
}

/** What a name stands for. `failed`: its node was reported as wrong; whoever reads it is skipped in silence. */
export type Binding =
  | { readonly kind: "value"; readonly id: ValueId }
  | { readonly kind: "deferred"; readonly type: ValueType; readonly by: DeferredNode; readonly name: string }
  | { readonly kind: "failed" };

/** A value of the region around a region, and the input that stands for it inside. */
interface Capture {
  readonly outer: ValueId;
  readonly inner: ValueId;
}

export class Region {
  readonly builder: GraphBuilder;
  /** the scope around this region; null for the main graph */
  readonly parent: Scope | null;
  readonly deferred: DeferredNode[] = [];
  /** what is wrong with the nodes that its deferred part and those of regions within it hold */
  readonly faults: Diagnostic[] = [];
  /** elements of the sequences that were put together in this region */
  readonly sequences: Map<ValueId, readonly ValueId[]> = new Map();
  readonly #captures = new Map<ValueId, Capture>();
  readonly #constants = new Map<TensorData, ValueId>();
  #formals = 0;

  constructor(name: string, parent: Scope | null, fold: FoldHook) {
    this.builder = new GraphBuilder(name, fold);
    this.parent = parent;
  }

  /** An input of the region's own; all of them come before the first capture. */
  formal(name: string, type: ValueType): ValueId {
    if (this.#captures.size > 0) throw new Error("internal: an input after a capture");
    this.#formals++;
    return this.builder.input(name, type);
  }

  constant(tensor: TensorData, name: string): ValueId {
    const known = this.#constants.get(tensor);
    if (known !== undefined) return known;
    const id = this.builder.constant(tensor, name);
    this.#constants.set(tensor, id);
    return id;
  }

  /** The value inside that stands for `outer`, a value of the region around this one. */
  capture(outer: ValueId): ValueId {
    if (this.parent === null) throw new Error("internal: the main graph captures nothing");
    const { type, name, constant } = this.parent.region.builder.valueOf(outer);
    if (constant !== undefined) return this.constant(constant, name);
    const known = this.#captures.get(outer);
    if (known !== undefined) return known.inner;
    const inner = this.builder.input(name, type);
    this.#captures.set(outer, { outer, inner });
    return inner;
  }

  /** Whether whatever runs the program runs this: branches and bodies may be passed by. */
  get isCertain(): boolean {
    return this.parent === null;
  }

  get captured(): readonly ValueId[] {
    return [...this.#captures.keys()];
  }

  /** The finished graph: its own inputs, then one for each of `captured`, in that order, whether it reads it or not. */
  finish(captured: readonly ValueId[]): Graph {
    for (const outer of captured) this.#captureAsInput(outer);
    this.parent?.region.faults.push(...this.faults);
    const graph = this.builder.finish();
    const ports = new Map(graph.inputs.map((port) => [port.value, port]));
    const inputs = captured.map((outer) => {
      const port = ports.get(this.#captures.get(outer)?.inner ?? -1);
      if (port === undefined) throw new Error(`internal: no input for captured %${outer}`);
      return port;
    });
    return { ...graph, inputs: [...graph.inputs.slice(0, this.#formals), ...inputs] };
  }

  #captureAsInput(outer: ValueId): void {
    if (this.#captures.has(outer) || this.parent === null) return;
    const { type, name } = this.parent.region.builder.valueOf(outer);
    this.#captures.set(outer, { outer, inner: this.builder.input(name, type) });
  }
}

/** Finishes regions that share one list of captured operands (the branches of an If, the body of a loop). */
export function finishRegions(regions: readonly Region[]): {
  readonly graphs: readonly Graph[];
  readonly captured: readonly ValueId[];
} {
  const captured = [...new Set(regions.flatMap((region) => region.captured))];
  return { graphs: regions.map((region) => region.finish(captured)), captured };
}

export class Scope {
  readonly region: Region;
  /** the scope around this one, in this region or in the one around it */
  readonly parent: Scope | null;
  readonly #bindings = new Map<string, Binding>();
  readonly #initializers: ReadonlyMap<string, TensorData>;

  constructor(region: Region, parent: Scope | null, initializers: ReadonlyMap<string, TensorData>) {
    this.region = region;
    this.parent = parent;
    this.#initializers = initializers;
  }

  bind(name: string, binding: Binding): void {
    this.#bindings.set(name, binding);
  }

  bindValue(name: string, id: ValueId): void {
    this.bind(name, { kind: "value", id });
  }

  /** What `name` stands for here; undefined when nothing defines it. */
  lookUp(name: string): Binding | undefined {
    const own = this.#bindings.get(name) ?? this.#bindInitializer(name);
    if (own !== undefined || this.parent === null) return own;
    const outer = this.parent.lookUp(name);
    if (outer === undefined || this.parent.region === this.region) return outer;
    const binding: Binding = outer.kind === "value" ? { kind: "value", id: this.region.capture(outer.id) } : outer;
    this.#bindings.set(name, binding);
    return binding;
  }

  #bindInitializer(name: string): Binding | undefined {
    const tensor = this.#initializers.get(name);
    if (tensor === undefined) return undefined;
    this.bindValue(name, this.region.constant(tensor, name));
    return this.#bindings.get(name);
  }
}
