/**
 * ONNX models for tests, written as data: `model({ opset: 13, inputs: { x: f32(2, 3) }, outputs: { y: f32(2, 3) }, nodes: [node("Relu", ["x"], ["y"])] })`.
 * The bytes come from onnx-proto and are read by the frontend as any file would be.
 */
import { readModel } from "../../compiler/frontend/read-model.ts";
import { encodeGraph, encodeNode, encodeTensor } from "../../compiler/frontend/encode.ts";
import type {
  OnnxAttribute,
  OnnxGraph,
  OnnxModel,
  OnnxNode,
  OnnxType,
  OnnxValueInfo,
} from "../../compiler/frontend/onnx.ts";
import { loadOnnxProto, type Onnx } from "../../compiler/frontend/proto.ts";
import type { DType } from "../../ir/dtype.ts";
import { type TensorData, tensorFrom } from "../../ir/tensor.ts";

type Dim = number | string | null;
type AttributeValue =
  number | bigint | string | TensorData | OnnxGraph | OnnxAttribute | readonly (number | bigint | string)[];

export interface NodeSpec {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly name?: string;
  readonly domain?: string;
}

export interface GraphSpec {
  readonly name?: string;
  readonly inputs?: Readonly<Record<string, OnnxType | null>>;
  readonly outputs: Readonly<Record<string, OnnxType | null>>;
  readonly nodes: readonly NodeSpec[];
  readonly initializers?: Readonly<Record<string, TensorData>>;
}

export interface FunctionSpec {
  readonly domain: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: readonly string[];
  readonly nodes: readonly NodeSpec[];
  readonly opset?: number;
  /** versions of further domains that its nodes use */
  readonly opsets?: Readonly<Record<string, number>>;
}

export interface ModelSpec extends GraphSpec {
  readonly opset: number;
  readonly opsets?: Readonly<Record<string, number>>;
  readonly irVersion?: number;
  readonly functions?: readonly FunctionSpec[];
}

const tensorOf =
  (dtype: DType) =>
  (...dims: readonly Dim[]): OnnxType => ({ kind: "tensor", dtype, dims });

/** Declared types: `f32(1, "batch", null)`. */
export const f32: (...dims: readonly Dim[]) => OnnxType = tensorOf("f32");
export const i64: (...dims: readonly Dim[]) => OnnxType = tensorOf("i64");
export const bool: (...dims: readonly Dim[]) => OnnxType = tensorOf("bool");
export const typed = (dtype: DType, ...dims: readonly Dim[]): OnnxType => ({ kind: "tensor", dtype, dims });
export const unranked = (dtype: DType): OnnxType => ({ kind: "tensor", dtype, dims: null });
export const optional = (element: OnnxType): OnnxType => ({ kind: "optional", element });
export const mapped = (key: DType, value: DType): OnnxType => ({ kind: "map", key, value: typed(value) });
export const sequence = (element: OnnxType): OnnxType => ({ kind: "sequence", element });

/** A vector or a tensor of i64 / f32 for initializers. */
export const ints = (...values: readonly (number | bigint)[]): TensorData => tensorFrom("i64", [values.length], values);
export const floats = (...values: readonly number[]): TensorData => tensorFrom("f32", [values.length], values);

/** A node; integers are given as bigint or integral numbers, floats as `float(x)`. */
export function node(
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, AttributeValue>> = {},
  more: { readonly name?: string; readonly domain?: string } = {},
): NodeSpec {
  return { op, inputs, outputs, attributes, ...more };
}

/** A float attribute; plain numbers are integers. */
export const float = (value: number): OnnxAttribute => ({ kind: "float", value });
export const floatList = (...value: readonly number[]): OnnxAttribute => ({ kind: "floats", value });
export const reference = (to: string): OnnxAttribute => ({ kind: "reference", to });

function attribute(value: AttributeValue): OnnxAttribute {
  if (typeof value === "number" || typeof value === "bigint") return { kind: "int", value: BigInt(value) };
  if (typeof value === "string") return { kind: "string", value };
  if (isList(value)) {
    if (value.some((item) => typeof item === "string")) return { kind: "strings", value: value.map(String) };
    return { kind: "ints", value: value.map((item) => BigInt(item)) };
  }
  if ("kind" in value) return value;
  return "dtype" in value ? { kind: "tensor", value } : { kind: "graph", value };
}

const isList = (value: AttributeValue): value is readonly (number | bigint | string)[] => Array.isArray(value);

function nodeOf(spec: NodeSpec, index: number): OnnxNode {
  return {
    name: spec.name ?? "",
    index,
    domain: spec.domain ?? "",
    opType: spec.op,
    overload: "",
    inputs: spec.inputs,
    outputs: spec.outputs,
    attributes: new Map(Object.entries(spec.attributes).map(([name, value]) => [name, attribute(value)])),
  };
}

const ports = (types: Readonly<Record<string, OnnxType | null>>): OnnxValueInfo[] =>
  Object.entries(types).map(([name, type]) => ({ name, type }));

/** A graph, as attribute of control flow or as part of a model. */
export function graph(spec: GraphSpec): OnnxGraph {
  return {
    name: spec.name ?? "g",
    nodes: spec.nodes.map(nodeOf),
    inputs: ports(spec.inputs ?? {}),
    outputs: ports(spec.outputs),
    initializers: new Map(Object.entries(spec.initializers ?? {})),
  };
}

function encodeFunction(spec: FunctionSpec, opset: number): Onnx.IFunctionProto {
  return {
    domain: spec.domain,
    name: spec.name,
    input: [...spec.inputs],
    output: [...spec.outputs],
    attribute: [...(spec.attributes ?? [])],
    node: spec.nodes.map((inner, i) => encodeNode(nodeOf(inner, i))),
    opsetImport: [{ domain: "", version: spec.opset ?? opset }, ...imports(spec.opsets)],
  };
}

const imports = (opsets: Readonly<Record<string, number>> = {}): Onnx.IOperatorSetIdProto[] =>
  Object.entries(opsets).map(([domain, version]) => ({ domain, version }));

/** The bytes of a model file. */
export async function modelBytes(spec: ModelSpec): Promise<Uint8Array> {
  const proto = await loadOnnxProto();
  return proto.ModelProto.encode({
    irVersion: spec.irVersion ?? 8,
    producerName: "test",
    opsetImport: [{ domain: "", version: spec.opset }, ...imports(spec.opsets)],
    graph: encodeGraph(graph(spec)),
    functions: (spec.functions ?? []).map((fn) => encodeFunction(fn, spec.opset)),
  }).finish();
}

/** A model as the frontend decodes it. */
export async function model(spec: ModelSpec): Promise<OnnxModel> {
  return readModel({ bytes: await modelBytes(spec), name: "test.onnx" });
}

/** A tensor in a file of its own (test data). */
export async function tensorBytes(tensor: TensorData, name = ""): Promise<Uint8Array> {
  return (await loadOnnxProto()).TensorProto.encode(encodeTensor(tensor, name)).finish();
}
