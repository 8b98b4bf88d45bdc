/** Permutations between ONNX's channels-first order and channels-last, for any rank. */

/** perm of the transpose that takes [N, C, spatial…] to [N, spatial…, C]. */
export const toChannelsLast = (rank: number): number[] => [0, ...range(2, rank), 1];

/** perm of the transpose that takes [N, spatial…, C] to [N, C, spatial…]. */
export const toChannelsFirst = (rank: number): number[] => [0, rank - 1, ...range(1, rank - 1)];

export const isChannelsFirst = (perm: readonly number[]): boolean =>
  perm.length >= 3 && samePerm(perm, toChannelsFirst(perm.length));

export const samePerm = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((axis, i) => axis === b[i]);

export function inversePerm(perm: readonly number[]): number[] {
  const inverse = new Array<number>(perm.length);
  for (const [to, from] of perm.entries()) inverse[from] = to;
  return inverse;
}

/** Entries of `list` in the order of `perm`. */
export const permute = <T>(list: readonly T[], perm: readonly number[]): T[] => perm.map((axis) => list[axis] as T);

const range = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
