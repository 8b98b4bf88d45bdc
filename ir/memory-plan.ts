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

const meet = (a: BufferRequest, b: BufferRequest): boolean => a.first <= b.last && b.first <= a.last;

/** The lowest offset with `bytes` free during a request's life; `placed` is sorted by begin. */
function lowestGap(placed: readonly Placed[], request: BufferRequest, bytes: number): number {
  let offset = 0;
  for (const { request: other, begin, end } of placed) {
    if (end <= offset || !meet(request, other)) continue;
    if (begin - offset >= bytes) return offset;
    offset = end;
  }
  return offset;
}

/** Keeps the list sorted by begin. */
function insertPlaced(placed: Placed[], added: Placed): void {
  let low = 0;
  let high = placed.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((placed[middle] as Placed).begin <= added.begin) low = middle + 1;
    else high = middle;
  }
  placed.splice(low, 0, added);
}

/** Gives every request an aligned offset; the same requests always get the same offsets. */
export function planArena(requests: readonly BufferRequest[]): ArenaPlan {
  const placed: Placed[] = [];
  const offsets = new Array<number>(requests.length).fill(0);
  const order = [...requests.entries()].sort(
    ([i, a], [j, b]) => b.bytes - a.bytes || b.last - b.first - (a.last - a.first) || a.first - b.first || i - j,
  );
  let end = 0;
  for (const [index, request] of order) {
    const bytes = alignUp(request.bytes);
    if (bytes === 0) continue;
    const begin = lowestGap(placed, request, bytes);
    insertPlaced(placed, { request, begin, end: begin + bytes });
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
