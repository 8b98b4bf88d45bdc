/** A growing byte buffer with the number formats of the WebAssembly binary format. */

const textEncoder = new TextEncoder();
const scratch = new DataView(new ArrayBuffer(8));

export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(256);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  u8(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  bytes(values: ArrayLike<number>): void {
    this.#reserve(values.length);
    // opcodes are a few bytes: a call of `set` costs more than they do
    if (values.length > 16) this.#bytes.set(values, this.#length);
    else for (let i = 0; i < values.length; i++) this.#bytes[this.#length + i] = values[i] as number;
    this.#length += values.length;
  }

  /** Unsigned LEB128 of a 32-bit value. */
  u32(value: number): void {
    let rest = value >>> 0;
    while (rest >= 0x80) {
      this.u8((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    this.u8(rest);
  }

  /** Signed LEB128 of a 32-bit value. */
  s32(value: number): void {
    let rest = value | 0;
    while (rest < -0x40 || rest >= 0x40) {
      this.u8((rest & 0x7f) | 0x80);
      rest >>= 7;
    }
    this.u8(rest & 0x7f);
  }

  /** Signed LEB128 of a 64-bit value. */
  s64(value: bigint): void {
    let rest = BigInt.asIntN(64, value);
    while (rest < -0x40n || rest >= 0x40n) {
      this.u8(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    this.u8(Number(rest & 0x7fn));
  }

  f32(value: number): void {
    scratch.setFloat32(0, value, true);
    for (let i = 0; i < 4; i++) this.u8(scratch.getUint8(i));
  }

  f64(value: number): void {
    scratch.setFloat64(0, value, true);
    for (let i = 0; i < 8; i++) this.u8(scratch.getUint8(i));
  }

  /** A UTF-8 string after its length in bytes. */
  name(text: string): void {
    const encoded = textEncoder.encode(text);
    this.u32(encoded.length);
    this.bytes(encoded);
  }

  /** What another writer holds, after its length in bytes. */
  sized(content: ByteWriter): void {
    this.u32(content.length);
    this.bytes(content.view());
  }

  /** The bytes written so far; valid until the next write. */
  view(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}
