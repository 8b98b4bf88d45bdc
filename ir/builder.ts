/**
 * Builds a graph op by op. Types of results are inferred (ir/infer.ts), so a builder never holds an untyped value. With a `fold` hook,
 * ops over constants become constants at once: this is how shape arithmetic disappears while a model is lowered.
 */
import { inferTypes } from "./infer.ts";
import {
  type Graph,
  type Op,
  type OpSpec,
  type Port,
  type TensorType,
  tensorType,
  type Value,
  type ValueId,
  type ValueType,
} from "./graph.ts";
import type { TensorData } from "./tensor.ts";

/** Evaluates an op over constants; null when it declines (too large, not evaluable). */
export type FoldHook = (
  op: OpSpec,
  inputs: readonly TensorData[],
  types: readonly ValueType[],
) => readonly TensorData[] | null;

export interface EmitOptions {
  readonly origin: readonly string[];
  /** names of the results, for people */
  readonly names?: readonly string[];
  /** overrides inference: only for ops whose result types the caller must say (host, control flow, deferred) */
  readonly types?: readonly ValueType[];
}

export class GraphBuilder {
  readonly name: string;
  readonly #values: Value[] = [];
  readonly #inputs: Port[] = [];
  readonly #outputs: Port[] = [];
  readonly #ops: Op[] = [];
  readonly #fold: FoldHook | null;

  constructor(name: string, fold: FoldHook | null = null) {
    this.name = name;
    this.#fold = fold;
  }

  input(name: string, type: ValueType): ValueId {
    const value = this.#define({ type, name });
    this.#inputs.push({ name, value });
    return value;
  }

  constant(constant: TensorData, name = ""): ValueId {
    return this.#define({ type: tensorType(constant.dtype, constant.shape), name, constant });
  }

  output(name: string, value: ValueId): void {
    this.valueOf(value);
    this.#outputs.push({ name, value });
  }

  /** Appends an op and returns its results. Throws a WscError (WSC3004/WSC3005) when the operands do not fit. */
  emit(spec: OpSpec, options: EmitOptions): readonly ValueId[] {
    const inputTypes = spec.inputs.map((id) => this.typeOf(id));
    const types = options.types ?? inferTypes(spec, inputTypes, options.origin);
    const names = options.names ?? [];
    const folded = this.#tryFold(spec, types);
    if (folded !== null) return folded.map((tensor, i) => this.constant(tensor, names[i] ?? ""));
    const outputs = types.map((type, i) => this.#define({ type, name: names[i] ?? "" }));
    this.#ops.push({ ...spec, outputs, origin: options.origin });
    return outputs;
  }

  /** `emit` for ops with one result. */
  emitOne(spec: OpSpec, options: EmitOptions): ValueId {
    const [result] = this.emit(spec, options);
    if (result === undefined) throw new Error(`internal: ${spec.kind} has no result`);
    return result;
  }

  /** Names a value for people, unless it has a name. */
  nameValue(id: ValueId, name: string): void {
    const value = this.valueOf(id);
    if (value.name === "") this.#values[id] = { ...value, name };
  }

  valueOf(id: ValueId): Value {
    const value = this.#values[id];
    if (value === undefined) throw new Error(`internal: no value %${id} in graph ${this.name}`);
    return value;
  }

  typeOf(id: ValueId): ValueType {
    return this.valueOf(id).type;
  }

  /** The type of a value that must be a tensor of known shape. */
  tensorTypeOf(id: ValueId): TensorType {
    const type = this.typeOf(id);
    if (type.kind !== "tensor") throw new Error(`internal: %${id} is ${type.kind}, not a static tensor`);
    return type;
  }

  constantOf(id: ValueId): TensorData | undefined {
    return this.valueOf(id).constant;
  }

  /** The op that defined a value, if one did; linear-time users should keep their own map. */
  lastOp(): Op | undefined {
    return this.#ops.at(-1);
  }

  get opCount(): number {
    return this.#ops.length;
  }

  opAt(index: number): Op {
    const op = this.#ops[index];
    if (op === undefined) throw new Error(`internal: no op ${index} in graph ${this.name}`);
    return op;
  }

  finish(): Graph {
    return { name: this.name, values: this.#values, inputs: this.#inputs, outputs: this.#outputs, ops: this.#ops };
  }

  #define(value: Value): ValueId {
    this.#values.push(value);
    return this.#values.length - 1;
  }

  #tryFold(spec: OpSpec, types: readonly ValueType[]): readonly TensorData[] | null {
    if (this.#fold === null) return null;
    const constants: TensorData[] = [];
    for (const id of spec.inputs) {
      const constant = this.constantOf(id);
      if (constant === undefined) return null;
      constants.push(constant);
    }
    return this.#fold(spec, constants, types);
  }
}
