/**
 * Kernels that combine the elements of a row: softmax, normalisation, reductions. `o` independent rows of `l` elements are cut over
 *
 *     rows x columns  =  o1  x  o2*l'        (o2 is 1, or spreads rows over columns where there are many)
 *
 * Where a row lies in several cores each combining step is an all-reduce along them, which nothing overlaps.
 */
import { dimOf, type Kernel, type LoopDim, type Variant } from "../../../ir/kernel-graph.ts";
import { allReduceCycles, chainLatency } from "../../../ir/machine/collectives.ts";
import { crossingCycles } from "../../../ir/machine/travel.ts";
import { usefulCuts } from "../cuts.ts";
import { cyclesOf, dataBytes, portsOf, type Rates, ratesOf, sramOf, wordBytes } from "../cost.ts";
import { type FamilyContext, fitsSides, type VariantList } from "../family.ts";
import { Collector } from "../pareto.ts";

/** What is done to a row. */
export interface RowWork {
  /** operations per element at the rate of a multiply-add, over all passes */
  readonly fastPerElement: number;
  /** operations per element at the rate of a division */
  readonly slowPerElement: number;
  /** all-reduces that a row needs */
  readonly reductions: number;
}

interface Option {
  readonly rows: number;
  readonly columns: number;
  readonly cycles: number;
  readonly outer: number;
  readonly inner: number;
}

interface Site {
  readonly rates: Rates;
  readonly work: RowWork;
  readonly outer: number;
  readonly inner: number;
  readonly context: FamilyContext;
}

export function rowwiseVariants(kernel: Kernel, work: RowWork, context: FamilyContext): VariantList {
  const outer = dimOf(kernel, "o");
  const inner = dimOf(kernel, "l");
  const site: Site = { rates: ratesOf(kernel, context.target), work, outer, inner, context };
  const cores = context.sides.long * context.sides.short;
  const count = Math.max(2, Math.floor(Math.sqrt(context.tries / 4)));
  const options = new Collector<Option>();
  for (const outerCut of usefulCuts(outer, cores, count)) {
    for (const innerCut of usefulCuts(inner, context.sides.long, count)) addOptions(options, site, outerCut, innerCut);
  }
  const kept = options.optimal(context.keep);
  return { candidates: kept, describe: (index) => describe(site, kept[index]) };
}

function addOptions(options: Collector<Option>, site: Site, outer: number, inner: number): void {
  if (bytesOf(site, outer, inner) > dataBytes(site.context.target, 2)) return;
  for (let spread = 1; spread <= outer && spread * inner <= site.context.sides.long; spread *= 2) {
    const rows = Math.ceil(outer / spread);
    const columns = spread * inner;
    if (!fitsSides(rows, columns, site.context.sides)) continue;
    const cycles = cyclesFor(site, outer, inner, portsOf(rows, columns));
    if (options.wants(rows, columns, cycles)) options.add({ rows, columns, outer, inner, cycles });
  }
}

function cyclesFor(site: Site, outer: number, inner: number, ports: number): number {
  const { rates, work } = site;
  const rows = Math.ceil(site.outer / outer);
  const elements = rows * Math.ceil(site.inner / inner);
  const share = elements / (site.outer * site.inner);
  const load = {
    macs: elements * work.fastPerElement,
    slowOps: elements * work.slowPerElement,
    vectors: rows * (work.reductions + 1),
    wordsIn: rates.kernel.wordsIn * share,
    wordsOut: rates.kernel.wordsOut * share,
    serial: work.reductions * allReduceCycles({ target: rates.target, cores: inner, words: rows }),
  };
  return cyclesOf(rates, load, ports);
}

function dataOf(site: Site, outer: number, inner: number): { weights: number; activations: number; buffers: number } {
  const { kernel } = site.rates;
  const length = Math.ceil(site.inner / inner);
  const share = (Math.ceil(site.outer / outer) * length) / (site.outer * site.inner);
  return {
    // scale and bias run along the row, so only the cut of the row divides them
    weights: (kernel.weightBytes * length) / site.inner,
    activations: (kernel.wordsIn + kernel.wordsOut) * wordBytes * share,
    buffers: kernel.wordsIn * wordBytes * share,
  };
}

function bytesOf(site: Site, outer: number, inner: number): number {
  const { weights, activations, buffers } = dataOf(site, outer, inner);
  return Math.ceil(weights) + Math.ceil(activations) + Math.ceil(buffers);
}

function describe(site: Site, option: Option | undefined): Variant {
  if (option === undefined) throw new Error("internal: no such variant");
  const { rows, columns, cycles, outer, inner } = option;
  const { target } = site.context;
  const cut: readonly LoopDim[] = [
    { name: "o", size: outer },
    { name: "l", size: inner },
  ];
  return {
    rows,
    columns,
    cut: cut.filter(({ size }) => size > 1),
    cycles,
    latency: cycles + crossingCycles(target, rows, columns) + chainLatency(target, inner),
    sram: sramOf(site.rates, 2, dataOf(site, outer, inner)),
    ports: portsOf(rows, columns),
    colors: target.colors.kernel,
  };
}
