/** `NodeContext` over a graph builder: what an operator's `lower` reads of its node, and what it emits with. */
import { nth } from "../../ir/access.ts";
import { compareSizes, type DimRelation, staticDims } from "../../ir/assumptions.ts";
import type { Dim } from "../../ir/dim.ts";
import { showName, WscError } from "../../ir/diagnostic.ts";
import { type DType, dtypeInfo } from "../../ir/dtype.ts";
import { arg, cast, type Expr } from "../../ir/expr.ts";
import { type OpSpec, regionsOf, type TensorType, type ValueId, type ValueType } from "../../ir/graph.ts";
import { inferTypes } from "../../ir/infer.ts";
import {
  broadcastShapes,
  elementCount,
  makeTensor,
  scalarTensor,
  type TensorData,
  tensorFrom,
} from "../../ir/tensor.ts";
import { sameShape, showType } from "../../ir/types.ts";
import { attributeOf, saturate } from "./attributes.ts";
import { Deferral } from "./deferral.ts";
import { hostMovement } from "./host-movement.ts";
import { NodeFacts } from "./node-facts.ts";
import { nodeSubject, type OnnxGraph, type OnnxNode } from "./onnx.ts";
import type { NodeContext } from "./operator.ts";
import type { Region, Scope } from "./scope.ts";

/** An input of a subgraph: its type, or its value where that is known. */
export interface Formal {
  readonly type: ValueType;
  readonly constant?: TensorData;
  /** the shape in which the subgraph sees it; default: that of its type */
  readonly shape?: readonly number[];
}

/** A subgraph as a region that is complete but for its list of captures. */
export interface LoweredRegion {
  readonly region: Region;
  /** types of its outputs */
  readonly types: readonly ValueType[];
  /** its outputs where they are constants */
  readonly constants: readonly (TensorData | undefined)[];
}

/** Lowers a subgraph of a node in `scope`; `formals` are its inputs, in order; `origin` is the node. */
export type LowerRegion = (
  scope: Scope,
  graph: OnnxGraph,
  formals: readonly Formal[],
  origin: readonly string[],
) => LoweredRegion;

export class NodeLowering extends NodeFacts implements NodeContext {
  readonly scope: Scope;
  readonly #lowerRegion: LowerRegion;

  constructor(node: OnnxNode, opset: number, scope: Scope, lowerRegion: LowerRegion) {
    super(node, opset);
    this.scope = scope;
    this.#lowerRegion = lowerRegion;
  }

  input(index: number): ValueId {
    const name = this.node.inputs[index] ?? "";
    const binding = name === "" ? undefined : this.scope.lookUp(name);
    if (binding?.kind !== "value")
      throw new Error(`internal: ${nodeSubject(this.node)} has no value for input ${index}`);
    return binding.id;
  }

  type(index: number): TensorType {
    return this.#staticType(this.input(index), () => `input ${index} "${this.#inputName(index)}"`);
  }

  dtype(index: number): DType {
    const type = this.anyType(index);
    return type.kind === "dynamic" ? type.dtype : this.type(index).dtype;
  }

  shape(index: number): readonly number[] {
    return this.type(index).shape;
  }

  rank(index: number): number {
    const type = this.anyType(index);
    return type.kind === "dynamic" && type.dims !== null ? type.dims.length : this.shape(index).length;
  }

  dims(index: number): readonly number[] {
    return this.shape(index);
  }

  anyType(index: number): ValueType {
    return this.scope.region.builder.typeOf(this.input(index));
  }

  constant(index: number): TensorData {
    const constant = this.constantOrUndefined(index);
    if (constant !== undefined) return constant;
    const name = this.node.inputs[index] ?? "";
    throw new Deferral(`the value of "${showName(name)}" is computed at run time`, name);
  }

  constantOrUndefined(index: number): TensorData | undefined {
    return this.scope.region.builder.constantOf(this.input(index));
  }

  integers(index: number): number[] {
    const { dtype, elements } = this.constant(index);
    const { class: cls } = dtypeInfo(dtype);
    if (cls !== "signed" && cls !== "unsigned") throw this.typeError(`input ${index} is ${dtype}, needs integers`);
    return Array.from(elements as ArrayLike<number | bigint>, saturate);
  }

