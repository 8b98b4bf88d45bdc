/**
 * TensorProto and SparseTensorProto to tensors. What dims claim is compared with the data that is there before any memory is taken.
 * Raw data is not copied: elements are views of the file's bytes; where a view would not be aligned, the data is moved a few bytes to
 * the front if the buffer is ours (`movable`), and copied if it is not.
 */
import { fail, showName } from "../../ir/diagnostic.ts";
import { type DType, dtypeInfo, dtypeOfOnnxId, storageBytes } from "../../ir/dtype.ts";
import { allocateElements, type Elements, elementCount, makeTensor, slotsPerElement, type TensorData, viewElements } from "../../ir/tensor.ts"; // prettier-ignore
import { tensorOfSource } from "../../ir/tensor-source.ts";
import type { FileRange } from "./file-range.ts";
import { isPacked, packedBytes, unpack } from "./pack.ts";
import type { Onnx } from "./proto.ts";
import { bigintOf, textOfBytes, unsignedOf, type WideInteger } from "./proto-values.ts";

export interface TensorDecoding {
  /** the file's buffer is ours: bytes that were decoded already may be overwritten */
  readonly movable: boolean;
  /** data that is not read now */
  readonly unread?: ReadonlyMap<TensorProto, FileRange>;
}

type TensorProto = Onnx.ITensorProto;
const externalLocation = 1;

/** What a message about a tensor calls it. */
export const tensorSubject = (name: string | null | undefined): string =>
  name === null || name === undefined || name === "" ? "a tensor" : `tensor "${showName(name)}"`;

export const isExternal = (tensor: TensorProto): boolean =>
  (tensor.dataLocation as number | null | undefined) === externalLocation;

/** Dims of a tensor, checked: none negative, their product exact. */
export function tensorShape(dims: readonly WideInteger[], subject: string): readonly number[] {
  const shape = dims.map((dim) => {
    const size = bigintOf(dim);
    if (size < 0n) throw fail("WSC1005", `its shape has the negative dim ${size}`, { subject });
    if (size > BigInt(Number.MAX_SAFE_INTEGER)) throw fail("WSC1005", `its dim ${size} is out of range`, { subject });
    return Number(size);
  });
  const count = elementCount(shape.filter((dim) => dim !== 0));
  if (!Number.isSafeInteger(count)) {
    throw fail("WSC1009", `its shape [${shape.join(",")}] is beyond what any memory can hold`, { subject });
  }
  return shape;
}

/** Bytes of a tensor's elements in a file, exact. */
export function tensorBytes(dtype: DType, shape: readonly number[], subject: string): number {
  const bytes = packedBytes(dtype, elementCount(shape));
  if (Number.isSafeInteger(bytes)) return bytes;
  throw fail("WSC1009", `its ${dtype}[${shape.join(",")}] is beyond what any memory can hold`, { subject });
}

/** The element type of a tensor; WSC1007 for one that wsc does not know. */
export function tensorDType(id: number | null | undefined, subject: string): DType {
  const dtype = dtypeOfOnnxId(id ?? 0);
  if (dtype !== undefined) return dtype;
  const what = (id ?? 0) === 0 ? "it has no data type" : `data type ${id} is not supported`;
  throw fail("WSC1007", what, { subject });
}

/** Decodes a tensor whose data is in the file, or was read into `rawData` before. */
export function decodeTensor(proto: TensorProto, { movable, unread }: TensorDecoding): TensorData {
  const subject = tensorSubject(proto.name);
  if (proto.segment !== null && proto.segment !== undefined) {
    throw fail("WSC1005", "tensors in segments are not supported", { subject });
  }
  const shape = tensorShape(proto.dims ?? [], subject);
  const dtype = tensorDType(proto.dataType, subject);
  const count = elementCount(shape);
  const range = unread?.get(proto);
  if (range !== undefined) return unreadTensor(dtype, shape, range, subject);
  const raw = proto.rawData;
  const hasRaw = raw !== null && raw !== undefined && raw.length > 0;
  checkFields(proto, dtype, hasRaw, subject);
  if (dtype === "string") return makeTensor(dtype, shape, decodeStrings(proto, count, subject));
  if (hasRaw) return makeTensor(dtype, shape, decodeRaw(dtype, count, raw, movable, subject));
  return makeTensor(dtype, shape, decodeTyped(proto, dtype, count, subject));
}

