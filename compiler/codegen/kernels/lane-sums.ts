/** Sums over the lanes of vectors. */
import type { FunctionBuilder, Local } from "../wasm/index.ts";

/** Pushes the sums of the lanes of four vectors of f32, one in each lane. */
export function pushLaneSums(f: FunctionBuilder, [a, b, c, d]: readonly [Local, Local, Local, Local]): void {
  const pairs = f.localArray("v128", 2) as [Local, Local];
  addShuffled(f, a, b, [0, 4, 1, 5], [2, 6, 3, 7]);
  f.set(pairs[0]);
  addShuffled(f, c, d, [0, 4, 1, 5], [2, 6, 3, 7]);
  f.set(pairs[1]);
  addShuffled(f, ...pairs, [0, 1, 4, 5], [2, 3, 6, 7]);
  f.release(...pairs);
}

/** Pushes the sum of two choices of words from two vectors. */
function addShuffled(f: FunctionBuilder, x: Local, y: Local, ...choices: readonly (readonly number[])[]): void {
  for (const words of choices) {
    f.get(x);
    f.get(y);
    f.shuffle(words.flatMap((word) => [0, 1, 2, 3].map((byte) => word * 4 + byte)));
  }
  f.op("f32x4.add");
}
