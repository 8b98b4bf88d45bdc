/** Reads operands and attributes of host functions. What is missing or of the wrong kind is a defect of the lowering. */
import { type DType, isDType } from "../../ir/dtype.ts";
import type { Json } from "../../ir/graph.ts";
import { setElement, type TensorData } from "../../ir/tensor.ts";
import { type HostAttributes, type HostFunction, type HostValue, isTensor, type SequenceData } from "./value.ts";

export function valueAt(inputs: readonly HostValue[], index: number): HostValue {
  const value = inputs[index];
  if (value === undefined) throw new Error(`internal: a host function lacks operand ${index}`);
  return value;
}

export function tensorAt(inputs: readonly HostValue[], index: number): TensorData {
  const value = valueAt(inputs, index);
  if (isTensor(value)) return value;
  throw new Error(`internal: operand ${index} of a host function is ${value.kind}, not a tensor`);
}

export function sequenceAt(inputs: readonly HostValue[], index: number): SequenceData {
  const value = valueAt(inputs, index);
  if (!isTensor(value) && value.kind === "sequence") return value;
  throw new Error(`internal: operand ${index} of a host function is not a sequence`);
}

/** Elements of a string tensor. */
export function stringsOf(tensor: TensorData): readonly string[] {
  if (ArrayBuffer.isView(tensor.elements)) throw new Error(`internal: ${tensor.dtype} where strings are expected`);
  return tensor.elements;
}

/** The first element as a number, or `fallback` when the operand is left out. */
export function numberAt(inputs: readonly HostValue[], index: number, fallback?: number): number {
  if (inputs[index] === undefined && fallback !== undefined) return fallback;
  const [element] = tensorAt(inputs, index).elements;
  if (element === undefined) throw new Error(`internal: operand ${index} of a host function is empty`);
  return Number(element);
}

function missing(name: string, wanted: string, value: Json | undefined): Error {
  return new Error(`internal: attribute ${name} must be ${wanted}, is ${JSON.stringify(value)}`);
}

const nonFinite: ReadonlyMap<Json, number> = new Map<Json, number>([
  ["NaN", NaN],
  ["Infinity", Infinity],
  ["-Infinity", -Infinity],
]);

const asNumber = (value: Json | undefined): number | undefined =>
  typeof value === "number" ? value : value === undefined ? undefined : nonFinite.get(value);

/** A number, or `fallback` when the attribute is absent or null. */
export function numberOf(attributes: HostAttributes, name: string, fallback?: number): number {
  const value = attributes[name];
  if ((value === undefined || value === null) && fallback !== undefined) return fallback;
  const number = asNumber(value);
  if (number === undefined) throw missing(name, "a number", value);
  return number;
}

/** A number, or null when the attribute is null or absent. */
export const optionalNumber = (attributes: HostAttributes, name: string): number | null =>
  attributes[name] === undefined || attributes[name] === null ? null : numberOf(attributes, name);

export function flagOf(attributes: HostAttributes, name: string, fallback = false): boolean {
  const value = attributes[name] ?? fallback;
  if (typeof value === "boolean") return value;
  if (typeof value === "number") return value !== 0;
  throw missing(name, "a flag", value);
}

export function stringOf(attributes: HostAttributes, name: string, fallback?: string): string {
  const value = attributes[name] ?? fallback;
  if (typeof value === "string") return value;
  throw missing(name, "a string", value);
}

export function dtypeOf(attributes: HostAttributes, name: string): DType {
  const value = attributes[name];
  if (typeof value === "string" && isDType(value)) return value;
  throw missing(name, "an element type", value);
}

const isList = (value: Json | undefined): value is readonly Json[] => Array.isArray(value);

/** A list of numbers; empty when the attribute is absent or null. */
export function numbersOf(attributes: HostAttributes, name: string): number[] {
  const value = attributes[name] ?? [];
  if (!isList(value)) throw missing(name, "a list of numbers", value);
  return value.map((entry) => {
    const number = asNumber(entry);
    if (number === undefined) throw missing(name, "a list of numbers", value);
    return number;
  });
}

/** A list of strings; empty when the attribute is absent or null. */
export function stringListOf(attributes: HostAttributes, name: string): string[] {
  const value = attributes[name] ?? [];
  if (!isList(value)) throw missing(name, "a list of strings", value);
  return value.map((entry) => {
    if (typeof entry !== "string") throw missing(name, "a list of strings", value);
    return entry;
  });
}

/** An axis counted from the start, for an axis that the frontend has checked. */
export const positiveAxis = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

/** A rank-0 i64 tensor. */
export function integerScalar(value: number): TensorData {
  const elements = new BigInt64Array(1);
  setElement(elements, 0, value);
  return { dtype: "i64", shape: [], elements };
}

/** A rank-0 bool tensor. */
export const boolScalar = (value: boolean): TensorData => ({
  dtype: "bool",
  shape: [],
  elements: Uint8Array.of(value ? 1 : 0),
});

/** A family of host functions: entries of the table. */
export type HostFamily = readonly (readonly [string, HostFunction])[];
