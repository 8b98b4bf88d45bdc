/**
 * Lists the mappings of a kernel that are worth placing. Every loop that its family cuts is tried in useful numbers of pieces; the pieces of a
 * cut are laid along either side of the rectangle in every combination, and one cut may be spread over both sides. What a core then has to do
 * depends on the pieces alone, so that it is counted once for all layouts.
 */
import {
  bestReduction,
  blocksOf,
  busyCycles,
  costOf,
  rectangleCycles,
  type Site,
  siteOf,
  sramBytes,
  sramOf,
  type Spread,
  type Variant,
  waitCycles,
} from "../../ir/machine/cost.ts";
import { nth } from "../../ir/access.ts";
import type { Kernel, Loop } from "../../ir/kernel-graph.ts";
import type { Cut, Mapping } from "../../ir/machine/mapping.ts";
import { type Nest, nestOf, type TileWork, unevenness, workOf } from "../../ir/machine/work.ts";
import { cutsOfLoops, firstIndex, usefulCuts } from "./cuts.ts";
import { type Candidate, type Family, fitsSides, type Space, type TimeWindow, type VariantList } from "./family.ts";
import { Collector } from "./pareto.ts";

/** A layout of cuts that was found worth keeping: pieces by loop along each side. */
interface Option extends Candidate {
  readonly down: readonly number[];
  readonly across: readonly number[];
}

interface Listing {
  readonly site: Site;
  readonly space: Space;
  /** numbers of the loops that are cut, the finest one last */
  readonly cut: readonly number[];
  readonly options: Collector<Option>;
}

/** All mappings worth placing, with the figures of each on demand. */
export function mappingsOf(kernel: Kernel, family: Family, space: Space): VariantList {
  const site = siteOf(space.target, nestOf(kernel));
  const cut = family.cuts(kernel).map((name) => kernel.loops.findIndex((loop) => loop.name === name));
  const listing: Listing = { site, space, cut, options: new Collector<Option>() };
  if (space.window === null || cut.length === 0) tryAll(listing);
  else tryWithin(listing, space.window);
  const kept = listing.options.optimal(space.keep);
  return { candidates: kept, describe: (index) => variantOf(site, kept[index]) };
}

const sizeAt = ({ site }: Listing, loop: number): number => (site.nest.loops[loop] as Loop).size;

/** Calls `visit` with the pieces of all loops for every combination of cuts. */
function combinations(
  { site }: Listing,
  loops: readonly number[],
  cuts: readonly (readonly number[])[],
  most: number,
  visit: (pieces: number[]) => void,
): void {
  const pieces = site.nest.loops.map(() => 1);
  const step = (index: number, cores: number): void => {
    const loop = loops[index];
    if (loop === undefined) {
      visit(pieces);
      return;
    }
    for (const count of cuts[index] ?? []) {
      if (cores * count > most) break;
      pieces[loop] = count;
      step(index + 1, cores * count);
    }
    pieces[loop] = 1;
  };
  step(0, 1);
}

/** Tries the product of coarse cuts of all loops. */
function tryAll(listing: Listing): void {
  const { cut, space } = listing;
  const { long, short } = space.sides;
  const sizes = cut.map((loop) => sizeAt(listing, loop));
  const cuts = cutsOfLoops(sizes, long * short, space.tries);
  combinations(listing, cut, cuts, long * short, (pieces) => {
    tryPieces(listing, pieces, coreAt(listing.site, pieces));
  });
}

/** Cuts of the finest loop to look at; a core's time falls as they grow, so the few within a window are found by bisection. */
const finestCuts = 400;

/** Tries finer cuts of the other loops, and for each the cuts of the last whose core needs between `least` and `most` cycles. */
function tryWithin(listing: Listing, { least, most }: TimeWindow): void {
  const { cut, space, site } = listing;
  const { long, short } = space.sides;
  const others = cut.slice(0, -1);
  const finest = cut.at(-1) ?? 0;
  const cuts = cutsOfLoops(
    others.map((loop) => sizeAt(listing, loop)),
    long * short,
    space.tries,
  );
  const fine = usefulCuts(sizeAt(listing, finest), long * short, finestCuts);
  combinations(listing, others, cuts, long * short, (pieces) => {
    const coreWith = (count: number): CoreCycles => {
      pieces[finest] = count;
      return coreAt(site, pieces);
    };
    for (let index = firstIndex(fine, (count) => coreWith(count).busy <= most); index < fine.length; index++) {
      const core = coreWith(fine[index] as number);
      tryPieces(listing, pieces, core);
      if (core.busy < least) break;
    }
    pieces[finest] = 1;
  });
}

