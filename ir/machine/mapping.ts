/**
 * A mapping: how a kernel's loops are cut over a rectangle of cores. Along each side stands a list of cuts, the outermost first; the place of
 * a core along that side is a number whose digits say which piece of each cut is its own. A loop may be cut along both sides: then its piece
 * along the rows counts for more than that along the columns.
 *
 *     rows: h/3, c/2        core row 5 = piece 2 of h, piece 1 of c
 *     columns: k/4          core column 3 = piece 3 of k
 *
 * Pieces of a loop are equally long, but for the last one. What a core holds, receives and makes follows (tileOf, sliceOf), and so do work,
 * cycles and memory (work.ts, cost.ts).
 */
import type { Axis, Loop, Operand } from "../kernel-graph.ts";
import type { ReducePattern } from "./collectives.ts";

export interface Cut {
  readonly loop: string;
  readonly pieces: number;
}

export interface Mapping {
  /** cores of the rectangle along y and along x; at least the pieces of the cuts there, further cores stay idle (or do the same on a shared region: spread.ts) */
  readonly height: number;
  readonly width: number;
  /** outermost first */
  readonly rows: readonly Cut[];
  readonly columns: readonly Cut[];
  /** how partial results of cores become one */
  readonly reduce: ReducePattern;
}

/** Iterations begin..end-1 of a loop, or positions of an axis. */
export interface Range {
  readonly begin: number;
  readonly end: number;
}

/** The iterations of one core, by loop. */
export type Tile = ReadonlyMap<string, Range>;

/** Cores along a side that its cuts ask for. */
export const piecesOf = (cuts: readonly Cut[]): number => cuts.reduce((product, { pieces }) => product * pieces, 1);

/** Pieces that a loop is cut into along some cuts. */
export const piecesOfLoop = (cuts: readonly Cut[], loop: string): number =>
  cuts.reduce((product, cut) => (cut.loop === loop ? product * cut.pieces : product), 1);

/** True when the rectangle has room for the pieces of its cuts. */
export const holdsPieces = ({ height, width, rows, columns }: Mapping): boolean =>
  piecesOf(rows) <= height && piecesOf(columns) <= width;

/** True when a mapping cuts loops that a kernel has, and its rectangle holds the pieces. */
export const isMappingOf = (loops: readonly Loop[], mapping: Mapping): boolean =>
  holdsPieces(mapping) &&
  [...mapping.rows, ...mapping.columns].every(({ loop }) => loops.some(({ name }) => name === loop));

/** Iterations of a loop in each piece but the last. */
export const blockOf = ({ name, size }: Loop, { rows, columns }: Mapping): number =>
  Math.ceil(size / (piecesOfLoop(rows, name) * piecesOfLoop(columns, name)));

/** Digits of a core's place along one side; null for cores beyond the pieces. */
function digitsOf(cuts: readonly Cut[], place: number): readonly number[] | null {
  const digits = new Array<number>(cuts.length);
  let rest = place;
  for (let index = cuts.length - 1; index >= 0; index--) {
    const { pieces } = cuts[index] as Cut;
    digits[index] = rest % pieces;
    rest = Math.floor(rest / pieces);
  }
  return rest === 0 ? digits : null;
}

/** The iterations of the core in column x and row y of the rectangle; null where it has none. */
export function tileOf(loops: readonly Loop[], mapping: Mapping, x: number, y: number): Tile | null {
  const down = digitsOf(mapping.rows, y);
  const across = digitsOf(mapping.columns, x);
  if (down === null || across === null) return null;
  const piece = new Map<string, number>();
  const count = (cuts: readonly Cut[], digits: readonly number[]): void => {
    for (const [index, { loop, pieces }] of cuts.entries()) {
      piece.set(loop, (piece.get(loop) ?? 0) * pieces + (digits[index] as number));
    }
  };
  count(mapping.rows, down);
  count(mapping.columns, across);
  const tile = new Map<string, Range>();
  for (const loop of loops) {
    const block = blockOf(loop, mapping);
    const begin = (piece.get(loop.name) ?? 0) * block;
    if (begin >= loop.size) return null;
    tile.set(loop.name, { begin, end: Math.min(loop.size, begin + block) });
  }
  return tile;
}

const rangeOf = (tile: Tile, loop: string): Range => {
  const range = tile.get(loop);
  if (range === undefined) throw new Error(`internal: a tile has no loop ${loop}`);
  return range;
};

/** Positions of an axis between the first and the last that a tile touches. */
function hullOf(axis: Axis, loops: readonly Loop[], tile: Tile): Range {
  switch (axis.kind) {
    case "whole":
      return { begin: 0, end: axis.size };
    case "spread": {
      const { begin, end } = rangeOf(tile, axis.loop);
      const { size } = loops.find(({ name }) => name === axis.loop) ?? { size: 1 };
      return { begin: Math.floor((axis.size * begin) / size), end: Math.ceil((axis.size * end) / size) };
    }
    case "index": {
      let first = axis.offset;
      let last = axis.offset;
      for (const { loop, factor } of axis.terms) {
        const { begin, end } = rangeOf(tile, loop);
        first += factor * begin;
        last += factor * (end - 1);
      }
      return { begin: first, end: last + 1 };
    }
  }
}

/** The part of an operand between the first and the last position that a tile touches along each axis; padding included. */
export const sliceOf = (operand: Pick<Operand, "axes">, loops: readonly Loop[], tile: Tile): readonly Range[] =>
  operand.axes.map((axis) => hullOf(axis, loops, tile));
