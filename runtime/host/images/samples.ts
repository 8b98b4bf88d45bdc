/** Samples of 1 to 16 bits as bytes: what PNG, TIFF and PNM have in common. */
import { damaged } from "./image.ts";

/** Sample `index` of a packed row, highest bits first; 16-bit samples give their high byte when `littleEndian` is not set. */
export function sampleAt(row: Uint8Array, index: number, bits: number, littleEndian = false): number {
  if (bits === 8) return row[index] as number;
  if (bits === 16) return row[2 * index + (littleEndian ? 1 : 0)] as number;
  const perByte = 8 / bits;
  const byte = row[Math.floor(index / perByte)] as number;
  return (byte >> (8 - bits * ((index % perByte) + 1))) & ((1 << bits) - 1);
}

/** A grey sample spread over 0 to 255. */
export const spread = (sample: number, bits: number): number =>
  bits >= 8 ? sample : (sample * 255) / ((1 << bits) - 1);

/** Bytes of a row of samples. */
export const rowBytes = (samples: number, bits: number): number => Math.ceil((samples * bits) / 8);

/** Damaged unless samples have a width that files may have. */
export function checkBits(bits: number): void {
  if (![1, 2, 4, 8, 16].includes(bits)) throw damaged(`samples of ${bits} bits`);
}
