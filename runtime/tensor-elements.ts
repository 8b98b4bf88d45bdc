/**
 * The arrays of tensors: which ones an element type takes, and how they come from what a caller gives. Types without an array of their own are carried
 * so: float16 in a Float16Array where the engine has it, else as bit patterns in a Uint16Array; bfloat16 in a Uint16Array and float8 types in a
 * Uint8Array, as bit patterns; 4-bit and 2-bit types packed into a Uint8Array (lowest element in the low bits); bool in a Uint8Array of 0 and 1;
 * strings in an array.
 */
import { type DType, dtypeInfo, dtypeOfOrtName } from "../ir/dtype.ts";
import { fail } from "../ir/diagnostic.ts";
import { isSmallFloat } from "../ir/small-float.ts";
import { allocateElements, elementCount, type Elements, setElement, slotsPerElement } from "../ir/tensor.ts";

/** The array behind a tensor. */
export type TensorElements = Elements;

/** What a caller may give. */
export type TensorInput = Elements | Uint8ClampedArray | readonly (number | bigint | boolean | string)[];

interface ArrayClass {
  new (buffer: ArrayBufferLike, offset: number, length: number): Exclude<Elements, readonly string[]>;
  from(values: ArrayLike<number>): Exclude<Elements, readonly string[]>;
}

/** The class of 16-bit floats, which engines have since 2025; programs may bring one for others. */
const float16Class = (): ArrayClass | undefined =>
  (globalThis as { readonly Float16Array?: ArrayClass | undefined }).Float16Array;

/** Names of the classes of typed arrays, and the element types that are inferred from them. */
const inferredTypes: ReadonlyMap<string, string> = new Map([
  ["Float32Array", "float32"],
  ["Float64Array", "float64"],
  ["Float16Array", "float16"],
  ["Int8Array", "int8"],
  ["Int16Array", "int16"],
  ["Int32Array", "int32"],
  ["BigInt64Array", "int64"],
  ["Uint8Array", "uint8"],
  ["Uint8ClampedArray", "uint8"],
  ["Uint16Array", "uint16"],
  ["Uint32Array", "uint32"],
  ["BigUint64Array", "uint64"],
]);

/** "Uint8Array" for one of any realm and for classes made of it, such as Node's Buffer; for anything else what it is. */
const classNameOf = (value: unknown): string => Object.prototype.toString.call(value).slice("[object ".length, -1);

/** The element type of data that is given without one. */
export function inferType(data: TensorInput): string {
  const known = inferredTypes.get(classNameOf(data));
  if (known !== undefined) return known;
  const head = (data as readonly unknown[])[0];
  if (typeof head === "string") return "string";
  if (typeof head === "boolean") return "bool";
  throw fail("WSC7002", "the element type cannot be told from the data", {
    hint: 'give it: new Tensor("float32", data, dims)',
  });
}

export function dtypeOf(type: string): DType {
  const dtype = dtypeOfOrtName(type);
  if (dtype === undefined) throw fail("WSC7002", `there is no element type '${type}'`);
  return dtype;
}

export function checkDims(dims: readonly number[]): readonly number[] {
  if (!Array.isArray(dims)) throw fail("WSC7002", "dims must be an array of numbers");
  const checked = dims.map(Number);
  for (const dim of checked) {
    if (!Number.isSafeInteger(dim) || dim < 0)
      throw fail("WSC7002", `a dim must be an integer of at least 0, not ${dim}`);
  }
  return checked;
}

export const isPacked = (dtype: DType): boolean => {
  const { bits } = dtypeInfo(dtype);
  return bits > 0 && bits < 8;
};

/** Length that the array of a tensor must have. */
function storedLength(dtype: DType, count: number): number {
  return isPacked(dtype) ? Math.ceil((count * dtypeInfo(dtype).bits) / 8) : count * slotsPerElement(dtype);
}

/** The array of a tensor of `count` elements: the given one where it can be, a view of its memory, or a new one for plain arrays. */
export function storeData(dtype: DType, data: TensorInput, count: number): TensorElements {
  const length = storedLength(dtype, count);
  const { ortName } = dtypeInfo(dtype);
  if (data.length !== length)
    throw fail("WSC7002", `${data.length} elements given for a tensor of ${count} of type ${ortName}`);
  if (ArrayBuffer.isView(data)) return storeArray(dtype, data);
  if (!Array.isArray(data))
    throw fail("WSC7002", `a tensor of type ${ortName} cannot be made from ${classNameOf(data)}`);
  return dtype === "string" ? stringsOf(data) : numbersAs(dtype, data as readonly (number | bigint | boolean)[]);
}

