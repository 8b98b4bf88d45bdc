/** The entropy-coded part of JPEG (ITU-T T.81): Huffman codes and the scans, sequential or progressive, that fill in coefficients. */
import { damaged } from "./image.ts";

/** A colour component; its blocks cover whole MCUs. */
export interface Component {
  readonly id: number;
  readonly h: number;
  readonly v: number;
  readonly table: number;
  readonly blocksAcross: number;
  readonly blocksDown: number;
  /** blocks that a scan of this component alone goes through */
  readonly ownAcross: number;
  readonly ownDown: number;
  /** 64 a block, in natural order */
  readonly coefficients: Int16Array;
}

export const naturalOrder: readonly number[] = [0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63]; // prettier-ignore

/** Codes by length: the first code, the place of its symbol, and one beyond the last code. */
export interface HuffmanTable {
  readonly counts: Uint8Array;
  readonly symbols: Uint8Array;
}

export interface Scan {
  readonly components: readonly {
    readonly component: Component;
    readonly dc: HuffmanTable;
    readonly ac: HuffmanTable;
  }[];
  /** first and last coefficient, in zigzag order */
  readonly first: number;
  readonly last: number;
  /** bit of the coefficients that comes now, and whether higher ones came before */
  readonly shift: number;
  readonly refines: boolean;
  readonly progressive: boolean;
  /** MCUs between restart markers; 0: none */
  readonly restartInterval: number;
  readonly mcusAcross: number;
  readonly mcusDown: number;
}

class BitReader {
  readonly #bytes: Uint8Array;
  position: number;
  #byte = 0;
  #left = 0;

  constructor(bytes: Uint8Array, position: number) {
    this.#bytes = bytes;
    this.position = position;
  }

  bit(): number {
    if (this.#left === 0) {
      this.#byte = this.#next();
      this.#left = 8;
    }
    this.#left--;
    return (this.#byte >> this.#left) & 1;
  }

  bits(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i++) value = (value << 1) | this.bit();
    return value;
  }

  /** A signed number of `size` bits, as T.81's EXTEND has it. */
  signed(size: number): number {
    const value = this.bits(size);
    return size === 0 || value >= 1 << (size - 1) ? value : value - (1 << size) + 1;
  }

  symbol({ counts, symbols }: HuffmanTable): number {
    let [code, first, index] = [0, 0, 0];
    for (let length = 0; length < 16; length++) {
      code = (code << 1) | this.bit();
      const count = counts[length] as number;
      first <<= 1;
      if (code - first < count) return symbols[index + code - first] ?? 0;
      index += count;
      first += count;
    }
    throw damaged("a code is in no table");
  }

  /** Goes behind the next restart marker, if one stands here. */
  restart(): void {
    this.#left = 0;
    const marker = this.#bytes[this.position + 1] ?? 0;
    if (this.#bytes[this.position] === 0xff && marker >= 0xd0 && marker <= 0xd7) this.position += 2;
  }

  /** 0xff is followed by a zero; before a marker, and at the end, zeros are read. */
  #next(): number {
    const byte = this.#bytes[this.position];
    if (byte === undefined) return 0;
    if (byte !== 0xff) {
      this.position++;
      return byte;
    }
    if (this.#bytes[this.position + 1] !== 0) return 0;
    this.position += 2;
    return byte;
  }
}

/** Reads a scan that begins at `position`; where it ends. */
export function readScan(bytes: Uint8Array, position: number, scan: Scan): number {
  const reader = new ScanReader(new BitReader(bytes, position), scan);
  return reader.run();
}

class ScanReader {
  readonly #bits: BitReader;
  readonly #scan: Scan;
  readonly #predictions: number[];
  /** blocks that are known to have no more coefficients */
  #emptyBlocks = 0;

  constructor(bits: BitReader, scan: Scan) {
    this.#bits = bits;
    this.#scan = scan;
    this.#predictions = scan.components.map(() => 0);
  }

