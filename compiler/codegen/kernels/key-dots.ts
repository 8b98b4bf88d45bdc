/**
 * Scores of a few rows of queries with all keys, where each key's elements are neighbours: sums of products of vectors along the depth, four keys at a
 * time. Keys are read where they lie, once for three rows; packing them into panels would read and write all of them before.
 */
import { type DType, storageBytes } from "../../../ir/dtype.ts";
import { nth } from "../../../ir/access.ts";
import { kernelType } from "../kernel.ts";
import {
  type Bound,
  type FunctionBuilder,
  increment,
  type Local,
  loopRange,
  madd,
  type ModuleBuilder,
} from "../wasm/index.ts";
import { decodeIndex, pushOffset } from "./index-space.ts";
import { pushLaneSums } from "./lane-sums.ts";
import { emitStore, type Epilogue, hoistConstants } from "./product/epilogue.ts";

/** Strides in elements, those of a batch in the order of `batch`. */
export interface KeyDots {
  readonly batch: readonly number[];
  readonly rows: number;
  readonly keys: number;
  /** a multiple of four; contiguous in Q and K */
  readonly depth: number;
  readonly q: { readonly offset: number; readonly batch: readonly number[]; readonly row: number };
  readonly k: { readonly offset: number; readonly batch: readonly number[]; readonly key: number };
  readonly epilogue: Epilogue;
  /** operands of the epilogue: strides over batch, rows, keys */
  readonly extras: readonly { readonly dtype: DType; readonly strides: readonly number[] }[];
  /** from row to row of the scores */
  readonly scoreRowBytes: number;
}

/** Accumulators for these and four keys, with their operands, fill the registers. */
const rowsAtOnce = 3;
const keysAtOnce = 4;
const floatBytes = 4;
const vectorBytes = 16;

/** The function of Q, K, the extra operands and the scores of one element of the batch, then a range of elements of the batch. */
export function emitKeyDots(module: ModuleBuilder, dots: KeyDots): number {
  const args = 3 + dots.extras.length;
  return module.function("attention_dots", kernelType(args), (f) => {
    hoistConstants(f, dots.epilogue);
    const unit = f.local("i32");
    loopRange(f, unit, f.param(args), f.param(args + 1), 1, () => {
      const indices = decodeIndex(f, unit, dots.batch);
      for (let row = 0; row < dots.rows; row += rowsAtOnce) {
        emitRows(f, dots, indices, row, Math.min(rowsAtOnce, dots.rows - row));
      }
      for (const index of indices) if (typeof index !== "number") f.release(index);
    });
  });
}

interface Cursors {
  readonly q: Local;
  readonly k: Local;
  readonly extras: readonly Local[];
  readonly scores: Local;
}

const extraStride = ({ dtype, strides }: KeyDots["extras"][number], axis: number): number =>
  nth(strides, axis) * storageBytes(dtype);

/** All keys for `count` rows from row `first` on. */
function emitRows(f: FunctionBuilder, dots: KeyDots, indices: readonly Bound[], first: number, count: number): void {
  const { batch, q, k, extras, keys } = dots;
  const cursor = (param: number, offset: number, strides: readonly number[]): Local => {
    const local = f.local("i32");
    f.get(f.param(param));
    pushOffset(f, 1, offset);
    for (const [axis, index] of indices.entries()) pushOffset(f, index, strides[axis] ?? 0);
    f.set(local);
    return local;
  };
  const bytes = (strides: readonly number[]): number[] => strides.map((stride) => stride * floatBytes);
  const at: Cursors = {
    q: cursor(0, (q.offset + first * q.row) * floatBytes, bytes(q.batch)),
    k: cursor(1, k.offset * floatBytes, bytes(k.batch)),
    extras: extras.map((extra, i) => {
      const along = batch.map((_, axis) => extraStride(extra, axis));
      return cursor(2 + i, first * extraStride(extra, batch.length), along);
    }),
    scores: cursor(2 + extras.length, first * dots.scoreRowBytes, []),
  };
  const counter = f.local("i32");
  loopRange(f, counter, 0, Math.floor(keys / keysAtOnce), 1, () => {
    emitKeys(f, dots, at, count, keysAtOnce);
    increment(f, at.k, keysAtOnce * k.key * floatBytes);
    increment(f, at.scores, vectorBytes);
    for (const [i, extra] of extras.entries()) {
      increment(f, nth(at.extras, i), keysAtOnce * extraStride(extra, batch.length + 1));
    }
  });
  if (keys % keysAtOnce > 0) emitKeys(f, dots, at, count, keys % keysAtOnce);
  f.release(counter, at.q, at.k, ...at.extras, at.scores);
}

/** The next keys, at most four, for some rows. */
function emitKeys(f: FunctionBuilder, dots: KeyDots, at: Cursors, rows: number, keys: number): void {
  const { batch, extras, epilogue, scoreRowBytes } = dots;
  const accs = Array.from({ length: rows }, () => f.localArray("v128", keys));
  for (const acc of accs.flat()) {
    f.splatConst("i32x4", 0);
    f.set(acc);
  }
  emitDepth(f, dots, at, accs);
  const sums = f.local("v128");
  for (const [row, list] of accs.entries()) {
    const four = Array.from({ length: keysAtOnce }, (_, key) => list[key] ?? nth(list, 0));
    pushLaneSums(f, four as [Local, Local, Local, Local]);
    f.set(sums);
    emitStore(f, epilogue, keysAtOnce, sums, keys, {
      pointer: at.scores,
      offset: row * scoreRowBytes,
      extras: extras.map((extra, i) => ({
        pointer: nth(at.extras, i),
        offset: row * extraStride(extra, batch.length),
        perColumn: extraStride(extra, batch.length + 1) !== 0,
      })),
    });
  }
  f.release(sums, ...accs.flat());
}

/** What of the dots the loop along the depth needs. */
interface DepthPlan {
  readonly q: Pick<KeyDots["q"], "row">;
  readonly k: Pick<KeyDots["k"], "key">;
  readonly depth: number;
}

/** accs[row][key] += vectors of Q's row times vectors of the key, along the depth. */
export function emitDepth(
  f: FunctionBuilder,
  { q, k, depth }: DepthPlan,
  at: Pick<Cursors, "q" | "k">,
  accs: readonly (readonly Local[])[],
): void {
  const [query, key, counter] = f.localArray("i32", 3) as [Local, Local, Local];
  const vectors = accs.map(() => f.local("v128"));
  for (const [from, to] of [[at.q, query], [at.k, key]] as const) {
    f.get(from);
    f.set(to);
  }
  loopRange(f, counter, 0, depth / 4, 1, () => {
    for (const [row, vector] of vectors.entries()) {
      f.get(query);
      f.load("v128.load", row * q.row * floatBytes);
      f.set(vector);
    }
    const [first = []] = accs;
    const element = f.local("v128");
    for (const column of first.keys()) {
      f.get(key);
      f.load("v128.load", column * k.key * floatBytes);
      f.set(element);
      for (const [row, vector] of vectors.entries()) {
        f.get(element);
        f.get(vector);
        madd(f, "f32x4", nth(nth(accs, row), column));
      }
    }
    f.release(element);
    increment(f, query, vectorBytes);
    increment(f, key, vectorBytes);
  });
  f.release(query, key, counter, ...vectors);
} // prettier-ignore
