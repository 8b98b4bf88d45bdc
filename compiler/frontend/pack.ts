/** Types narrower than a byte stand several to a byte in files, lowest bits first; in memory each element has a byte. */
import { type DType, dtypeInfo } from "../../ir/dtype.ts";
import { allocateElements, type Elements } from "../../ir/tensor.ts";

/** Bytes that `count` elements take in a file; for complex numbers both parts. */
export const packedBytes = (dtype: DType, count: number): number => Math.ceil((count * dtypeInfo(dtype).bits) / 8);

export const isPacked = (dtype: DType): boolean => {
  const { bits } = dtypeInfo(dtype);
  return bits > 0 && bits < 8;
};

/** One element per byte, signed types extended; `byteAt` gives the file's bytes. */
export function unpack(dtype: DType, count: number, byteAt: (index: number) => number): Elements {
  const { bits, class: cls } = dtypeInfo(dtype);
  const perByte = 8 / bits;
  const mask = 2 ** bits - 1;
  const sign = cls === "signed" ? 2 ** (bits - 1) : 0;
  const elements = allocateElements(dtype, count) as Uint8Array | Int8Array;
  for (let i = 0; i < count; i++) {
    const value = (byteAt(Math.floor(i / perByte)) >> ((i % perByte) * bits)) & mask;
    elements[i] = (value ^ sign) - sign;
  }
  return elements;
}

/** The file's form of elements held one per byte. */
export function pack(dtype: DType, elements: ArrayLike<number>): Uint8Array {
  const { bits } = dtypeInfo(dtype);
  const perByte = 8 / bits;
  const mask = 2 ** bits - 1;
  const bytes = new Uint8Array(packedBytes(dtype, elements.length));
  for (let i = 0; i < elements.length; i++) {
    const at = Math.floor(i / perByte);
    bytes[at] = (bytes[at] ?? 0) | (((elements[i] ?? 0) & mask) << ((i % perByte) * bits));
  }
  return bytes;
}
