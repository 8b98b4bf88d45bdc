/**
 * Queues of words: those of links, of ramps and of cores. Each has a bounded number of places; a word that enters at some time can leave from its
 * own time on. One agent puts words in, one takes them out.
 */
export class Queues {
  readonly #first: number[] = [];
  readonly #places: number[] = [];
  readonly producers: number[] = [];
  readonly consumers: number[] = [];
  #total = 0;
  #start = new Int32Array(0);
  #mask = new Int32Array(0);
  #room = new Int32Array(0);
  #head = new Int32Array(0);
  counts: Int32Array = new Int32Array(0);
  #values = new Float32Array(0);
  #times = new Float64Array(0);

  /** A queue of so many words; agents that do not exist are -1. */
  add(words: number, producer: number, consumer: number): number {
    let size = 1;
    while (size < words) size *= 2;
    this.#first.push(this.#total);
    this.#places.push(words);
    this.producers.push(producer);
    this.consumers.push(consumer);
    this.#total += size;
    return this.#first.length - 1;
  }

  /** To be called once, when all queues are there. */
  seal(): void {
    const { length } = this.#first;
    this.#start = Int32Array.from(this.#first);
    this.#room = Int32Array.from(this.#places);
    this.#mask = new Int32Array(length);
    for (let queue = 0; queue < length; queue++) {
      this.#mask[queue] = ((this.#first[queue + 1] ?? this.#total) - (this.#first[queue] as number) - 1) | 0;
    }
    this.#head = new Int32Array(length);
    this.counts = new Int32Array(length);
    this.#values = new Float32Array(this.#total);
    this.#times = new Float64Array(this.#total);
  }

  get length(): number {
    return this.#first.length;
  }

  hasRoom(queue: number): boolean {
    return (this.counts[queue] as number) < (this.#room[queue] as number);
  }

  /** When the word at the head can leave. */
  readyAt(queue: number): number {
    return this.#times[(this.#start[queue] as number) + (this.#head[queue] as number)] as number;
  }

  push(queue: number, value: number, time: number): void {
    const count = this.counts[queue] as number;
    const place =
      (this.#start[queue] as number) + (((this.#head[queue] as number) + count) & (this.#mask[queue] as number));
    this.#values[place] = value;
    this.#times[place] = time;
    this.counts[queue] = count + 1;
  }

  pop(queue: number): number {
    const head = this.#head[queue] as number;
    this.#head[queue] = (head + 1) & (this.#mask[queue] as number);
    this.counts[queue] = (this.counts[queue] as number) - 1;
    return this.#values[(this.#start[queue] as number) + head] as number;
  }
}
