/**
 * Kernels import a memory of their own; threads need one that is shared, which a module must say in its import. The two differ in one bit, so
 * one binary serves both: the bit is set when the program is loaded for threads.
 */

const importSection = 2;
const memoryImport = 2;
/** Flags of a memory's limits. */
const hasMaximum = 1;
const isShared = 2;

/** A copy of a module whose memory import is shared; null for a module of another form. */
export function withSharedMemory(binary: Uint8Array): Uint8Array | null {
  const at = memoryFlagsAt(binary);
  if (at === null || binary[at] !== hasMaximum) return null;
  const copy = binary.slice();
  copy[at] = hasMaximum | isShared;
  return copy;
}

/** Where the limits of the memory begin, if that is the first import. */
function memoryFlagsAt(binary: Uint8Array): number | null {
  const reader = new ByteReader(binary, 8);
  while (reader.position < binary.length) {
    const id = reader.byte();
    const size = reader.u32();
    if (id !== importSection) {
      reader.skip(size);
      continue;
    }
    if (reader.u32() === 0) return null;
    reader.skip(reader.u32()); // the module's name
    reader.skip(reader.u32()); // and the memory's in it
    return reader.byte() === memoryImport ? reader.position : null;
  }
  return null;
}

class ByteReader {
  readonly #bytes: Uint8Array;
  position: number;

  constructor(bytes: Uint8Array, position: number) {
    this.#bytes = bytes;
    this.position = position;
  }

  byte(): number {
    return this.#bytes[this.position++] ?? 0;
  }

  skip(bytes: number): void {
    this.position += bytes;
  }

  /** An unsigned LEB128 number. */
  u32(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    return value;
  }
}
