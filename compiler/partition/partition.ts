/**
 * Device graph -> split:
 *
 *     instance    color classes become items; what costs nothing is left out               (instance.ts)
 *     contiguous  the best chain of ideals, exactly where their number allows it            (order.ts, ideals.ts, contiguous.ts)
 *     refine      annealing from there over all splits, contiguous or not                   (refine.ts)
 *     bound       what no split can beat                                                    (bound.ts, column-bound.ts, exhaustive.ts)
 *     check       legality and loads once more, from the definition alone                   (split-check.ts)
 *
 * All steps come in one fixed order and are cut off, never redirected, by the time limit: a longer limit never gives a worse split.
 */
import { workBound } from "./bound.ts";
import { columnBound } from "./column-bound.ts";
import { bestChain, type Chain, stepOfBlocks } from "./contiguous.ts";
import type { DeviceGraph, Split } from "./device-graph.ts";
import { type Assignment, loadsOf } from "./hypergraph.ts";
import { searchAll } from "./exhaustive.ts";
import { enumerateIdeals, type Ideals } from "./ideals.ts";
import { type Instance, instanceOf, splitOf } from "./instance.ts";
import { type BlockOrder, blockOrder, coarsen } from "./order.ts";
import { legalStart } from "./packing.ts";
import { anneal } from "./refine.ts";
import { checkSplit, type SplitScore } from "./split-check.ts";

export interface PartitionOptions {
  /** accelerators; default: the graph's */
  readonly accelerators?: number;
  /** CPUs; default: the graph's */
  readonly cpus?: number;
  readonly timeLimitSeconds?: number;
  readonly seed?: number;
  /** rounds of annealing at most */
  readonly rounds?: number;
  /** partial sets that the sweeps of the bound may look at, about */
  readonly boundEffort?: number;
  readonly onProgress?: (step: PartitionStep, detail: string) => void;
}

export type PartitionStep = "contiguous" | "refine" | "bound";

/** What a split achieves and what is proven. */
export interface PartitionCertificate {
  readonly maxLoad: number;
  /** no split, contiguous or not, has a smaller largest load */
  readonly bound: number;
  /** (maxLoad - bound) / maxLoad */
  readonly gap: number;
  readonly status: "optimal" | "feasible";
  /** how the bound was proven */
  readonly boundMethod: BoundMethod;
  readonly contiguous: boolean;
  /** the best contiguous split that was found, and the bound proven for contiguous splits; null when there is none */
  readonly contiguousOptimum: ContiguousOptimum | null;
  readonly seed: number;
}

export interface ContiguousOptimum {
  readonly maxLoad: number;
  readonly bound: number;
  readonly status: "optimal" | "feasible";
  /** ideals of the order, or of the part of it that was searched */
  readonly ideals: number;
}

export interface PartitionResult {
  readonly split: Split;
  readonly score: SplitScore;
  readonly certificate: PartitionCertificate;
}

const defaultTimeLimit = 120;
/** Ideals of the first, coarse search, and of the exact one. */
const coarseIdeals = 2_000;
const maxIdeals = 60_000;
const defaultRounds = 40;

/** Splits a graph over devices; throws WSC5002 when nothing fits. */
export function partition(source: DeviceGraph, options: PartitionOptions = {}): PartitionResult {
  const deadline = performance.now() + (options.timeLimitSeconds ?? defaultTimeLimit) * 1000;
  const isOver = (): boolean => performance.now() > deadline;
  const seed = options.seed ?? 0;
  const progress = options.onProgress ?? (() => undefined);
  const accelerators = options.accelerators ?? source.accelerators;
  const cpus = options.cpus ?? source.cpus;
  const instance = instanceOf(source, accelerators, cpus);
  const best = new Best(instance, legalStart(instance));
  const order = blockOrder(instance);
  const proof = new Proof(workBound(instance.graph, instance.machine));
  const chain = contiguousSplit(instance, order, proof.bound, isOver);
  if (chain !== null) {
    best.offer(chain.assignment, chain.position);
    progress("contiguous", `${chain.optimum.maxLoad}`);
  }
  const rounds = options.rounds ?? defaultRounds;
  const onBetter = (load: number): void => {
    progress("refine", `${load}`);
  };
  // the first rounds find most of what there is; a bound that meets it saves the others
  const early = Math.ceil(rounds / 4);
  refine(instance, best, { seed, from: 0, to: early, proof, isOver, onBetter });
  const sequence = [...order.blockOf.keys()].sort((a, b) => (order.blockOf[a] ?? 0) - (order.blockOf[b] ?? 0) || a - b);
  if (!proof.meets(best.load) && !isOver()) {
    const all = searchAll(instance.graph, instance.machine, sequence, best.load, exhaustiveSteps);
    if (all.assignment !== null) best.offer(all.assignment);
    if (all.complete) proof.raise(best.load, "exhaustive");
  }
  if (!proof.meets(best.load)) {
    const effort = options.boundEffort ?? defaultBoundEffort;
    const limits = { lower: proof.bound, upper: best.load, sequence, effort, isOver };
    proof.raise(columnBound(instance.graph, instance.machine, limits), "prices");
    progress("bound", `${proof.bound}`);
  }
  refine(instance, best, { seed, from: early, to: rounds, proof, isOver, onBetter });
  return conclude(instance, best, proof, chain?.optimum ?? null, seed);
}

/** How a bound was proven: by the sum of work, by prices of items (column-bound.ts), or by looking at all splits (exhaustive.ts). */
export type BoundMethod = "work" | "prices" | "exhaustive";

/** The best bound so far. */
class Proof {
  bound: number;
  method: BoundMethod = "work";

  constructor(bound: number) {
    this.bound = bound;
  }

