/**
 * Makes one `deferred` op of the nodes that a region put off. Its payload is that part of the model, encoded as an ONNX model of its own:
 * the nodes that the region's results need, constants as initializers, everything else that they read as inputs. Nodes of inlined
 * branches come from several scopes, so all names are made unique first. Results that nothing needs are left out.
 */
import type { Diagnostic } from "../../ir/diagnostic.ts";
import { type ValueId, type ValueType } from "../../ir/graph.ts";
import { makeTensor, type TensorData } from "../../ir/tensor.ts";
import { openShape } from "./deferred-types.ts";
import { encodeModel, encodedOpset } from "./encode.ts";
import { readNames } from "./free-names.ts";
import { nodeOrigin, type OnnxGraph, type OnnxNode } from "./onnx.ts";
import { NameSource, renameNode } from "./rename.ts";
import type { Binding, DeferredNode, Region, Scope } from "./scope.ts";
import { declaredTypeOf } from "./types.ts";

type DeferredBinding = Extract<Binding, { readonly kind: "deferred" }>;

/** A result of the region that the deferred part gives. */
export interface WantedResult {
  readonly binding: DeferredBinding;
  /** as far as it is known */
  readonly type: ValueType;
}

export interface PartOptions {
  readonly opsets: ReadonlyMap<string, number>;
  /** false: the payload stays empty */
  readonly encodesParts: boolean;
}

/** Emits the op at the end of `region` and returns the values of `wanted`, in order. */
export function emitDeferredPart(
  region: Region,
  wanted: readonly WantedResult[],
  options: PartOptions,
): readonly ValueId[] {
  if (wanted.length === 0) return [];
  const distinct = wanted.filter(({ binding }, i) => wanted.findIndex((other) => other.binding === binding) === i);
  const results = emitPart(region, distinct, options);
  return wanted.map(({ binding }) => results[distinct.findIndex((other) => other.binding === binding)] ?? -1);
}

function emitPart(region: Region, wanted: readonly WantedResult[], options: PartOptions): readonly ValueId[] {
  const part = new DeferredPart(region, wanted);
  const payload = options.encodesParts ? part.encode(options.opsets) : new Uint8Array(0);
  const constant = region.builder.constant(makeTensor("u8", [payload.length], payload), "");
  region.faults.push(...part.faults());
  return region.builder.emit(
    {
      kind: "deferred",
      inputs: [constant, ...part.inputIds()],
      inputNames: part.inputNames(),
      outputNames: part.outputNames(),
      valueInputs: part.valueInputs(),
      reason: part.reason(),
    },
    { origin: part.origins(), types: wanted.map(({ type }) => type), names: wanted.map(({ binding }) => binding.name) },
  );
}

class DeferredPart {
  readonly #region: Region;
  readonly #wanted: readonly WantedResult[];
  /** in the order in which they were put off, which is topological */
  readonly #nodes: readonly DeferredNode[];
  readonly #names = new NameSource();
  /** unique name of a value from outside, by its id */
  readonly #inputs = new Map<ValueId, string>();
  readonly #initializers = new Map<ValueId, string>();
  /** unique names of the part's own values, by the node that gives them and its name there */
  readonly #results = new Map<DeferredNode, Map<string, string>>();
  readonly #renamed: readonly OnnxNode[];

  constructor(region: Region, wanted: readonly WantedResult[]) {
    this.#region = region;
    this.#wanted = wanted;
    this.#nodes = neededNodes(region.deferred, wanted);
    this.#renamed = this.#nodes.map((deferred) =>
      renameNode(deferred.node, (name) => this.#nameIn(deferred, name), this.#names),
    );
  }

  encode(opsets: ReadonlyMap<string, number>): Uint8Array {
    const metadata = new Map([["wsc.value_inputs", JSON.stringify(this.valueInputs())]]);
    return encodeModel({ source: "", irVersion: 8, opsets, functions: [], graph: this.#graph(opsets) }, metadata);
  }

  #graph(opsets: ReadonlyMap<string, number>): OnnxGraph {
    const { builder } = this.#region;
    const initializers = [...this.#initializers].map(
      ([id, name]) => [name, builder.constantOf(id) as TensorData] as const,
    );
    return {
      name: builder.name,
      nodes: this.#renamed.map((node) => encodedOpset(node, opsets)),
      inputs: [...this.#inputs].map(([id, name]) => ({ name, type: declaredTypeOf(openShape(builder.typeOf(id))) })),
      outputs: this.#wanted.map(({ binding, type }) => {
        return { name: this.#resultName(binding.by, binding.name), type: declaredTypeOf(type) };
      }),
      initializers: new Map(initializers),
    };
  }

  inputIds(): readonly ValueId[] {
    return [...this.#inputs.keys()];
  }

  inputNames(): readonly string[] {
    return [...this.#inputs.values()];
  }

  outputNames(): readonly string[] {
    return this.#wanted.map(({ binding }) => this.#resultName(binding.by, binding.name));
  }

  /** Inputs whose values were asked for by the nodes that started it all. */
  valueInputs(): readonly string[] {
    const names = new Set<string>();
    for (const { scope, valueInputs } of this.#nodes) {
      for (const name of valueInputs) {
        const binding = scope.lookUp(name);
        const input = binding?.kind === "value" ? this.#inputs.get(binding.id) : undefined;
        if (input !== undefined) names.add(input);
      }
    }
    return [...names];
  }

  reason(): string {
    return this.#nodes[0]?.reason ?? "";
  }

  faults(): readonly Diagnostic[] {
    return this.#nodes.flatMap(({ faults }) => faults);
  }

  origins(): readonly string[] {
    return [...new Set(this.#nodes.map(({ node }) => nodeOrigin(node)))];
  }

  #nameIn(deferred: DeferredNode, name: string): string {
    if (deferred.node.outputs.includes(name)) return this.#resultName(deferred, name);
    const binding = deferred.scope.lookUp(name);
    if (binding === undefined || binding.kind === "failed") throw new Error(`internal: "${name}" has no value`);
    return binding.kind === "deferred"
      ? this.#resultName(binding.by, binding.name)
      : this.#outsideName(binding.id, name);
  }

  #outsideName(id: ValueId, name: string): string {
    const table = this.#region.builder.constantOf(id) === undefined ? this.#inputs : this.#initializers;
    return getOrMake(table, id, () => this.#names.fresh(name));
  }

  #resultName(by: DeferredNode, name: string): string {
    const names = getOrMake(this.#results, by, () => new Map<string, string>());
    return getOrMake(names, name, () => this.#names.fresh(name));
  }
}

function getOrMake<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}

/** Those of the put-off nodes that the wanted results depend on. */
function neededNodes(all: readonly DeferredNode[], wanted: readonly WantedResult[]): readonly DeferredNode[] {
  const needed = new Set(wanted.map(({ binding }) => binding.by));
  for (const deferred of all.toReversed()) {
    if (needed.has(deferred)) for (const by of sourcesOf(deferred.scope, deferred.node)) needed.add(by);
  }
  return all.filter((deferred) => needed.has(deferred));
}

function sourcesOf(scope: Scope, node: OnnxNode): readonly DeferredNode[] {
  return readNames(node).flatMap((name) => {
    const binding = name === "" ? undefined : scope.lookUp(name);
    return binding?.kind === "deferred" ? [binding.by] : [];
  });
}
