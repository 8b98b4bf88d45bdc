/**
 * Strips: items in the order in which data flows, each a strip across the whole rectangle, one above the other. Nothing keeps wires shorter: the
 * distance between neighbours is half the sum of their thin sides. Where strips of full length waste area, a run of items is folded into two or
 * three columns of shorter strips:
 *
 *     +--------------------------+
 *     |            8             |     every cell of the stack is one strip or one folded run
 *     +--------------------------+
 *     |     4      |      5      |     columns of a fold run up or down
 *     +------------+------+------+
 *     |     3      |      6      |
 *     +------------+-------------+
 *     |     2      |      7      |
 *     +------------+-------------+
 *     |            1             |
 *     +--------------------------+
 *
 * The wire of a stack is a sum over its cells: an edge pays its way inside a cell, and the height of every cell that it passes. So a dynamic
 * program over (items placed, rows used) finds the shortest wires of all stacks that fit, exactly within this class (an edge between two folds
 * is reckoned through the middle of the rectangle).
 */

/** Thin side of an item by the length it may have: `thickness[length]`, cores. */
export type Thickness = Uint16Array;

/** Stands for "no shape is that short"; sums of some thousands of it stay exact. */
export const tooShort = 0xffff;

export interface StripProblem {
  /** cores */
  readonly width: number;
  readonly height: number;
  /** by item, in the order of the flow */
  readonly thickness: readonly Thickness[];
  /** between positions in that order */
  readonly edges: readonly { readonly from: number; readonly to: number }[];
}

/** Consecutive items. */
interface Range {
  readonly first: number;
  readonly count: number;
}

/** A column of a cell: its items in the order of the flow, the first at the bottom when it runs up. */
export interface StripColumn {
  readonly ranges: readonly Range[];
  readonly up: boolean;
}

/** A full strip (one column of one item) or a folded run. */
export type StripCell = readonly StripColumn[];

export interface StripPlan {
  /** from the bottom */
  readonly cells: readonly StripCell[];
  /** L1 distance over all edges, cores */
  readonly wire: number;
}

interface Option {
  readonly first: number;
  readonly count: number;
  readonly height: number;
  readonly wire: number;
  readonly cell: StripCell;
}

/** Longest chains that columns are tried for; the work grows with the square. */
const mostForColumns = 5_000;

/**
 * Columns side by side over the whole rectangle, each a stack of consecutive items, running up and down in turn: for many small items. The least
 * total width is found by a dynamic program over the items placed; null when it is too wide.
 */
export function planColumns(problem: StripProblem): StripPlan | null {
  const { width, height, thickness } = problem;
  const count = thickness.length;
  if (count > mostForColumns) return null;
  const site = siteOf(problem);
  const least = new Float64Array(count + 1).fill(Infinity);
  const from = new Int32Array(count + 1);
  least[0] = 0;
  for (let first = 0; first < count; first++) {
    const used = least[first] as number;
    if (used >= width) continue;
    for (let size = 1; first + size <= count; size++) {
      const wide = used + widthFor(site, [{ first, count: size }], height);
      if (wide > width) break;
      if (wide >= (least[first + size] as number)) continue;
      least[first + size] = wide;
      from[first + size] = first;
    }
  }
  if ((least[count] as number) > width) return null;
  const ranges: Range[] = [];
  for (let end = count; end > 0; end = from[end] as number) {
    ranges.push({ first: from[end] as number, count: end - (from[end] as number) });
  }
  ranges.reverse();
  const cell = ranges.map((range, index) => ({ ranges: [range], up: index % 2 === 0 }));
  const spare = Math.floor((width - (least[count] as number)) / ranges.length);
  const widths = ranges.map((range) => widthFor(site, [range], height) + spare);
  return { cells: [cell], wire: optionOf(site, 0, count, cell, widths, height).wire };
}

/** States of the table at most, 16 bytes each. */
const mostStates = 2e7;

/** Steps that filling the table, and looking for folds, may take. */
const tableBudget = 1e8;
const foldBudget = 3e6;

/** Items in a run that is folded in every possible way, by number of columns. */
const longestFold = { 2: 400, 3: 14 } as const;

/** Items taken out of the middle of a run and set beside it, at most. */
const mostBeside = 3;

/** Finds the stack with the shortest wires, or null when none fits. */
export function planStrips(problem: StripProblem, thorough: boolean): StripPlan | null {
  const { height, thickness } = problem;
  const count = thickness.length;
  if (count * height > mostStates) return null;
  const options = optionsOf(problem, thorough);
  const rows = height + 1;
  const least = new Float64Array((count + 1) * rows).fill(Infinity);
  const chosen = new Int32Array((count + 1) * rows).fill(-1);
  const list: Option[] = [];
  least[0] = 0;
  for (let first = 0; first < count; first++) {
    for (const option of options[first] ?? []) {
      const index = list.push(option) - 1;
      const from = first * rows;
      const to = (first + option.count) * rows + option.height;
      for (let used = 0; used + option.height < rows; used++) {
        const wire = (least[from + used] as number) + option.wire;
        if (wire < (least[to + used] as number)) {
          least[to + used] = wire;
          chosen[to + used] = index;
        }
      }
    }
  }
  let used = 0;
  const end = count * rows;
  for (let at = 1; at < rows; at++) if ((least[end + at] as number) < (least[end + used] as number)) used = at;
  const wire = least[end + used] as number;
  if (wire === Infinity) return null;
  const cells: StripCell[] = [];
  for (let item = count; item > 0;) {
    const option = list[chosen[item * rows + used] as number] as Option;
    cells.push(option.cell);
    item = option.first;
    used -= option.height;
  }
  return { cells: cells.reverse(), wire };
}

