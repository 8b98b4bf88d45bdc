/** Where elements stand in lists, and lists that say the same. */

/** Numbers up to so many times the length of a list that a table is made for. */
const mostSpread = 8;

/** From an element to its place in a list, its last one where it has several; -1 for what is not in it, and for elements below 0. */
export function placesOf(list: ArrayLike<number>): (element: number) => number {
  let [least, most] = [Infinity, -1];
  for (let place = 0; place < list.length; place++) {
    const element = list[place] as number;
    if (element < 0) continue;
    if (element < least) least = element;
    if (element > most) most = element;
  }
  if (most < 0) return () => -1;
  const span = most - least + 1;
  if (span > mostSpread * list.length) {
    const table = new Map<number, number>();
    for (let place = 0; place < list.length; place++) table.set(list[place] as number, place);
    return (element) => (element < 0 ? -1 : (table.get(element) ?? -1));
  }
  const table = new Int32Array(span).fill(-1);
  for (let place = 0; place < list.length; place++) {
    const element = list[place] as number;
    if (element >= 0) table[element - least] = place;
  }
  return (element) => (element < least || element > most ? -1 : (table[element - least] as number));
}

/** One of all lists that say the same, with a number of its own. */
export interface KnownList {
  readonly list: Int32Array;
  readonly number: number;
}

/** Keeps one of all lists that say the same. */
export class KnownLists {
  readonly #byHash = new Map<number, KnownList[]>();
  readonly #known = new WeakMap<Int32Array, KnownList>();
  #count = 0;

  of(list: Int32Array): KnownList {
    const met = this.#known.get(list);
    if (met !== undefined) return met;
    const found = this.#find(list);
    this.#known.set(list, found);
    return found;
  }

  #find(list: Int32Array): KnownList {
    let hash = list.length;
    for (let index = 0; index < list.length; index++) hash = (Math.imul(hash, 31) + (list[index] as number)) | 0;
    const alike = this.#byHash.get(hash);
    const found = alike?.find((one) => isEqual(one.list, list));
    if (found !== undefined) return found;
    const fresh = { list, number: this.#count++ };
    if (alike === undefined) this.#byHash.set(hash, [fresh]);
    else alike.push(fresh);
    return fresh;
  }
}

function isEqual(a: Int32Array, b: Int32Array): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}
