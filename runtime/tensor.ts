/**
 * `Tensor` as in onnxruntime's JavaScript API: a type, a typed array, dims. Types without a JavaScript array of their own are carried so:
 * float16 and bfloat16 as bit patterns in a Uint16Array, float8 types in a Uint8Array, 4-bit and 2-bit types packed into a Uint8Array
 * (lowest element in the low bits), bool as a Uint8Array of 0 and 1, strings as an array.
 */
import { type DType, dtypeInfo, dtypeOfOrtName } from "../ir/dtype.ts";
import { fail } from "../ir/diagnostic.ts";
import {
  allocateElements,
  bytesOf,
  elementCount,
  type Elements,
  setElement,
  slotsPerElement,
  type TensorData,
} from "../ir/tensor.ts";

/** The array behind a tensor. */
export type TensorElements = Elements;
type Input = Elements | readonly (number | bigint | boolean | string)[];

const inferredTypes: readonly (readonly [{ new (...args: never[]): object }, string])[] = [
  [Float32Array, "float32"],
  [Float64Array, "float64"],
  [Int8Array, "int8"],
  [Int16Array, "int16"],
  [Int32Array, "int32"],
  [BigInt64Array, "int64"],
  [Uint8Array, "uint8"],
  [Uint8ClampedArray, "uint8"],
  [Uint16Array, "uint16"],
  [Uint32Array, "uint32"],
  [BigUint64Array, "uint64"],
];

export class Tensor {
  /** onnxruntime's name of the element type, such as "float32" */
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: TensorElements;
  /** always "cpu": the data is in JavaScript's memory */
  readonly location = "cpu";

  /** `new Tensor("float32", data, [1, 3])`, or `new Tensor(new Float32Array(3), [1, 3])`. Without dims: one dimension. */
  constructor(type: string, data: Input, dims?: readonly number[]);
  constructor(data: Input, dims?: readonly number[]);
  constructor(first: string | Input, second?: Input | readonly number[], third?: readonly number[]) {
    const named = typeof first === "string";
    const data = (named ? second : first) as Input | undefined;
    if (data === undefined || typeof data !== "object") throw fail("WSC7002", "a tensor needs an array of data");
    this.type = named ? first : inferType(data);
    const dtype = dtypeOf(this.type);
    const dims = ((named ? third : second) as readonly number[] | undefined) ?? [data.length];
    this.dims = checkDims(dims);
    this.data = storeData(dtype, data, elementCount(this.dims));
  }

  /** Number of elements. */
  get size(): number {
    return elementCount(this.dims);
  }

  /** The data, as a promise: for code that also handles tensors on a GPU. */
  getData(): Promise<TensorElements> {
    return Promise.resolve(this.data);
  }

  /** The same data with other dims. */
  reshape(dims: readonly number[]): Tensor {
    if (elementCount(dims) !== this.size)
      throw fail("WSC7002", `cannot reshape [${this.dims.join(",")}] to [${dims.join(",")}]`);
    return new Tensor(this.type, this.data, dims);
  }

  /** Nothing to free; part of the API. */
  dispose(): void {
    return;
  }
}

function inferType(data: Input): string {
  const known = inferredTypes.find(([constructor]) => data instanceof constructor);
  if (known !== undefined) return known[1];
  const head = (data as readonly unknown[])[0];
  if (typeof head === "string") return "string";
  if (typeof head === "boolean") return "bool";
  throw fail("WSC7002", "the element type cannot be told from the data", {
    hint: 'give it: new Tensor("float32", data, dims)',
  });
}

function dtypeOf(type: string): DType {
  const dtype = dtypeOfOrtName(type);
  if (dtype === undefined) throw fail("WSC7002", `there is no element type '${type}'`);
  return dtype;
}

function checkDims(dims: readonly number[]): readonly number[] {
  if (!Array.isArray(dims)) throw fail("WSC7002", "dims must be an array of numbers");
  const checked = dims.map(Number);
  for (const dim of checked) {
    if (!Number.isSafeInteger(dim) || dim < 0)
      throw fail("WSC7002", `a dim must be an integer of at least 0, not ${dim}`);
  }
  return checked;
}

const isPacked = (dtype: DType): boolean => {
  const { bits } = dtypeInfo(dtype);
  return bits > 0 && bits < 8;
};

