/**
 * A graph under construction: nodes, inputs, outputs, weights that are only shapes, and the state that a decoder keeps from token to token. From the same
 * draft come the ONNX file and the sizes that plans are made of.
 */
import type { OnnxAttribute, OnnxNode, OnnxType } from "../../frontend/onnx.ts";
import type { DType } from "../../../ir/dtype.ts";
import { fromFloat32 } from "../../../ir/small-float.ts";
import { elementCount, type TensorData, tensorFrom } from "../../../ir/tensor.ts";

/** What a weight is for: which tokens need it, and who is multiplied by it. */
export type WeightRole = "matrix" | "expert" | "embedding" | "vector";

export interface Weight {
  readonly name: string;
  readonly dims: readonly number[];
  readonly role: WeightRole;
  /** layer that it belongs to; see Draft.layer */
  readonly layer: string;
  /** elements that one result sums over: what random values are scaled by */
  readonly fanIn: number;
}

/** Part of a decoder's cache: elements that a layer keeps of each token. */
export interface CacheEntry {
  readonly name: string;
  readonly layer: string;
  readonly elementsPerToken: number;
}

export type Dim = number | string;

export interface Port {
  readonly name: string;
  readonly type: OnnxType;
}

type Given = number | string | readonly number[] | TensorData | { readonly float: number };

export interface DraftOptions {
  /** element type of weights and activations */
  readonly dtype: "f16" | "f32";
  /** one new token behind a cache, or a prompt */
  readonly step: "decode" | "prefill";
  /** samples; a name leaves the dim open */
  readonly batch: Dim;
  /** tokens of the prompt, or of the cache with the new one; open: dims `sequence` and `past` */
  readonly sequence: number | "open";
}

/** See the file's head. Values are known by their names. */
export class Draft {
  readonly options: DraftOptions;
  readonly nodes: OnnxNode[] = [];
  readonly weights: Weight[] = [];
  readonly constants: Map<string, TensorData> = new Map<string, TensorData>();
  readonly inputs: Port[] = [];
  readonly outputs: Port[] = [];
  readonly cache: CacheEntry[] = [];
  /** tokens that a prompt leaves in the cache; a decoder behind an encoder has fewer than the prompt */
  promptTokens: Dim;
  #scope = "";
  #layer = "";
  readonly #uses = new Map<string, number>();

  constructor(options: DraftOptions) {
    this.options = options;
    this.promptTokens = options.sequence === "open" ? "sequence" : options.sequence;
  }

  /** Nodes and weights made by `body` have names below this one. */
  within<T>(name: string, body: () => T): T {
    const outer = this.#scope;
    this.#scope = outer === "" ? name : `${outer}.${name}`;
    try {
      return body();
    } finally {
      this.#scope = outer;
    }
  }

  /** Like `within`, and weights belong to this layer: what is placed as a whole. */
  layer<T>(name: string, body: () => T): T {
    const outer = this.#layer;
    this.#layer = name;
    try {
      return this.within(name, body);
    } finally {
      this.#layer = outer;
    }
  }

  get layerName(): string {
    return this.#layer;
  }

  /** A node with one output, which is returned. */
  op(opType: string, inputs: readonly string[], attributes: Readonly<Record<string, Given>> = {}): string {
    return this.ops(opType, inputs, 1, attributes)[0] as string;
  }

  /** A node with several outputs. */
  ops(
    opType: string,
    inputs: readonly string[],
    outputs: number,
    attributes: Readonly<Record<string, Given>> = {},
  ): readonly string[] {
    const name = this.#fresh(opType);
    const results = Array.from({ length: outputs }, (_, i) => (outputs === 1 ? `${name}_out` : `${name}_out${i}`));
    const given = new Map(Object.entries(attributes).map(([key, value]) => [key, attributeOf(value)]));
    const head = { name, index: this.nodes.length, domain: "", overload: "" };
    this.nodes.push({ ...head, opType, inputs, outputs: results, attributes: given });
    return results;
  }

