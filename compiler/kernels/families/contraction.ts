/**
 * Kernels that multiply and add: conv, depthwise conv, matmul and, with comparisons for products, pooling. One nest of loops
 *
 *     for group, for row p, for column q, for output channel k:  out[g, k, p, q] = sum over c, taps  in[g, c, p', q'] * w[g, k, c, taps]
 *
 * and four ways to lay its cuts over a rectangle (rows x columns), the last with groups along both sides (g = g1 * g2, rounded up):
 *
 *     g*p*c   x  q*k       |  g*p*q*c  x  k       |  c  x  g*p*q*k       |  g1*p*c  x  g2*q*k
 *
 * A core holds its tile of weights for good and its tile of input (with the halo of the taps) twice: one being worked on, one arriving.
 * Input is broadcast along the axis that cuts k; partial sums travel along the axis that cuts c in a chain.
 */
import { dimOf, type Kernel, type LoopDim, type Variant } from "../../../ir/kernel-graph.ts";
import { chainLatency } from "../../../ir/machine/collectives.ts";
import { crossingCycles } from "../../../ir/machine/travel.ts";
import { cutsOfLoops, firstIndex, usefulCuts } from "../cuts.ts";
import {
  type CoreLoad,
  coreCycles,
  cyclesWithBorder,
  dataBytes,
  portsOf,
  type Rates,
  ratesOf,
  sramOf,
  wordBytes,
} from "../cost.ts";
import { type FamilyContext, fitsSides, type TimeWindow, type VariantList } from "../family.ts";
import { Collector } from "../pareto.ts";

/** The nest, with the names that its loops have in the kernel's dims. */
export interface Contraction {
  readonly names: {
    readonly g: string;
    readonly p: string;
    readonly q: string;
    readonly c: string;
    readonly k: string;
  };
  readonly g: number;
  readonly p: number;
  readonly q: number;
  readonly c: number;
  readonly k: number;
  readonly window: Window;
  /** elements that one position makes: more than one only where outputs are denser than positions */
  readonly outputsPerPosition: number;
  /** the second operand is an activation that arrives with every sample */
  readonly streamed: boolean;
  /** inner loops that the code holds */
  readonly codeUnits: number;
}

/** Taps per output, and how far they reach. */
export interface Window {
  readonly r: number;
  readonly s: number;
  readonly strideP: number;
  readonly strideQ: number;
  readonly dilationP: number;
  readonly dilationQ: number;
}

/** The window of a kernel that has one. */
export const windowOf = (kernel: Kernel): Window => ({
  r: dimOf(kernel, "r"),
  s: dimOf(kernel, "s"),
  strideP: dimOf(kernel, "sh"),
  strideQ: dimOf(kernel, "sw"),
  dilationP: dimOf(kernel, "dh"),
  dilationQ: dimOf(kernel, "dw"),
});

export const noWindow: Window = { r: 1, s: 1, strideP: 1, strideQ: 1, dilationP: 1, dilationQ: 1 };

interface Cut {
  readonly g: number;
  readonly p: number;
  readonly q: number;
  readonly c: number;
  readonly k: number;
}

interface Option extends Cut {
  readonly rows: number;
  readonly columns: number;
  readonly cycles: number;
}

/** The fullest core under a cut: elements and operations. */
interface Tile {
  readonly macs: number;
  readonly vectors: number;
  readonly inputs: number;
  readonly outputs: number;
  /** elements of the second operand */
  readonly second: number;
  /** share of all weights and of all residual words */
  readonly weightShare: number;
  readonly outputShare: number;
}

function tileOf(nest: Contraction, cut: Cut): Tile {
  const g = Math.ceil(nest.g / cut.g);
  const p = Math.ceil(nest.p / cut.p);
  const q = Math.ceil(nest.q / cut.q);
  const c = Math.ceil(nest.c / cut.c);
  const k = Math.ceil(nest.k / cut.k);
  const { r, s, strideP, strideQ, dilationP, dilationQ } = nest.window;
  const macs = g * p * q * c * k * r * s;
  const reachP = (p - 1) * strideP + (r - 1) * dilationP + 1;
  const reachQ = (q - 1) * strideQ + (s - 1) * dilationQ + 1;
  return {
    macs,
    vectors: macs / Math.max(k, q, c * k === 1 ? g : 1),
    inputs: g * c * reachP * reachQ,
    outputs: g * k * p * q * nest.outputsPerPosition,
    second: g * c * k * r * s,
    weightShare: (g * c * k) / (nest.g * nest.c * nest.k),
    outputShare: (g * k * p * q) / (nest.g * nest.k * nest.p * nest.q),
  };
}

/** What stays the same while cuts are tried. */
interface Site {
  readonly rates: Rates;
  readonly nest: Contraction;
  readonly context: FamilyContext;
}

/** All cuts worth placing, with the figures of each on demand. */
export function contractionVariants(kernel: Kernel, nest: Contraction, context: FamilyContext): VariantList {
  const site: Site = { rates: ratesOf(kernel, context.target), nest, context };
  const options = new Collector<Option>();
  if (context.window === null) tryAll(options, site);
  else tryWithin(options, site, context.window);
  const kept = options.optimal(context.keep);
  return { candidates: kept, describe: (index) => describe(site, kept[index]) };
}