/** What folding needs to know at every turn. */
interface Site {
  readonly problem: StripProblem;
  /** by length: thickness of the items before one, added up */
  readonly sums: readonly Float64Array[];
  /** edges by their earlier end, and by their later end */
  readonly leaving: readonly (readonly number[])[];
  readonly entering: readonly (readonly number[])[];
  /** by run: edges that begin before it and end behind it */
  readonly passed: readonly Uint32Array[];
  /** centres of the run in hand, from the lower left corner of its cell */
  readonly x: Float64Array;
  readonly y: Float64Array;
}

function optionsOf(problem: StripProblem, thorough: boolean): Option[][] {
  const { width, height, thickness } = problem;
  const count = thickness.length;
  const site = siteOf(problem);
  const affordable = Math.min(1, tableBudget / (count * height * count));
  const longest = Math.max(3, Math.floor(count * affordable));
  const share = Math.min(1, foldBudget / (count * 2_000));
  return thickness.map((_, first) => {
    const options: Option[] = [];
    const most = Math.min(longest, count - first);
    if (sumOf(site, [{ first, count: 1 }], width) <= height) {
      options.push(
        optionOf(
          site,
          first,
          1,
          [{ ranges: [{ first, count: 1 }], up: true }],
          [width],
          sumOf(site, [{ first, count: 1 }], width),
        ),
      );
    }
    for (let size = 2; size <= most; size++) {
      for (const columns of [2, 3] as const) {
        if (size <= Math.max(columns, longestFold[columns] * share))
          addBest(site, first, size, splitsOf(first, size, columns), options);
      }
      if (thorough) addBest(site, first, size, besideOf(site, first, size), options);
    }
    return options;
  });
}

function siteOf(problem: StripProblem): Site {
  const { width, thickness, edges } = problem;
  const sums = Array.from({ length: width + 1 }, (_, length) => {
    const sum = new Float64Array(thickness.length + 1);
    for (const [item, thick] of thickness.entries()) {
      const value = thick[length] ?? tooShort;
      sum[item + 1] = (sum[item] as number) + (value === tooShort ? 1e9 : value);
    }
    return sum;
  });
  const leaving: number[][] = thickness.map(() => []);
  const entering: number[][] = thickness.map(() => []);
  for (const { from, to } of edges) {
    leaving[Math.min(from, to)]?.push(Math.max(from, to));
    entering[Math.max(from, to)]?.push(Math.min(from, to));
  }
  return {
    problem,
    sums,
    leaving,
    entering,
    passed: passedBy(leaving),
    x: new Float64Array(thickness.length),
    y: new Float64Array(thickness.length),
  };
}

/** For every run (first, size): edges from before it to behind it. */
function passedBy(leaving: readonly (readonly number[])[]): Uint32Array[] {
  const count = leaving.length;
  // edges from items before `first` that end at or behind each item
  const over = new Uint32Array(count + 1);
  return leaving.map((_, first) => {
    for (const other of first === 0 ? [] : (leaving[first - 1] ?? []))
      for (let item = 0; item <= other; item++) over[item] = (over[item] as number) + 1;
    return over.slice(first, count + 1);
  });
}

/** Height of items stacked in a width. */
function sumOf({ sums }: Site, ranges: readonly Range[], width: number): number {
  const sum = sums[width] as Float64Array;
  let height = 0;
  for (const { first, count } of ranges) height += (sum[first + count] as number) - (sum[first] as number);
  return height;
}

/** Least width in which items stack up to a height; Infinity when none is enough. */
function widthFor(site: Site, ranges: readonly Range[], height: number): number {
  const { width } = site.problem;
  if (sumOf(site, ranges, width) > height) return Infinity;
  let low = 1;
  let high = width;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sumOf(site, ranges, middle) <= height) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Items of a run, distributed over columns. */
type Fold = readonly (readonly Range[])[];

/** Offers the lowest of some folds of a run, if it is lower than the run's strips. */
function addBest(site: Site, first: number, size: number, folds: Iterable<Fold>, options: Option[]): void {
  let height = Math.min(site.problem.height + 1, sumOf(site, [{ first, count: size }], site.problem.width));
  let best: Fold | null = null;
  for (const fold of folds) {
    const lower = foldHeight(site, fold, height - 1);
    if (lower === null) continue;
    height = lower;
    best = fold;
  }
  if (best !== null) options.push(foldOption(site, first, size, best, height));
}

