/** Rows of words told apart: a table of hashes with open addresses, whose entries are groups of equal rows. */

export interface Groups {
  /** first row of each group */
  readonly first: Uint32Array;
  /** rows in each group */
  readonly counts: Uint32Array;
  /** group of each row */
  readonly groupOf: Uint32Array;
}

/** An odd number whose products' upper bits depend on all bits below. */
const multiplier = 0x9e3779b1;

/** Groups of `count` rows of `words`, one behind the other, in the order of their first rows. */
export function groupsOfRows(words: Int32Array, count: number): Groups {
  const groups = groupsUpTo(count, words, count);
  if (groups === null) throw new Error(`internal: more groups than ${count} rows`);
  return groups;
}

/** The same, of up to `most` groups; null where there are more. The table is made for them, so that a small one stays near. */
export function groupsUpTo(most: number, words: Int32Array, count: number): Groups | null {
  const length = words.length / Math.max(1, count);
  const bits = Math.max(4, Math.ceil(Math.log2(Math.min(most, count) + 1)) + 1);
  const entries = new Int32Array(2 ** bits);
  const first = new Uint32Array(Math.min(most, count));
  const counts = new Uint32Array(first.length);
  const groupOf = new Uint32Array(count);
  let used = 0;
  for (let row = 0; row < count; row++) {
    let place = hashOf(words, row * length, length) >>> (32 - bits);
    // an entry is a group's number and 1; 0 where there is none
    while (entries[place] !== 0 && !isEqual(words, first[(entries[place] as number) - 1] as number, row, length)) {
      place = (place + 1) & (entries.length - 1);
    }
    if (entries[place] === 0) {
      if (used === first.length) return null;
      first[used] = row;
      entries[place] = ++used;
    }
    const group = (entries[place] as number) - 1;
    counts[group] = (counts[group] as number) + 1;
    groupOf[row] = group;
  }
  return { first: first.subarray(0, used), counts: counts.subarray(0, used), groupOf };
}

function hashOf(words: Int32Array, begin: number, length: number): number {
  let hash = 0;
  for (let i = begin; i < begin + length; i++) {
    hash = Math.imul(hash ^ (words[i] as number), multiplier);
    hash ^= hash >>> 15;
  }
  return Math.imul(hash, multiplier);
}

function isEqual(words: Int32Array, x: number, y: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (words[x * length + i] !== words[y * length + i]) return false;
  return true;
}