/** Tries the product of coarse cuts of all loops. */
function tryAll(options: Collector<Option>, site: Site): void {
  const { nest, context } = site;
  const sizes = [nest.g, nest.p, nest.q, nest.c, nest.k];
  const [gs = [], ps = [], qs = [], cs = [], ks = []] = cutsOfLoops(sizes, context.sides.long, context.tries);
  for (const g of gs) {
    for (const p of ps) {
      for (const q of qs) for (const c of cs) for (const k of ks) tryCut(options, site, { g, p, q, c, k });
    }
  }
}

/** Cuts of the innermost loop to look at; a core's time falls as they grow, so the few within a window are found by bisection. */
const innerCuts = 400;

/** Tries finer cuts of the other loops, and for each the cuts of k whose core needs between `least` and `most` cycles. */
function tryWithin(options: Collector<Option>, site: Site, { least, most }: TimeWindow): void {
  const { nest, context, rates } = site;
  const [gs = [], ps = [], qs = [], cs = []] = cutsOfLoops([nest.g, nest.p, nest.q, nest.c], context.sides.long, context.tries); // prettier-ignore
  const ks = usefulCuts(nest.k, context.sides.long, innerCuts);
  const cores = context.sides.long * context.sides.short;
  const timeOf = (cut: Cut): number => coreCycles(rates, loadOf(site, cut, tileOf(nest, cut)));
  for (const g of gs) {
    for (const p of ps) {
      for (const q of qs) {
        for (const c of cs) {
          if (g * p * q * c > cores) continue;
          const first = firstIndex(ks, (k) => timeOf({ g, p, q, c, k }) <= most);
          for (let index = first; index < ks.length; index++) {
            const cut = { g, p, q, c, k: ks[index] ?? 1 };
            tryCut(options, site, cut);
            if (timeOf(cut) < least) break;
          }
        }
      }
    }
  }
}

/** Offers every layout of a cut that fits the cores' memory. */
function tryCut(options: Collector<Option>, site: Site, cut: Cut): void {
  const { g, p, q, c, k } = cut;
  const { sides, target } = site.context;
  if (g * p * q * c * k > sides.long * sides.short) return;
  const tile = tileOf(site.nest, cut);
  if (bytesOf(site, tile) > dataBytes(target, site.nest.codeUnits)) return;
  const core = coreCycles(site.rates, loadOf(site, cut, tile));
  const add = (rows: number, columns: number): void => {
    if (!fitsSides(rows, columns, sides)) return;
    const cycles = cyclesWithBorder(site.rates, core, portsOf(rows, columns));
    if (options.wants(rows, columns, cycles)) options.add({ g, p, q, c, k, rows, columns, cycles });
  };
  add(g * p * c, q * k);
  if (q > 1) add(g * p * q * c, k);
  if (g * p > 1) add(c, g * p * q * k);
  if (g > 1) {
    const across = Math.max(1, Math.min(g, Math.round(Math.sqrt((g * p * c) / (q * k)))));
    add(Math.ceil(g / across) * p * c, across * q * k);
  }
}

function loadOf({ rates, nest }: Site, cut: Cut, tile: Tile): CoreLoad {
  const reduced = cut.c > 1 ? tile.outputs : 0;
  const residual = residualWords(rates.kernel) * tile.outputShare;
  const arriving = tile.inputs + reduced + (nest.streamed ? tile.second : 0);
  return {
    macs: tile.macs + reduced + tile.outputs * rates.fast,
    slowOps: tile.outputs * rates.slow,
    vectors: tile.vectors,
    wordsIn: arriving * rates.elementWords + residual,
    wordsOut: tile.outputs * rates.elementWords,
    serial: 0,
  };
}

/** Activations that the epilogue reads, in words per sample. */
const residualWords = (kernel: Kernel): number => dimOf(kernel, "res", 0);

interface TileBytes {
  readonly weights: number;
  readonly activations: number;
  readonly buffers: number;
}

function tileBytes({ rates, nest }: Site, tile: Tile): TileBytes {
  const streamed = nest.streamed ? tile.second * rates.elementBytes : 0;
  const inputs = tile.inputs * rates.elementBytes + streamed;
  const residual = residualWords(rates.kernel) * tile.outputShare * wordBytes;
  return {
    weights: rates.kernel.weightBytes * tile.weightShare,
    // accumulators are at least 32 bits wide
    activations: inputs + tile.outputs * Math.max(4, rates.elementBytes),
    buffers: inputs + residual,
  };
}

/** Bytes of a tile, each category rounded up. */
function bytesOf(site: Site, tile: Tile): number {
  const { weights, activations, buffers } = tileBytes(site, tile);
  return Math.ceil(weights) + Math.ceil(activations) + Math.ceil(buffers);
}

function describe(site: Site, option: Option | undefined): Variant {
  if (option === undefined) throw new Error("internal: no such variant");
  const { rows, columns, cycles } = option;
  const { target } = site.context;
  return {
    rows,
    columns,
    cut: namedCut(site.nest, option),
    cycles,
    latency: cycles + crossingCycles(target, rows, columns) + chainLatency(target, option.c),
    sram: sramOf(site.rates, site.nest.codeUnits, tileBytes(site, tileOf(site.nest, option))),
    ports: portsOf(rows, columns),
    colors: target.colors.kernel,
  };
}

function namedCut({ names }: Contraction, cut: Cut): readonly LoopDim[] {
  const all = [
    { name: names.g, size: cut.g },
    { name: names.p, size: cut.p },
    { name: names.q, size: cut.q },
    { name: names.c, size: cut.c },
    { name: names.k, size: cut.k },
  ];
  return all.filter(({ size }) => size > 1);
}