  sizes(index: number): readonly number[] {
    return this.integers(index);
  }

  decide(left: Dim, relation: DimRelation, right: Dim): boolean {
    const [a, b] = staticDims([left, right], "a question") as [number, number];
    return compareSizes(a, relation, b);
  }

  graph(name: string): OnnxGraph {
    const attribute = attributeOf(this.node, name, "graph");
    if (attribute === undefined) throw new Error(`internal: ${nodeSubject(this.node)} has no graph ${name}`);
    return attribute.value;
  }

  emit(spec: OpSpec): readonly ValueId[] {
    const { builder } = this.scope.region;
    return this.#reporting(() => {
      // control flow carries values of any type; other kinds of op are inferred and compiled for known shapes
      if (regionsOf(spec).length === 0) for (const id of spec.inputs) this.typeOf(id);
      const moved = hostMovement(spec, (id) => builder.valueOf(id), this.origin);
      if (moved !== null) return this.emitTyped(moved.spec, moved.types);
      return builder.emit(spec, { origin: this.origin });
    });
  }

  emitOne(spec: OpSpec): ValueId {
    const [result] = this.emit(spec);
    if (result === undefined) throw new Error(`internal: ${spec.kind} has no result`);
    return result;
  }

  /** The result types that follow from an op's operands. */
  inferTypes(spec: OpSpec): readonly ValueType[] {
    const { builder } = this.scope.region;
    return this.#reporting(() => inferTypes(spec, spec.inputs.map((id) => builder.typeOf(id)), this.origin)); // prettier-ignore
  }

  /** Emits an op whose result types only the caller knows. */
  emitTyped(spec: OpSpec, types: readonly ValueType[]): readonly ValueId[] {
    return this.scope.region.builder.emit(spec, { origin: this.origin, types });
  }

  /** Lowers a subgraph of this node. */
  region(graph: OnnxGraph, formals: readonly Formal[]): LoweredRegion {
    return this.#lowerRegion(this.scope, graph, formals, this.origin);
  }

  map(expr: Expr, ...operands: readonly ValueId[]): ValueId {
    return this.emitOne({ kind: "map", expr, inputs: operands });
  }

  castTo(dtype: DType, value: ValueId): ValueId {
    return this.typeOf(value).dtype === dtype ? value : this.map(cast(dtype, arg(0)), value);
  }

  reshape(value: ValueId, dims: readonly Dim[]): ValueId {
    const shape = staticDims(dims, "a reshape");
    if (sameShape(this.typeOf(value).shape, shape)) return value;
    return this.emitOne({ kind: "reshape", inputs: [value], shape });
  }

  transpose(value: ValueId, perm: readonly number[]): ValueId {
    const rank = this.typeOf(value).shape.length;
    if (perm.length === rank && perm.every((from, to) => from === to)) return value;
    return this.emitOne({ kind: "transpose", inputs: [value], perm });
  }

  /** A dim of 1 is repeated by padding with its edge: no kind of op is needed for this alone. */
  broadcastTo(value: ValueId, dims: readonly Dim[]): ValueId {
    const shape = staticDims(dims, "a broadcast");
    const type = this.typeOf(value);
    const joint = broadcastShapes([type.shape, shape]);
    if (joint === null || !sameShape(joint, shape)) {
      throw this.shapeError(`${showType(type)} does not broadcast to [${shape.join(",")}]`);
    }
    if (sameShape(type.shape, shape)) return value;
    if (elementCount(shape) === 0) return this.constantValue(makeTensor(type.dtype, shape));
    const ranked = new Array<number>(shape.length - type.shape.length).fill(1).concat(type.shape);
    const after = shape.map((dim, axis) => dim - (ranked[axis] ?? 1));
    const before = shape.map(() => 0);
    return this.emitOne({ kind: "pad", mode: "edge", inputs: [this.reshape(value, ranked)], before, after });
  }

  pool(value: ValueId, windows: Parameters<NodeContext["pool"]>[1]): ValueId {
    const outputSpatial = staticDims(windows.outputSpatial, "a pool");
    return this.emitOne({ ...windows, kind: "pool", inputs: [value], outputSpatial });
  }

  pad(value: ValueId, fill: ValueId, before: readonly Dim[], after: readonly Dim[]): ValueId {
    const amounts = { before: staticDims(before, "a pad"), after: staticDims(after, "a pad") };
    return this.emitOne({ kind: "pad", mode: "constant", inputs: [value, fill], ...amounts });
  }

  repeat(value: ValueId, factors: readonly number[]): ValueId {
    const { shape } = this.typeOf(value);
    const sizes = shape.flatMap((size, axis) => [size, nth(factors, axis)]);
    const apart = this.reshape(
      value,
      sizes.map((size, i) => (i % 2 === 0 ? size : 1)),
    );
    const wide = this.broadcastTo(apart, sizes);
    return this.reshape(
      wide,
      shape.map((size, axis) => size * nth(factors, axis)),
    );
  }

  slice(value: ValueId, starts: readonly Dim[], sizes: readonly Dim[], steps: readonly number[]): ValueId {
    const bounds = { starts: staticDims(starts, "a slice"), sizes: staticDims(sizes, "a slice") };
    return this.emitOne({ kind: "slice", inputs: [value], ...bounds, steps });
  }

  sizesValue(sizes: readonly Dim[] | Dim): ValueId {
    const isList = typeof sizes === "object" && "length" in sizes;
    const elements = staticDims(isList ? sizes : [sizes], "sizes");
    return this.constantValue(tensorFrom("i64", isList ? [elements.length] : [], elements));
  }

  countingFrom(start: Dim, size: Dim): ValueId {
    const [first, count] = staticDims([start, size], "a range") as [number, number];
    return this.constantValue(
      tensorFrom(
        "i64",
        [count],
        Array.from({ length: count }, (_, i) => first + i),
      ),
    );
  }

  constantValue(tensor: TensorData): ValueId {
    return this.scope.region.constant(tensor, "");
  }

  scalar(dtype: DType, value: number | bigint): ValueId {
    return this.constantValue(scalarTensor(dtype, value));
  }

  typeOf(value: ValueId): TensorType {
    return this.#staticType(value, () => {
      const { name } = this.scope.region.builder.valueOf(value);
      return name === "" ? "a value of this node" : `"${showName(name)}"`;
    });
  }

  dimsOf(value: ValueId): readonly number[] {
    return this.typeOf(value).shape;
  }

  dtypeOf(value: ValueId): DType {
    return this.typeOf(value).dtype;
  }

  isStatic(value: ValueId): boolean {
    return this.scope.region.builder.typeOf(value).kind === "tensor";
  }

  host(
    fn: string,
    operands: readonly ValueId[],
    types: readonly ValueType[],
    reason: string,
    attributes: Extract<OpSpec, { readonly kind: "host" }>["attributes"] = {},
  ): readonly ValueId[] {
    return this.emitTyped({ kind: "host", fn, inputs: operands, attributes, reason }, types);
  }

  knownElements(sequence: ValueId): readonly ValueId[] | undefined {
    return this.scope.region.sequences.get(sequence);
  }

  setElements(sequence: ValueId, elements: readonly ValueId[]): void {
    this.scope.region.sequences.set(sequence, elements);
  }

  defer(reason: string): never {
    throw new Deferral(reason);
  }

  /** What is wrong with an op is wrong with the node that it stands for. */
  #reporting<T>(emit: () => T): T {
    try {
      return emit();
    } catch (error) {
      if (!(error instanceof WscError)) throw error;
      throw new WscError(error.diagnostics.map((problem) => ({ ...problem, subject: nodeSubject(this.node) })));
    }
  }

  #inputName(index: number): string {
    return showName(this.node.inputs[index] ?? "");
  }

  #staticType(value: ValueId, what: () => string): TensorType {
    const type = this.scope.region.builder.typeOf(value);
    if (type.kind === "tensor") return type;
    if (type.kind === "dynamic") throw new Deferral(`the shape of ${what()} is known only at run time`);
    throw this.typeError(`${what()} is ${showType(type)}, a tensor is needed`);
  }
}
