/**
 * How weights of f32 lie in memory when they are read once in a run: in chunks of eight steps by four columns, in a form that has every bit and as
 * few bytes as its weights allow. A chunk gives eight vectors, each with four steps of one column:
 *
 *     f32     as they are, 128 bytes
 *     tops    112 bytes. The highest byte of an f32 (sign and all but one bit of the exponent) has few values in one matrix: 16 of them make a
 *             table, and each weight keeps four bits that choose from it. Weights with another highest byte, one in ten thousand, are zero in
 *             their chunk and stand in a list.
 *
 *     tops:   16 low halves of steps 0 to 3, 16 of steps 4 to 7 | 16 + 16 third bytes | 16 pairs of choices      (column by column, step by step)
 */
import type { FunctionBuilder, Local } from "../../wasm/index.ts";

/** Steps and columns of a chunk. */
export const chunkSteps = 8;
export const chunkColumns = 4;
const chunkWeights = chunkSteps * chunkColumns;
const halfWeights = chunkWeights / 2;
const vectorBytes = 16;
const halves = [0, 1] as const;
const columnPairs = [0, 1] as const;

/** Takes a vector from the stack: four steps (first or second half of the chunk) of a column. */
export type TakeVector = (half: number, column: number) => void;

/** Emits what pushes the vectors of the chunk at an address plus a constant, one after the other. */
export type ChunkReader = (f: FunctionBuilder, address: Local, offset: number, take: TakeVector) => void;

/** A form without its table. */
export interface FormKind {
  readonly name: "f32" | "tops";
  readonly chunkBytes: number;
  /** some weights may stand in a list instead */
  readonly hasExceptions: boolean;
  /** called before the loops; `header` is the address of the form's table */
  readonly reader: (f: FunctionBuilder, header: Local) => ChunkReader;
}

/** A form as it serves one matrix. */
export interface WeightForm {
  readonly kind: FormKind;
  /** bytes before the chunks */
  readonly table: Uint8Array;
  /** weights that go to the list */
  readonly exceptions: number;
  /** writes a chunk from the bits of its weights (column by column, eight steps each); tells of those that it leaves out */
  readonly writeChunk: (target: ChunkTarget, at: number, bits: Uint32Array, leaveOut: (index: number) => void) => void;
}

/** The same bytes seen in three ways; chunks start at whole words. */
export interface ChunkTarget {
  readonly bytes: Uint8Array;
  readonly halves: Uint16Array;
  readonly words: Uint32Array;
}

/** The target of packing over bytes that start and end at whole words. */
export function chunkTarget(bytes: Uint8Array): ChunkTarget {
  const { buffer, byteOffset, length } = bytes;
  return {
    bytes,
    halves: new Uint16Array(buffer, byteOffset, length / 2),
    words: new Uint32Array(buffer, byteOffset, length / 4),
  };
}

// ---- f32 ----------------------------------------------------------------------------------------------------------------------------

const plain: FormKind = {
  name: "f32",
  chunkBytes: chunkWeights * 4,
  hasExceptions: false,
  reader: () => (f, address, offset, take) => {
    for (const half of halves) {
      for (let column = 0; column < chunkColumns; column++) {
        f.get(address);
        f.load("v128.load", offset + (half * chunkColumns + column) * vectorBytes);
        take(half, column);
      }
    }
  },
};

const plainForm: WeightForm = {
  kind: plain,
  table: new Uint8Array(0),
  exceptions: 0,
  writeChunk: ({ words }, at, bits) => {
    for (let from = 0; from < chunkWeights; from++) words[at / 4 + slotOf(from)] = bits[from] as number;
  },
};

/** Where a weight (column by column, eight steps each) stands: the first four steps of all columns, then the others. */
const slotOf = (index: number): number => ((index & 4) << 2) | ((index >> 3) << 2) | (index & 3);

// ---- tops ---------------------------------------------------------------------------------------------------------------------------

const thirdBytesAt = chunkWeights * 2;
const choicesAt = chunkWeights * 3;
const choiceCount = 16;

const tops: FormKind = {
  name: "tops",
  chunkBytes: choicesAt + chunkWeights / 2,
  hasExceptions: true,
  reader: (f, header) => {
    const [table, mask] = [f.local("v128"), f.local("v128")];
    f.get(header);
    f.load("v128.load");
    f.set(table);
    f.splatConst("i8x16", choiceCount - 1);
    f.set(mask);
    return (g, address, offset, take) => {
      readTops(g, { table, mask, address, offset }, take);
    };
  },
};

