/** Items in the order of their keys; a key does not change while its item waits here. */
export class Heap<T> {
  readonly #key: (item: T) => number;
  readonly #items: T[] = [];

  constructor(key: (item: T) => number) {
    this.#key = key;
  }

  push(item: T): void {
    const items = this.#items;
    let index = items.push(item) - 1;
    const key = this.#key(item);
    while (index > 0) {
      const above = (index - 1) >> 1;
      const other = items[above] as T;
      if (this.#key(other) <= key) break;
      items[index] = other;
      index = above;
    }
    items[index] = item;
  }

  /** Takes out the item of the least key, if that lies below a limit. */
  popBelow(limit: number): T | null {
    const items = this.#items;
    const first = items[0];
    if (first === undefined || this.#key(first) >= limit) return null;
    const last = items.pop() as T;
    if (items.length > 0) this.#sink(last);
    return first;
  }

  #sink(item: T): void {
    const items = this.#items;
    const key = this.#key(item);
    let index = 0;
    for (;;) {
      let below = 2 * index + 1;
      if (below >= items.length) break;
      const right = items[below + 1];
      if (right !== undefined && this.#key(right) < this.#key(items[below] as T)) below++;
      const child = items[below] as T;
      if (this.#key(child) >= key) break;
      items[index] = child;
      index = below;
    }
    items[index] = item;
  }
}