const stringsOf = (data: readonly unknown[]): readonly string[] =>
  data.every((value) => typeof value === "string") ? data : data.map(String);

/** Numbers are numbers: where elements are bit patterns they say nothing. */
function numbersAs(dtype: DType, values: readonly (number | bigint | boolean)[]): TensorElements {
  const { ortName } = dtypeInfo(dtype);
  const half = dtype === "f16" ? float16Class() : undefined;
  if (half !== undefined) return half.from(values.map(Number));
  if (isPacked(dtype) || isSmallFloat(dtype)) {
    throw fail("WSC7002", `a tensor of type ${ortName} cannot be made from numbers`, {
      hint: `give its bit patterns in a ${classNameOf(emptyArray(dtype))}`,
    });
  }
  const elements = allocateElements(dtype, values.length / slotsPerElement(dtype));
  try {
    for (let i = 0; i < values.length; i++) setElement(elements, i, values[i] as number);
  } catch {
    throw fail("WSC7002", `the data holds what is no ${ortName}`);
  }
  return elements;
}

/** Empty, of the class that carries a type inside wsc. */
const emptyArray = (dtype: DType): Elements => (isPacked(dtype) ? new Uint8Array(0) : allocateElements(dtype, 0));

type NumericArray = ArrayBufferView & { readonly BYTES_PER_ELEMENT: number };

/** Takes arrays of the right class, of another realm as well; of float16 both forms; packed types as signed or unsigned bytes. */
function storeArray(dtype: DType, data: ArrayBufferView): TensorElements {
  const name = classNameOf(data);
  const wanted = emptyArray(dtype);
  const fits =
    name === classNameOf(wanted) ||
    (name === "Float16Array" && dtype === "f16") ||
    (name === "Uint8ClampedArray" && dtype === "u8") ||
    (name === "Int8Array" && isPacked(dtype));
  if (!fits || !ArrayBuffer.isView(wanted))
    throw fail("WSC7002", `a tensor of type ${dtypeInfo(dtype).ortName} cannot be made from a ${name}`);
  const inner = wanted.constructor as unknown as ArrayClass;
  const outer = (dtype === "f16" ? float16Class() : undefined) ?? inner;
  if (data instanceof outer) return data;
  const view = viewAs(outer, data as NumericArray);
  // as in onnxruntime, where a clamped array is none of a tensor's
  return name === "Uint8ClampedArray" ? view.slice() : view;
}

const viewAs = (array: ArrayClass, { buffer, byteOffset, byteLength, BYTES_PER_ELEMENT }: NumericArray) =>
  new array(buffer, byteOffset, byteLength / BYTES_PER_ELEMENT);

/** The elements as wsc works on them: of the very class that carries the type inside, bit patterns for float16. */
export function innerElements(dtype: DType, data: TensorElements): TensorElements {
  const wanted = emptyArray(dtype);
  if (!ArrayBuffer.isView(wanted) || !ArrayBuffer.isView(data)) return data;
  if (Object.getPrototypeOf(data) === Object.getPrototypeOf(wanted)) return data;
  return viewAs(wanted.constructor as unknown as ArrayClass, data);
}

/** Elements of a packed type, one each. */
export function unpackElements(dtype: DType, bytes: Uint8Array, count: number): Elements {
  const { bits, class: cls } = dtypeInfo(dtype);
  const elements = allocateElements(dtype, count);
  const perByte = 8 / bits;
  const signBit = cls === "signed" ? 1 << (bits - 1) : 0;
  for (let i = 0; i < count; i++) {
    const raw = ((bytes[Math.floor(i / perByte)] ?? 0) >> ((i % perByte) * bits)) & ((1 << bits) - 1);
    setElement(elements, i, (raw ^ signBit) - signBit);
  }
  return elements;
}

/** The bytes of elements of a packed type. */
export function packElements(dtype: DType, shape: readonly number[], elements: Elements): Uint8Array {
  const { bits } = dtypeInfo(dtype);
  const perByte = 8 / bits;
  const count = elementCount(shape);
  const bytes = new Uint8Array(Math.ceil(count / perByte));
  for (let i = 0; i < count; i++) {
    const at = Math.floor(i / perByte);
    bytes[at] = (bytes[at] ?? 0) | ((Number(elements[i]) & ((1 << bits) - 1)) << ((i % perByte) * bits));
  }
  return bytes;
}
