/** From onnx-proto's objects to plain data. What is contradictory in itself is refused here; what nodes mean is no concern of this file. */
import { fail, showName, type WscError } from "../../ir/diagnostic.ts";
import { dtypeOfOnnxId } from "../../ir/dtype.ts";
import type { TensorData } from "../../ir/tensor.ts";
import { decodeSparse, decodeTensor, tensorDType, type TensorDecoding } from "./decode-tensor.ts";
import type { OnnxAttribute, OnnxAttributeKind, OnnxFunction, OnnxGraph, OnnxModel, OnnxNode, OnnxType, OnnxValueInfo } from "./onnx.ts"; // prettier-ignore
import type { Onnx } from "./proto.ts";
import { bigintOf, has, safeNumberOf, textOfBytes } from "./proto-values.ts";
import type { FunctionExtras, ModelExtras, NodeExtras } from "./extras.ts";

/** The default domain has two names. */
export const normalDomain = (domain: string | null | undefined): string =>
  domain === undefined || domain === null || domain === "ai.onnx" ? "" : domain;

/** The plain form of a decoded model; `extras` is what onnx-proto's schema lacks. */
export function decodeModel(
  proto: Onnx.IModelProto,
  extras: ModelExtras | null,
  source: string,
  decoding: TensorDecoding,
): OnnxModel {
  if (!proto.graph) throw fail("WSC1003", "the model has no graph");
  const irVersion = decodeIrVersion(proto);
  const decoder = new Decoder(decoding, irVersion);
  const graph = decoder.graph(proto.graph, extras?.graph ?? null);
  return {
    source,
    irVersion,
    opsets: decodeOpsets(proto.opsetImport ?? [], "the model"),
    // a value that is listed twice is given once
    graph: { ...graph, outputs: graph.outputs.filter(({ name }, i, all) => firstOf(all, name) === i) },
    functions: (proto.functions ?? []).map((fn, i) => decoder.function(fn, extras?.functions[i] ?? null)),
  };
}

const firstOf = (infos: readonly OnnxValueInfo[], name: string): number =>
  infos.findIndex((info) => info.name === name);

/** The newest version of the file format that is known: that of ONNX 1.23. */
const newestIrVersion = 14;

function decodeIrVersion(proto: Onnx.IModelProto): number {
  const version = safeNumberOf(proto.irVersion, "WSC1003", "ir_version");
  if (version < 1) throw fail("WSC1003", "the model has no ir_version");
  if (version <= newestIrVersion) return version;
  throw fail("WSC1003", `the model's ir_version is ${version}; ${newestIrVersion} is the newest that is supported`, {
    hint: "export the model for an older version of ONNX",
  });
}

function decodeOpsets(imports: readonly Onnx.IOperatorSetIdProto[], who: string): ReadonlyMap<string, number> {
  const opsets = new Map<string, number>();
  for (const { domain, version } of imports) {
    const name = normalDomain(domain);
    const shown = name === "" ? "ai.onnx" : showName(name);
    const number = bigintOf(version);
    if (number < 1n || number > 0x7fffffffn)
      throw fail("WSC1004", `${who} imports opset version ${number} of ${shown}`);
    const other = opsets.get(name);
    if (other !== undefined && other !== Number(number)) {
      throw fail("WSC1003", `${who} imports opset versions ${other} and ${number} of ${shown}`);
    }
    opsets.set(name, Number(number));
  }
  return opsets;
}

class Decoder {
  readonly #decoding: TensorDecoding;
  readonly #irVersion: number;

  constructor(decoding: TensorDecoding, irVersion: number) {
    this.#decoding = decoding;
    this.#irVersion = irVersion;
  }

  graph(proto: Onnx.IGraphProto, extras: readonly (NodeExtras | null)[] | null): OnnxGraph {
    return {
      name: proto.name ?? "",
      nodes: (proto.node ?? []).map((node, index) => this.node(node, index, extras?.[index] ?? null)),
      inputs: (proto.input ?? []).map(decodeValueInfo),
      outputs: (proto.output ?? []).map(decodeValueInfo),
      initializers: this.#initializers(proto),
    };
  }

