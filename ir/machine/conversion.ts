/**
 * From the layout that a kernel makes a value in to the layout that the next one reads it in, where both lie on one region of cores and run one
 * after the other. Which core holds which part follows from the mappings (spread.ts); what has to move is one of these kinds:
 *
 *     stays        every core holds what it reads
 *     there        an earlier reader has the same words in the same layout
 *     columns      what a core reads lies in its own column: columns move their parts side by side
 *     rows         the same along rows
 *     everywhere   anything else
 *
 *     cycles = max(words of the fullest link, words into the fullest core, words out of it) * cyclesPerWord + the longest way
 *
 * A link of a line carries each word that the line holds, and each that it reads, once at most (routers copy words); where nobody reads what lies further
 * away than `reach` cores, only the words of so many cores. A link in the middle of the region carries its share of the value. Which kind it is, is found
 * without looking at every core.
 */
import { defined, nth } from "../access.ts";
import type { ValuePart } from "../kernel-graph.ts";
import { alike, isFlat, rangeOf, type RegionSize, type Span, type Spread, wordsOf } from "./spread.ts";
import type { Target } from "./target.ts";
import { crossingCycles } from "./travel.ts";

export const conversionKinds = ["stays", "there", "columns", "rows", "everywhere"] as const;

export type ConversionKind = (typeof conversionKinds)[number];

export interface ConversionCost {
  readonly kind: ConversionKind;
  readonly cycles: number;
}

/** The side that numbers lines, and the one that they run along. */
type Side = "across" | "down";

const otherSide = (side: Side): Side => (side === "across" ? "down" : "across");

/** How much further than where it is made a span is read to begin, at least and at most, along one side; null where a reader has no maker. */
function shiftAlong(made: Span, read: Span, side: Side): readonly [least: number, most: number] | null {
  let [least, most] = [Infinity, -Infinity];
  for (const [place, begin] of read[side].entries()) {
    if (begin === null) continue;
    const own = made[side][place] ?? null;
    if (own === null) return null;
    least = Math.min(least, begin - own);
    most = Math.max(most, begin - own);
  }
  return least > most ? [0, 0] : [least, most];
}

const isIn = (made: Span, read: Span, least: number, most: number): boolean =>
  least >= 0 && most + read.extent <= made.extent;

/** Every core that reads has what it reads. */
const isHeld = (made: readonly Span[], read: readonly Span[]): boolean =>
  made.every((span, at) => {
    const other = nth(read, at);
    const across = shiftAlong(span, other, "across");
    const down = shiftAlong(span, other, "down");
    return across !== null && down !== null && isIn(span, other, across[0] + down[0], across[1] + down[1]);
  });

/** The positions that a line of cores holds of a span, as one piece that begins at `first` beyond where the line's own share says; null where it has gaps. */
function lineSpan(span: Span, line: Side): { readonly first: number; readonly extent: number } | null {
  const begins = [...new Set(span[otherSide(line)])].flatMap((begin) => (begin === null ? [] : [begin]));
  begins.sort((a, b) => a - b);
  const [first = 0] = begins;
  const hasGap = begins.some((begin, at) => at > 0 && begin > nth(begins, at - 1) + span.extent);
  return hasGap ? null : { first, extent: (begins.at(-1) ?? 0) - first + span.extent };
}

/** Lines along one side hold all that is read in them. */
const holdsLines = (made: readonly Span[], read: readonly Span[], line: Side): boolean =>
  made.every((span, at) => {
    const other = nth(read, at);
    const shift = shiftAlong(span, other, line);
    // every line with a reader has makers
    if (shift === null) return false;
    // what does not depend on the line is in every one
    if (isFlat(span[line])) return true;
    const [least, most] = rangeOf(other, otherSide(line));
    const held = lineSpan(span, line);
    return (
      held !== null && shift[0] + least >= held.first && shift[1] + most + other.extent <= held.first + held.extent
    );
  });

/** Which kind of conversion lies between two layouts of one value over the same axes. */
function kindOf(made: readonly Span[], read: readonly Span[]): Exclude<ConversionKind, "there"> {
  if (isHeld(made, read)) return "stays";
  if (holdsLines(made, read, "across")) return "columns";
  if (holdsLines(made, read, "down")) return "rows";
  return "everywhere";
}

/** Elements that a line of cores holds of a value. */
const lineElements = (spans: readonly Span[], line: Side): number =>
  spans.reduce((product, span) => {
    const held = isFlat(span[line]) ? span.size : (lineSpan(span, line)?.extent ?? span.size);
    return product * Math.min(span.size, held);
  }, 1);

/** Elements that are read in a line. */
const readElements = (spans: readonly Span[], line: Side): number =>
  spans.reduce((product, span) => {
    const [least, most] = rangeOf(span, otherSide(line));
    return product * Math.min(span.size, most - least + span.extent);
  }, 1);

/** Pieces that are looked at for all readers of a line before the whole line is taken for their reach, for each core of it. */
const mostPieces = 256;

