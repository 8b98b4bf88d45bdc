/**
 * Rows of up to 32 bits an element sorted by their bits, a byte at a time from the least significant one on, with the places that they came from.
 * An element and its place stand in one i64, the word that it is sorted by above.
 */
import { nth } from "../../../ir/access.ts";
import { type DType, dtypeInfo, storageBytes } from "../../../ir/dtype.ts";
import type { TopKOp } from "../../../ir/graph.ts";
import { loadScalar, storeScalar } from "../elements.ts";
import { type KernelArg, type KernelCode, kernelKey, kernelType } from "../kernel.ts";
import { type FunctionBuilder, increment, type Local, loopRange } from "../wasm/index.ts";
import { forEachRow } from "./rows-loop.ts";

const digits = 256;
const passes = 4;
/** Counts of each digit of each pass. */
const countsBytes = passes * digits * 4;

/** Whether a word can stand for an element of the type. */
export const canSortByBits = (dtype: DType): boolean => {
  const { class: cls, bits } = dtypeInfo(dtype);
  return dtype === "f32" || ((cls === "signed" || cls === "unsigned") && bits >= 8 && bits <= 32);
};

/** The first k of each sorted row and their places. */
export function sortedRowsStage(
  { k, largest }: Pick<TopKOp, "k" | "largest">,
  dtype: DType,
  rows: number,
  size: number,
  args: readonly KernelArg[],
  scratchId: number,
): KernelCode {
  const bytes = storageBytes(dtype);
  const axes = [{ size: rows, strides: [size * bytes, k * bytes, k * 8] }];
  const work: KernelArg = { kind: "scratch", id: scratchId, byteLength: countsBytes + 2 * size * 8, isPrivate: true };
  return {
    key: kernelKey("sorted rows", dtype, largest, k, size, rows),
    units: rows,
    args: [...args, work],
    work: rows * size * 16,
    emit: (module) =>
      module.function("sortedRows", kernelType(4), (f) => {
        const [from, values, indices, counts, begin, end] = f.params as [Local, Local, Local, Local, Local, Local];
        forEachRow(f, begin, end, axes, [from, values, indices], (row) => {
          emitCounting(f, dtype, largest, size, nth(row, 0), counts);
          emitPlaces(f, counts);
          for (let pass = 0; pass < passes; pass++) emitPass(f, size, counts, pass);
          emitResults(f, dtype, k, nth(row, 0), nth(row, 1), nth(row, 2), counts);
        });
      }),
  };
}

/** The word by which an element is sorted, from the element on the stack: ascending, NaN before all, one zero. */
function pushWord(f: FunctionBuilder, dtype: DType, largest: boolean): void {
  if (dtype !== "f32") {
    const isSigned = dtypeInfo(dtype).class === "signed";
    // the highest bit of a number with a sign is turned; all bits are for falling order
    f.i32(Number(BigInt.asIntN(32, (isSigned ? 0x80000000n : 0n) ^ (largest ? 0xffffffffn : 0n))));
    f.op("i32.xor");
    return;
  }
  const [x, bits] = [f.local("f32"), f.local("i32")];
  f.f32(0);
  f.op("f32.add");
  f.tee(x);
  f.op("i32.reinterpret_f32");
  f.set(bits);
  // bits of negative floats are turned altogether, of others the highest one; the other way round for falling order
  f.get(bits);
  f.get(bits);
  f.i32(31);
  f.op("i32.shr_s");
  if (largest) {
    f.i32(-1);
    f.op("i32.xor");
    f.i32(0x7fffffff);
    f.op("i32.and");
  } else {
    f.i32(-0x80000000);
    f.op("i32.or");
  }
  f.op("i32.xor");
  f.i32(0);
  f.get(x);
  f.get(x);
  f.op("f32.eq");
  f.select("i32");
  f.release(x, bits);
}

/** Writes words and places to the first half of the work area, and counts all digits. */
function emitCounting(
  f: FunctionBuilder,
  dtype: DType,
  largest: boolean,
  size: number,
  from: Local,
  counts: Local,
): void {
  const [index, source, target, word] = [f.local("i32"), f.local("i32"), f.local("i32"), f.local("i32")];
  f.get(counts);
  f.i32(0);
  f.i32(countsBytes);
  f.memoryFill();
  for (const [cursor, base] of [
    [source, from],
    [target, counts],
  ] as const) {
    f.get(base);
    f.set(cursor);
  }
  loopRange(f, index, 0, size, 1, () => {
    f.get(source);
    loadScalar(f, dtype);
    pushWord(f, dtype, largest);
    f.set(word);
    f.get(target);
    f.get(word);
    f.op("i64.extend_i32_u");
    f.i64(32n);
    f.op("i64.shl");
    f.get(index);
    f.op("i64.extend_i32_u");
    f.op("i64.or");
    f.store("i64.store", countsBytes);
    for (let pass = 0; pass < passes; pass++) {
      f.get(word);
      pushDigit(f, pass * 8);
      f.get(counts);
      f.op("i32.add");
      emitIncrement(f, pass * digits * 4);
    }
    increment(f, source, storageBytes(dtype));
    increment(f, target, 8);
  });
  f.release(index, source, target, word);
}

