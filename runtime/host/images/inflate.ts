/** Inflate (RFC 1951) within zlib's frame (RFC 1950), as PNG and TIFF have it. The checksum is not looked at. */
import { damaged } from "./image.ts";

/** Codes by length: how many codes each length has, and the symbols in the order of their codes. */
interface Code {
  readonly counts: Uint16Array;
  readonly symbols: Uint16Array;
}

const longest = 15;

function codeOf(lengths: ArrayLike<number>): Code {
  const counts = new Uint16Array(longest + 1);
  for (let i = 0; i < lengths.length; i++) counts[lengths[i] as number] = (counts[lengths[i] as number] as number) + 1;
  counts[0] = 0;
  const offsets = new Uint16Array(longest + 2);
  for (let i = 1; i <= longest; i++) offsets[i + 1] = (offsets[i] as number) + (counts[i] as number);
  const symbols = new Uint16Array(lengths.length);
  for (let i = 0; i < lengths.length; i++) {
    const length = lengths[i] as number;
    if (length === 0) continue;
    symbols[offsets[length] as number] = i;
    offsets[length] = (offsets[length] as number) + 1;
  }
  return { counts, symbols };
}

const lengthBase = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258]; // prettier-ignore
const lengthBits = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const distanceBase = [1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577]; // prettier-ignore
const lengthOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

const fixedLengths = codeOf(Array.from({ length: 288 }, (_, i) => (i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8)));
const fixedDistances = codeOf(new Array<number>(30).fill(5));

/** Bits from the lowest of each byte on. */
class BitReader {
  readonly #bytes: Uint8Array;
  #at: number;
  #bit = 0;

  constructor(bytes: Uint8Array, start: number) {
    this.#bytes = bytes;
    this.#at = start;
  }

  bit(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw damaged("the compressed data ends early");
    const value = (byte >> this.#bit) & 1;
    this.#bit = (this.#bit + 1) & 7;
    if (this.#bit === 0) this.#at++;
    return value;
  }

  bits(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i++) value |= this.bit() << i;
    return value;
  }

  symbol({ counts, symbols }: Code): number {
    let [code, first, index] = [0, 0, 0];
    for (let length = 1; length <= longest; length++) {
      code |= this.bit();
      const count = counts[length] as number;
      if (code - first < count) return symbols[index + code - first] as number;
      index += count;
      first = (first + count) << 1;
      code <<= 1;
    }
    throw damaged("a code is in no table");
  }

  /** Bytes of a stored block, after its length and the length's complement. */
  stored(): Uint8Array {
    if (this.#bit !== 0) {
      this.#bit = 0;
      this.#at++;
    }
    const length = this.bits(16);
    if ((this.bits(16) ^ 0xffff) !== length) throw damaged("a stored block's length is wrong");
    const block = this.#bytes.subarray(this.#at, this.#at + length);
    if (block.length < length) throw damaged("the compressed data ends early");
    this.#at += length;
    return block;
  }
}

/** The first `size` bytes of a zlib stream; it is damaged when it holds fewer. */
export function inflate(bytes: Uint8Array, size: number): Uint8Array {
  if (((bytes[0] ?? 0) & 15) !== 8) throw damaged("the compression is not deflate");
  const bits = new BitReader(bytes, 2);
  const output = new Uint8Array(size);
  let at = 0;
  for (let isLast = false; !isLast && at < size;) {
    isLast = bits.bit() === 1;
    at = inflateBlock(bits, bits.bits(2), output, at);
  }
  if (at < size) throw damaged("the compressed data ends early");
  return output;
}

function inflateBlock(bits: BitReader, kind: number, output: Uint8Array, at: number): number {
  switch (kind) {
    case 0: {
      const block = bits.stored().subarray(0, output.length - at);
      output.set(block, at);
      return at + block.length;
    }
    case 1:
      return inflateCodes(bits, fixedLengths, fixedDistances, output, at);
    case 2: {
      const [lengths, distances] = readCodes(bits);
      return inflateCodes(bits, lengths, distances, output, at);
    }
    default:
      throw damaged("a block is of no known kind");
  }
}

function readCodes(bits: BitReader): [lengths: Code, distances: Code] {
  const [literals, distances, used] = [bits.bits(5) + 257, bits.bits(5) + 1, bits.bits(4) + 4];
  const order = new Uint8Array(19);
  for (const place of lengthOrder.slice(0, used)) order[place] = bits.bits(3);
  const code = codeOf(order);
  const lengths = new Uint8Array(literals + distances);
  for (let i = 0; i < lengths.length;) {
    const symbol = bits.symbol(code);
    if (symbol < 16) lengths[i++] = symbol;
    else {
      const repeat = symbol === 16 ? 3 + bits.bits(2) : symbol === 17 ? 3 + bits.bits(3) : 11 + bits.bits(7);
      lengths.fill(symbol === 16 ? (lengths[i - 1] ?? 0) : 0, i, i + repeat);
      i += repeat;
    }
  }
  return [codeOf(lengths.subarray(0, literals)), codeOf(lengths.subarray(literals))];
}

function inflateCodes(bits: BitReader, lengths: Code, distances: Code, output: Uint8Array, begin: number): number {
  let at = begin;
  while (at < output.length) {
    const symbol = bits.symbol(lengths);
    if (symbol === 256) break;
    if (symbol < 256) output[at++] = symbol;
    else {
      const length = (lengthBase[symbol - 257] ?? 0) + bits.bits(lengthBits[symbol - 257] ?? 0);
      const place = bits.symbol(distances);
      const distance = (distanceBase[place] ?? 0) + bits.bits(place < 2 ? 0 : (place >> 1) - 1);
      if (distance === 0 || distance > at) throw damaged("a copy reaches before the start");
      for (let i = 0; i < length && at < output.length; i++, at++) output[at] = output[at - distance] as number;
    }
  }
  return at;
}