/** A tensor whose data stays in its file. */
function unreadTensor(dtype: DType, shape: readonly number[], range: FileRange, subject: string): TensorData {
  if (dtype === "string") throw fail("WSC1005", "strings cannot be raw_data", { subject });
  const count = elementCount(shape);
  const bytes = tensorBytes(dtype, shape, subject);
  if (range.byteLength !== bytes)
    throw sizeMismatch(dtype, count, `a size of ${range.byteLength} bytes instead of ${bytes}`, subject);
  const load = (): Elements => decodeRaw(dtype, count, range.read(0, bytes), true, subject);
  return tensorOfSource(dtype, shape, { kind: "stored", ...range, load });
}

type DataField = "floatData" | "doubleData" | "int32Data" | "int64Data" | "uint64Data" | "stringData";
const dataFields: readonly DataField[] = [
  "floatData",
  "doubleData",
  "int32Data",
  "int64Data",
  "uint64Data",
  "stringData",
];

/** Types whose elements have a field of their own; all others share int32_data. */
const ownFields: ReadonlyMap<DType, DataField> = new Map<DType, DataField>([
  ["f32", "floatData"],
  ["c64", "floatData"],
  ["f64", "doubleData"],
  ["c128", "doubleData"],
  ["i64", "int64Data"],
  ["u32", "uint64Data"],
  ["u64", "uint64Data"],
  ["string", "stringData"],
]);

/** Where a type's elements stand when they are not raw. */
const fieldOf = (dtype: DType): DataField => ownFields.get(dtype) ?? "int32Data";

const snakeCase: Readonly<Record<DataField, string>> = {
  floatData: "float_data",
  doubleData: "double_data",
  int32Data: "int32_data",
  int64Data: "int64_data",
  uint64Data: "uint64_data",
  stringData: "string_data",
};

function checkFields(proto: TensorProto, dtype: DType, hasRaw: boolean, subject: string): void {
  const used = dataFields.filter((field) => (proto[field]?.length ?? 0) > 0);
  const [first] = used;
  if (first === undefined) return;
  if (hasRaw || used.length > 1) {
    throw fail("WSC1005", `it has data in ${hasRaw ? "raw_data" : used[1]} and in ${snakeCase[first]}`, { subject });
  }
  const expected = fieldOf(dtype);
  if (first !== expected) {
    throw fail("WSC1005", `its data is in ${snakeCase[first]}, that of ${dtype} must be in ${snakeCase[expected]}`, {
      subject,
    });
  }
}

function sizeMismatch(dtype: DType, count: number, seen: string, subject: string): Error {
  return fail("WSC1005", `its dims say ${count} elements of ${dtype}, its data has ${seen}`, { subject });
}

function decodeRaw(dtype: DType, count: number, raw: Uint8Array, movable: boolean, subject: string): Elements {
  const bytes = packedBytes(dtype, count);
  if (raw.length !== bytes)
    throw sizeMismatch(dtype, count, `a size of ${raw.length} bytes instead of ${bytes}`, subject);
  if (isPacked(dtype)) return unpack(dtype, count, (i) => raw[i] ?? 0);
  const { buffer, offset } = aligned(raw, storageBytes(dtype) / slotsPerElement(dtype), movable);
  return viewElements(dtype, buffer, offset, count);
}

/** Data of at least this size stands behind enough bytes of its own header to be moved over them. */
const minMovedBytes = 64 * 1024;

/**
 * The place of data such that a typed view of it may be made without a copy: moved to the front over the bytes before it if need be.
 * Those are the field's and its tensor's own tags and lengths (for data of 64 KiB at least 9 bytes), which have been decoded.
 */
function aligned(
  raw: Uint8Array,
  unit: number,
  movable: boolean,
): { readonly buffer: ArrayBufferLike; readonly offset: number } {
  const excess = raw.byteOffset % unit;
  if (excess === 0 || !movable || raw.length < minMovedBytes) return { buffer: raw.buffer, offset: raw.byteOffset };
  const start = raw.byteOffset - excess;
  new Uint8Array(raw.buffer, start, raw.length + excess).copyWithin(0, excess);
  return { buffer: raw.buffer, offset: start };
}

function decodeStrings(proto: TensorProto, count: number, subject: string): Elements {
  const strings = proto.stringData ?? [];
  if (proto.rawData && proto.rawData.length > 0) throw fail("WSC1005", "strings cannot be raw_data", { subject });
  if (strings.length !== count) throw sizeMismatch("string", count, `${strings.length} elements`, subject);
  return strings.map(textOfBytes);
}