  #initializers(proto: Onnx.IGraphProto): ReadonlyMap<string, TensorData> {
    const initializers = new Map<string, TensorData>();
    const add = (name: string | null | undefined, tensor: TensorData): void => {
      if (!name) throw fail("WSC1005", "an initializer has no name");
      if (initializers.has(name)) throw fail("WSC2002", `two initializers are called "${showName(name)}"`);
      initializers.set(name, tensor);
    };
    for (const tensor of proto.initializer ?? []) add(tensor.name, decodeTensor(tensor, this.#decoding));
    for (const sparse of proto.sparseInitializer ?? []) add(sparse.values?.name, decodeSparse(sparse, this.#decoding));
    return initializers;
  }

  node(proto: Onnx.INodeProto, index: number, extras: NodeExtras | null): OnnxNode {
    const name = proto.name ?? "";
    const opType = proto.opType ?? "";
    if (opType === "")
      throw fail("WSC1003", "a node has no op_type", { subject: `node ${JSON.stringify(showName(name))} #${index}` });
    return {
      name,
      index,
      domain: normalDomain(proto.domain),
      opType,
      overload: extras?.overload ?? "",
      inputs: proto.input ?? [],
      outputs: proto.output ?? [],
      attributes: this.attributes(proto.attribute ?? [], `${opType} "${showName(name)}"`, extras),
    };
  }

  attributes(
    protos: readonly Onnx.IAttributeProto[],
    owner: string,
    extras: NodeExtras | null,
  ): ReadonlyMap<string, OnnxAttribute> {
    const attributes = new Map<string, OnnxAttribute>();
    for (const [i, proto] of protos.entries()) {
      const name = proto.name ?? "";
      if (name === "") throw fail("WSC3002", "an attribute has no name", { subject: owner });
      if (attributes.has(name))
        throw fail("WSC3002", `attribute "${showName(name)}" is there twice`, { subject: owner });
      attributes.set(name, this.attribute(proto, owner, extras?.graphs.get(i) ?? null));
    }
    return attributes;
  }

  attribute(
    proto: Onnx.IAttributeProto,
    owner: string,
    extras: readonly (readonly (NodeExtras | null)[] | null)[] | null,
  ): OnnxAttribute {
    if (proto.refAttrName) return { kind: "reference", to: proto.refAttrName };
    const kind = attributeKind(proto, owner, this.#irVersion);
    switch (kind) {
      case "float":
        return { kind, value: proto.f ?? 0 };
      case "int":
        return { kind, value: bigintOf(proto.i) };
      case "string":
        return { kind, value: textOfBytes(proto.s) };
      case "tensor":
        return { kind, value: decodeTensor(proto.t ?? {}, this.#decoding) };
      case "graph":
        return { kind, value: this.graph(proto.g ?? {}, extras?.[0] ?? null) };
      case "floats":
        return { kind, value: proto.floats ?? [] };
      case "ints":
        return { kind, value: (proto.ints ?? []).map(bigintOf) };
      case "strings":
        return { kind, value: (proto.strings ?? []).map(textOfBytes) };
      case "tensors":
        return { kind, value: (proto.tensors ?? []).map((tensor) => decodeTensor(tensor, this.#decoding)) };
      case "graphs":
        return { kind, value: (proto.graphs ?? []).map((graph, i) => this.graph(graph, extras?.[i] ?? null)) };
      case "sparse":
        return { kind, value: decodeSparse(proto.sparseTensor ?? {}, this.#decoding) };
      case "type":
        return { kind, value: typeAttribute(proto.tp ?? {}, owner) };
    }
  }

  function(proto: Onnx.IFunctionProto, extras: FunctionExtras | null): OnnxFunction {
    const name = proto.name ?? "";
    const subject = `function "${showName(name)}"`;
    if (name === "") throw fail("WSC1008", "a function has no name");
    return {
      domain: normalDomain(proto.domain),
      name,
      overload: extras?.overload ?? "",
      inputs: proto.input ?? [],
      outputs: proto.output ?? [],
      nodes: (proto.node ?? []).map((node, index) => this.node(node, index, extras?.nodes[index] ?? null)),
      attributes: proto.attribute ?? [],
      defaults: this.attributes(extras?.defaults ?? [], subject, null),
      opsets: decodeOpsets(proto.opsetImport ?? [], subject),
    };
  }
}

type ConcreteKind = Exclude<OnnxAttributeKind, "reference">;

/** By AttributeProto.type; the lists of sparse tensors and of types are used by no operator. */
const attributeKinds: readonly (ConcreteKind | null)[] = [
  null, "float", "int", "string", "tensor", "graph", "floats", "ints", "strings", "tensors", "graphs", "sparse", null, "type",
]; // prettier-ignore

/** The field that holds a value of each kind. */
const kindOfField: readonly (readonly [keyof Onnx.IAttributeProto, ConcreteKind])[] = [
  ["f", "float"], ["i", "int"], ["s", "string"], ["t", "tensor"], ["g", "graph"], ["floats", "floats"], ["ints", "ints"],
  ["strings", "strings"], ["tensors", "tensors"], ["graphs", "graphs"], ["sparseTensor", "sparse"], ["tp", "type"],
]; // prettier-ignore

/** Whether a message has a value in a field; lists are there always, empty. */
function holds(proto: Onnx.IAttributeProto, field: keyof Onnx.IAttributeProto): boolean {
  const value: unknown = has(proto, field) ? proto[field] : undefined;
  return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== null;
}

/** The kind that an attribute says it is of, which its value must be of, too. Only files of IR version 1 leave it to the value. */
function attributeKind(proto: Onnx.IAttributeProto, owner: string, irVersion: number): ConcreteKind {
  const named = `attribute "${showName(proto.name ?? "")}"`;
  const refused = (message: string, hint?: string): WscError =>
    fail("WSC3002", `${named} ${message}`, { subject: owner, hint });
  const type: number = proto.type ?? 0;
  const found = kindOfField.filter(([field]) => holds(proto, field)).map(([, kind]) => kind);
  if (type === 0 && irVersion > 1) throw refused("has no type", "only files of ir_version 1 may leave it out");
  const kind = type === 0 ? found[0] : attributeKinds[type];
  if (kind === undefined || kind === null) throw refused(`has the unknown type ${type}`);
  const other = found.find((each) => each !== kind);
  if (other !== undefined) throw refused(`is declared to be of kind ${kind}, but its value is of kind ${other}`);
  return kind;
}

function decodeValueInfo({ name, type }: Onnx.IValueInfoProto): OnnxValueInfo {
  const label = name ?? "";
  if (label === "") throw fail("WSC1003", "an input or output of a graph has no name");
  return { name: label, type: decodeType(type ?? {}, `value "${showName(label)}"`) };
}

/** A declared type; null when nothing is declared (an empty message, or a tensor without element type). */
function decodeType(proto: Onnx.ITypeProto, subject: string): OnnxType | null {
  if (proto.tensorType) {
    const { elemType, shape } = proto.tensorType;
    if (!elemType) return null;
    const dims = shape ? (shape.dim ?? []).map(decodeDim) : null;
    return { kind: "tensor", dtype: tensorDType(elemType, subject), dims };
  }
  if (proto.sequenceType) return containerType("sequence", proto.sequenceType.elemType, subject);
  if (proto.optionalType) return containerType("optional", proto.optionalType.elemType, subject);
  if (proto.mapType) {
    const key = dtypeOfOnnxId(proto.mapType.keyType ?? 0);
    const value = decodeType(proto.mapType.valueType ?? {}, subject);
    return key === undefined || value === null ? null : { kind: "map", key, value };
  }
  if (proto.sparseTensorType)
    throw fail("WSC1007", "sparse tensors as inputs or outputs are not supported", { subject });
  return null;
}

function containerType(
  kind: "sequence" | "optional",
  elementType: Onnx.ITypeProto | null | undefined,
  subject: string,
): OnnxType | null {
  const element = decodeType(elementType ?? {}, subject);
  return element === null ? null : { kind, element };
}

function typeAttribute(proto: Onnx.ITypeProto, owner: string): OnnxType {
  const type = decodeType(proto, owner);
  if (type === null) throw fail("WSC3002", "an attribute of kind type has no type", { subject: owner });
  return type;
}

/** Negative dims are what some exporters write for unknown ones. */
function decodeDim(dim: Onnx.TensorShapeProto.IDimension): number | string | null {
  if (dim.dimParam) return dim.dimParam;
  if (!has(dim, "dimValue") || dim.dimValue === null) return null;
  const size = safeNumberOf(dim.dimValue, "WSC1007", "a dim");
  return size < 0 ? null : size;
}
