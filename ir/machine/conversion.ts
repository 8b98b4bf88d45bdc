/**
 * From the layout that a kernel makes a value in to the layout that the next one reads it in, where both lie on one region of cores and run one
 * after the other. Which core holds which part follows from the mappings (layout.ts); what has to move is one of four kinds:
 *
 *     stays        every core holds what it reads
 *     columns      what a core reads lies in its own column: columns move their parts side by side
 *     rows         the same along rows
 *     everywhere   anything else
 *
 *     cycles = max(words of the fullest link, words into the fullest core, words out of it) * cyclesPerWord + the longest way
 *
 * A link of a line carries each word that the line holds once at most (routers copy words), one in the middle of the region its share of the value.
 * Which kind it is, is found without looking at every core: where an axis of a value begins on a core is a sum of what its row and what its column
 * contribute.
 */
import { nth } from "../access.ts";
import { dtypeInfo } from "../dtype.ts";
import { type Axis, type Kernel, type Loop, type Operand, operandElements, wordBytes } from "../kernel-graph.ts";
import { summedLoops } from "./layout.ts";
import { blockOf, type Cut, type Mapping, piecesOf, piecesOfLoop } from "./mapping.ts";
import type { Target } from "./target.ts";
import { crossingCycles } from "./travel.ts";
import { nestOf } from "./work.ts";

export const conversionKinds = ["stays", "columns", "rows", "everywhere"] as const;

export type ConversionKind = (typeof conversionKinds)[number];

export interface ConversionCost {
  readonly kind: ConversionKind;
  readonly cycles: number;
}

/** Cores of a region. */
export interface RegionSize {
  readonly width: number;
  readonly height: number;
}

/** Positions along one axis: where they begin is `down[y] + across[x]`; null where the row or column has no iterations. */
interface Span {
  readonly size: number;
  readonly extent: number;
  readonly down: readonly (number | null)[];
  readonly across: readonly (number | null)[];
}

/** A value over a region. */
export interface Spread {
  /** a span of one position that says which cores have any of it, and those of its axes; null where it is not known axis by axis */
  readonly spans: readonly Span[] | null;
  /** words in the fullest core, and of the whole value */
  readonly words: number;
  readonly allWords: number;
  readonly operand: Operand;
}

/** A kernel's operand with the mapping that lays it out. */
export interface Laid {
  readonly kernel: Kernel;
  readonly operand: Operand;
  readonly mapping: Mapping;
}

/** For each place along a side, the number of a loop's piece there; null behind the pieces. */
function piecesAlong(cuts: readonly Cut[], loop: string, length: number): readonly (number | null)[] {
  const all = piecesOf(cuts);
  return Array.from({ length }, (_, place) => {
    if (place >= all) return null;
    let rest = place;
    let piece = 0;
    let weight = 1;
    for (const cut of cuts.toReversed()) {
      if (cut.loop === loop) {
        piece += weight * (rest % cut.pieces);
        weight *= cut.pieces;
      }
      rest = Math.floor(rest / cut.pieces);
    }
    return piece;
  });
}

const scaled = (places: readonly (number | null)[], factor: number): readonly (number | null)[] =>
  places.map((place) => (place === null ? null : place * factor));

const summed = (lists: readonly (readonly (number | null)[])[], offset: number): readonly (number | null)[] => {
  const [first, ...rest] = lists;
  if (first === undefined) return [];
  return first.map((value, place) =>
    rest.reduce<number | null>(
      (sum, list) => {
        const more = list[place] ?? null;
        return sum === null || more === null ? null : sum + more;
      },
      value === null ? null : value + offset,
    ),
  );
};

/** Places along a side that have work, and those behind them that have none. */
const idle = (cuts: readonly Cut[], length: number): readonly (number | null)[] => {
  const pieces = piecesOf(cuts);
  return Array.from({ length }, (_, place) => (place < pieces ? 0 : null));
};

/** Where an axis lies; null where that is no sum over row and column. */
function spanOf(axis: Axis, loops: readonly Loop[], mapping: Mapping, region: RegionSize): Span | null {
  const [down, across] = [idle(mapping.rows, region.height), idle(mapping.columns, region.width)];
  const along = (terms: readonly { readonly loop: string; readonly factor: number }[], offset: number): Span => {
    const parts = terms.map(({ loop: name, factor }) => {
      const loop = loops.find((one) => one.name === name) ?? { name, size: 1 };
      const block = blockOf(loop, mapping);
      const inner = piecesOfLoop(mapping.columns, name);
      return {
        reach: Math.abs(factor) * (block - 1),
        down: scaled(piecesAlong(mapping.rows, name, region.height), factor * block * inner),
        across: scaled(piecesAlong(mapping.columns, name, region.width), factor * block),
      };
    });
    return {
      size: axis.size,
      extent: parts.reduce((sum, { reach }) => sum + reach, 1),
      down: summed([down, ...parts.map((part) => part.down)], offset),
      across: summed([across, ...parts.map((part) => part.across)], 0),
    };
  };
  switch (axis.kind) {
    case "whole":
      return { size: axis.size, extent: axis.size, down, across };
    case "index":
      return axis.terms.some(({ factor }) => factor < 1) ? null : along(axis.terms, axis.offset);
    case "spread": {
      const loop = loops.find(({ name }) => name === axis.loop);
      if (loop === undefined || axis.size % loop.size !== 0) return null;
      const factor = axis.size / loop.size;
      const span = along([{ loop: axis.loop, factor }], 0);
      return { ...span, extent: span.extent - 1 + factor };
    }
  }
}

