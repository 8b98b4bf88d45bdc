/** Plain data back to an ONNX file: how the parts of a model that are put off are kept, and how tests make models. */
import { type DType, dtypeInfo } from "../../ir/dtype.ts";
import { bytesOf, type TensorData } from "../../ir/tensor.ts";
import type { OnnxAttribute, OnnxGraph, OnnxModel, OnnxNode, OnnxType, OnnxValueInfo } from "./onnx.ts";
import { opsetIn } from "./opsets.ts";
import { isPacked, pack } from "./pack.ts";
import { type Onnx, onnxProto } from "./proto.ts";
import { longOf } from "./proto-values.ts";

/** The bytes of a model without functions; `metadata` becomes its metadata_props. Needs `loadOnnxProto` to have been called. */
export function encodeModel(model: OnnxModel, metadata: ReadonlyMap<string, string> = new Map()): Uint8Array {
  if (model.functions.length > 0) throw new Error("internal: functions are not encoded");
  const message: Onnx.IModelProto = {
    irVersion: model.irVersion,
    producerName: "wsc",
    opsetImport: [...model.opsets].map(([domain, version]) => ({ domain, version })),
    graph: encodeGraph(model.graph),
    metadataProps: [...metadata].map(([key, value]) => ({ key, value })),
  };
  const bytes = onnxProto().ModelProto.encode(message).finish();
  // in Node the encoder gives a Buffer; tensors hold plain arrays
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * A node out of a function may have another opset version than its model. An ONNX file cannot say that of a node, so the payload of a
 * deferred part says it in the domain (`@15`), which `withDecodedOpset` reads back.
 */
export function encodedOpset(node: OnnxNode, opsets: ReadonlyMap<string, number>): OnnxNode {
  const version = node.opsets && opsetIn(node.opsets, node.domain);
  const domain =
    version === undefined || version === opsetIn(opsets, node.domain) ? node.domain : `${node.domain}@${version}`;
  return { ...node, domain, attributes: mapGraphs(node.attributes, (inner) => encodedOpset(inner, opsets)) };
}

/** Undoes `encodedOpset`. */
export function withDecodedOpset(node: OnnxNode): OnnxNode {
  const attributes = mapGraphs(node.attributes, withDecodedOpset);
  const at = node.domain.lastIndexOf("@");
  if (at < 0) return { ...node, attributes };
  const domain = node.domain.slice(0, at);
  return { ...node, attributes, domain, opsets: new Map([[domain, Number(node.domain.slice(at + 1))]]) };
}

function mapGraphs(attributes: OnnxNode["attributes"], change: (node: OnnxNode) => OnnxNode): OnnxNode["attributes"] {
  const changed = (graph: OnnxGraph): OnnxGraph => ({ ...graph, nodes: graph.nodes.map(change) });
  if (![...attributes.values()].some(({ kind }) => kind === "graph" || kind === "graphs")) return attributes;
  return new Map(
    [...attributes].map(([name, attribute]): [string, OnnxAttribute] => {
      if (attribute.kind === "graph") return [name, { kind: "graph", value: changed(attribute.value) }];
      return [name, attribute.kind === "graphs" ? { kind: "graphs", value: attribute.value.map(changed) } : attribute];
    }),
  );
}

/** A graph as GraphProto. */
export function encodeGraph(graph: OnnxGraph): Onnx.IGraphProto {
  return {
    name: graph.name === "" ? "graph" : graph.name,
    node: graph.nodes.map(encodeNode),
    input: graph.inputs.map(encodeValueInfo),
    output: graph.outputs.map(encodeValueInfo),
    initializer: [...graph.initializers].map(([name, tensor]) => encodeTensor(tensor, name)),
  };
}

/** A node as NodeProto; its overload and opset versions have no place there. */
export function encodeNode(node: OnnxNode): Onnx.INodeProto {
  return {
    name: node.name === "" ? `${node.opType}_${node.index}` : node.name,
    opType: node.opType,
    domain: node.domain,
    input: [...node.inputs],
    output: [...node.outputs],
    attribute: [...node.attributes].map(([name, attribute]) => ({ name, ...encodeAttribute(attribute) })),
  };
}

const utf8 = new TextEncoder();

/** By kind, the name in AttributeProto.AttributeType; sparse tensors are written out. */
const typeNames = {
  float: "FLOAT", int: "INT", string: "STRING", tensor: "TENSOR", graph: "GRAPH", floats: "FLOATS", ints: "INTS", strings: "STRINGS",
  tensors: "TENSORS", graphs: "GRAPHS", sparse: "TENSOR", type: "TYPE_PROTO",
} as const; // prettier-ignore

function encodeAttribute(attribute: OnnxAttribute): Onnx.IAttributeProto {
  if (attribute.kind === "reference") return { refAttrName: attribute.to };
  const type = onnxProto().AttributeProto.AttributeType[typeNames[attribute.kind]];
  return { type, ...encodeAttributeValue(attribute) };
}

function encodeAttributeValue(attribute: Exclude<OnnxAttribute, { readonly kind: "reference" }>): Onnx.IAttributeProto {
  switch (attribute.kind) {
    case "float":
      return { f: attribute.value };
    case "int":
      return { i: longOf(attribute.value) as never };
    case "string":
      return { s: utf8.encode(attribute.value) };
    case "tensor":
    case "sparse":
      return { t: encodeTensor(attribute.value, "") };
    case "graph":
      return { g: encodeGraph(attribute.value) };
    case "floats":
      return { floats: [...attribute.value] };
    case "ints":
      return { ints: attribute.value.map((value) => longOf(value) as never) };
    case "strings":
      return { strings: attribute.value.map((text) => utf8.encode(text)) };
    case "tensors":
      return { tensors: attribute.value.map((tensor) => encodeTensor(tensor, "")) };
    case "graphs":
      return { graphs: attribute.value.map(encodeGraph) };
    case "type":
      return { tp: encodeType(attribute.value) };
  }
}

const idOf = (dtype: DType): number => dtypeInfo(dtype).onnxId;

/** A tensor as TensorProto; numbers as raw data. */
export function encodeTensor({ dtype, shape, elements }: TensorData, name: string): Onnx.ITensorProto {
  const head = { name, dims: [...shape], dataType: idOf(dtype) };
  if (dtype === "string")
    return { ...head, stringData: Array.from(elements as readonly string[], (text) => utf8.encode(text)) };
  return { ...head, rawData: isPacked(dtype) ? pack(dtype, elements as Uint8Array) : bytesOf(elements) };
}

function encodeValueInfo({ name, type }: OnnxValueInfo): Onnx.IValueInfoProto {
  return type === null ? { name } : { name, type: encodeType(type) };
}

function encodeType(type: OnnxType): Onnx.ITypeProto {
  switch (type.kind) {
    case "tensor":
      return {
        tensorType: {
          elemType: idOf(type.dtype),
          ...(type.dims === null ? {} : { shape: { dim: type.dims.map(encodeDim) } }),
        },
      };
    case "sequence":
      return { sequenceType: { elemType: encodeType(type.element) } };
    case "optional":
      return { optionalType: { elemType: encodeType(type.element) } };
    case "map":
      return { mapType: { keyType: idOf(type.key), valueType: encodeType(type.value) } };
  }
}

function encodeDim(dim: number | string | null): Onnx.TensorShapeProto.IDimension {
  if (dim === null) return {};
  return typeof dim === "number" ? { dimValue: dim } : { dimParam: dim };
}
