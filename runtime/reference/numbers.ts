/**
 * How the reference reads and writes elements. Two kinds of lanes: doubles for every numeric type but the 64-bit integers, which are
 * bigint. Doubles hold f32, bool and integers of up to 32 bits exactly; small floats are decoded on the way in and rounded on the way out.
 */
import { type DType, dtypeInfo, isBig } from "../../ir/dtype.ts";
import {
  encodeSmallFloat,
  isSmallFloat,
  type SmallFloat,
  type SmallFloatBits,
  toFloat32,
} from "../../ir/small-float.ts";
import { allocateElements, elementCount, makeTensor, type TensorData } from "../../ir/tensor.ts";

export type NumberArray =
  Float32Array | Float64Array | Int8Array | Int16Array | Int32Array | Uint8Array | Uint16Array | Uint32Array;
export type BigArray = BigInt64Array | BigUint64Array;

/** True for the types that doubles can carry. */
export function isNumberLane(dtype: DType): boolean {
  const { class: cls } = dtypeInfo(dtype);
  return !isBig(dtype) && cls !== "string" && cls !== "complex";
}

/** A tensor's elements as numbers: its own array, or a decoded copy for small floats. Never written to. */
export function numbersOf(tensor: TensorData): NumberArray {
  if (!isNumberLane(tensor.dtype)) throw new Error(`internal: ${tensor.dtype} as numbers`);
  if (isSmallFloat(tensor.dtype)) return toFloat32(tensor.dtype, tensor.elements as SmallFloatBits);
  return tensor.elements as NumberArray;
}

/** A tensor's elements as 64-bit integers: its own array. */
export function bigintsOf(tensor: TensorData): BigArray {
  const { elements } = tensor;
  if (elements instanceof BigInt64Array || elements instanceof BigUint64Array) return elements;
  throw new Error(`internal: ${tensor.dtype} as 64-bit integers`);
}

/** A fresh copy as doubles, to compute in. */
export const doublesOf = (tensor: TensorData): Float64Array => Float64Array.from(numbersOf(tensor));

/** A fresh array for 64-bit integers. */
export const allocateBigs = (dtype: DType, count: number): BigArray =>
  dtype === "u64" ? new BigUint64Array(count) : new BigInt64Array(count);

/** Stores numbers from `at` on, rounded (floats) or wrapped (integers) as the type asks. */
export function storeNumbers(dtype: DType, target: NumberArray, at: number, values: NumberArray): void {
  if (isSmallFloat(dtype)) encodeInto(dtype, target, at, values);
  else target.set(values, at);
}

function encodeInto(dtype: SmallFloat, target: NumberArray, at: number, values: NumberArray): void {
  for (let i = 0; i < values.length; i++)
    target[at + i] = encodeSmallFloat(dtype, values[i] as number, { saturate: false });
}

/** A tensor of numbers, rounded or wrapped to its type. */
export function tensorOfNumbers(dtype: DType, shape: readonly number[], values: NumberArray): TensorData {
  const elements = allocateElements(dtype, elementCount(shape)) as NumberArray;
  storeNumbers(dtype, elements, 0, values);
  return makeTensor(dtype, shape, elements);
}

/** Indices as numbers, whatever integer type holds them. */
export function indicesOf(tensor: TensorData): Float64Array {
  const { elements } = tensor;
  if (!(elements instanceof BigInt64Array || elements instanceof BigUint64Array)) return doublesOf(tensor);
  const indices = new Float64Array(elements.length);
  for (let i = 0; i < indices.length; i++) indices[i] = Number(elements[i]);
  return indices;
}

const twoTo32 = 2 ** 32;

/** Whole numbers as 64-bit integers, written word by word: a bigint for each would take ten times as long. */
export function int64sOf(values: ArrayLike<number>): BigInt64Array {
  const result = new BigInt64Array(values.length);
  const words = new Int32Array(result.buffer);
  if (values instanceof Uint32Array) {
    for (let i = 0; i < values.length; i++) words[2 * i] = values[i] as number;
    return result;
  }
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    words[2 * i] = value;
    words[2 * i + 1] = Math.floor(value / twoTo32);
  }
  return result;
}
