/**
 * What a kernel costs on a machine under a mapping. The figures of its fullest core (work.ts) become cycles:
 *
 *     compute = (fast / rate) + slow * slowOpCycles + vectors * vectorStartup                                          [cycles]
 *     ramp    = max(wordsIn, wordsOut) * cyclesPerWord                 words through the fullest core's ramp, each way [cycles]
 *     sums    = taskCycles                                             where partial sums wake the core that ends them [cycles]
 *     wait    = all-reduces, exchanges and steps, which nothing overlaps                                               [cycles]
 *     border  = max(arriving, leaving) / ports * cyclesPerWord         over the shorter side of the rectangle          [cycles]
 *     shuffle = half of the result's words over the middle of the longer side                                          [cycles]
 *     cycles  = max(max(compute, ramp) + sums + wait, border, shuffle)
 *     latency = compute + wait + reduction                 from when all operands are there; how they come: passage.ts
 *
 * The rate is that of operands that were not laid out for the banks. Check of the compute term: dense f32 GEMM on WSE-2's simulator takes
 * 2.11 cycles per multiply-add and 20.9 per vector, within 2% (pr0f3ss/SpMM_Cerebras; test/machine/cost.test.ts holds the rows).
 */
import { type Loop, resultWords } from "../kernel-graph.ts";
import { allReduceCycles, type Line, reduceCycles, type ReducePattern, restartCycles } from "./collectives.ts";
import { codeBytesOf } from "./code.ts";
import { blockOf, type Cut, type Mapping, piecesOfLoop } from "./mapping.ts";
import { rateOf, type Target } from "./target.ts";
import { crossingCycles } from "./travel.ts";
import { type Nest, type TileWork, workOf } from "./work.ts";

/** Bytes of SRAM in the fullest core, by what they hold. */
export interface SramBudget {
  readonly code: number;
  readonly weights: number;
  readonly activations: number;
  readonly buffers: number;
  readonly stack: number;
}

export const sramCategories = ["code", "weights", "activations", "buffers", "stack"] as const;

export type SramCategory = (typeof sramCategories)[number];

/** Bytes that a budget asks of its fullest core. */
export const sramBytes = (sram: SramBudget): number =>
  sram.code + sram.weights + sram.activations + sram.buffers + sram.stack;

/** What a kernel costs under a mapping. Turning the rectangle by 90 degrees changes no figure. */
export interface KernelCost {
  /** cycles per sample in a steady pipeline */
  readonly cycles: number;
  /** cycles from when all operands are in the cores' memory to when the results are */
  readonly latency: number;
  readonly sram: SramBudget;
  /** words that can enter, and that can leave, the rectangle per cycle and link word */
  readonly ports: number;
  /** colors that the kernel uses inside its own rectangle */
  readonly colors: number;
}

/** A mapping with its cost. */
export interface Variant extends KernelCost {
  readonly mapping: Mapping;
}

/** A kernel on a target, prepared for asking what mappings cost. */
export interface Site {
  readonly target: Target;
  readonly nest: Nest;
  /** cycles per operation at the rate of a multiply-add */
  readonly perFast: number;
  /** words that come in over the kernel's border, and that leave over it */
  readonly arriving: number;
  readonly leaving: number;
  /** words that may have to cross the rectangle, and steps that wait for a word to cross it and come back */
  readonly shuffledWords: number;
  readonly steps: number;
  /** bytes of the fullest core that no data takes */
  readonly code: number;
}

/** Prepares a kernel for `costOf`; `nest` is its own (work.ts). */
export function siteOf(target: Target, nest: Nest): Site {
  const { kernel } = nest;
  const { stages } = kernel;
  return {
    target,
    nest,
    perFast: 1 / rateOf(target, kernel.dtype).conflicting,
    arriving: kernel.arriving,
    leaving: kernel.leaving,
    shuffledWords: stages.some(({ shuffles }) => shuffles) ? resultWords(kernel) : 0,
    steps: stages.reduce((sum, { steps }) => sum + steps, 0),
    code: codeBytesOf(target, [kernel]),
  };
}

/** Words that can enter or leave a rectangle per cycle, on whichever side a neighbour lies. */
export const portsOf = (rows: number, columns: number): number => Math.min(rows, columns);

/** Cores along both sides that share a row of some loops. */
export interface Spread {
  readonly rows: number;
  readonly columns: number;
}

/** How many cores along each side hold pieces of these loops. */
export const spreadOf = ({ rows, columns }: Pick<Mapping, "rows" | "columns">, loops: readonly string[]): Spread => {
  const along = (cuts: readonly Cut[]): number =>
    loops.reduce((product, loop) => product * piecesOfLoop(cuts, loop), 1);
  return { rows: along(rows), columns: along(columns) };
};

/** Cycles that the fullest core computes. */
export function computeCycles(
  { target: { core }, perFast }: Pick<Site, "target" | "perFast">,
  { fast, slow, vectors }: Pick<TileWork, "fast" | "slow" | "vectors">,
): number {
  return fast * perFast + slow * core.slowOpCycles + vectors * core.vectorStartup;
}

/** Cycles of the fullest core that overlap with nothing but each other: computing, and words through its ramp. */
export const busyCycles = (
  site: Pick<Site, "target" | "perFast">,
  work: Pick<TileWork, "fast" | "slow" | "vectors" | "wordsIn" | "wordsOut">,
): number =>
  Math.max(computeCycles(site, work), Math.max(work.wordsIn, work.wordsOut) * site.target.link.cyclesPerWord);

