/** Panels of bytes as modules without relaxed SIMD multiply them: pairs of 16 bits. */
import { type FunctionBuilder, increment, type Local, loopRange, type ModuleBuilder } from "../../wasm/index.ts";
import { vectorBytes } from "./rows.ts";

/** Bytes of a pair in 16 bits. */
const pairBytes = 4;

/** The first or second pair of each of four columns: every other one of two vectors of pairs. */
const everyOther = (first: 0 | 1): readonly number[] =>
  Array.from({ length: vectorBytes }, (_, i) => {
    const pair = 2 * Math.floor(i / pairBytes) + first;
    return pair * pairBytes + (i % pairBytes);
  });

/**
 * Adds a function (source, target, pairs) that widens a panel of `vectors` vectors: of each step of four bytes two steps of pairs. The number of
 * pairs is even.
 */
export function bytePanelWidener(module: ModuleBuilder, vectors: number): number {
  return module.function("widen_bytes", { params: ["i32", "i32", "i32"], results: [] }, (f) => {
    const [from, to, pairs] = f.params as [Local, Local, Local];
    const wide = f.localArray("v128", 2);
    loopRange(f, f.local("i32"), 0, pairs, 2, () => {
      for (let vector = 0; vector < vectors; vector++) {
        extend(f, from, vector * vectorBytes, wide);
        for (const first of [0, 1] as const) {
          f.get(to);
          for (const half of wide) f.get(half);
          f.shuffle(everyOther(first));
          f.store("v128.store", (first * vectors + vector) * vectorBytes);
        }
      }
      increment(f, from, vectors * vectorBytes);
      increment(f, to, 2 * vectors * vectorBytes);
    });
  });
}

/** The columns of a vector, two in each half. */
function extend(f: FunctionBuilder, from: Local, offset: number, halves: readonly Local[]): void {
  for (const [i, half] of halves.entries()) {
    f.get(from);
    f.load("v128.load8x8_s", offset + i * (vectorBytes / 2));
    f.set(half);
  }
}
