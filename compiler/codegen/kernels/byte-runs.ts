/** Moving single elements of any size, and contiguous runs of bytes. */
import { addConst, type FunctionBuilder, increment, type Local, loopRange } from "../wasm/index.ts";

/** Sizes that one load and one store move. */
export type UnitBytes = 1 | 2 | 4 | 8 | 16;

export const isUnitBytes = (bytes: number): bytes is UnitBytes => [1, 2, 4, 8, 16].includes(bytes);

const unitOps = {
  1: ["i32.load8_u", "i32.store8"],
  2: ["i32.load16_u", "i32.store16"],
  4: ["i32.load", "i32.store"],
  8: ["i64.load", "i64.store"],
  16: ["v128.load", "v128.store"],
} as const;

/** Replaces the address on the stack by the bytes there. */
export function loadUnit(f: FunctionBuilder, bytes: UnitBytes, offset = 0): void {
  f.load(unitOps[bytes][0], offset);
}

/** Stores what is on the stack at the address below it. */
export function storeUnit(f: FunctionBuilder, bytes: UnitBytes, offset = 0): void {
  f.store(unitOps[bytes][1], offset);
}

/** Below this a run is copied by single instructions, above `longRun` by memory.copy, whose call costs some tens of nanoseconds. */
const shortRun = 128;
const longRun = 1024;

/** Copies `bytes` bytes between runs that do not overlap. The pointers keep their values. */
export function copyRun(f: FunctionBuilder, from: Local, to: Local, bytes: number): void {
  if (bytes > longRun) {
    f.get(to);
    f.get(from);
    f.i32(bytes);
    f.memoryCopy();
    return;
  }
  if (bytes <= shortRun) {
    copyPieces(f, from, to, bytes);
    return;
  }
  const [source, target, counter] = [f.local("i32"), f.local("i32"), f.local("i32")];
  const round = 64;
  f.get(from);
  f.set(source);
  f.get(to);
  f.set(target);
  loopRange(f, counter, 0, Math.floor(bytes / round), 1, () => {
    copyPieces(f, source, target, round);
    increment(f, source, round);
    increment(f, target, round);
  });
  copyPieces(f, source, target, bytes % round);
  f.release(source, target, counter);
}

function copyPieces(f: FunctionBuilder, from: Local, to: Local, bytes: number): void {
  let at = 0;
  for (const size of [16, 8, 4, 2, 1] as const) {
    while (bytes - at >= size) {
      f.get(to);
      f.get(from);
      loadUnit(f, size, at);
      storeUnit(f, size, at);
      at += size;
    }
  }
}

/** Pushes base + a constant number of bytes. */
export function pushPointer(f: FunctionBuilder, base: Local, offset: number): void {
  f.get(base);
  addConst(f, offset);
}
