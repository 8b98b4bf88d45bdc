/** Builds an open graph op by op; types of results are inferred. A `fold` hook evaluates ops over constants and over sizes. */
import type { Assumptions } from "../assumptions.ts";
import { areStatic, type Dim } from "../dim.ts";
import type { Port, ValueId } from "../graph.ts";
import { type TensorData, tensorFrom } from "../tensor.ts";
import type { OpenGraph, OpenOp, OpenOpSpec, OpenType, OpenValue, SizesOp } from "./graph.ts";
import { inferOpenTypes } from "./infer.ts";

/** What an op has come to while the graph is made: a constant, or sizes. */
export type Folded = TensorData | FoldedSizes;

/** Sizes as integers of some type; as floats where a model scales them. */
export interface FoldedSizes extends Omit<SizesOp, "inputs" | "outputs" | "origin" | "dtype"> {
  readonly dtype: SizesOp["dtype"] | "f32";
}

/** An operand as folding sees it; `known` is null for what only the run knows. */
export interface FoldOperand {
  readonly type: OpenType;
  readonly known: Folded | null;
}

/** Evaluates an op of one result over what is known; null when it declines. */
export type OpenFoldHook = (spec: OpenOpSpec, operands: readonly FoldOperand[], result: OpenType) => Folded | null;

export const isSizes = (folded: Folded): folded is Exclude<Folded, TensorData> => "kind" in folded;

export class OpenGraphBuilder {
  readonly name: string;
  readonly assumptions: Assumptions;
  readonly #fold: OpenFoldHook | null;
  readonly #values: OpenValue[] = [];
  readonly #known = new Map<ValueId, Folded>();
  readonly #inputs: Port[] = [];
  readonly #outputs: Port[] = [];
  readonly #ops: OpenOp[] = [];

  constructor(name: string, assumptions: Assumptions, fold: OpenFoldHook | null = null) {
    this.name = name;
    this.assumptions = assumptions;
    this.#fold = fold;
  }

  input(name: string, type: OpenType): ValueId {
    const value = this.#define({ type, name });
    this.#inputs.push({ name, value });
    return value;
  }

  constant(constant: TensorData, name = ""): ValueId {
    const { dtype, shape } = constant;
    const value = this.#define({ type: { dtype, dims: shape }, name, constant });
    this.#known.set(value, constant);
    return value;
  }

  output(name: string, value: ValueId): void {
    this.valueOf(value);
    this.#outputs.push({ name, value });
  }

  /** Appends an op and returns its result. Throws NotOpen for what cannot be told of open dims. */
  emit(spec: OpenOpSpec, origin: readonly string[]): ValueId {
    const operands = spec.inputs.map((id): FoldOperand => ({ type: this.typeOf(id), known: this.knownOf(id) }));
    const [type] = inferOpenTypes(
      spec,
      operands.map((operand) => operand.type),
      this.assumptions,
      origin,
    );
    if (type === undefined) throw new Error(`internal: ${spec.kind} has no result`);
    const folded = this.#fold?.(spec, operands, type) ?? null;
    if (folded === null) return this.#append(spec, type, origin);
    if (!isSizes(folded)) return this.constant(folded);
    const { dtype } = folded;
    if (dtype !== "f32") return this.#append({ ...folded, dtype, inputs: [] }, type, origin);
    // computed as it stands, if the run needs it: what follows from it is known all the same
    const value = this.#append(spec, type, origin);
    this.#known.set(value, folded);
    return value;
  }

  /** Names a value for people, unless it has a name. */
  nameValue(id: ValueId, name: string): void {
    const value = this.valueOf(id);
    if (value.name === "") this.#values[id] = { ...value, name };
  }

  valueOf(id: ValueId): OpenValue {
    const value = this.#values[id];
    if (value === undefined) throw new Error(`internal: no value %${id} in graph ${this.name}`);
    return value;
  }

  /** The type of a value, in the symbols that are left. */
  typeOf(id: ValueId): OpenType {
    return this.#canonicalType(this.valueOf(id).type);
  }

  /** The constant or the sizes that a value is; null for what only the run knows. */
  knownOf(id: ValueId): Folded | null {
    const known = this.#known.get(id) ?? null;
    if (known === null || !isSizes(known)) return known;
    const elements = this.#canonical(known.elements);
    return areStatic(elements) ? tensorFrom(known.dtype, known.shape, elements) : { ...known, elements };
  }

  finish(): OpenGraph {
    return {
      name: this.name,
      values: this.#values.map((value) => ({ ...value, type: this.#canonicalType(value.type) })),
      inputs: this.#inputs,
      outputs: this.#outputs,
      ops: this.#ops.map((op) => this.#canonicalOp(op)),
      conditions: this.assumptions.conditions,
    };
  }

  #canonical(dims: readonly Dim[]): readonly Dim[] {
    return dims.map((dim) => this.assumptions.canonical(dim));
  }

  #canonicalType({ dtype, dims }: OpenType): OpenType {
    return { dtype, dims: this.#canonical(dims) };
  }

  /** An op whose sizes are written before a symbol of theirs was replaced, in the symbols that are left. */
  #canonicalOp(op: OpenOp): OpenOp {
    switch (op.kind) {
      case "reshape":
      case "expand":
        return { ...op, shape: this.#canonical(op.shape) };
      case "slice":
        return { ...op, starts: this.#canonical(op.starts), sizes: this.#canonical(op.sizes) };
      case "sizes":
        return { ...op, elements: this.#canonical(op.elements) };
      case "count":
        return { ...op, start: this.assumptions.canonical(op.start), size: this.assumptions.canonical(op.size) };
      case "pool":
        return { ...op, outputSpatial: this.#canonical(op.outputSpatial) };
      case "pad":
        return { ...op, before: this.#canonical(op.before), after: this.#canonical(op.after) };
      case "conv":
      case "convTranspose":
      case "repeat":
      case "map":
      case "matmul":
      case "reduce":
      case "softmax":
      case "normalize":
      case "transpose":
      case "concat":
      case "gather":
      case "attention":
        return op;
    }
  }

  #append(spec: OpenOpSpec, type: OpenType, origin: readonly string[]): ValueId {
    const value = this.#define({ type, name: "" });
    this.#ops.push({ ...spec, outputs: [value], origin });
    if (spec.kind === "sizes") this.#known.set(value, spec);
    return value;
  }

  #define(value: OpenValue): ValueId {
    this.#values.push(value);
    return this.#values.length - 1;
  }
}
