/**
 * How a value lies over a region of cores that kernels share. Where an axis of the value begins on a core is a sum of what its row and what its column
 * contribute, so a layout is said by as many figures as the region has rows and columns. Along a side without cuts all cores of the rectangle of a mapping
 * do the same: a value that lies in all of them need not be brought to one first, and what they make need not be brought back.
 */
import { nth } from "../access.ts";
import { dtypeInfo } from "../dtype.ts";
import {
  type Axis,
  type Kernel,
  type Loop,
  type Operand,
  operandElements,
  type ValuePart,
  wordBytes,
} from "../kernel-graph.ts";
import { leavesWithAll } from "./collectives.ts";
import { summedLoops } from "./layout.ts";
import { blockOf, type Cut, type Mapping, piecesOf, piecesOfLoop } from "./mapping.ts";
import { nestOf } from "./work.ts";

/** Cores of a region. */
export interface RegionSize {
  readonly width: number;
  readonly height: number;
}

/** Positions along one axis: where they begin is `down[y] + across[x]`; null where the row or column has no iterations. */
export interface Span {
  readonly size: number;
  readonly extent: number;
  readonly down: readonly (number | null)[];
  readonly across: readonly (number | null)[];
}

/** A value over a region. */
export interface Spread {
  /** a span of one position that says which cores have any of it */
  readonly present: Span;
  /** those of its axes, without axes of one position; null where it is not known axis by axis */
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

/** Places along a side of the region; null where there is nothing. */
type Places = readonly (number | null)[];

/** What a mapping deals out along a side of the region. Axes of one operand ask for the same loops, so what is known is kept. */
class SideOf {
  readonly cuts: readonly Cut[];
  /** cores of the region */
  readonly length: number;
  /** cores along it that do any work: one for each piece, or all of the rectangle's where nothing is cut */
  readonly busy: number;
  readonly #pieces = new Map<string, Places>();

  constructor(cuts: readonly Cut[], cores: number, length: number) {
    this.cuts = cuts;
    this.length = length;
    this.busy = cuts.length === 0 ? cores : piecesOf(cuts);
  }

