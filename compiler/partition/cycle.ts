/** Finds a cycle of a directed graph, to be named in a message. */

/** Vertices of one cycle in order, each once; null where there is none. `successors`: by vertex. */
export function findCycle(successors: readonly (readonly number[])[]): readonly number[] | null {
  const left = new Int32Array(successors.length);
  for (const targets of successors) for (const to of targets) left[to] = (left[to] ?? 0) + 1;
  const ready = [...left.keys()].filter((vertex) => left[vertex] === 0);
  let sorted = 0;
  for (let vertex = ready.pop(); vertex !== undefined; vertex = ready.pop()) {
    sorted++;
    for (const to of successors[vertex] ?? []) {
      left[to] = (left[to] ?? 0) - 1;
      if (left[to] === 0) ready.push(to);
    }
  }
  return sorted === successors.length ? null : cycleAmong(successors, left);
}

/** Every vertex with `left` above 0 has such a predecessor: walking back ends in a circle. */
function cycleAmong(successors: readonly (readonly number[])[], left: Int32Array): readonly number[] {
  const before = new Int32Array(successors.length).fill(-1);
  for (const [from, targets] of successors.entries()) {
    if ((left[from] ?? 0) > 0) for (const to of targets) before[to] = from;
  }
  const place = new Map<number, number>();
  const walk: number[] = [];
  for (let vertex = left.findIndex((count) => count > 0); !place.has(vertex); vertex = before[vertex] ?? 0) {
    place.set(vertex, walk.push(vertex) - 1);
    if (before[vertex] === -1) throw new Error("internal: a walk back along a cycle ended");
    if (place.has(before[vertex] ?? 0)) return fromLeast(walk.slice(place.get(before[vertex] ?? 0)).reverse());
  }
  throw new Error("internal: a walk back along a cycle did not close");
}

/** The same cycle, from its least vertex on. */
function fromLeast(cycle: readonly number[]): readonly number[] {
  const start = cycle.indexOf(cycle.reduce((least, vertex) => Math.min(least, vertex)));
  return [...cycle.slice(start), ...cycle.slice(0, start)];
}