/** Length that the array of a tensor must have. */
function storedLength(dtype: DType, count: number): number {
  return isPacked(dtype) ? Math.ceil((count * dtypeInfo(dtype).bits) / 8) : count * slotsPerElement(dtype);
}

function storeData(dtype: DType, data: Input, count: number): TensorElements {
  const length = storedLength(dtype, count);
  if (data.length !== length) {
    throw fail("WSC7002", `${data.length} elements given for a tensor of ${count} of type ${dtypeInfo(dtype).ortName}`);
  }
  const wanted = isPacked(dtype) ? new Uint8Array(0) : allocateElements(dtype, 0);
  if (!ArrayBuffer.isView(wanted)) return stringsOf(data as readonly unknown[]);
  if (data.constructor === wanted.constructor) return data as TensorElements;
  if (ArrayBuffer.isView(data)) return reinterpret(dtype, data, wanted);
  const elements = isPacked(dtype) ? new Uint8Array(length) : allocateElements(dtype, count);
  try {
    for (let i = 0; i < length; i++) setElement(elements, i, (data as readonly (number | bigint | boolean)[])[i] ?? 0);
  } catch {
    throw fail("WSC7002", `the data holds what is no ${dtypeInfo(dtype).ortName}`);
  }
  return elements;
}

const stringsOf = (data: readonly unknown[]): readonly string[] =>
  data.every((value) => typeof value === "string") ? data : data.map(String);

/**
 * Accepts an array of the same width under another name (Float16Array for float16, Uint8ClampedArray, Int8Array for int4), and the right
 * array out of another realm (a frame, a vm context).
 */
function reinterpret(
  dtype: DType,
  data: ArrayBufferView,
  wanted: ArrayBufferView & { BYTES_PER_ELEMENT: number },
): TensorElements {
  const bytesPerElement = (data as unknown as { BYTES_PER_ELEMENT: number }).BYTES_PER_ELEMENT;
  const sameWidth = bytesPerElement === wanted.BYTES_PER_ELEMENT;
  const name = data.constructor.name;
  const allowed =
    name === wanted.constructor.name ||
    (name === "Float16Array" && dtype === "f16") ||
    (name === "Uint8ClampedArray" && dtype === "u8") ||
    (isPacked(dtype) && bytesPerElement === 1) ||
    (name === "Uint8Array" && dtype === "bool");
  if (!sameWidth || !allowed) {
    throw fail("WSC7002", `a tensor of type ${dtypeInfo(dtype).ortName} cannot be made from a ${name}`);
  }
  const constructor = wanted.constructor as {
    new (buffer: ArrayBufferLike, offset: number, length: number): TensorElements;
  };
  return new constructor(data.buffer, data.byteOffset, data.byteLength / bytesPerElement);
}

/** A tensor as wsc holds it inside: sub-byte types one element per byte. Shares memory where it can. */
export function toTensorData(tensor: Pick<Tensor, "type" | "dims" | "data">): TensorData {
  const dtype = dtypeOf(tensor.type);
  const shape = checkDims(tensor.dims);
  const elements = isPacked(dtype) ? unpack(dtype, tensor.data as Uint8Array, elementCount(shape)) : tensor.data;
  if (elements.length !== elementCount(shape) * slotsPerElement(dtype)) {
    throw fail("WSC7002", `${elements.length} elements given for dims [${shape.join(",")}]`);
  }
  return { dtype, shape, elements };
}

export function fromTensorData(tensor: TensorData): Tensor {
  const { ortName } = dtypeInfo(tensor.dtype);
  const data = isPacked(tensor.dtype) ? pack(tensor) : tensor.elements;
  return new Tensor(ortName, data, tensor.shape);
}

/** Copies the elements of a tensor into the array of another one of the same type and size. */
export function copyInto({ data: target }: Tensor, { data }: Tensor): void {
  if (ArrayBuffer.isView(target)) bytesOf(target).set(bytesOf(data));
  else for (const [index, text] of (data as readonly string[]).entries()) (target as string[])[index] = text;
}

function unpack(dtype: DType, bytes: Uint8Array, count: number): Elements {
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

function pack({ dtype, shape, elements }: TensorData): Uint8Array {
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
