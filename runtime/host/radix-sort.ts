/** Numbers sorted by their bits, eleven at a time, from the least significant ones on. */

import { indicesBelow } from "./index-lists.ts";

/** How the words of a number stand for it: the highest bit of integers with a sign is turned, negative floats are turned altogether. */
export type BitOrder = "unsigned" | "signed" | "float";

const digitBits = 11;
const digits = 2 ** digitBits;

/** Indices of `count` numbers of one or two words, ascending; equal ones in the order in which they stand. */
export function sortedByBits(words: Int32Array, count: number, order: BitOrder): Uint32Array {
  const width = count === 0 ? 1 : words.length / count;
  const keys = orderedWords(words, width, order);
  let from: Uint32Array = indicesBelow(count);
  let to: Uint32Array = new Uint32Array(count);
  for (let word = 0; word < width; word++) {
    for (let shift = 0; shift < 32; shift += digitBits) {
      if (!pass(keys, width, word, shift, from, to)) continue;
      const swapped = from;
      from = to;
      to = swapped;
    }
  }
  return from;
}

/** Words that compare as the numbers do, the higher word of two first. */
function orderedWords(words: Int32Array, width: number, order: BitOrder): Int32Array {
  if (order === "unsigned") return words;
  const keys = words.slice();
  const sign = -0x80000000;
  for (let i = width - 1; i < keys.length; i += width) {
    const high = keys[i] as number;
    if (order === "signed" || high >= 0) keys[i] = high ^ sign;
    else for (let word = 0; word < width; word++) keys[i - word] = ~(keys[i - word] as number);
  }
  return keys;
}

/** Moves indices to their places by one digit; false where all have the same. */
function pass(
  keys: Int32Array,
  width: number,
  word: number,
  shift: number,
  from: Uint32Array,
  to: Uint32Array,
): boolean {
  const places = new Uint32Array(digits);
  for (let i = word; i < keys.length; i += width) {
    const digit = ((keys[i] as number) >>> shift) & (digits - 1);
    places[digit] = (places[digit] as number) + 1;
  }
  let sum = 0;
  for (let digit = 0; digit < digits; digit++) {
    const own = places[digit] as number;
    if (own === from.length) return false;
    places[digit] = sum;
    sum += own;
  }
  for (let i = 0; i < from.length; i++) {
    const index = from[i] as number;
    const digit = ((keys[index * width + word] as number) >>> shift) & (digits - 1);
    const place = places[digit] as number;
    places[digit] = place + 1;
    to[place] = index;
  }
  return true;
}