/** The digit from a bit on of the word on the stack, times the four bytes of a count. */
function pushDigit(f: FunctionBuilder, bit: number): void {
  f.i32(bit);
  f.op("i32.shr_u");
  f.i32(digits - 1);
  f.op("i32.and");
  f.i32(2);
  f.op("i32.shl");
}

/** Adds one to the i32 at an offset from the address on the stack. */
function emitIncrement(f: FunctionBuilder, offset: number): void {
  const address = f.local("i32");
  f.tee(address);
  f.get(address);
  f.load("i32.load", offset);
  f.i32(1);
  f.op("i32.add");
  f.store("i32.store", offset);
  f.release(address);
}

/** Makes the counts of each pass the places where its digits begin. */
function emitPlaces(f: FunctionBuilder, counts: Local): void {
  const [cursor, digit, sum, own] = [f.local("i32"), f.local("i32"), f.local("i32"), f.local("i32")];
  f.get(counts);
  f.set(cursor);
  for (let pass = 0; pass < passes; pass++) {
    f.i32(0);
    f.set(sum);
    loopRange(f, digit, 0, digits, 1, () => {
      f.get(cursor);
      f.load("i32.load");
      f.set(own);
      f.get(cursor);
      f.get(sum);
      f.store("i32.store");
      f.get(sum);
      f.get(own);
      f.op("i32.add");
      f.set(sum);
      increment(f, cursor, 4);
    });
  }
  f.release(cursor, digit, sum, own);
}

/** Moves all to their places by one digit, from one half of the work area to the other; after an even number of passes they are back. */
function emitPass(f: FunctionBuilder, size: number, counts: Local, pass: number): void {
  const halves = [countsBytes, countsBytes + size * 8] as const;
  const [source, target] = pass % 2 === 0 ? halves : [halves[1], halves[0]];
  const [index, cursor, count, place] = [f.local("i32"), f.local("i32"), f.local("i32"), f.local("i32")];
  const item = f.local("i64");
  f.get(counts);
  f.set(cursor);
  loopRange(f, index, 0, size, 1, () => {
    f.get(cursor);
    f.load("i64.load", source);
    f.tee(item);
    f.i64(32n);
    f.op("i64.shr_u");
    f.op("i32.wrap_i64");
    pushDigit(f, pass * 8);
    f.get(counts);
    f.op("i32.add");
    f.tee(count);
    f.load("i32.load", pass * digits * 4);
    f.set(place);
    f.get(counts);
    f.get(place);
    f.i32(3);
    f.op("i32.shl");
    f.op("i32.add");
    f.get(item);
    f.store("i64.store", target);
    f.get(count);
    f.get(place);
    f.i32(1);
    f.op("i32.add");
    f.store("i32.store", pass * digits * 4);
    increment(f, cursor, 8);
  });
  f.release(index, cursor, count, place, item);
}

/** The first k places, and the elements there. */
function emitResults(
  f: FunctionBuilder,
  dtype: DType,
  k: number,
  from: Local,
  values: Local,
  indices: Local,
  counts: Local,
): void {
  const bytes = storageBytes(dtype);
  const [index, cursor, toValue, toIndex] = [f.local("i32"), f.local("i32"), f.local("i32"), f.local("i32")];
  const place = f.local("i32");
  for (const [own, base] of [
    [cursor, counts],
    [toValue, values],
    [toIndex, indices],
  ] as const) {
    f.get(base);
    f.set(own);
  }
  loopRange(f, index, 0, k, 1, () => {
    f.get(cursor);
    f.load("i32.load", countsBytes);
    f.set(place);
    f.get(toValue);
    f.get(from);
    f.get(place);
    f.i32(bytes);
    f.op("i32.mul");
    f.op("i32.add");
    loadScalar(f, dtype);
    storeScalar(f, dtype);
    f.get(toIndex);
    f.get(place);
    f.op("i64.extend_i32_u");
    f.store("i64.store");
    increment(f, cursor, 8);
    increment(f, toValue, bytes);
    increment(f, toIndex, 8);
  });
  f.release(index, cursor, toValue, toIndex, place);
}
