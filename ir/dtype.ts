/**
 * Element types as one table. `storage` is the JavaScript array that carries a tensor of the type inside wsc; types narrower than
 * a byte are kept one element per byte (packing happens at the file and API boundary). Ids are those of ONNX TensorProto.DataType.
 */

export type DType =
  | "f32"
  | "f64"
  | "f16"
  | "bf16"
  | "i8"
  | "i16"
  | "i32"
  | "i64"
  | "u8"
  | "u16"
  | "u32"
  | "u64"
  | "bool"
  | "string"
  | "i4"
  | "u4"
  | "i2"
  | "u2"
  | "f8e4m3fn"
  | "f8e4m3fnuz"
  | "f8e5m2"
  | "f8e5m2fnuz"
  | "f8e8m0"
  | "f4e2m1"
  | "c64"
  | "c128";

/** What arithmetic a type takes part in. `small-float` values are widened to f32 before anything is computed with them. */
export type DTypeClass = "float" | "small-float" | "signed" | "unsigned" | "bool" | "string" | "complex";

/** The JavaScript array behind a tensor's elements. */
export type Storage = "f32" | "f64" | "i8" | "i16" | "i32" | "i64" | "u8" | "u16" | "u32" | "u64" | "string";

export interface DTypeInfo {
  readonly dtype: DType;
  /** TensorProto.DataType */
  readonly onnxId: number;
  /** the name that onnxruntime's JavaScript API uses */
  readonly ortName: string;
  /** bits of one element on the wire; 0 for strings */
  readonly bits: number;
  readonly storage: Storage;
  readonly class: DTypeClass;
}

const row = (
  dtype: DType,
  onnxId: number,
  ortName: string,
  bits: number,
  storage: Storage,
  cls: DTypeClass,
): DTypeInfo => ({ dtype, onnxId, ortName, bits, storage, class: cls });

export const dtypeTable: readonly DTypeInfo[] = [
  row("f32", 1, "float32", 32, "f32", "float"),
  row("u8", 2, "uint8", 8, "u8", "unsigned"),
  row("i8", 3, "int8", 8, "i8", "signed"),
  row("u16", 4, "uint16", 16, "u16", "unsigned"),
  row("i16", 5, "int16", 16, "i16", "signed"),
  row("i32", 6, "int32", 32, "i32", "signed"),
  row("i64", 7, "int64", 64, "i64", "signed"),
  row("string", 8, "string", 0, "string", "string"),
  row("bool", 9, "bool", 8, "u8", "bool"),
  row("f16", 10, "float16", 16, "u16", "small-float"),
  row("f64", 11, "float64", 64, "f64", "float"),
  row("u32", 12, "uint32", 32, "u32", "unsigned"),
  row("u64", 13, "uint64", 64, "u64", "unsigned"),
  row("c64", 14, "complex64", 64, "f32", "complex"),
  row("c128", 15, "complex128", 128, "f64", "complex"),
  row("bf16", 16, "bfloat16", 16, "u16", "small-float"),
  row("f8e4m3fn", 17, "float8e4m3fn", 8, "u8", "small-float"),
  row("f8e4m3fnuz", 18, "float8e4m3fnuz", 8, "u8", "small-float"),
  row("f8e5m2", 19, "float8e5m2", 8, "u8", "small-float"),
  row("f8e5m2fnuz", 20, "float8e5m2fnuz", 8, "u8", "small-float"),
  row("u4", 21, "uint4", 4, "u8", "unsigned"),
  row("i4", 22, "int4", 4, "i8", "signed"),
  row("f4e2m1", 23, "float4e2m1", 4, "u8", "small-float"),
  row("f8e8m0", 24, "float8e8m0", 8, "u8", "small-float"),
  row("u2", 25, "uint2", 2, "u8", "unsigned"),
  row("i2", 26, "int2", 2, "i8", "signed"),
];

const byDType = new Map(dtypeTable.map((info) => [info.dtype, info]));
const byOnnxId = new Map(dtypeTable.map((info) => [info.onnxId, info]));
const byOrtName = new Map(dtypeTable.map((info) => [info.ortName, info]));

export function dtypeInfo(dtype: DType): DTypeInfo {
  const info = byDType.get(dtype);
  if (info === undefined) throw new Error(`internal: no dtype '${dtype}'`);
  return info;
}

export const isDType = (text: string): text is DType => byDType.has(text as DType);
export const dtypeOfOnnxId = (id: number): DType | undefined => byOnnxId.get(id)?.dtype;
export const dtypeOfOrtName = (name: string): DType | undefined => byOrtName.get(name)?.dtype;

/** Bytes of one stored element (in memory, before packing of sub-byte types); complex counts both parts. Strings have none. */
export function storageBytes(dtype: DType): number {
  const { bits } = dtypeInfo(dtype);
  return bits === 0 ? 0 : Math.max(1, bits / 8);
}

export const isFloat = (dtype: DType): boolean => {
  const cls = dtypeInfo(dtype).class;
  return cls === "float" || cls === "small-float";
};
export const isInteger = (dtype: DType): boolean => {
  const cls = dtypeInfo(dtype).class;
  return cls === "signed" || cls === "unsigned";
};
export const isSigned = (dtype: DType): boolean => dtypeInfo(dtype).class === "signed";
/** 64-bit integers are carried as bigint, everything else numeric as number. */
export const isBig = (dtype: DType): boolean => dtype === "i64" || dtype === "u64";