const isFlat = (places: readonly (number | null)[]): boolean => places.every((place) => place === null || place === 0);

/** All of the axis on every core. */
const isWhole = ({ size, extent, down, across }: Span): boolean => extent >= size && isFlat(down) && isFlat(across);

/** Axes of one position are left out; an axis that every core has all of becomes one with the axis before it. */
function merged(spans: readonly Span[]): readonly Span[] {
  const result: Span[] = [];
  for (const span of spans) {
    if (span.size === 1 && isWhole(span)) continue;
    const before = result.at(-1);
    if (before === undefined || !isWhole(span)) {
      result.push(span);
      continue;
    }
    result[result.length - 1] = {
      size: before.size * span.size,
      extent: before.extent * span.size,
      down: scaled(before.down, span.size),
      across: scaled(before.across, span.size),
    };
  }
  return result;
}

/** How an operand lies over a region. */
export function spreadOver(region: RegionSize, { kernel, operand, mapping }: Laid): Spread {
  const allWords = wordsOf(operand, operandElements(operand));
  const spans: Span[] = [];
  for (const axis of operand.axes) {
    const span = spanOf(axis, kernel.loops, mapping, region);
    // what a core has or needs may then be all of it
    if (span === null) return { spans: null, words: allWords, allWords, operand };
    spans.push(span);
  }
  const index = kernel.stages.findLastIndex(({ makes }) => makes === operand.name);
  const stage = kernel.stages[index];
  const isShared = nestOf(kernel).stages[index]?.isShared === true;
  const sums = stage === undefined || isShared ? [] : summedLoops(stage, operand);
  // a sum comes together in the first piece of every loop that it runs over
  const present = (cuts: readonly Cut[], length: number): readonly (number | null)[] =>
    summed(
      [idle(cuts, length), ...sums.map((loop) => piecesAlong(cuts, loop, length))].map((places) =>
        places.map((place) => (place === 0 ? 0 : null)),
      ),
      0,
    );
  const down = present(mapping.rows, region.height);
  const across = present(mapping.columns, region.width);
  const elements = spans.reduce((product, { extent, size }) => product * Math.min(extent, size), 1);
  return {
    spans: [{ size: 1, extent: 1, down, across }, ...merged(spans)],
    words: wordsOf(operand, elements),
    allWords,
    operand,
  };
}

const wordsOf = ({ dtype }: Operand, elements: number): number => (elements * dtypeInfo(dtype).bits) / 8 / wordBytes;

/** Every place that is read at has the positions that are made there. */
const covers = (made: readonly (number | null)[], read: readonly (number | null)[]): boolean =>
  read.every((place, index) => place === null || place === made[index]);

/** Lines along one side hold all that is read in them. `line` is the side that numbers them, `along` the one that they run along. */
function holdsLines(made: readonly Span[], read: readonly Span[], line: "across" | "down"): boolean {
  const along = line === "across" ? "down" : "across";
  return made.every((span, index) => {
    const other = read[index];
    if (other === undefined) return false;
    // every line with a reader has makers
    if (!other[line].every((place, at) => place === null || span[line][at] !== null)) return false;
    if (isFlat(span[line])) return true;
    return (
      isFlat(span[along]) && isFlat(other[along]) && covers(span[line], other[line]) && other.extent <= span.extent
    );
  });
}

/** Which kind of conversion lies between two layouts of one value. */
function kindOf(made: readonly Span[], read: readonly Span[]): ConversionKind {
  const isAlike = made.length === read.length && made.every(({ size }, at) => size === nth(read, at).size);
  if (!isAlike) return "everywhere";
  const isHeld = made.every((span, at) => {
    const other = nth(read, at);
    return other.extent <= span.extent && covers(span.down, other.down) && covers(span.across, other.across);
  });
  if (isHeld) return "stays";
  if (holdsLines(made, read, "across")) return "columns";
  if (holdsLines(made, read, "down")) return "rows";
  return "everywhere";
}

/** Elements that a line of cores holds of a value. */
const lineElements = (spans: readonly Span[], line: "across" | "down"): number =>
  spans.reduce(
    (product, { size, extent, [line]: places }) => product * (isFlat(places) ? size : Math.min(size, extent)),
    1,
  );

/** What it takes to bring a value from where it was made to where it is read; `part`: only so many words of it are needed, and not known where. */
export function conversionCost(
  target: Target,
  region: RegionSize,
  made: Spread,
  read: Spread,
  part: { readonly words: number } | null,
): ConversionCost {
  const { cyclesPerWord } = target.link;
  const { width, height } = region;
  const isKnown = part === null && made.spans !== null && read.spans !== null;
  const kind = isKnown ? kindOf(made.spans, read.spans) : "everywhere";
  const through = Math.max(made.words, read.words);
  const cycles = (words: number, rows: number, columns: number): number =>
    Math.ceil(words * cyclesPerWord) + crossingCycles(target, rows, columns);
  switch (kind) {
    case "stays":
      return { kind, cycles: 0 };
    case "columns":
    case "rows": {
      const line = kind === "columns" ? "across" : "down";
      const held = wordsOf(made.operand, lineElements(made.spans ?? [], line));
      const [rows, columns] = kind === "columns" ? [height, 1] : [1, width];
      return { kind, cycles: cycles(Math.max(held, through), rows, columns) };
    }
    case "everywhere": {
      const words = part?.words ?? made.allWords;
      return { kind, cycles: cycles(Math.max(words / Math.min(width, height), through), height, width) };
    }
  }
}