  run(): number {
    const { components, mcusAcross, mcusDown, restartInterval } = this.#scan;
    const [only, ...others] = components;
    if (only === undefined) throw damaged("a scan without components");
    const alone = others.length === 0;
    const across = alone ? only.component.ownAcross : mcusAcross;
    const count = across * (alone ? only.component.ownDown : mcusDown);
    for (let unit = 0; unit < count; unit++) {
      if (restartInterval > 0 && unit > 0 && unit % restartInterval === 0) this.#restart();
      const [x, y] = [unit % across, Math.floor(unit / across)];
      if (alone) this.#block(0, x, y);
      else this.#mcu(x, y);
    }
    return this.#bits.position;
  }

  #restart(): void {
    this.#bits.restart();
    this.#predictions.fill(0);
    this.#emptyBlocks = 0;
  }

  #mcu(x: number, y: number): void {
    for (const [i, { component }] of this.#scan.components.entries()) {
      const { h, v } = component;
      for (let block = 0; block < h * v; block++) this.#block(i, x * h + (block % h), y * v + Math.floor(block / h));
    }
  }

  #block(index: number, x: number, y: number): void {
    const entry = this.#scan.components[index];
    if (entry === undefined) return;
    const { component, dc, ac } = entry;
    const start = 64 * (y * component.blocksAcross + x);
    const block = component.coefficients.subarray(start, start + 64);
    const { first, last, progressive, refines } = this.#scan;
    if (first === 0) this.#dc(index, block, dc);
    if (last === 0) return;
    if (progressive && refines) this.#refineAc(block, ac);
    else this.#ac(block, ac);
  }

  #dc(index: number, block: Int16Array, table: HuffmanTable): void {
    const { shift, refines } = this.#scan;
    if (refines) {
      block[0] = (block[0] as number) | (this.#bits.bit() << shift);
      return;
    }
    const value = (this.#predictions[index] ?? 0) + this.#bits.signed(this.#bits.symbol(table));
    this.#predictions[index] = value;
    block[0] = value << shift;
  }

  #ac(block: Int16Array, table: HuffmanTable): void {
    if (this.#emptyBlocks > 0) {
      this.#emptyBlocks--;
      return;
    }
    const { first, last, shift } = this.#scan;
    for (let k = Math.max(1, first); k <= last; k++) {
      const symbol = this.#bits.symbol(table);
      const [run, size] = [symbol >> 4, symbol & 15];
      if (size === 0 && run < 15) {
        this.#emptyBlocks = (1 << run) - 1 + this.#bits.bits(run);
        return;
      }
      k += run;
      if (size > 0) block[naturalOrder[k] ?? 0] = this.#bits.signed(size) << shift;
    }
  }

  /** New coefficients are +1 or -1 of this bit; those that are there already get a bit each as they are passed. */
  #refineAc(block: Int16Array, table: HuffmanTable): void {
    const { first, last, shift } = this.#scan;
    let k = first;
    while (k <= last && this.#emptyBlocks === 0) {
      const symbol = this.#bits.symbol(table);
      const [run, size] = [symbol >> 4, symbol & 15];
      if (size === 0 && run < 15) {
        this.#emptyBlocks = (1 << run) + this.#bits.bits(run);
        break;
      }
      const value = size === 0 ? 0 : (this.#bits.bit() === 1 ? 1 : -1) << shift;
      k = this.#passZeros(block, k, run);
      if (value !== 0 && k <= last) block[naturalOrder[k] as number] = value;
      k++;
    }
    if (this.#emptyBlocks > 0) {
      this.#passZeros(block, k, 64);
      this.#emptyBlocks--;
    }
  }

  /** The place of the zero after `zeros` others. */
  #passZeros(block: Int16Array, begin: number, zeros: number): number {
    const { last, shift } = this.#scan;
    const bit = 1 << shift;
    let left = zeros;
    let k = begin;
    for (; k <= last; k++) {
      const at = naturalOrder[k] as number;
      const value = block[at] as number;
      if (value === 0) {
        if (left-- === 0) break;
      } else if (this.#bits.bit() === 1 && (value & bit) === 0) block[at] = value + (value > 0 ? bit : -bit);
    }
    return k;
  }
}