/** Cycles that cores wait for values of each other: sums that come together, those that they agree on, first along one side, then along the other, and those they exchange. */
export function waitCycles(
  { target, nest }: Site,
  work: TileWork,
  spread: (loops: readonly string[]) => Spread,
  allReduce: (line: Line) => number = allReduceCycles,
): number {
  // the core that a sum comes together in waits for its last word, then begins with what is done to it
  let cycles = work.partials > 0 ? target.core.taskCycles : 0;
  for (const { loops, words, times } of work.agreements) {
    const { rows, columns } = spread(loops.map((loop) => (nest.loops[loop] as Loop).name));
    cycles += times * (allReduce({ target, cores: rows, words }) + allReduce({ target, cores: columns, words }));
  }
  if (work.exchanges.length === 0) return cycles;
  const all = spread(nest.loops.map(({ name }) => name));
  for (const { loops, words, isWide } of work.exchanges) {
    // pieces of other loops may lie between neighbours
    const { rows, columns } = spread(loops.map((loop) => (nest.loops[loop] as Loop).name));
    const [down, across] = isWide ? [all.rows, all.columns] : [all.rows / rows, all.columns / columns];
    cycles += words * target.link.cyclesPerWord + crossingCycles(target, down, across);
  }
  return cycles;
}

/** Cycles of steps that wait for a word to cross the rectangle and come back. */
const steppingCycles = ({ target, steps }: Site, rows: number, columns: number): number =>
  steps === 0 ? 0 : steps * 2 * crossingCycles(target, rows, columns);

/** Cycles per sample of a rectangle, a whole number, from those of its fullest core and from its work. */
export function rectangleCycles(
  site: Site,
  core: number,
  { unevenIn, unevenOut }: Pick<TileWork, "unevenIn" | "unevenOut">,
  rows: number,
  columns: number,
): number {
  const { target, arriving, leaving, shuffledWords } = site;
  const { cyclesPerWord } = target.link;
  const ports = portsOf(rows, columns);
  // the fullest of even lanes; one lane takes all words
  const lane = (words: number, uneven: number): number => Math.min(words, (words * uneven) / ports);
  const moved = Math.max(lane(arriving, unevenIn), lane(leaving, unevenOut), shuffledWords / 2 / ports);
  return Math.max(1, Math.ceil(Math.max(core + steppingCycles(site, rows, columns), moved * cyclesPerWord)));
}

/** Bytes of the fullest core by category. */
export function sramOf({ target, code }: Site, work: TileWork): SramBudget {
  return {
    code,
    weights: Math.ceil(work.weightBytes),
    activations: Math.ceil(work.activationBytes),
    buffers: Math.ceil(work.bufferBytes),
    stack: target.core.systemBytes,
  };
}

/** Names of the loops that the kernel's last results are summed over. */
export function summedLoops({ loops, stages }: Nest): readonly string[] {
  return stages.flatMap((stage) => (stage.isShared ? [] : stage.sums.map((loop) => (loops[loop] as Loop).name)));
}

/** Cycles that partial sums take to become one, from when they are there: along the rows of the rectangle, then along its columns. */
export function reductionCycles(
  target: Target,
  { rows, columns }: Spread,
  words: number,
  pattern: ReducePattern,
): number {
  const { taskCycles, fabricStartup } = target.core;
  const along = (cores: number): number => reduceCycles(pattern, { target, cores, words });
  const between = rows > 1 && columns > 1 ? restartCycles(target) : 0;
  return taskCycles + fabricStartup + along(columns) + between + along(rows);
}

/** Patterns that pass no core's ramp more often than a chain does a few times over; the first of equals is taken. */
const tried: readonly ReducePattern[] = ["chain", "two-phase", "tree"];

/** The pattern that brings the last sum soonest. */
export function bestReduction(site: Site, mapping: Pick<Mapping, "rows" | "columns">, words: number): ReducePattern {
  const spread = spreadOf(mapping, summedLoops(site.nest));
  const cycles = (pattern: ReducePattern): number => reductionCycles(site.target, spread, words, pattern);
  return tried.reduce((best, pattern) => (cycles(pattern) < cycles(best) ? pattern : best));
}

/** Iterations of each loop in the fullest core, and pieces of each, by number of the loop. */
export function blocksOf({ loops }: Nest, mapping: Mapping): { readonly extents: number[]; readonly pieces: number[] } {
  return {
    extents: loops.map((loop) => blockOf(loop, mapping)),
    pieces: loops.map(({ name }) => piecesOfLoop(mapping.rows, name) * piecesOfLoop(mapping.columns, name)),
  };
}

/** What a mapping costs; its rectangle must hold all pieces. */
export function costOf(site: Site, mapping: Mapping): KernelCost {
  const { target, nest } = site;
  const { height, width } = mapping;
  const { extents, pieces } = blocksOf(nest, mapping);
  const work = workOf(nest, extents, pieces);
  const wait = waitCycles(site, work, (loops) => spreadOf(mapping, loops));
  const words = work.partials;
  const reduction =
    words === 0 ? 0 : reductionCycles(target, spreadOf(mapping, summedLoops(nest)), words, mapping.reduce);
  const alone = computeCycles(site, work) + wait + reduction + steppingCycles(site, height, width);
  return {
    cycles: rectangleCycles(site, busyCycles(site, work) + wait, work, height, width),
    latency: Math.ceil(alone),
    sram: sramOf(site, work),
    ports: portsOf(height, width),
    colors: isFlat(nest) ? Math.min(flatColors, target.colors.kernel) : target.colors.kernel,
  };
}

/** Colors of kernels whose cores exchange no sums: words in, and words out. */
const flatColors = 2;

/** True for kernels whose cores neither sum nor agree with each other. */
const isFlat = ({ stages }: Nest): boolean =>
  stages.every(({ sums, combine, gathers }) => sums.length === 0 && combine === null && gathers.length === 0);