/** What the fullest core has to do. */
interface CoreCycles {
  readonly work: TileWork;
  readonly busy: number;
}

/** Iterations of each loop in the fullest core, where each lies in so many pieces. */
function extentsAt({ loops }: Nest, pieces: readonly number[]): number[] {
  const extents: number[] = [];
  for (let loop = 0; loop < loops.length; loop++) extents.push(Math.ceil(nth(loops, loop).size / nth(pieces, loop)));
  return extents;
}

function coreAt(site: Site, pieces: readonly number[]): CoreCycles {
  const work = workOf(site.nest, extentsAt(site.nest, pieces), pieces);
  return { work, busy: busyCycles(site, work) };
}

/** True where the longest piece of a loop becomes shorter by more pieces. */
function isShorter({ nest }: Site, pieces: readonly number[], loop: number, more: number): boolean {
  const { size } = nest.loops[loop] as Loop;
  return Math.ceil(size / more) < Math.ceil(size / (pieces[loop] as number));
}

/** The core where a loop that is cut lies in more pieces than it did: they may be as long as before, and some then shorter or empty. */
function coreWithMore(site: Site, core: CoreCycles, pieces: readonly number[], loop: number, more: number): CoreCycles {
  const finer = [...pieces];
  finer[loop] = more;
  if (isShorter(site, pieces, loop, more)) return coreAt(site, finer);
  return { ...core, work: { ...core.work, ...unevenness(site.nest, extentsAt(site.nest, finer), finer) } };
}

/** Cycles that a rectangle takes at least: without waiting, its pieces as even as they were; without a core, what its border takes. */
const leastCycles = (site: Site, core: CoreCycles | null, rows: number, columns: number): number =>
  rectangleCycles(site, core?.busy ?? 0, core?.work ?? { unevenIn: 1, unevenOut: 1 }, rows, columns);

/** Offers every layout of some pieces that fits the cores' memory. */
function tryPieces(listing: Listing, pieces: readonly number[], core: CoreCycles): void {
  const { site, cut, space } = listing;
  if (sramBytes(sramOf(site, core.work)) > space.target.core.sramBytes) return;
  const active = cut.filter((loop) => (pieces[loop] as number) > 1);
  // one of the cuts lies along the rows: turning the rectangle makes the other half of all layouts
  const layouts = 1 << Math.max(0, active.length - 1);
  for (let layout = 0; layout < layouts; layout++) {
    let rows = 1;
    let columns = 1;
    for (let index = 0; index < active.length; index++) {
      if (liesAcross(layout, index)) columns *= nth(pieces, nth(active, index));
      else rows *= nth(pieces, nth(active, index));
    }
    const laid: Layout = { pieces, active, layout, rows, columns };
    offer(listing, core, laid, null);
    for (let index = 0; index < active.length; index++) spreadOver(listing, core, laid, index);
  }
}

/** Which cuts lie along which side. */
interface Layout {
  readonly pieces: readonly number[];
  /** loops that are cut */
  readonly active: readonly number[];
  /** a bit for each but the first, set where it lies along the columns */
  readonly layout: number;
  readonly rows: number;
  readonly columns: number;
}

/** One of the cuts, spread over both sides. */
interface SpreadCut {
  /** index into `Layout.active` */
  readonly index: number;
  readonly down: number;
  readonly across: number;
}

const liesAcross = (layout: number, index: number): boolean => index > 0 && ((layout >> (index - 1)) & 1) === 1;

/** Shapes from square to flat that a single cut is laid out in. */
const aspects = 9;

