/**
 * How an ONNX operator is described: for each version its signature, which is checked before lowering, and a `lower` function that emits
 * IR ops. The operators themselves are tables in operators/, one file per family.
 *
 * `lower` is written for tensors of known shape. When it asks for something that is not known before the program runs (`type` of a
 * dynamic value, `constant` of a computed one) the context throws a `Deferral`, and the node, with all that depends on it, becomes
 * part of a `deferred` op (see lower.ts): the runtime lowers it again when the inputs are there. An operator whose result
 * shape depends on data, or that works on strings or sequences, emits a `host` op instead, and may take dynamic operands.
 */
import type { DimRelation } from "../../ir/assumptions.ts";
import type { Dim } from "../../ir/dim.ts";
import type { DType } from "../../ir/dtype.ts";
import type { Expr } from "../../ir/expr.ts";
import type { OpSpec, TensorType, ValueId, ValueType } from "../../ir/graph.ts";
import type { OpenPoolOp } from "../../ir/open/graph.ts";
import type { TensorData } from "../../ir/tensor.ts";
import type { WscError } from "../../ir/diagnostic.ts";
import type { OnnxAttribute, OnnxAttributeKind, OnnxGraph, OnnxNode } from "./onnx.ts";

export interface OperatorDef {
  /** "" is ai.onnx */
  readonly domain:
    "" | "ai.onnx.ml" | "com.microsoft" | "com.microsoft.nchwc" | "ai.onnx.preview" | "ai.onnx.preview.training";
  readonly name: string;
  /** ascending by `since`; the newest not above the model's opset applies */
  readonly versions: readonly OperatorVersion[];
}

export interface OperatorVersion {
  readonly since: number;
  /** least and most inputs; trailing optional inputs may be absent or "" */
  readonly inputs: readonly [number, number];
  readonly outputs: readonly [number, number];
  /** every attribute that the version knows: its kind, with `!` when it is required */
  readonly attributes: Readonly<Record<string, OnnxAttributeKind | `${OnnxAttributeKind}!`>>;
  /** inputs that may be "" although later ones are present */
  readonly optionalInputs?: readonly number[];
  /**
   * returns one value per output of the node, in order; outputs that the node leaves out may be missing at the end. An operator that is described
   * by others returns a graph of them, without inputs (graph-writer.ts), which takes the node's place.
   */
  readonly lower: (node: NodeContext) => readonly ValueId[] | OnnxGraph;
}

/** What `lower` sees of a node, and what it emits with. */
export interface NodeContext {
  readonly node: OnnxNode;
  /** version of the node's domain in the model */
  readonly opset: number;
  readonly inputCount: number;
  /** outputs asked for: the last non-empty one's position + 1 */
  readonly outputCount: number;
  hasInput(index: number): boolean;
  wantsOutput(index: number): boolean;

  /** The value of an input; the input must be present. */
  input(index: number): ValueId;
  /** Its type as a tensor of known shape (defers otherwise). */
  type(index: number): TensorType;
  dtype(index: number): DType;
  shape(index: number): readonly number[];
  rank(index: number): number;
  /** Its dims, which may be open; otherwise as `shape`. */
  dims(index: number): readonly Dim[];
  /** Any type, without deferring. */
  anyType(index: number): ValueType;
  /** Its constant value; defers when it is computed at run time. */
  constant(index: number): TensorData;
  /** Its constant value, or undefined: for operators that gain from a constant but do not need it. */
  constantOrUndefined(index: number): TensorData | undefined;
  /** Integer elements of a constant input (shapes, axes, pads…) as numbers. */
  integers(index: number): number[];
  /** Integer elements of an input that says sizes: a constant, or what the model computes of open dims. */
  sizes(index: number): readonly Dim[];
  /** The answer to a question about sizes; where dims are open, what it is for the shapes that are lowered for (ir/assumptions.ts). */
  decide(left: Dim, relation: DimRelation, right: Dim): boolean;

  int(name: string): number | undefined;
  int(name: string, fallback: number): number;
  ints(name: string): number[] | undefined;
  float(name: string): number | undefined;
  float(name: string, fallback: number): number;
  floats(name: string): number[] | undefined;
  string(name: string): string | undefined;
  string(name: string, fallback: string): string;
  strings(name: string): readonly string[] | undefined;
  tensor(name: string): TensorData | undefined;
  graph(name: string): OnnxGraph;
  attribute(name: string): OnnxAttribute | undefined;

  /** Emits an op; its origin is this node. */
  emit(spec: OpSpec): readonly ValueId[];
  emitOne(spec: OpSpec): ValueId;
  /** Elementwise: `$i` is operands[i]. */
  map(expr: Expr, ...operands: readonly ValueId[]): ValueId;
  castTo(dtype: DType, value: ValueId): ValueId;
  reshape(value: ValueId, shape: readonly Dim[]): ValueId;
  transpose(value: ValueId, perm: readonly number[]): ValueId;
  broadcastTo(value: ValueId, shape: readonly Dim[]): ValueId;
  /** out[i] = in[starts + i * steps], `sizes` elements per axis. */
  slice(value: ValueId, starts: readonly Dim[], sizes: readonly Dim[], steps: readonly number[]): ValueId;
  /** A pool, whose windows may be open in number. */
  pool(value: ValueId, windows: Omit<OpenPoolOp, "kind" | "inputs" | "outputs" | "origin">): ValueId;
  /** `fill`, a scalar, so many times before and after each axis. */
  pad(value: ValueId, fill: ValueId, before: readonly Dim[], after: readonly Dim[]): ValueId;
  /** Every element so many times in a row along each axis. */
  repeat(value: ValueId, factors: readonly number[]): ValueId;
  /** A vector of sizes, or (without brackets) one, as i64. */
  sizesValue(sizes: readonly Dim[] | Dim): ValueId;
  /** start, start + 1, … as an i64 vector of `size` elements. */
  countingFrom(start: Dim, size: Dim): ValueId;
  constantValue(tensor: TensorData): ValueId;
  scalar(dtype: DType, value: number | bigint): ValueId;
  typeOf(value: ValueId): TensorType;
  dimsOf(value: ValueId): readonly Dim[];
  /** Its element type; otherwise as `typeOf`. */
  dtypeOf(value: ValueId): DType;
  /** Whether a value is a tensor of known shape. */
  isStatic(value: ValueId): boolean;
  /** A function of runtime/host; operands may be dynamic, `types` are the results'. */
  host(
    fn: string,
    operands: readonly ValueId[],
    types: readonly ValueType[],
    reason: string,
    attributes?: Extract<OpSpec, { readonly kind: "host" }>["attributes"],
  ): readonly ValueId[];

  /** Elements of a sequence that was put together in this graph, where all of them are known. */
  knownElements(sequence: ValueId): readonly ValueId[] | undefined;
  /** Says what a sequence holds. */
  setElements(sequence: ValueId, elements: readonly ValueId[]): void;

  /** `axis` counted from the end when negative; WSC3006 when out of range for `rank` (inclusive of `rank` itself if asked). */
  axis(axis: number, rank: number, inclusive?: boolean): number;
  /** Errors about this node. */
  shapeError(message: string, hint?: string): WscError;
  typeError(message: string, hint?: string): WscError;
  attributeError(message: string, hint?: string): WscError;
  unsupported(message: string, hint?: string): WscError;
  /** Puts the node off to run time. */
  defer(reason: string): never;
}
