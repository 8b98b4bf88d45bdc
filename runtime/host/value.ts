/** Values of the host side: tensors, and what ONNX builds from them. Plain data, never changed once made. */
import type { Json } from "../../ir/graph.ts";
import { copyElements, type TensorData } from "../../ir/tensor.ts";

export interface SequenceData {
  readonly kind: "sequence";
  readonly elements: readonly HostValue[];
}

export interface OptionalData {
  readonly kind: "optional";
  /** null when it holds nothing */
  readonly value: HostValue | null;
}

/** Values by key: two vectors of one length, the keys (i64 or strings) ascending, each once. */
export interface MapData {
  readonly kind: "map";
  readonly keys: TensorData;
  readonly values: TensorData;
}

/** What a value is outside linear memory; a tensor is the case without `kind`. */
export type HostValue = TensorData | SequenceData | OptionalData | MapData;

export type HostAttributes = Readonly<Record<string, Json>>;

/** What one op keeps from call to call within a session: random streams go on instead of repeating. */
export interface HostState {
  calls: number;
}

/**
 * A function over host values. It gives all its results; an op that asks for fewer takes the first ones. Without `state` every call is
 * the first. User errors are `WscError`s (WSC7005, WSC3004); a wrong number or kind of operands is an internal error.
 */
export type HostFunction = (
  inputs: readonly HostValue[],
  attributes: HostAttributes,
  state?: HostState,
) => readonly HostValue[];

export const isTensor = (value: HostValue): value is TensorData => !("kind" in value);

const copyTensor = (tensor: TensorData): TensorData => ({ ...tensor, elements: copyElements(tensor.elements) });

/** A value with elements of its own. */
export function copyValue(value: HostValue): HostValue {
  if (isTensor(value)) return copyTensor(value);
  if (value.kind === "sequence") return { kind: "sequence", elements: value.elements.map(copyValue) };
  if (value.kind === "map") return { kind: "map", keys: copyTensor(value.keys), values: copyTensor(value.values) };
  return { kind: "optional", value: value.value === null ? null : copyValue(value.value) };
}

export const sequenceOf = (elements: readonly HostValue[]): SequenceData => ({ kind: "sequence", elements });

export const optionalOf = (value: HostValue | null): OptionalData => ({ kind: "optional", value });