/** Spreads one cut over both sides, so that the rectangle becomes square; a cut that is the only one also ever flatter. */
function spreadOver(listing: Listing, core: CoreCycles, laid: Layout, index: number): void {
  const { pieces, active, layout } = laid;
  const loop = active[index] as number;
  const count = pieces[loop] as number;
  if (count < 4) return;
  const across = liesAcross(layout, index);
  const rows = across ? laid.rows : laid.rows / count;
  const columns = across ? laid.columns / count : laid.columns;
  let high = Math.round(Math.sqrt((count * columns) / rows));
  for (
    let shape = 0;
    shape < (active.length === 1 ? aspects : 1) && high >= 2;
    shape++, high = Math.floor(high / 1.5)
  ) {
    if (high >= count) continue;
    const wide = Math.ceil(count / high);
    const [height, width] = [rows * high, columns * wide];
    if (!fitsSides(height, width, listing.space.sides)) continue;
    const isLonger = high * wide !== count;
    // most shapes have a faster mapping already, whatever their cores do: the border alone decides, or a core that has as much to do as before
    const least = isLonger && isShorter(listing.site, pieces, loop, high * wide) ? null : core;
    if (!listing.options.wants(height, width, leastCycles(listing.site, least, height, width))) continue;
    const own = isLonger ? coreWithMore(listing.site, core, pieces, loop, high * wide) : core;
    offer(listing, own, { ...laid, rows: height, columns: width }, { index, down: high, across: wide });
  }
}

/** Pieces by loop along each side. */
function sidesAt({ pieces, active, layout }: Layout, spread: SpreadCut | null): Pick<Option, "down" | "across"> {
  const down = new Array<number>(pieces.length).fill(1);
  const across = new Array<number>(pieces.length).fill(1);
  for (let index = 0; index < active.length; index++) {
    const loop = nth(active, index);
    if (spread?.index === index) {
      down[loop] = spread.down;
      across[loop] = spread.across;
    } else if (liesAcross(layout, index)) across[loop] = pieces[loop] as number;
    else down[loop] = pieces[loop] as number;
  }
  return { down, across };
}

function offer({ site, space, options }: Listing, core: CoreCycles, laid: Layout, spread: SpreadCut | null): void {
  const { rows, columns } = laid;
  if (!fitsSides(rows, columns, space.sides)) return;
  const { busy, work } = core;
  // waiting only adds to this
  if (!options.wants(rows, columns, rectangleCycles(site, busy, work, rows, columns))) return;
  const sides = sidesAt(laid, spread);
  const isWaiting = work.partials > 0 || work.agreements.length > 0 || work.exchanges.length > 0;
  const wait = isWaiting ? waitCycles(site, work, (names) => spreadAt(site, sides, names)) : 0;
  const cycles = rectangleCycles(site, busy + wait, work, rows, columns);
  if (options.wants(rows, columns, cycles)) options.add({ rows, columns, cycles, ...sides });
}

function spreadAt({ nest }: Site, { down, across }: Pick<Option, "down" | "across">, names: readonly string[]): Spread {
  const along = (side: readonly number[]): number =>
    nest.loops.reduce(
      (product, { name }, loop) => (names.includes(name) ? product * (side[loop] as number) : product),
      1,
    );
  return { rows: along(down), columns: along(across) };
}

/** Loops that are summed over lie innermost, so that cores which share a sum are neighbours. */
function cutsAlong({ nest }: Site, pieces: readonly number[]): readonly Cut[] {
  const summed = new Set(nest.stages.flatMap(({ sums, combine }) => [...sums, ...(combine?.loops ?? [])]));
  const cuts = nest.loops.map(({ name }, loop) => ({
    loop: name,
    pieces: pieces[loop] as number,
    inner: summed.has(loop),
  }));
  return [...cuts.filter(({ inner }) => !inner), ...cuts.filter(({ inner }) => inner)]
    .filter(({ pieces: count }) => count > 1)
    .map(({ loop, pieces: count }) => ({ loop, pieces: count }));
}

function variantOf(site: Site, option: Option | undefined): Variant {
  if (option === undefined) throw new Error("internal: no such variant");
  const rows = cutsAlong(site, option.down);
  const columns = cutsAlong(site, option.across);
  const bare: Mapping = { height: option.rows, width: option.columns, rows, columns, reduce: "chain" };
  const { extents, pieces } = blocksOf(site.nest, bare);
  const { partials } = workOf(site.nest, extents, pieces);
  const mapping = { ...bare, reduce: bestReduction(site, bare, partials) };
  return { mapping, ...costOf(site, mapping) };
}
