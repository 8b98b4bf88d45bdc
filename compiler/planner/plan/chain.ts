/**
 * A chain of layers cut into consecutive parts, one a wafer, exactly. Fewest parts: filling each as far as it goes is optimal, since whatever another cut
 * has in its first i parts, filled ones have too. Least largest load for a number of parts: the answer is the load of some run of layers,
 * and how many parts a limit asks for is decided by filling, so a search over the runs' loads finds it; the next smaller load fails,
 * which is the proof.
 */

/** A layer's share of what parts are limited by. */
export interface Link {
  readonly bytes: number;
  readonly load: number;
}

export interface ChainCut {
  /** one past the last layer of each part */
  readonly ends: readonly number[];
  readonly largestLoad: number;
  /** no cut into as many parts has a smaller largest load */
  readonly bound: number;
}

/** Ends of the fewest parts that hold at most `capacity` bytes and `limit` load each; null where a layer alone is more. */
export function fewestParts(
  links: readonly Link[],
  capacity: number,
  limit: number = Infinity,
): readonly number[] | null {
  const ends: number[] = [];
  let [bytes, load] = [0, 0];
  for (const [i, link] of links.entries()) {
    if (link.bytes > capacity || link.load > limit) return null;
    if (bytes + link.bytes > capacity || load + link.load > limit) {
      ends.push(i);
      [bytes, load] = [0, 0];
    }
    bytes += link.bytes;
    load += link.load;
  }
  if (links.length > 0) ends.push(links.length);
  return ends;
}

/** The cut into at most `parts` parts whose largest load is least; null where there is none within the capacity. */
export function balancedCut(links: readonly Link[], capacity: number, parts: number): ChainCut | null {
  const runs = new Set<number>();
  for (let from = 0; from < links.length; from++) {
    let load = 0;
    for (const link of links.slice(from)) runs.add((load += link.load));
  }
  const limits = [...runs].toSorted((a, b) => a - b);
  const fits = (limit: number): boolean => {
    const ends = fewestParts(links, capacity, limit);
    return ends !== null && ends.length <= parts;
  };
  let [low, high] = [0, limits.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (fits(limits[middle] as number)) high = middle;
    else low = middle + 1;
  }
  const best = limits[low];
  if (best === undefined) return null;
  const ends = fewestParts(links, capacity, best);
  return ends === null ? null : { ends, largestLoad: largest(links, ends), bound: best };
}

function largest(links: readonly Link[], ends: readonly number[]): number {
  const loads = ends.map((end, i) =>
    links.slice(i === 0 ? 0 : ends[i - 1], end).reduce((sum, { load }) => sum + load, 0),
  );
  return Math.max(0, ...loads);
}
