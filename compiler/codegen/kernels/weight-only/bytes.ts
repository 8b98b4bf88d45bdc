/**
 * From a row of a strip to f32: a byte is put at the top of its lane, where it is a signed number times 2^24 (a half byte 2^28), and
 * converted: two instructions for four weights, where widening twice would take three. The factor is taken off with the scale.
 */
import type { FunctionBuilder, Local } from "../../wasm/index.ts";

/** An index that gives a byte of zeros. */
const none = 0x80;

/** Indices that put bytes 4i to 4i + 3 at the top of the four lanes. */
const topIndices = (vector: number): number[] =>
  Array.from({ length: 16 }, (_, at) => (at % 4 === 3 ? 4 * vector + (at >> 2) : none));

/** What a function that widens rows keeps in locals. */
export interface TopBytes {
  readonly indices: readonly Local[];
  /** the upper half of every byte */
  readonly upper: Local;
}

/** To be called once, at the start of a function; `width` is that of its strips. */
export function hoistTopBytes(f: FunctionBuilder, width: number): TopBytes {
  const indices = Array.from({ length: width / 4 }, (_, vector) => {
    const local = f.local("v128");
    f.v128(topIndices(vector));
    f.set(local);
    return local;
  });
  const upper = f.local("v128");
  f.splatConst("i8x16", -16);
  f.set(upper);
  return { indices, upper };
}

/** Pushes the half bytes of `row` that belong to an element of it, each at the top of its byte. */
export function pushHalves(f: FunctionBuilder, { upper }: TopBytes, row: Local, element: 0 | 1): void {
  f.get(row);
  if (element === 0) {
    f.i32(4);
    f.op("i16x8.shl");
  }
  f.get(upper);
  f.op("v128.and");
}

/** Pushes four of the bytes of `bytes` as f32, times 2^24. */
export function pushWidened(f: FunctionBuilder, { indices }: TopBytes, bytes: Local, vector: number): void {
  f.get(bytes);
  f.get(indices[vector] as Local);
  f.op(f.module.features.relaxedSimd ? "i8x16.relaxed_swizzle" : "i8x16.swizzle");
  f.op("f32x4.convert_i32x4_s");
}
