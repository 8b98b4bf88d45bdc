/** Typed access to a node's attributes; kinds were checked against the operator's signature before. */
import type { TensorData } from "../../ir/tensor.ts";
import type { OnnxAttribute, OnnxAttributeKind, OnnxNode } from "./onnx.ts";

type AttributeOf<K extends OnnxAttributeKind> = Extract<OnnxAttribute, { readonly kind: K }>;

/** The attribute if the node has it; an internal error when its kind is another than the signature promised. */
export function attributeOf<K extends OnnxAttributeKind>(
  node: OnnxNode,
  name: string,
  kind: K,
): AttributeOf<K> | undefined {
  const attribute = node.attributes.get(name);
  if (attribute === undefined) return undefined;
  if (attribute.kind !== kind) throw new Error(`internal: attribute ${name} is ${attribute.kind}, read as ${kind}`);
  return attribute as AttributeOf<K>;
}

/** Bounds such as INT64_MAX ("to the end") are beyond exact doubles; any number beyond every size means the same. */
export function saturate(value: number | bigint): number {
  return Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, Number(value)));
}

/** The tensor of an attribute, sparse ones written out. */
export function tensorAttribute(node: OnnxNode, name: string): TensorData | undefined {
  const attribute = node.attributes.get(name);
  if (attribute === undefined) return undefined;
  if (attribute.kind === "tensor" || attribute.kind === "sparse") return attribute.value;
  throw new Error(`internal: attribute ${name} is ${attribute.kind}, read as tensor`);
}
