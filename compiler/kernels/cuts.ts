/** Into how many pieces a loop is worth cutting. */

/**
 * Numbers of pieces, at most `limit`, that differ in the size of the largest piece (for a loop of 10: 1, 2, 3, 4, 5, 10); thinned to about
 * `count` of them, spread evenly by ratio.
 */
export function usefulCuts(size: number, limit: number, count: number): readonly number[] {
  const cuts: number[] = [];
  let pieces = 1;
  while (pieces <= Math.min(size, limit)) {
    const piece = Math.ceil(size / pieces);
    cuts.push(Math.ceil(size / piece));
    if (piece === 1) break;
    pieces = Math.ceil(size / (piece - 1));
  }
  return thin(cuts, count);
}

function thin(values: readonly number[], count: number): readonly number[] {
  const first = values[0];
  const last = values.at(-1);
  if (values.length <= count || first === undefined || last === undefined) return values;
  if (count <= 1) return [last];
  const step = (last / first) ** (1 / (count - 1));
  const kept: number[] = [];
  let next = first;
  for (const value of values) {
    if (value < next && value !== last) continue;
    kept.push(value);
    next = value * step;
  }
  return kept;
}

/** Cuts of several loops at once: their product stays near `tries`. Loops of one iteration cost nothing. */
export function cutsOfLoops(sizes: readonly number[], limit: number, tries: number): readonly (readonly number[])[] {
  const active = sizes.filter((size) => size > 1).length;
  const count = Math.max(2, Math.floor(tries ** (1 / Math.max(1, active))));
  return sizes.map((size) => usefulCuts(size, limit, count));
}

/** Index of the first value for which a predicate that turns true once holds; the length when it never does. */
export function firstIndex(values: readonly number[], holds: (value: number) => boolean): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(values[middle] ?? 0)) high = middle;
    else low = middle + 1;
  }
  return low;
}
