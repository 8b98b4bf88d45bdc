// The task: eight digits, and then the same digits backwards, one after the other.
//   3 1 4 1 5 9 2 6 | 6 2 9 5 1 4 1 3
import { randomNumbers } from "../common/random.mjs";

export const vocabulary = 10;
/** Digits of a sequence: eight to read and eight to write. */
export const length = 16;
const half = length / 2;

/** `count` sequences of `length` digits. */
export function makeSequences(count, seed) {
  const random = randomNumbers(seed);
  return Array.from({ length: count }, () => {
    const read = Array.from({ length: half }, () => Math.floor(random() * vocabulary));
    return [...read, ...read.toReversed()];
  });
}

/** What follows each position; -1 where nothing can be known (the next digit is random) or nothing follows. */
export const nextDigits = (sequence) =>
  sequence.map((_, i) => (i < half - 1 || i === length - 1 ? -1 : sequence[i + 1]));

/**
 * Continues eight digits, one digit a step: `step` is given the sequence so far (padded with zeros) and gives logits
 * [length, vocabulary], of which the row of the last known position counts.
 */
export async function complete(read, step) {
  const sequence = [...read, ...new Array(length - read.length).fill(0)];
  for (let at = read.length; at < length; at++) {
    const logits = await step(sequence);
    const row = logits.slice((at - 1) * vocabulary, at * vocabulary);
    sequence[at] = row.indexOf(Math.max(...row));
  }
  return sequence;
}