/** An axis whose pieces lie along a line; numbers of pieces count from 0. */
interface PiecesAlong {
  readonly made: readonly (number | null)[];
  readonly extent: number;
  readonly size: number;
  readonly read: readonly (number | null)[];
  /** from where a place's own share begins to the first position that any of the lines reads, and behind the last */
  readonly begin: number;
  readonly end: number;
  /** the number of a piece in that of a tuple of pieces */
  readonly weight: number;
}

/** The axes of a value along a line; null where one does not lie in pieces of equal length. */
function piecesOver(made: readonly Span[], read: readonly Span[], along: Side): readonly PiecesAlong[] | null {
  const axes: PiecesAlong[] = [];
  let weight = 1;
  for (const [at, { extent, size, ...span }] of made.entries()) {
    const begins = span[along];
    if (isFlat(begins)) continue;
    if (begins.some((begin) => begin !== null && begin % extent !== 0)) return null;
    const other = nth(read, at);
    const shift = shiftAlong(nth(made, at), other, otherSide(along));
    if (shift === null) return null;
    const [begin, end] = [shift[0], shift[1] + other.extent];
    axes.push({ made: begins, extent, size, read: other[along], begin, end, weight });
    weight *= Math.ceil(size / extent);
  }
  return axes;
}

/** The tuple of pieces that a place holds; null where it holds nothing. */
function tupleAt(made: readonly Span[], axes: readonly PiecesAlong[], along: Side, place: number): number | null {
  for (const span of made) if ((span[along][place] ?? null) === null) return null;
  let tuple = 0;
  for (const axis of axes) tuple += (axis.weight * defined(axis.made[place])) / axis.extent;
  return tuple;
}

/** The least distance from a place to one of some others, which ascend. */
function nearestIn(places: readonly number[], place: number): number {
  let [low, high] = [0, places.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (nth(places, middle) < place) low = middle + 1;
    else high = middle;
  }
  return Math.min((places[low] ?? Infinity) - place, place - (places[low - 1] ?? -Infinity));
}

/** Cores along a line between a reader and the nearest that holds what it reads, at most; null where that is not known piece by piece. */
function reachAlong(made: readonly Span[], read: readonly Span[], along: Side): number | null {
  const axes = piecesOver(made, read, along);
  if (axes === null) return null;
  const length = nth(made, 0)[along].length;
  const holders = new Map<number, number[]>();
  for (let place = 0; place < length; place++) {
    const tuple = tupleAt(made, axes, along, place);
    if (tuple === null) continue;
    const known = holders.get(tuple);
    if (known === undefined) holders.set(tuple, [place]);
    else known.push(place);
  }
  let reach = 0;
  let looks = mostPieces * length;
  /** False where a piece is nowhere, or too many would have to be looked at. */
  const visit = (place: number, index: number, tuple: number): boolean => {
    const axis = axes[index];
    if (axis === undefined) {
      const places = holders.get(tuple);
      looks -= places?.length ?? 1;
      if (places === undefined || looks < 0) return false;
      reach = Math.max(reach, nearestIn(places, place));
      return true;
    }
    const own = defined(axis.read[place]);
    const first = Math.floor(Math.max(0, own + axis.begin) / axis.extent);
    const last = Math.floor((Math.min(axis.size, own + axis.end) - 1) / axis.extent);
    for (let piece = first; piece <= last; piece++)
      if (!visit(place, index + 1, tuple + piece * axis.weight)) return false;
    return true;
  };
  for (let place = 0; place < length; place++) {
    if (read.some((span) => (span[along][place] ?? null) === null)) continue;
    if (!visit(place, 0, 0)) return null;
  }
  return reach;
}

/** What it takes to bring a value from where it was made to where it is read; `part`: the positions of it that are read, and their words. */
export function conversionCost(
  target: Target,
  region: RegionSize,
  made: Spread,
  read: Spread,
  part: { readonly positions: ValuePart; readonly words: number } | null,
): ConversionCost {
  const { cyclesPerWord } = target.link;
  const { width, height } = region;
  const both =
    made.spans === null || read.spans === null ? null : alike(made.spans, read.spans, part?.positions ?? null);
  const [makes, reads] =
    both === null
      ? [[], []]
      : [
          [made.present, ...both.made],
          [read.present, ...both.read],
        ];
  const kind = both === null ? "everywhere" : kindOf(makes, reads);
  const through = Math.max(made.words, read.words);
  const cycles = (words: number, rows: number, columns: number): number =>
    Math.ceil(words * cyclesPerWord) + crossingCycles(target, rows, columns);
  switch (kind) {
    case "stays":
      return { kind, cycles: 0 };
    case "columns":
    case "rows": {
      const [line, along, length]: readonly [Side, Side, number] =
        kind === "columns" ? ["across", "down", height] : ["down", "across", width];
      const reach = Math.max(1, reachAlong(makes, reads, along) ?? length);
      const carried = Math.min(
        wordsOf(made.operand, lineElements(makes, line)),
        wordsOf(made.operand, readElements(reads, line)),
        made.words * reach,
      );
      const [rows, columns] = kind === "columns" ? [reach, 1] : [1, reach];
      return { kind, cycles: cycles(Math.max(carried, through), rows, columns) };
    }
    case "everywhere": {
      const words = part?.words ?? made.allWords;
      return { kind, cycles: cycles(Math.max(words / Math.min(width, height), through), height, width) };
    }
  }
}
