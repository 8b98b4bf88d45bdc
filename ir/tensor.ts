/** Dense tensors: row-major elements of one dtype. Plain data; `elements` may be a view into a larger buffer, or read when it is asked for. */
import { type DType, dtypeInfo, type Storage } from "./dtype.ts";

export type Elements =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | readonly string[];

export interface TensorData {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** row-major; complex types interleave re, im; f16/bf16/f8 hold bit patterns; i4/u4/i2/u2 hold one element per byte */
  readonly elements: Elements;
  /** where the elements come from, if they are not at hand (tensor-source.ts) */
  readonly source?: TensorSource;
}

/** A range of a file. */
export interface StoredSource {
  readonly kind: "stored";
  /** the file as its model names it: a location beside the model, or the model's own name */
  readonly file: string;
  readonly offset: number;
  readonly byteLength: number;
  /** some of the range's bytes */
  readonly read: (start: number, length: number) => Uint8Array;
  readonly load: () => Elements;
}

/** The result of a computation: `recipe` and the tensors it is made of decide every element. */
export interface MadeSource {
  readonly kind: "made";
  readonly recipe: string;
  readonly from: readonly TensorData[];
  readonly load: () => Elements;
}

export type TensorSource = StoredSource | MadeSource;

type NumericStorage = Exclude<Storage, "string">;
type NumericElements = Exclude<Elements, readonly string[]>;

const constructors: Readonly<Record<NumericStorage, { new (length: number): NumericElements }>> = {
  f32: Float32Array,
  f64: Float64Array,
  i8: Int8Array,
  i16: Int16Array,
  i32: Int32Array,
  i64: BigInt64Array,
  u8: Uint8Array,
  u16: Uint16Array,
  u32: Uint32Array,
  u64: BigUint64Array,
};

const viewConstructors: Readonly<
  Record<NumericStorage, { new (buffer: ArrayBufferLike, offset: number, length: number): NumericElements }>
> = constructors as never;

export function elementCount(shape: readonly number[]): number {
  let count = 1;
  for (const dim of shape) count *= dim;
  return count;
}

/** Row-major strides, in elements. */
export function rowMajorStrides(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis] ?? 1;
  }
  return strides;
}

/** Slots of the storage array for `count` elements: two for a complex number, one otherwise. */
export const slotsPerElement = (dtype: DType): number => (dtypeInfo(dtype).class === "complex" ? 2 : 1);

/** A zeroed array of `count` elements (empty strings for strings). */
export function allocateElements(dtype: DType, count: number): Elements {
  const { storage } = dtypeInfo(dtype);
  if (storage === "string") return new Array<string>(count).fill("");
  return new constructors[storage](count * slotsPerElement(dtype));
}

/** A typed view of `count` elements in `buffer`; copies when `byteOffset` is not aligned for the type. Not for strings. */
export function viewElements(dtype: DType, buffer: ArrayBufferLike, byteOffset: number, count: number): Elements {
  const { storage } = dtypeInfo(dtype);
  if (storage === "string") throw new Error("internal: strings have no binary view");
  const slots = count * slotsPerElement(dtype);
  const bytesPerSlot = new constructors[storage](0).BYTES_PER_ELEMENT;
  if (byteOffset % bytesPerSlot === 0) return new viewConstructors[storage](buffer, byteOffset, slots);
  const copy = buffer.slice(byteOffset, byteOffset + slots * bytesPerSlot);
  return new viewConstructors[storage](copy, 0, slots);
}

/** The bytes of numeric elements, without copying. */
export function bytesOf(elements: Elements): Uint8Array {
  if (!ArrayBuffer.isView(elements)) throw new Error("internal: strings have no bytes");
  return new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength);
}

/** The same elements in an array of their own. */
export const copyElements = (elements: Elements): Elements => (elements as Float32Array).slice();

export function makeTensor(dtype: DType, shape: readonly number[], elements?: Elements): TensorData {
  const count = elementCount(shape);
  const data = elements ?? allocateElements(dtype, count);
  if (data.length !== count * slotsPerElement(dtype)) {
    throw new Error(`internal: ${data.length} elements for ${dtype}[${shape.join(",")}]`);
  }
  return { dtype, shape, elements: data };
}

export const scalarTensor = (dtype: DType, value: number | bigint): TensorData => tensorFrom(dtype, [], [value]);

/** A tensor from plain values (numbers, bigints or strings); numbers become bigint where the storage needs it. */
export function tensorFrom(
  dtype: DType,
  shape: readonly number[],
  values: readonly (number | bigint | string | boolean)[],
): TensorData {
  const elements = allocateElements(dtype, elementCount(shape));
  for (const [index, value] of values.entries()) setElement(elements, index, value);
  return makeTensor(dtype, shape, elements);
}

/** Stores a value, converting between number and bigint as the array asks. */
export function setElement(elements: Elements, index: number, value: number | bigint | string | boolean): void {
  if (elements instanceof BigInt64Array || elements instanceof BigUint64Array) {
    elements[index] = typeof value === "bigint" ? value : BigInt(value);
  } else if (ArrayBuffer.isView(elements)) {
    elements[index] = Number(value);
  } else {
    (elements as string[])[index] = String(value);
  }
}

/** Integer elements as JS numbers. Throws on values that a double cannot hold exactly. */
export function integersOf(tensor: TensorData): number[] {
  return Array.from(tensor.elements as ArrayLike<number | bigint>, (value) => {
    const number = Number(value);
    if (!Number.isSafeInteger(number)) throw new RangeError(`${String(value)} is beyond 2^53`);
    return number;
  });
}

/** Shape that numpy broadcasting gives, or null when the shapes do not fit. */
export function broadcastShapes(shapes: readonly (readonly number[])[]): number[] | null {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  const out = new Array<number>(rank).fill(1);
  for (const shape of shapes) {
    for (let i = 0; i < shape.length; i++) {
      const at = rank - shape.length + i;
      const dim = shape[i] as number;
      if (dim === 1 || dim === out[at]) continue;
      if (out[at] !== 1) return null;
      out[at] = dim;
    }
  }
  return out;
}

/** The place of the first shape with elements, or of the first one: what shapes that are joined must fit. */
export const leadingShape = (shapes: readonly (readonly number[])[]): number =>
  Math.max(
    0,
    shapes.findIndex((shape) => elementCount(shape) > 0),
  );

/**
 * Places of the shapes that take part when tensors are joined along `axis`. As onnxruntime has it, an empty tensor need not fit the others: one
 * that adds nothing along the axis is left out.
 */
export function joinedShapes(shapes: readonly (readonly number[])[], axis: number): readonly number[] {
  const leading = shapes[leadingShape(shapes)] ?? [];
  const fits = (shape: readonly number[]): boolean =>
    shape.length === leading.length && shape.every((dim, at) => at === axis || dim === leading[at]);
  return [...shapes.keys()].filter((at) => {
    const shape = shapes[at] ?? [];
    return fits(shape) || elementCount(shape) > 0 || (shape[axis] ?? 0) > 0;
  });
}
