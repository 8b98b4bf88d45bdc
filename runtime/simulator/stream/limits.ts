/** The least of many numbers that change one at a time: how far the slowest sink lets a net go. */
export class Least {
  readonly #size: number;
  /** a tree: the least of nodes 2 i and 2 i + 1 stands at i */
  readonly #tree: Float64Array;

  constructor(count: number) {
    this.#size = Math.max(1, count);
    this.#tree = new Float64Array(2 * this.#size).fill(Infinity);
  }

  set(index: number, value: number): void {
    let node = this.#size + index;
    this.#tree[node] = value;
    for (node >>= 1; node >= 1; node >>= 1)
      this.#tree[node] = Math.min(this.#tree[2 * node] as number, this.#tree[2 * node + 1] as number);
  }

  get(index: number): number {
    return this.#tree[this.#size + index] as number;
  }

  get least(): number {
    return this.#tree[1] as number;
  }
}