/** A run cut into columns of consecutive items, in every way. */
function splitsOf(first: number, size: number, columns: 2 | 3): Fold[] {
  const folds: Fold[] = [];
  const range = (from: number, to: number): Range[] => [{ first: first + from, count: to - from }];
  for (let a = 1; a < size; a++) {
    if (columns === 2) folds.push([range(0, a), range(a, size)]);
    else for (let b = a + 1; b < size; b++) folds.push([range(0, a), range(a, b), range(b, size)]);
  }
  return folds;
}

/** A few items out of the middle of a run beside all others. */
function besideOf(site: Site, first: number, size: number): Fold[] {
  const folds: Fold[] = [];
  const range = (from: number, to: number): Range => ({ first: first + from, count: to - from });
  if (size < 3) return folds;
  const centre = middleOf(site, first, size);
  for (let few = 1; few <= Math.min(mostBeside, size - 2); few++) {
    for (const shift of [-2, -1, 0, 1]) {
      const from = centre - (few >> 1) + shift;
      if (from < 1 || from + few >= size) continue;
      folds.push([[range(0, from), range(from + few, size)], [range(from, from + few)]]);
    }
  }
  return folds;
}

/** How many items of a run lie below its middle when all are full strips. */
function middleOf({ sums, problem }: Site, first: number, size: number): number {
  const sum = sums[problem.width] as Float64Array;
  const half = ((sum[first] as number) + (sum[first + size] as number)) / 2;
  let items = 0;
  while ((sum[first + items] as number) < half) items++;
  return items;
}

/** Least height of a fold, if it is at most `most`. */
function foldHeight(site: Site, fold: Fold, most: number): number | null {
  const fits = (height: number): boolean => {
    let width = 0;
    for (const ranges of fold) {
      width += widthFor(site, ranges, height);
      if (width > site.problem.width) return false;
    }
    return true;
  };
  if (most < 1 || !fits(most)) return null;
  let low = 1;
  let high = most;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (fits(middle)) high = middle;
    else low = middle + 1;
  }
  return high;
}

/** Which way the columns of a fold run. */
const directions: Readonly<Record<2 | 3, readonly (readonly boolean[])[]>> = {
  2: [
    [true, false],
    [true, true],
    [false, true],
    [false, false],
  ],
  3: [
    [true, false, true],
    [true, true, true],
  ],
};

function foldOption(site: Site, first: number, size: number, fold: Fold, height: number): Option {
  const widths = fold.map((ranges) => widthFor(site, ranges, height));
  const spare = Math.floor((site.problem.width - widths.reduce((sum, width) => sum + width, 0)) / fold.length);
  const wide = widths.map((width) => width + spare);
  let best: Option | null = null;
  for (const ups of directions[fold.length === 2 ? 2 : 3]) {
    const cell = fold.map((ranges, column) => ({ ranges, up: ups[column] as boolean }));
    const option = optionOf(site, first, size, cell, wide, height);
    if (best === null || option.wire < best.wire) best = option;
  }
  return best as Option;
}

/** Lays a cell out and reckons its share of the wires. */
function optionOf(
  site: Site,
  first: number,
  count: number,
  cell: StripCell,
  widths: readonly number[],
  height: number,
): Option {
  const { x, y, problem, leaving, entering } = site;
  let left = 0;
  for (const [index, column] of cell.entries()) {
    const width = widths[index] as number;
    layColumn(site, column, left + width / 2, width, height);
    left += width;
  }
  const middle = problem.width / 2;
  const end = first + count;
  let wire = height * passing(site, first, end);
  for (let item = first; item < end; item++) {
    const cx = x[item] as number;
    const cy = y[item] as number;
    for (const other of leaving[item] ?? []) {
      if (other >= end) wire += height - cy + Math.abs(cx - middle);
      else wire += Math.abs(cx - (x[other] as number)) + Math.abs(cy - (y[other] as number));
    }
    for (const other of entering[item] ?? []) if (other < first) wire += cy + Math.abs(cx - middle);
  }
  return { first, count, height, wire, cell };
}

/** Items of a column from the bottom. */
export function itemsOf({ ranges, up }: StripColumn): number[] {
  const items = ranges.flatMap(({ first, count }) => Array.from({ length: count }, (_, step) => first + step));
  return up ? items : items.reverse();
}

/** Stacks a column in the middle of its height. */
function layColumn(site: Site, { ranges, up }: StripColumn, x: number, width: number, height: number): void {
  const sum = site.sums[width] as Float64Array;
  const slack = (height - sumOf(site, ranges, width)) / 2;
  let below = up ? slack : height - slack;
  for (const { first, count } of ranges) {
    for (let item = first; item < first + count; item++) {
      const thick = (sum[item + 1] as number) - (sum[item] as number);
      site.x[item] = x;
      site.y[item] = up ? below + thick / 2 : below - thick / 2;
      below = up ? below + thick : below - thick;
    }
  }
}

/** Edges that begin before a run and end behind it. */
function passing({ passed }: Site, first: number, end: number): number {
  return passed[first]?.[end - first] ?? 0;
}