interface TopsSite {
  readonly table: Local;
  readonly mask: Local;
  readonly address: Local;
  readonly offset: number;
}

function readTops(f: FunctionBuilder, { table, mask, address, offset }: TopsSite, take: TakeVector): void {
  const [choices, highest, third, upper, lower] = f.localArray("v128", 5) as [Local, Local, Local, Local, Local];
  const load = (at: number, to: Local): void => {
    f.get(address);
    f.load("v128.load", offset + at);
    f.set(to);
  };
  load(choicesAt, choices);
  for (const half of halves) {
    pushHighest(f, table, mask, choices, half);
    f.set(highest);
    load(thirdBytesAt + half * vectorBytes, third);
    for (const pair of columnPairs) {
      f.get(third);
      f.get(highest);
      f.shuffle(interleaved(1, pair));
      f.set(upper);
      load((half * 2 + pair) * vectorBytes, lower);
      for (const part of columnPairs) {
        f.get(lower);
        f.get(upper);
        f.shuffle(interleaved(2, part));
        take(half, pair * 2 + part);
      }
    }
  }
  f.release(choices, highest, third, upper, lower);
}

/** The highest bytes of one half's 16 weights. */
function pushHighest(f: FunctionBuilder, table: Local, mask: Local, choices: Local, half: number): void {
  f.get(table);
  f.get(choices);
  if (half === 1) {
    f.i32(4);
    f.op("i16x8.shr_u");
  }
  f.get(mask);
  f.op("v128.and");
  // choices are below 16, where both kinds do the same
  f.op(f.module.features.relaxedSimd ? "i8x16.relaxed_swizzle" : "i8x16.swizzle");
}

/** Bytes of two vectors in turn, `width` at a time, from the lower (0) or upper (1) half of each. */
function interleaved(width: 1 | 2, part: 0 | 1): number[] {
  const units = 8 / width;
  return Array.from({ length: units }, (_, i) => (part * units + i) * width).flatMap((at) => {
    const own = Array.from({ length: width }, (_, byte) => at + byte);
    return [...own, ...own.map((byte) => byte + vectorBytes)];
  });
}

/** More weights outside of the table than one in so many cost more than the form saves. */
const fewestPerException = 1024;

/** The form for weights whose highest bytes nearly all are among zero and 15 others; null if they are not. */
function topsForm(bits: Uint32Array): WeightForm | null {
  const counts = new Uint32Array(256);
  for (let i = 0; i < bits.length; i++) {
    const top = (bits[i] as number) >>> 24;
    counts[top] = (counts[top] as number) + 1;
  }
  const others = [...counts.entries()].slice(1).filter(([, count]) => count > 0);
  const chosen = others.sort(([a, m], [b, n]) => n - m || a - b).slice(0, choiceCount - 1);
  const covered = chosen.reduce((sum, [, count]) => sum + count, counts[0] as number);
  const exceptions = bits.length - covered;
  if (exceptions * fewestPerException > bits.length) return null;
  const table = Uint8Array.from([0, ...chosen.map(([top]) => top)]);
  const choiceOf = new Int8Array(256).fill(-1);
  for (const [choice, top] of table.entries()) choiceOf[top] = choice;
  return { kind: tops, table, exceptions, writeChunk: topsWriter(choiceOf) };
}

/** Two weights at a time, four steps apart: their choices share a byte. */
const topsWriter =
  (choiceOf: Int8Array): WeightForm["writeChunk"] =>
  ({ bytes, halves: lower }, at, bits, leaveOut) => {
    const lowerAt = at >> 1;
    const thirdAt = at + thirdBytesAt;
    const choicesStart = at + choicesAt;
    for (let slot = 0; slot < halfWeights; slot++) {
      const from = ((slot >> 2) << 3) | (slot & 3);
      let early = bits[from] as number;
      let late = bits[from + 4] as number;
      let first = choiceOf[early >>> 24] as number;
      let second = choiceOf[late >>> 24] as number;
      if (first < 0) {
        leaveOut(from);
        first = early = 0;
      }
      if (second < 0) {
        leaveOut(from + 4);
        second = late = 0;
      }
      lower[lowerAt + slot] = early;
      lower[lowerAt + slot + halfWeights] = late;
      bytes[thirdAt + slot] = early >>> 16;
      bytes[thirdAt + slot + halfWeights] = late >>> 16;
      bytes[choicesStart + slot] = first | (second << 4);
    }
  };

/** The form that takes the fewest bytes for weights given by their bits. */
export const chooseForm = (bits: Uint32Array): WeightForm => topsForm(bits) ?? plainForm;
