/**
 * `NodeContext` over an open graph: the operators of operators/ lower with it as they do for known shapes. What asks for the numbers of open
 * dims, for a host function or for a kind of op that open graphs have not, is a `NotOpen`: the model is then compiled for known shapes.
 */
import { type DimRelation, NotOpen } from "../../../ir/assumptions.ts";
import { areStatic, type Dim, sameDims, showDims } from "../../../ir/dim.ts";
import { type DType, dtypeInfo } from "../../../ir/dtype.ts";
import { arg, cast, type Expr } from "../../../ir/expr.ts";
import { type OpSpec, type TensorType, tensorType, type ValueId, type ValueType } from "../../../ir/graph.ts";
import { isSizes, type OpenGraphBuilder } from "../../../ir/open/builder.ts";
import type { OpenOpSpec, OpenType } from "../../../ir/open/graph.ts";
import { scalarTensor, type TensorData } from "../../../ir/tensor.ts";
import { saturate } from "../attributes.ts";
import { NodeFacts } from "../node-facts.ts";
import { nodeSubject, type OnnxGraph, type OnnxNode } from "../onnx.ts";
import type { NodeContext } from "../operator.ts";

export class OpenNodeContext extends NodeFacts implements NodeContext {
  readonly #builder: OpenGraphBuilder;
  readonly #lookUp: (name: string) => ValueId;

  constructor(node: OnnxNode, opset: number, builder: OpenGraphBuilder, lookUp: (name: string) => ValueId) {
    super(node, opset);
    this.#builder = builder;
    this.#lookUp = lookUp;
  }

  input(index: number): ValueId {
    const name = this.node.inputs[index] ?? "";
    if (name === "") throw new Error(`internal: ${nodeSubject(this.node)} has no value for input ${index}`);
    return this.#lookUp(name);
  }

  type(index: number): TensorType {
    return this.typeOf(this.input(index));
  }

  dtype(index: number): DType {
    return this.dtypeOf(this.input(index));
  }

  shape(index: number): readonly number[] {
    return this.type(index).shape;
  }

  rank(index: number): number {
    return this.dims(index).length;
  }

  dims(index: number): readonly Dim[] {
    return this.dimsOf(this.input(index));
  }

  anyType(index: number): ValueType {
    const { dtype, dims } = this.#type(this.input(index));
    return areStatic(dims) ? tensorType(dtype, dims) : { kind: "dynamic", dtype, dims: dims.map(namedDim) };
  }

  constant(index: number): TensorData {
    const constant = this.constantOrUndefined(index);
    if (constant !== undefined) return constant;
    throw this.#notOpen(`the value of input ${index} is computed at run time`);
  }

  constantOrUndefined(index: number): TensorData | undefined {
    const known = this.#builder.knownOf(this.input(index));
    return known === null || isSizes(known) ? undefined : known;
  }

  integers(index: number): number[] {
    const { dtype, elements } = this.constant(index);
    const { class: cls } = dtypeInfo(dtype);
    if (cls !== "signed" && cls !== "unsigned") throw this.typeError(`input ${index} is ${dtype}, needs integers`);
    return Array.from(elements as ArrayLike<number | bigint>, saturate);
  }

  sizes(index: number): readonly Dim[] {
    const known = this.#builder.knownOf(this.input(index));
    return known !== null && isSizes(known) ? known.elements : this.integers(index);
  }

  decide(left: Dim, relation: DimRelation, right: Dim): boolean {
    return this.#builder.assumptions.decide(left, relation, right);
  }

  graph(): OnnxGraph {
    throw this.#notOpen("it has regions");
  }

  emit(spec: OpSpec): readonly ValueId[] {
    return [this.emitOne(spec)];
  }

  emitOne(spec: OpSpec): ValueId {
    switch (spec.kind) {
      case "map":
      case "matmul":
      case "reduce":
      case "softmax":
      case "normalize":
      case "transpose":
      case "concat":
      case "gather":
      case "reshape":
      case "slice":
      case "conv":
      case "pool":
      case "pad":
        return this.#emit(spec);
      case "convTranspose":
        return this.#emit({ ...spec, layout: "nchw" });
      default:
        throw this.#notOpen(`no ${spec.kind} of open dims`);
    }
  }

