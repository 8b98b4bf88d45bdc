/**
 * Who acts when: agents are numbers, times are whole cycles. Each agent waits for one time at most, the earliest that it was given; agents of one
 * cycle act in the order in which they were put there. Near times stand in a wheel, far ones in a heap.
 */
const slots = 512;

export class Wheel {
  /** when an agent acts next; -1: it does not */
  readonly #due: Float64Array;
  readonly #slots: number[][] = Array.from({ length: slots }, () => []);
  /** far times and their agents, a binary heap over pairs */
  readonly #far: { time: number; agent: number }[] = [];
  #waiting = 0;
  /** entries of the wheel, those that no longer count included */
  #inSlots = 0;
  now = 0;

  constructor(agents: number) {
    this.#due = new Float64Array(agents).fill(-1);
  }

  /** An agent acts at `time`, which lies ahead, unless it acts sooner. */
  at(agent: number, time: number): void {
    const due = this.#due[agent] as number;
    if (due >= 0) {
      if (due <= time) return;
    } else this.#waiting++;
    this.#due[agent] = time;
    if (time - this.now < slots) this.#put(time, agent);
    else this.#push(time, agent);
  }

  /** Moves to the next cycle in which somebody acts and gives those agents; null when nobody does. The list is valid until the next call. */
  next(): readonly number[] | null {
    if (this.#waiting === 0) return null;
    for (let time = this.now + 1; ; time++) {
      if (this.#inSlots === 0) {
        // all that is left lies beyond the wheel
        const first = this.#far[0];
        if (first === undefined) return null;
        time = Math.max(time, first.time);
      }
      this.#near(time + slots - 1);
      if ((this.#slots[time % slots] as number[]).length > 0) return this.#take(time);
    }
  }

  /** True when the agent, given by `next`, still acts in this cycle; it then waits for nothing. */
  begins(agent: number): boolean {
    if (this.#due[agent] !== this.now) return false;
    this.#due[agent] = -1;
    this.#waiting--;
    return true;
  }

  #put(time: number, agent: number): void {
    (this.#slots[time % slots] as number[]).push(agent);
    this.#inSlots++;
  }

  #take(time: number): readonly number[] {
    this.now = time;
    const agents = this.#slots[time % slots] as number[];
    this.#inSlots -= agents.length;
    this.#slots[time % slots] = [];
    return agents;
  }

  /** Brings far agents that act by `limit` into the wheel. */
  #near(limit: number): void {
    for (let first = this.#far[0]; first !== undefined && first.time <= limit; first = this.#far[0]) {
      this.#pop();
      if (this.#due[first.agent] === first.time) this.#put(first.time, first.agent);
    }
  }

  #push(time: number, agent: number): void {
    const heap = this.#far;
    let index = heap.push({ time, agent }) - 1;
    while (index > 0) {
      const above = (index - 1) >> 1;
      if ((heap[above] as { time: number }).time <= time) break;
      heap[index] = heap[above] as { time: number; agent: number };
      index = above;
    }
    heap[index] = { time, agent };
  }

  #pop(): void {
    const heap = this.#far;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      let below = 2 * index + 1;
      if (below >= heap.length) break;
      if (
        below + 1 < heap.length &&
        (heap[below + 1] as { time: number }).time < (heap[below] as { time: number }).time
      )
        below++;
      if ((heap[below] as { time: number }).time >= last.time) break;
      heap[index] = heap[below] as { time: number; agent: number };
      index = below;
    }
    heap[index] = last;
  }
}