  raise(bound: number, method: BoundMethod): void {
    if (bound <= this.bound) return;
    this.bound = bound;
    this.method = method;
  }

  meets(load: number): boolean {
    return this.bound >= load * (1 - tolerance);
  }
}

/** Partial sets that the bound's sweeps may look at: some ten seconds. */
const defaultBoundEffort = 70_000_000;

/** Steps of the search over all assignments: enough for some twenty items. */
const exhaustiveSteps = 1_500_000;

/** The best assignment so far. */
class Best {
  assignment: Assignment;
  load: number;
  position: Int32Array | undefined;
  private readonly instance: Instance;

  constructor(instance: Instance, assignment: Assignment) {
    this.instance = instance;
    this.assignment = assignment;
    this.load = this.loadOf(assignment);
  }

  offer(assignment: Assignment, position?: Int32Array): boolean {
    const load = this.loadOf(assignment);
    if (load >= this.load) return false;
    this.load = load;
    this.assignment = assignment;
    this.position = position;
    return true;
  }

  private loadOf(assignment: Assignment): number {
    return Math.max(...loadsOf(this.instance.graph, this.instance.machine, assignment));
  }
}

interface ContiguousSplit {
  readonly assignment: Assignment;
  /** by device: its place in the chain */
  readonly position: Int32Array;
  readonly optimum: ContiguousOptimum;
}

/** Blocks beyond which runs of them are merged before ideals are listed. */
const maxBlocks = 2_000;

/** The best contiguous split: a coarse search first, whose value then limits the exact one. */
function contiguousSplit(
  instance: Instance,
  exact: BlockOrder,
  lower: number,
  isOver: () => boolean,
): ContiguousSplit | null {
  const isCoarse = exact.graph.items > maxBlocks;
  const order = isCoarse ? coarsen(exact, maxBlocks) : exact;
  const search = (ideals: Ideals, upper: number): ReturnType<typeof bestChain> =>
    bestChain(order.graph, instance.machine, ideals, { lower, upper, isOver });
  const some = enumerateIdeals(order, coarseIdeals);
  const first = search(some, Infinity);
  const proves = (ideals: Ideals): boolean => ideals.complete && !isCoarse;
  if (some.complete || first.chain === null) {
    return first.chain === null ? null : place(instance, order, some, first.chain, proves(some) ? first.bound : lower);
  }
  const ideals = enumerateIdeals(order, maxIdeals);
  const { chain, bound } = search(ideals, first.chain.maxLoad);
  return chain === null
    ? place(instance, order, some, first.chain, proves(ideals) ? bound : lower)
    : place(instance, order, ideals, chain, proves(ideals) ? bound : lower);
}

function place(instance: Instance, order: BlockOrder, ideals: Ideals, chain: Chain, bound: number): ContiguousSplit {
  const { accelerators, cpus } = instance.machine;
  const stepOf = stepOfBlocks(ideals, order.graph.items, chain);
  let accelerator = 0;
  let cpu = accelerators;
  const deviceOf = chain.steps.map((step) => (step.cpu ? cpu++ : accelerator++));
  const position = new Int32Array(accelerators + cpus);
  for (const [step, device] of deviceOf.entries()) position[device] = step;
  const optimal = bound >= chain.maxLoad * (1 - tolerance);
  return {
    assignment: order.blockOf.map((block) => deviceOf[stepOf[block] ?? 0] ?? 0),
    position,
    optimum: {
      maxLoad: chain.maxLoad,
      bound: optimal ? chain.maxLoad : bound,
      status: optimal ? "optimal" : "feasible",
      ideals: ideals.count,
    },
  };
}

/** Values within this ratio are equal: sums of the same terms in another order. */
const tolerance = 1e-9;

/** How hot rounds begin, in turn. */
const heats = [0.03, 0.1, 0.01, 0.3];

interface RefineOptions {
  readonly seed: number;
  /** rounds to run, by number */
  readonly from: number;
  readonly to: number;
  readonly proof: Proof;
  readonly isOver: () => boolean;
  readonly onBetter: (load: number) => void;
}

function refine(instance: Instance, best: Best, options: RefineOptions): void {
  const { graph, machine } = instance;
  const { seed, from, to, proof, isOver, onBetter } = options;
  const moves = Math.min(1_000_000, 3_000 * graph.items);
  for (let round = from; round < to && !proof.meets(best.load); round++) {
    const hot = heats[round % heats.length] ?? 0.03;
    const found = anneal(graph, machine, best.assignment, {
      seed: seed * 1_000_003 + round,
      moves,
      hot,
      cold: 1e-5,
      isOver,
    });
    if (found === null) return;
    if (best.offer(found)) onBetter(best.load);
  }
}

function conclude(
  instance: Instance,
  best: Best,
  proof: Proof,
  contiguousOptimum: ContiguousOptimum | null,
  seed: number,
): PartitionResult {
  const { source, machine } = instance;
  const split = splitOf(instance, best.assignment, best.position);
  const score = checkSplit(source, split, machine.accelerators, machine.cpus);
  if (!score.legal) throw new Error(`internal: the split is not legal: ${score.errors[0] ?? ""}`);
  if (Math.abs(score.maxLoad - best.load) > 1e-6 * (1 + best.load)) {
    throw new Error(`internal: the split's load is ${score.maxLoad}, and the search had ${best.load}`);
  }
  const { maxLoad, contiguous } = score;
  const optimal = proof.meets(maxLoad);
  const bound = optimal ? maxLoad : proof.bound;
  return {
    split,
    score,
    certificate: {
      maxLoad,
      bound,
      gap: maxLoad === 0 ? 0 : (maxLoad - bound) / maxLoad,
      status: optimal ? "optimal" : "feasible",
      boundMethod: proof.method,
      contiguous,
      contiguousOptimum,
      seed,
    },
  };
}