  map(expr: Expr, ...operands: readonly ValueId[]): ValueId {
    return this.#emit({ kind: "map", expr, inputs: operands });
  }

  castTo(dtype: DType, value: ValueId): ValueId {
    return this.dtypeOf(value) === dtype ? value : this.map(cast(dtype, arg(0)), value);
  }

  reshape(value: ValueId, shape: readonly Dim[]): ValueId {
    return sameDims(this.dimsOf(value), shape) ? value : this.#emit({ kind: "reshape", inputs: [value], shape });
  }

  transpose(value: ValueId, perm: readonly number[]): ValueId {
    const isSame = perm.every((from, to) => from === to);
    return isSame ? value : this.#emit({ kind: "transpose", inputs: [value], perm });
  }

  broadcastTo(value: ValueId, shape: readonly Dim[]): ValueId {
    return sameDims(this.dimsOf(value), shape) ? value : this.#emit({ kind: "expand", inputs: [value], shape });
  }

  pool(value: ValueId, windows: Parameters<NodeContext["pool"]>[1]): ValueId {
    return this.#emit({ ...windows, kind: "pool", inputs: [value] });
  }

  pad(value: ValueId, fill: ValueId, before: readonly Dim[], after: readonly Dim[]): ValueId {
    return this.#emit({ kind: "pad", mode: "constant", inputs: [value, fill], before, after });
  }

  repeat(value: ValueId, factors: readonly number[]): ValueId {
    return this.#emit({ kind: "repeat", inputs: [value], factors });
  }

  slice(value: ValueId, starts: readonly Dim[], sizes: readonly Dim[], steps: readonly number[]): ValueId {
    return this.#emit({ kind: "slice", inputs: [value], starts, sizes, steps });
  }

  sizesValue(sizes: readonly Dim[] | Dim): ValueId {
    const isList = typeof sizes === "object" && "length" in sizes;
    const elements = isList ? sizes : [sizes];
    return this.#emit({ kind: "sizes", inputs: [], dtype: "i64", shape: isList ? [elements.length] : [], elements });
  }

  countingFrom(start: Dim, size: Dim): ValueId {
    return this.#emit({ kind: "count", inputs: [], dtype: "i64", start, step: 1, size });
  }

  constantValue(tensor: TensorData): ValueId {
    return this.#builder.constant(tensor);
  }

  scalar(dtype: DType, value: number | bigint): ValueId {
    return this.constantValue(scalarTensor(dtype, value));
  }

  typeOf(value: ValueId): TensorType {
    const { dtype, dims } = this.#type(value);
    if (areStatic(dims)) return tensorType(dtype, dims);
    throw this.#notOpen(`it asks for the numbers of ${showDims(dims)}`);
  }

  dimsOf(value: ValueId): readonly Dim[] {
    return this.#type(value).dims;
  }

  dtypeOf(value: ValueId): DType {
    return this.#type(value).dtype;
  }

  isStatic(value: ValueId): boolean {
    return areStatic(this.dimsOf(value));
  }

  host(fn: string): readonly ValueId[] {
    throw this.#notOpen(`${fn} runs on the host`);
  }

  emitTyped(spec: OpSpec): readonly ValueId[] {
    throw this.#notOpen(`no ${spec.kind} of open dims`);
  }

  inferTypes(spec: OpSpec): readonly ValueType[] {
    throw this.#notOpen(`it asks for the types of ${spec.kind}`);
  }

  knownElements(): undefined {
    return undefined;
  }

  setElements(): void {
    throw this.#notOpen("it makes a sequence");
  }

  defer(reason: string): never {
    throw this.#notOpen(reason);
  }

  #emit(spec: OpenOpSpec): ValueId {
    return this.#builder.emit(spec, this.origin);
  }

  #type(value: ValueId): OpenType {
    return this.#builder.typeOf(value);
  }

  #notOpen(reason: string): NotOpen {
    return new NotOpen(`${nodeSubject(this.node)}: ${reason}`);
  }
}

const namedDim = (dim: Dim): number | string => (typeof dim === "number" ? dim : dim.text);
