/** Random stalls of a seed: a wafer's timing is never quite what a model of it says, and no program may depend on that. */
export class Jitter {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** Cycles of the next stall, mostly none. */
  next(): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) | 0;
    const drawn = this.#state >>> 8;
    return drawn % 16 === 0 ? 1 + ((drawn >>> 4) % 6) : 0;
  }
}
