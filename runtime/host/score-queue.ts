/** Indices by falling score: as many as are asked for, without sorting the others. */
import type { NumberArray } from "../reference/numbers.ts";

/** Numbers up to which a score's 32 bits and an index fit one double. */
const mostIndices = 2 ** 21;

/** Gives the index of the next lower score, among equal scores the lower index; null when none is left. */
export type NextIndex = () => number | null;

/** Makes queues over the scores above `least`, of up to `most` scores; one at a time is in use. */
export function scoreQueues(most: number, least: number): (scores: NumberArray) => NextIndex {
  if (most > mostIndices) return (scores) => sortedQueue(scores, least);
  const heap = heapFor(most);
  return (scores) => {
    heap.fill(scores, least);
    return () => heap.take();
  };
}

function sortedQueue(scores: NumberArray, least: number): NextIndex {
  const chosen = Uint32Array.from([...scores.keys()].filter((i) => (scores[i] as number) > least));
  chosen.sort((i, j) => (scores[j] as number) - (scores[i] as number) || i - j);
  let at = 0;
  return () => chosen[at++] ?? null;
}

/** A heap of doubles: the bits of a score, turned so that a higher one is the lower number, then its index. */
class ScoreHeap {
  readonly #keys: Float64Array;
  readonly #float = new Float32Array(1);
  readonly #bits = new Uint32Array(this.#float.buffer);
  #count = 0;

  constructor(most: number) {
    this.#keys = new Float64Array(most);
  }

  fill(scores: NumberArray, least: number): void {
    const keys = this.#keys;
    const count = indicesAbove(scores, least, keys);
    for (let i = 0; i < count; i++) {
      const index = keys[i] as number;
      keys[i] = this.#key(scores[index] as number, index);
    }
    this.#count = count;
    for (let at = (count >> 1) - 1; at >= 0; at--) sink(keys, at, count, keys[at] as number);
  }

  take(): number | null {
    if (this.#count === 0) return null;
    const first = this.#keys[0] as number;
    this.#count--;
    sink(this.#keys, 0, this.#count, this.#keys[this.#count] as number);
    return first - Math.floor(first / mostIndices) * mostIndices;
  }

  /** Adding 0 makes one of both zeros; bits of floats order like integers, those of negative ones the other way round. */
  #key(score: number, index: number): number {
    this.#float[0] = score + 0;
    const word = this.#bits[0] as number;
    return (word < 0x80000000 ? 0x7fffffff - word : word) * mostIndices + index;
  }
}

/** Heaps of up to so many indices are kept for the next call. */
const mostKept = 4096;
let kept: { readonly most: number; readonly heap: ScoreHeap } | null = null;

function heapFor(most: number): ScoreHeap {
  if (most > mostKept) return new ScoreHeap(most);
  if (kept === null || kept.most < most) kept = { most, heap: new ScoreHeap(most) };
  return kept.heap;
}

/** Writes the indices of the scores above `least`, and gives their number. */
function indicesAbove(scores: NumberArray, least: number, indices: Float64Array): number {
  const isOrdered = scores instanceof Float32Array && least >= 0 && Math.fround(least) === least;
  return isOrdered ? floatsAbove(scores, least, indices) : appendAbove(scores, 0, scores.length, least, indices, 0);
}

/** Appends the indices from `from` to `to` of scores above `least`: a sum in place of a branch, which would be guessed wrong as often as right. */
function appendAbove(
  scores: NumberArray,
  from: number,
  to: number,
  least: number,
  indices: Float64Array,
  count: number,
): number {
  for (let at = from; at < to; at++) {
    indices[count] = at;
    count += Number((scores[at] as number) > least);
  }
  return count;
}

/**
 * The same for floats and a float that is not negative, whose bits order as they do: eight are passed at once where the differences of their bits
 * have no sign. A negative score or NaN may have one without being above.
 */
function floatsAbove(scores: Float32Array, least: number, indices: Float64Array): number {
  const words = new Int32Array(scores.buffer, scores.byteOffset, scores.length);
  const bound = new Int32Array(Float32Array.of(least + 0).buffer)[0] as number;
  const whole = words.length & ~7;
  let count = 0;
  for (let i = 0; i < whole; i += 8) {
    const signs =
      (bound - (words[i] as number)) |
      (bound - (words[i + 1] as number)) |
      (bound - (words[i + 2] as number)) |
      (bound - (words[i + 3] as number)) |
      (bound - (words[i + 4] as number)) |
      (bound - (words[i + 5] as number)) |
      (bound - (words[i + 6] as number)) |
      (bound - (words[i + 7] as number));
    if (signs < 0) count = appendAbove(scores, i, i + 8, least, indices, count);
  }
  return appendAbove(scores, whole, words.length, least, indices, count);
}

/** Puts a key at a place of a heap, or as far below as it belongs. */
function sink(keys: Float64Array, place: number, count: number, key: number): void {
  for (let child = 2 * place + 1; child < count; child = 2 * place + 1) {
    if (child + 1 < count && (keys[child + 1] as number) < (keys[child] as number)) child++;
    if (key <= (keys[child] as number)) break;
    keys[place] = keys[child] as number;
    place = child;
  }
  keys[place] = key;
}
