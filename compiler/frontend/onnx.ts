/**
 * ONNX's own vocabulary after decoding: plain data, checked against the file's size, before any meaning is given to it.
 * This file and its folder are the only places that know ONNX.
 */
import type { DType } from "../../ir/dtype.ts";
import type { TensorData } from "../../ir/tensor.ts";

export interface OnnxModel {
  /** what messages call the model: a path or a name that the caller gave */
  readonly source: string;
  readonly irVersion: number;
  /** version by domain; the default domain is "" ("ai.onnx" is folded into it) */
  readonly opsets: ReadonlyMap<string, number>;
  readonly graph: OnnxGraph;
  readonly functions: readonly OnnxFunction[];
}

export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly OnnxValueInfo[];
  readonly outputs: readonly OnnxValueInfo[];
  readonly initializers: ReadonlyMap<string, TensorData>;
}

export interface OnnxNode {
  readonly name: string;
  /** position in its graph, for messages about nodes without a name */
  readonly index: number;
  readonly domain: string;
  readonly opType: string;
  readonly overload: string;
  /** "" stands for an optional input that is left out */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, OnnxAttribute>;
  /** opset versions that hold for this node where they are not the model's: set on nodes that came out of a function */
  readonly opsets?: ReadonlyMap<string, number>;
}

export type OnnxAttribute =
  | { readonly kind: "float"; readonly value: number }
  | { readonly kind: "int"; readonly value: bigint }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "tensor"; readonly value: TensorData }
  | { readonly kind: "graph"; readonly value: OnnxGraph }
  | { readonly kind: "floats"; readonly value: readonly number[] }
  | { readonly kind: "ints"; readonly value: readonly bigint[] }
  | { readonly kind: "strings"; readonly value: readonly string[] }
  | { readonly kind: "tensors"; readonly value: readonly TensorData[] }
  | { readonly kind: "graphs"; readonly value: readonly OnnxGraph[] }
  | { readonly kind: "sparse"; readonly value: TensorData }
  | { readonly kind: "type"; readonly value: OnnxType }
  /** inside a function: the value of the caller's attribute of this name */
  | { readonly kind: "reference"; readonly to: string };

export type OnnxAttributeKind = OnnxAttribute["kind"];

/** A dim is a number, a symbol, or null (unknown). `dims` null: unknown rank. */
export type OnnxType =
  | { readonly kind: "tensor"; readonly dtype: DType; readonly dims: readonly (number | string | null)[] | null }
  | { readonly kind: "sequence"; readonly element: OnnxType }
  | { readonly kind: "optional"; readonly element: OnnxType }
  | { readonly kind: "map"; readonly key: DType; readonly value: OnnxType };

export interface OnnxValueInfo {
  readonly name: string;
  /** null: not declared (allowed inside subgraphs) */
  readonly type: OnnxType | null;
}

export interface OnnxFunction {
  readonly domain: string;
  readonly name: string;
  readonly overload: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly nodes: readonly OnnxNode[];
  /** attributes that a caller must give */
  readonly attributes: readonly string[];
  /** attributes with defaults */
  readonly defaults: ReadonlyMap<string, OnnxAttribute>;
  readonly opsets: ReadonlyMap<string, number>;
}

/** What the IR calls a node (`Op.origin`): its name, or `Type_index` where it has none. */
export const nodeOrigin = (node: { readonly opType: string; readonly name: string; readonly index: number }): string =>
  node.name === "" ? `${node.opType}_${node.index}` : node.name;

/** `Conv "/layer1/conv"`, or `Conv #17` for a node without a name. */
export const nodeSubject = (node: {
  readonly opType: string;
  readonly name: string;
  readonly index: number;
}): string =>
  node.name === "" ? `${node.opType} #${node.index}` : `${node.opType} ${JSON.stringify(node.name.slice(0, 200))}`;