  /** Gives a value the name of an output of the graph. */
  output(name: string, value: string, type: OnnxType): void {
    const head = { name: `${name}_output`, index: this.nodes.length, domain: "", overload: "" };
    this.nodes.push({ ...head, opType: "Identity", inputs: [value], outputs: [name], attributes: new Map() });
    this.outputs.push({ name, type });
  }

  input(name: string, dtype: DType, dims: readonly Dim[]): string {
    this.inputs.push({ name, type: { kind: "tensor", dtype, dims } });
    return name;
  }

  /** A weight; `name` stands below the scope. */
  weight(name: string, dims: readonly number[], role: WeightRole, fanIn: number = dims.at(-2) ?? 1): string {
    const full = this.#scope === "" ? name : `${this.#scope}.${name}`;
    this.weights.push({ name: full, dims, role, layer: this.#layer, fanIn });
    return full;
  }

  /** A small constant, shared by all that ask for the same one. */
  constant(dtype: DType, dims: readonly number[], values: readonly number[]): string {
    const text = values.length <= 6 ? values.join("_") : `${values.length}_${checksum(values)}`;
    const name = `constant_${dtype}_${dims.join("x")}_${text}`;
    if (!this.constants.has(name)) this.constants.set(name, constantOf(dtype, dims, values));
    return name;
  }

  /** Integers as a vector: shapes, axes, sizes of parts. */
  ints(...values: readonly number[]): string {
    return this.constant("i64", [values.length], values);
  }

  /** One number of the graph's element type. */
  scalar(value: number): string {
    return this.constant(this.options.dtype, [], [value]);
  }

  /** A part of the cache as it was before this step; null in a prompt's graph, which has none. */
  past(name: string, dims: (tokens: Dim) => readonly Dim[], elementsPerToken: number): string | null {
    this.cache.push({ name, layer: this.#layer, elementsPerToken });
    const { step, sequence, dtype } = this.options;
    if (step === "prefill") return null;
    return this.input(`past_key_values.${name}`, dtype, dims(sequence === "open" ? "past" : sequence - 1));
  }

  /** The same part after this step. */
  present(name: string, value: string, dims: (tokens: Dim) => readonly Dim[]): void {
    const { sequence, step, dtype } = this.options;
    const all = step === "prefill" ? this.promptTokens : sequence === "open" ? "total" : sequence;
    const type: OnnxType = { kind: "tensor", dtype, dims: dims(all) };
    this.output(`present.${name}`, value, type);
  }

  #fresh(opType: string): string {
    const base = `/${this.#scope.replaceAll(".", "/")}/${opType}`.replaceAll("//", "/");
    const uses = this.#uses.get(base) ?? 0;
    this.#uses.set(base, uses + 1);
    return uses === 0 ? base : `${base}_${uses}`;
  }
}

function constantOf(dtype: DType, dims: readonly number[], values: readonly number[]): TensorData {
  if (dtype === "i64") return tensorFrom(dtype, dims, values.map(BigInt));
  return tensorFrom(dtype, dims, dtype === "f16" ? [...fromFloat32(dtype, values)] : values);
}

/** A number that tells vectors of constants apart in their names. */
function checksum(values: readonly number[]): string {
  const words = new Uint32Array(new Float64Array(values).buffer);
  let sum = 0x811c9dc5;
  for (const word of words) sum = Math.imul(sum ^ word, 0x01000193);
  return (sum >>> 0).toString(16);
}

function attributeOf(value: Given): OnnxAttribute {
  if (typeof value === "number") return { kind: "int", value: BigInt(value) };
  if (typeof value === "string") return { kind: "string", value };
  if ("float" in value) return { kind: "float", value: value.float };
  if ("dtype" in value) return { kind: "tensor", value };
  return { kind: "ints", value: value.map(BigInt) };
}

/** Elements of a weight. */
export const elementsOf = (weight: Weight): number => elementCount(weight.dims);