function decodeTyped(proto: TensorProto, dtype: DType, count: number, subject: string): Elements {
  const field = fieldOf(dtype);
  const values = (proto[field] ?? []) as readonly WideInteger[];
  const expected = isPacked(dtype) ? packedBytes(dtype, count) : count * slotsPerElement(dtype);
  if (values.length !== expected) {
    const seen = values.length === 0 ? "no data at all" : `${values.length} elements instead of ${expected}`;
    throw sizeMismatch(dtype, count, `${seen} (size of ${snakeCase[field]})`, subject);
  }
  if (isPacked(dtype)) return unpack(dtype, count, (i) => Number(values[i]));
  return fillFrom(allocateElements(dtype, count), values, dtype, subject);
}

function fillFrom(elements: Elements, values: readonly WideInteger[], dtype: DType, subject: string): Elements {
  if (elements instanceof BigInt64Array) {
    for (const [i, value] of values.entries()) elements[i] = bigintOf(value);
  } else if (elements instanceof BigUint64Array) {
    for (const [i, value] of values.entries()) elements[i] = unsignedOf(value);
  } else {
    const numbers = elements as Float32Array;
    for (const [i, value] of values.entries())
      numbers[i] = typeof value === "number" ? value : Number(unsignedOf(value));
    checkRange(dtype, values, subject);
  }
  return elements;
}

/** Integers that stand in a wider field must fit their type; bit patterns may come with the sign of their field. */
function checkRange(dtype: DType, values: readonly WideInteger[], subject: string): void {
  const { bits, class: cls } = dtypeInfo(dtype);
  if (cls === "float" || cls === "complex" || bits > 32) return;
  const most = cls === "signed" ? 2 ** (bits - 1) - 1 : 2 ** bits - 1;
  const least = cls === "unsigned" || cls === "bool" ? 0 : -(2 ** (bits - 1));
  for (const value of values) {
    const number = typeof value === "number" ? value : Number(bigintOf(value));
    if (number < least || number > most)
      throw fail("WSC1005", `its element ${number} does not fit ${dtype}`, { subject });
  }
}

/** Bytes of the largest sparse tensor that is written out: no header may ask for more memory than that. */
const maxDenseBytes = 2 ** 30;

/** A sparse tensor, written out densely: zeros but for the values at its indices. */
export function decodeSparse(proto: Onnx.ISparseTensorProto, decoding: TensorDecoding): TensorData {
  const subject = `sparse ${tensorSubject(proto.values?.name)}`;
  if (!proto.values || !proto.indices) throw fail("WSC1005", "values or indices are missing", { subject });
  const shape = tensorShape(proto.dims ?? [], subject);
  const values = decodeTensor(proto.values, decoding);
  const indices = decodeTensor(proto.indices, decoding);
  const count = elementCount(shape);
  if (count * Math.max(1, storageBytes(values.dtype)) > maxDenseBytes) {
    throw fail("WSC1009", `its shape [${shape.join(",")}] is too large to be written out`, { subject });
  }
  const dense = makeTensor(values.dtype, shape);
  const positions = linearPositions(indices, elementCount(values.shape), shape, subject);
  copyElements(values, dense, positions);
  return dense;
}

/** Row-major positions from indices of shape [n] (linear) or [n, rank]. */
function linearPositions(indices: TensorData, count: number, shape: readonly number[], subject: string): number[] {
  const [rows, columns = 1] = indices.shape;
  const isCoordinates = indices.shape.length === 2;
  const fits =
    indices.dtype === "i64" &&
    rows === count &&
    (isCoordinates ? columns === shape.length : indices.shape.length === 1);
  if (!fits) {
    throw fail("WSC1005", `its indices are ${indices.dtype}[${indices.shape.join(",")}] for ${count} values`, {
      subject,
    });
  }
  const limits = isCoordinates ? shape : [elementCount(shape)];
  const { elements } = indices;
  return Array.from({ length: count }, (_, row) => {
    let position = 0;
    for (const [column, limit] of limits.entries()) {
      const index = Number(elements[row * limits.length + column]);
      if (index < 0 || index >= limit)
        throw fail("WSC1005", `its index ${index} is out of range for ${limit} elements`, { subject });
      position = position * limit + index;
    }
    return position;
  });
}

function copyElements(from: TensorData, to: TensorData, positions: readonly number[]): void {
  const slots = slotsPerElement(from.dtype);
  const target = to.elements as unknown[];
  const source = from.elements;
  for (const [i, position] of positions.entries()) {
    for (let slot = 0; slot < slots; slot++) target[position * slots + slot] = source[i * slots + slot];
  }
}
