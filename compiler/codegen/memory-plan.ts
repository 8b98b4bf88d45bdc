/**
 * Offsets for buffers that live during an interval of time: two buffers may share bytes when their intervals do not meet. Greedy by size
 * (largest first, each at the lowest gap that holds it), which comes within a few percent of the lower bound on the graphs of neural nets
 * (the heuristic of Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020).
 */

/** Bytes to which every buffer is aligned: one cache line, four vectors. */
export const bufferAlignment = 64;

export const alignUp = (bytes: number): number => Math.ceil(bytes / bufferAlignment) * bufferAlignment;

/** A buffer that must hold `bytes` from time `first` to time `last`, both included. */
export interface BufferRequest {
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
}

export interface ArenaPlan {
  /** bytes from the arena's start, in the order of the requests */
  readonly offsets: readonly number[];
  /** bytes of the arena */
  readonly bytes: number;
}

interface Placed {
  readonly request: BufferRequest;
  readonly begin: number;
  readonly end: number;
}

const bucketCount = 256;

/** Placed buffers by time, so that those which meet an interval are found without looking at all of them. */
class Timeline {
  readonly #width: number;
  readonly #buckets: Placed[][] = [];

  constructor(lastTime: number) {
    this.#width = Math.ceil((lastTime + 1) / bucketCount);
  }

  add(placed: Placed): void {
    for (let b = this.#bucketOf(placed.request.first); b <= this.#bucketOf(placed.request.last); b++) {
      (this.#buckets[b] ??= []).push(placed);
    }
  }

  /** The buffers alive at some time of the interval, by offset. */
  meeting({ first, last }: BufferRequest): Placed[] {
    const found = new Set<Placed>();
    for (let b = this.#bucketOf(first); b <= this.#bucketOf(last); b++) {
      for (const placed of this.#buckets[b] ?? []) {
        if (placed.request.first <= last && first <= placed.request.last) found.add(placed);
      }
    }
    return [...found].sort((a, b) => a.begin - b.begin);
  }

  #bucketOf(time: number): number {
    return Math.floor(time / this.#width);
  }
}

/** The lowest offset with `bytes` free between occupied stretches (sorted by begin, possibly overlapping one another). */
function lowestGap(occupied: readonly Placed[], bytes: number): number {
  let offset = 0;
  for (const { begin, end } of occupied) {
    if (begin - offset >= bytes) return offset;
    offset = Math.max(offset, end);
  }
  return offset;
}

/** Gives every request an aligned offset; the same requests always get the same offsets. */
export function planArena(requests: readonly BufferRequest[]): ArenaPlan {
  const lastTime = requests.reduce((time, request) => Math.max(time, request.last), 0);
  const timeline = new Timeline(lastTime);
  const offsets = new Array<number>(requests.length).fill(0);
  const order = [...requests.entries()].sort(
    ([i, a], [j, b]) => b.bytes - a.bytes || b.last - b.first - (a.last - a.first) || a.first - b.first || i - j,
  );
  let end = 0;
  for (const [index, request] of order) {
    const bytes = alignUp(request.bytes);
    if (bytes === 0) continue;
    const begin = lowestGap(timeline.meeting(request), bytes);
    timeline.add({ request, begin, end: begin + bytes });
    offsets[index] = begin;
    end = Math.max(end, begin + bytes);
  }
  return { offsets, bytes: end };
}

/** Bytes that no plan can go below: the most that is alive at one time. */
export function arenaLowerBound(requests: readonly BufferRequest[]): number {
  const changes = new Map<number, number>();
  const change = (time: number, bytes: number): void => {
    changes.set(time, (changes.get(time) ?? 0) + bytes);
  };
  for (const { bytes, first, last } of requests) {
    change(first, alignUp(bytes));
    change(last + 1, -alignUp(bytes));
  }
  let alive = 0;
  let most = 0;
  for (const [, bytes] of [...changes].sort(([a], [b]) => a - b)) {
    alive += bytes;
    most = Math.max(most, alive);
  }
  return most;
}
