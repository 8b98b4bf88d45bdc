/**
 * Lists the mappings of a kernel that are worth placing. Every loop that its family cuts is tried in useful numbers of pieces; the pieces of a
 * cut are laid along either side of the rectangle in every combination, and one cut may be spread over both sides. What a core then has to do
 * depends on the pieces alone, so that it is counted once for all layouts.
 */
import { bestReduction, blocksOf, busyCycles, costOf, rectangleCycles, type Site, siteOf, sramBytes, sramOf, type Spread, type Variant, waitCycles } from "../../ir/machine/cost.ts"; // prettier-ignore
import type { Kernel, Loop } from "../../ir/kernel-graph.ts";
import type { Cut, Mapping } from "../../ir/machine/mapping.ts";
import { nestOf, type TileWork, workOf } from "../../ir/machine/work.ts";
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
    tryPieces(listing, pieces);
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
  const cuts = cutsOfLoops(others.map((loop) => sizeAt(listing, loop)), long * short, space.tries); // prettier-ignore
  const fine = usefulCuts(sizeAt(listing, finest), long * short, finestCuts);
  combinations(listing, others, cuts, long * short, (pieces) => {
    const timeWith = (count: number): number => {
      pieces[finest] = count;
      return busyCycles(site, workAt(site, pieces));
    };
    for (let index = firstIndex(fine, (count) => timeWith(count) <= most); index < fine.length; index++) {
      const time = timeWith(fine[index] as number);
      tryPieces(listing, pieces);
      if (time < least) break;
    }
    pieces[finest] = 1;
  });
}

function extentsAt({ nest }: Site, pieces: readonly number[]): number[] {
  return nest.loops.map(({ size }, loop) => Math.ceil(size / (pieces[loop] as number)));
}

const workAt = (site: Site, pieces: readonly number[]): TileWork => workOf(site.nest, extentsAt(site, pieces), pieces);

/** Offers every layout of some pieces that fits the cores' memory. */
function tryPieces(listing: Listing, pieces: readonly number[]): void {
  const { site, cut, space } = listing;
  const work = workAt(site, pieces);
  if (sramBytes(sramOf(site, work)) > space.target.core.sramBytes) return;
  const active = cut.filter((loop) => (pieces[loop] as number) > 1);
  const busy = busyCycles(site, work);
  // one of the cuts lies along the rows: turning the rectangle makes the other half of all layouts
  const layouts = 1 << Math.max(0, active.length - 1);
  for (let layout = 0; layout < layouts; layout++) {
    const down = pieces.map(() => 1);
    const across = pieces.map(() => 1);
    for (const [index, loop] of active.entries()) {
      const side = index > 0 && ((layout >> (index - 1)) & 1) === 1 ? across : down;
      side[loop] = pieces[loop] as number;
    }
    offer(listing, work, busy, down, across);
    for (const loop of active) spreadOver(listing, pieces, down, across, loop, active.length === 1 ? aspects : 1);
  }
}

/** Shapes from square to flat that a single cut is laid out in. */
const aspects = 9;

/** Spreads one cut over both sides, so that the rectangle becomes square, and then ever flatter. */
function spreadOver(
  listing: Listing,
  pieces: readonly number[],
  down: readonly number[],
  across: readonly number[],
  loop: number,
  shapes: number,
): void {
  const { site } = listing;
  const count = pieces[loop] as number;
  if (count < 4) return;
  const rows = productOf(down) / (down[loop] as number);
  const columns = productOf(across) / (across[loop] as number);
  let high = Math.round(Math.sqrt((count * columns) / rows));
  for (let shape = 0; shape < shapes && high >= 2; shape++, high = Math.floor(high / 1.5)) {
    if (high >= count) continue;
    const wide = Math.ceil(count / high);
    const taller = down.map((own, index) => (index === loop ? high : own));
    const wider = across.map((own, index) => (index === loop ? wide : own));
    const spread = pieces.map((own, index) => (index === loop ? high * wide : own));
    const work = workAt(site, spread);
    offer(listing, work, busyCycles(site, work), taller, wider);
  }
}

const productOf = (counts: readonly number[]): number => counts.reduce((product, count) => product * count, 1);

function offer(
  { site, space, options }: Listing,
  work: TileWork,
  busy: number,
  down: readonly number[],
  across: readonly number[],
): void {
  const rows = productOf(down);
  const columns = productOf(across);
  if (!fitsSides(rows, columns, space.sides)) return;
  const { loops } = site.nest;
  const along = (names: readonly string[]): Spread => {
    const count = (side: readonly number[]): number =>
      loops.reduce((product, { name }, loop) => (names.includes(name) ? product * (side[loop] as number) : product), 1);
    return { rows: count(down), columns: count(across) };
  };
  const wait = work.agreements.length === 0 ? 0 : waitCycles(site, work, along);
  const cycles = rectangleCycles(site, busy + wait, rows, columns);
  if (options.wants(rows, columns, cycles)) options.add({ rows, columns, cycles, down, across });
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