  /** For each place, the number of a loop's piece there; null where nothing is done. */
  piecesOf(loop: string): Places {
    const known = this.#pieces.get(loop);
    if (known !== undefined) return known;
    const pieces = new Array<number>(Math.min(this.busy, this.length)).fill(0);
    let inner = 1;
    let weight = 1;
    for (const cut of this.cuts.toReversed()) {
      if (cut.loop === loop) {
        for (let place = 0; place < pieces.length; place++)
          pieces[place] = nth(pieces, place) + weight * (Math.floor(place / inner) % cut.pieces);
        weight *= cut.pieces;
      }
      inner *= cut.pieces;
    }
    const places = [...pieces, ...new Array<null>(this.length - pieces.length).fill(null)];
    this.#pieces.set(loop, places);
    return places;
  }
}

/** Both sides of a region under a mapping, with the places that have work. */
interface Sides {
  readonly rows: SideOf;
  readonly columns: SideOf;
  readonly down: Places;
  readonly across: Places;
}

const scaled = (places: Places, factor: number): Places =>
  places.map((place) => (place === null ? null : place * factor));

function summed([first, ...rest]: readonly Places[], offset: number): Places {
  if (first === undefined) return [];
  const sum = first.map((value) => (value === null ? null : value + offset));
  for (const list of rest)
    for (let place = 0; place < sum.length; place++) {
      const [own, more] = [sum[place] ?? null, list[place] ?? null];
      sum[place] = own === null || more === null ? null : own + more;
    }
  return sum;
}

/** Places along a side that have work, and those that have none: behind the pieces, or where a loop has ended before. */
function working(side: SideOf, inner: readonly Cut[], loops: readonly Loop[], mapping: Mapping): Places {
  const begins = loops
    .filter(({ name }) => side.cuts.some(({ loop }) => loop === name))
    .map((loop) => ({
      places: side.piecesOf(loop.name),
      // pieces behind the last iteration
      end: loop.size / (blockOf(loop, mapping) * piecesOfLoop(inner, loop.name)),
    }));
  return Array.from({ length: side.length }, (_, place) =>
    place < side.busy && begins.every(({ end, places }) => (places[place] ?? end) < end) ? 0 : null,
  );
}

function sidesOf(mapping: Mapping, loops: readonly Loop[], region: RegionSize): Sides {
  const rows = new SideOf(mapping.rows, mapping.height, region.height);
  const columns = new SideOf(mapping.columns, mapping.width, region.width);
  return {
    rows,
    columns,
    // a piece along the rows is cut again along the columns
    down: working(rows, mapping.columns, loops, mapping),
    across: working(columns, [], loops, mapping),
  };
}

/** Where an axis lies; null where that is no sum over row and column. */
function spanOf(axis: Axis, loops: readonly Loop[], mapping: Mapping, sides: Sides): Span | null {
  const { rows, columns, down, across } = sides;
  const along = (terms: readonly { readonly loop: string; readonly factor: number }[], offset: number): Span => {
    const parts = terms.map(({ loop: name, factor }) => {
      const loop = loops.find((one) => one.name === name) ?? { name, size: 1 };
      const block = blockOf(loop, mapping);
      const inner = piecesOfLoop(mapping.columns, name);
      return {
        reach: Math.abs(factor) * (block - 1),
        down: scaled(rows.piecesOf(name), factor * block * inner),
        across: scaled(columns.piecesOf(name), factor * block),
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

export const isFlat = (places: readonly (number | null)[]): boolean =>
  places.every((place) => place === null || place === 0);

/** The first and the last position at which a span begins along one side. */
export function rangeOf(span: Span, side: "down" | "across"): readonly [least: number, most: number] {
  let [least, most] = [Infinity, -Infinity];
  for (const place of span[side]) {
    if (place === null) continue;
    if (place < least) least = place;
    if (place > most) most = place;
  }
  return least > most ? [0, 0] : [least, most];
}

/** All of the axis on every core. */
export const isWhole = ({ size, extent, down, across }: Span): boolean =>
  extent >= size && isFlat(down) && isFlat(across);

/** How an operand lies over a region. */
export function spreadOver(region: RegionSize, { kernel, operand, mapping }: Laid): Spread {
  const allWords = wordsOf(operand, operandElements(operand));
  const sides = sidesOf(mapping, kernel.loops, region);
  const everywhere: Span = { size: 1, extent: 1, down: sides.down, across: sides.across };
  const spans: Span[] = [];
  for (const axis of operand.axes) {
    const span = spanOf(axis, kernel.loops, mapping, sides);
    // what a core has or needs may then be all of it
    if (span === null) return { present: everywhere, spans: null, words: allWords, allWords, operand };
    spans.push(span);
  }
  const index = kernel.stages.findLastIndex(({ makes }) => makes === operand.name);
  const stage = kernel.stages[index];
  const isShared = nestOf(kernel).stages[index]?.isShared === true;
  const overSums = stage === undefined || isShared ? [] : summedLoops(stage, operand);
  const isForAll = leavesWithAll(mapping.reduce);
  // cores whose pieces of a loop along both sides end before have no sum either, which is no matter of rows and columns alone
  const isEntangled = (loop: string): boolean =>
    piecesOfLoop(mapping.rows, loop) > 1 && piecesOfLoop(mapping.columns, loop) > 1;
  if (isForAll && overSums.some(isEntangled))
    return { present: everywhere, spans: null, words: allWords, allWords, operand };
  const sums = isForAll ? [] : overSums;
  // a sum comes together in the first piece of every loop that it runs over
  const present = (side: SideOf, busy: Places): Places =>
    busy.map((place, at) =>
      place !== null && sums.every((loop) => (side.piecesOf(loop)[at] ?? null) === 0) ? 0 : null,
    );
  const down = present(sides.rows, sides.down);
  const across = present(sides.columns, sides.across);
  const elements = spans.reduce((product, { extent, size }) => product * Math.min(extent, size), 1);
  return {
    present: { size: 1, extent: 1, down, across },
    spans: spans.filter((span) => span.size > 1 || !isWhole(span)),
    words: wordsOf(operand, elements),
    allWords,
    operand,
  };
}

export const wordsOf = ({ dtype }: Operand, elements: number): number =>
  (elements * dtypeInfo(dtype).bits) / 8 / wordBytes;

/**
 * Two layouts of one value over the same axes: where a reshape lies between them, axes are split until they are alike. `part`: the positions of the
 * value that are read, over the axes of the reader. Null where pieces do not follow the axes.
 */
export function alike(
  made: readonly Span[],
  read: readonly Span[],
  part: ValuePart | null,
): { readonly made: readonly Span[]; readonly read: readonly Span[] } | null {
  const sent = part === null ? read : sentSpans(read, part);
  return sent === null ? null : refined(made, sent);
}

/** The positions in the value that a part of all its elements stands for: axes that are turned around, or none; null for less than all. */
function sentSpans(read: readonly Span[], { starts, sizes, steps }: ValuePart): readonly Span[] | null {
  const shape = sizes.map((size): Span => ({ size, extent: size, down: [0], across: [0] }));
  const split = refined(
    shape.filter(({ size }) => size > 1),
    read,
  );
  if (split?.made.length !== shape.filter(({ size }) => size > 1).length) return null;
  const axes = sizes.flatMap((size, axis) =>
    size > 1 ? [{ size, start: nth(starts, axis), step: nth(steps, axis) }] : [],
  );
  if (sizes.some((size, axis) => size === 1 && nth(starts, axis) !== 0)) return null;
  const spans: Span[] = [];
  for (const [index, { size, start, step }] of axes.entries()) {
    const span = nth(split.read, index);
    const isTurned = step === -1 && start === size - 1;
    if (step === 1 && start === 0) spans.push(span);
    else if (isTurned && isWhole(span)) spans.push(span);
    else if (isTurned && size % span.extent === 0 && isFlat(span.down))
      spans.push({ ...span, across: mirrored(span.across, size - span.extent) });
    else if (isTurned && size % span.extent === 0 && isFlat(span.across))
      spans.push({ ...span, down: mirrored(span.down, size - span.extent) });
    else return null;
  }
  return spans;
}

const mirrored = (places: readonly (number | null)[], last: number): readonly (number | null)[] =>
  places.map((place) => (place === null ? null : last - place));

/** Splits axes until both lists have the same; the innermost axes come first. Null where that cannot be. */
function refined(
  a: readonly Span[],
  b: readonly Span[],
): { readonly made: readonly Span[]; readonly read: readonly Span[] } | null {
  const [made, read]: readonly [Span[], Span[]] = [[], []];
  const [left, right] = [[...a], [...b]];
  for (;;) {
    const [one, other] = [left.pop(), right.pop()];
    if (one === undefined && other === undefined) return { made, read };
    if (one === undefined || other === undefined) return null;
    const size = Math.min(one.size, other.size);
    const [ones, others] = [splitSpan(one, size), splitSpan(other, size)];
    if (ones === null || others === null) return null;
    made.unshift(ones.inner);
    read.unshift(others.inner);
    if (ones.outer !== null) left.push(ones.outer);
    if (others.outer !== null) right.push(others.outer);
  }
}

/** An axis as two, the inner one of so many positions; null where its pieces lie over their border, or row and column carry over it. */
function splitSpan(span: Span, inner: number): { readonly outer: Span | null; readonly inner: Span } | null {
  if (span.size === inner) return { outer: null, inner: span };
  if (span.size % inner !== 0) return null;
  if (rangeOf(span, "down")[0] < 0 || rangeOf(span, "across")[0] < 0) return null;
  const most = (list: readonly (number | null)[]): number => {
    let so = 0;
    for (const place of list) if (place !== null && place % inner > so) so = place % inner;
    return so;
  };
  const within = most(span.down) + most(span.across);
  const outerOf = (list: readonly (number | null)[]): readonly (number | null)[] =>
    list.map((place) => (place === null ? null : Math.floor(place / inner)));
  const innerOf = (list: readonly (number | null)[]): readonly (number | null)[] =>
    list.map((place) => (place === null ? null : place % inner));
  const size = span.size / inner;
  const isWithin = within + span.extent <= inner;
  if (!isWithin && (within > 0 || span.extent % inner !== 0)) return null;
  return {
    outer: {
      size,
      extent: isWithin ? 1 : span.extent / inner,
      down: outerOf(span.down),
      across: outerOf(span.across),
    },
    inner: {
      size: inner,
      extent: isWithin ? span.extent : inner,
      down: innerOf(span.down),
      across: innerOf(span.across),
    },
  };
}

const isSameSpan = (a: Span, b: Span): boolean =>
  a.size === b.size && a.extent === b.extent && isSamePlaces(a.down, b.down) && isSamePlaces(a.across, b.across);

const isSamePlaces = (a: readonly (number | null)[], b: readonly (number | null)[]): boolean =>
  a === b || (a.length === b.length && a.every((place, index) => place === b[index]));

/** True where two layouts of one value put the same of it into every core, axis by axis. */
export const hasSameLayout = (a: Spread, b: Spread): boolean =>
  a === b ||
  (a.spans !== null &&
    b.spans !== null &&
    isSameSpan(a.present, b.present) &&
    a.spans.length === b.spans.length &&
    a.spans.every((span, index) => isSameSpan(span, nth(b.spans ?? [], index))));
