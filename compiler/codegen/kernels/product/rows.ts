/**
 * Cuts rows (y, x) into tiles of a fixed number. A row of an image is rarely a multiple of the tile: 7 pixels in tiles of 4 would leave 3 of
 * 4 rows of registers idle. So, where rows are short, tiles run on from the end of one row to the start of the next; the pattern repeats
 * after `period` values of y and every tile of the period has its own constant offsets.
 */

export interface Pixel {
  /** relative to the period's first row */
  readonly y: number;
  readonly x: number;
}

/** Tiles of a period: `repeat` tiles side by side in one row, or a single one that may span rows. */
export interface TileGroup {
  /** pixels of the group's first tile */
  readonly pixels: readonly Pixel[];
  readonly repeat: number;
}

/** From this length on the ragged end of a row costs less than the code for tiles across rows. */
const longRow = 40;

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

/** The least number that both divide. */
export const commonMultiple = (a: number, b: number): number => (a / gcd(a, b)) * b;

/** Values of y after which the pattern of tiles repeats. */
export function rowPeriod(rowLength: number, tileRows: number): number {
  if (rowLength >= longRow) return 1;
  return rowLength === 0 ? 1 : tileRows / gcd(rowLength, tileRows);
}

/** `repeat` tiles of `count` pixels, the first one from pixel `at` of the sequence. */
export interface TileSpan {
  readonly at: number;
  readonly count: number;
  readonly repeat: number;
}

/** The tiles over `yCount` rows of `rowLength` pixels, taken as one sequence; the last one may be short. */
export function tileSpans(rowLength: number, tileRows: number, yCount: number): TileSpan[] {
  const pixelCount = rowLength * yCount;
  const spans: TileSpan[] = [];
  let at = 0;
  while (at < pixelCount) {
    const count = Math.min(tileRows, pixelCount - at);
    const roomInRow = rowLength - (at % rowLength);
    const repeat = count < tileRows ? 1 : Math.max(1, Math.floor(roomInRow / tileRows));
    spans.push({ at, count, repeat });
    at += repeat * count;
  }
  return spans;
}

/** The same tiles with the positions of their pixels. */
export const tileGroups = (rowLength: number, tileRows: number, yCount: number): TileGroup[] =>
  tileSpans(rowLength, tileRows, yCount).map(({ at, count, repeat }) => ({
    pixels: pixelsFrom(at, count, rowLength),
    repeat,
  }));

const pixelsFrom = (at: number, count: number, rowLength: number): Pixel[] =>
  Array.from({ length: count }, (_, i) => ({ y: Math.floor((at + i) / rowLength), x: (at + i) % rowLength }));
