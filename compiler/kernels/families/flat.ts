/**
 * Kernels without structure that matters to the cut: elements are dealt out evenly over any rectangle. Elementwise work, data movement and
 * all that has no family of its own are of this kind; they differ in what they do per element and in what keeps them waiting.
 */
import { dimOf, type Kernel, type Variant } from "../../../ir/kernel-graph.ts";
import { crossingCycles } from "../../../ir/machine/travel.ts";
import { flatShapes } from "../cuts.ts";
import { cyclesOf, dataBytes, portsOf, type Rates, ratesOf, sramOf, wordBytes } from "../cost.ts";
import { type Candidate, type FamilyContext, fitsSides, type VariantList } from "../family.ts";
import { Collector } from "../pareto.ts";

/** Totals of a flat kernel per sample. */
export interface FlatWork {
  /** elements that may lie in different cores */
  readonly elements: number;
  readonly macs: number;
  readonly slowOps: number;
  /** cycles that overlap with nothing, for a rectangle */
  readonly serial: (rows: number, columns: number) => number;
  /** words that the busiest link inside the rectangle carries, for a rectangle */
  readonly crossing: (rows: number, columns: number) => number;
}

export function flatVariants(kernel: Kernel, work: FlatWork, context: FamilyContext): VariantList {
  const rates = ratesOf(kernel, context.target);
  const options = new Collector<Candidate>();
  for (const { rows, columns } of flatShapes(work.elements, context.sides, context.tries)) {
    if (!fitsSides(rows, columns, context.sides)) continue;
    if (bytesOf(rates, rows * columns) > dataBytes(context.target, 1)) continue;
    const cycles = cyclesFor(rates, work, rows, columns);
    if (options.wants(rows, columns, cycles)) options.add({ rows, columns, cycles });
  }
  const kept = options.optimal(context.keep);
  return { candidates: kept, describe: (index) => describe(rates, work, kept[index]) };
}

function cyclesFor(rates: Rates, work: FlatWork, rows: number, columns: number): number {
  const { kernel, perWord } = rates;
  const cores = rows * columns;
  const load = {
    macs: work.macs / cores,
    slowOps: work.slowOps / cores,
    vectors: work.macs + work.slowOps > 0 ? 1 : 0,
    wordsIn: kernel.wordsIn / cores,
    wordsOut: kernel.wordsOut / cores,
    serial: work.serial(rows, columns),
  };
  return Math.max(cyclesOf(rates, load, portsOf(rows, columns)), Math.ceil(work.crossing(rows, columns) * perWord));
}

function dataOf({ kernel }: Rates, cores: number): { weights: number; activations: number; buffers: number } {
  return {
    weights: kernel.weightBytes / cores,
    activations: ((kernel.wordsIn + kernel.wordsOut) * wordBytes) / cores,
    buffers: (kernel.wordsIn * wordBytes) / cores,
  };
}

function bytesOf(rates: Rates, cores: number): number {
  const { weights, activations, buffers } = dataOf(rates, cores);
  return Math.ceil(weights) + Math.ceil(activations) + Math.ceil(buffers);
}

function describe(rates: Rates, work: FlatWork, shape: Candidate | undefined): Variant {
  if (shape === undefined) throw new Error("internal: no such variant");
  const { rows, columns, cycles } = shape;
  const cores = rows * columns;
  return {
    rows,
    columns,
    cut: cores > 1 ? [{ name: "e", size: Math.min(cores, work.elements) }] : [],
    cycles,
    latency: cycles + crossingCycles(rates.target, rows, columns),
    sram: sramOf(rates, 1, dataOf(rates, cores)),
    ports: portsOf(rows, columns),
    colors: Math.min(2, rates.target.colors.kernel),
  };
}

/** Elements of a flat kernel. */
export const elementsOf = (kernel: Kernel): number => Math.max(1, dimOf(kernel, "e"));
