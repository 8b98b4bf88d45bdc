/**
 * The best contiguous split, exactly: a chain of ideals ∅ = I0 ⊂ I1 ⊂ … ⊂ all, each step one device (the dynamic program of the paper). A state
 * is how many accelerators and CPUs are used and the ideal reached; its value, the least largest load so far.
 *
 * Limits keep it small. A run asks only for splits below a limit: steps of more load are skipped, and so are ideals that leave more work than
 * the remaining devices can do within it. Limits grow from the lower bound up; the first run that finds a split has found the best one, and
 * every run before it has proven that there is none below its limit.
 */
import type { Hypergraph, Machine } from "./hypergraph.ts";
import { total } from "./hypergraph.ts";
import type { Ideals } from "./ideals.ts";

/** A chain of ideals: devices in order, with the ideal that each one ends at. */
export interface Chain {
  readonly maxLoad: number;
  readonly steps: readonly { readonly cpu: boolean; readonly ideal: number }[];
}

export interface ChainResult {
  /** the best chain of these ideals; null when none was found before the end */
  readonly chain: Chain | null;
  /** no chain of these ideals is below */
  readonly bound: number;
}

export interface ChainOptions {
  /** a value that some split is known to reach, or Infinity */
  readonly upper: number;
  /** nothing is below */
  readonly lower: number;
  /** asked now and then; true ends the search */
  readonly isOver: () => boolean;
}

/** Growth of the limit from run to run, as a share of what lies between the bounds. */
const ladder = [1 / 64, 1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1];

/** Searches the best chain. */
export function bestChain(graph: Hypergraph, machine: Machine, ideals: Ideals, options: ChainOptions): ChainResult {
  const { lower, upper } = options;
  const top = Number.isFinite(upper) ? upper : total(graph.work) + total(graph.cpuWork) + total(graph.cost) + 1;
  let bound = lower;
  for (const share of ladder) {
    // a hair above, so that a chain of exactly the known value is found too
    const limit = (lower + (top - lower) * share) * (1 + 1e-12) + 1e-12;
    const result = chainBelow(graph, machine, ideals, limit, options.isOver);
    if (result === "over") return { chain: null, bound };
    if (result !== null) return { chain: result, bound: result.maxLoad };
    bound = Math.max(bound, limit);
  }
  return { chain: null, bound: Number.isFinite(upper) ? bound : Infinity };
}

/** Time that CPUs need at least for the work of one unit of accelerator time. */
function leastCpuRatio({ work, cpuWork }: Hypergraph): number {
  let ratio = Infinity;
  for (const [block, amount] of work.entries()) if (amount > 0) ratio = Math.min(ratio, (cpuWork[block] ?? 0) / amount);
  return ratio === Infinity ? 0 : ratio;
}

/** The best chain with all loads below `limit`; null when there is none, "over" when time was over first. */
export function chainBelow(
  graph: Hypergraph,
  machine: Machine,
  ideals: Ideals,
  limit: number,
  isOver: () => boolean,
): Chain | null | "over" {
  const { count, work } = ideals;
  const full = count - 1;
  // sums of work are rounded
  const slack = 1e-9 * (work[full] ?? 0);
  const perCpu = limit / leastCpuRatio(graph) + slack;
  const layers: Layer[][] = [];
  for (let cpus = 0; cpus <= machine.cpus; cpus++) {
    layers.push([]);
    for (let accelerators = 0; accelerators <= machine.accelerators; accelerators++) {
      const layer: Layer = { value: new Float64Array(count).fill(Infinity), from: new Int32Array(count) };
      if (cpus === 0 && accelerators === 0) layer.value[0] = 0;
      layers[cpus]?.push(layer);
      const left =
        (machine.accelerators - accelerators) * limit + (cpus < machine.cpus ? (machine.cpus - cpus) * perCpu : 0);
      const admits = (ideal: number): boolean => (work[full] ?? 0) - (work[ideal] ?? 0) <= left + slack;
      const byAccelerator = layers[cpus]?.[accelerators - 1];
      const byCpu = layers[cpus - 1]?.[accelerators];
      if (
        byAccelerator !== undefined &&
        !extend(graph, machine, ideals, byAccelerator, layer, limit, false, limit, admits, isOver)
      )
        return "over";
      if (byCpu !== undefined && !extend(graph, machine, ideals, byCpu, layer, limit, true, perCpu, admits, isOver))
        return "over";
    }
  }
  return bestEnd(layers, full);
}

interface Layer {
  /** by ideal: least largest load of a chain that ends there */
  readonly value: Float64Array;
  /** by ideal: the ideal before; -1 - ideal when a CPU took the step */
  readonly from: Int32Array;
}

/** One more device behind every state of `source`; false when time is over. */
function extend(
  graph: Hypergraph,
  machine: Machine,
  ideals: Ideals,
  source: Layer,
  target: Layer,
  limit: number,
  cpu: boolean,
  reach: number,
  admits: (ideal: number) => boolean,
  isOver: () => boolean,
): boolean {
  const { count, work, cpuWork, size, unsupported } = ideals;
  // the first ideal that may be an end: work only grows along the list
  let first = 0;
  while (first < count && !admits(first)) first++;
  for (let start = 0; start < count; start++) {
    const before = source.value[start] ?? Infinity;
    if (before >= limit) continue;
    if ((start & 63) === 0 && isOver()) return false;
    const base = work[start] ?? 0;
    for (let end = Math.max(first, start + 1); end < count; end++) {
      const step = (work[end] ?? 0) - base;
      if (step > reach) break;
      const known = Math.min(limit, target.value[end] ?? Infinity);
      if (before >= known) continue;
      if (cpu) {
        const load = (cpuWork[end] ?? 0) - (cpuWork[start] ?? 0);
        if (load >= known || !isSubset(ideals, start, end)) continue;
        target.value[end] = Math.max(before, load);
        target.from[end] = -1 - start;
        continue;
      }
      if (step >= known || (size[end] ?? 0) - (size[start] ?? 0) > machine.sizeLimit) continue;
      if (!isSubset(ideals, start, end)) continue;
      if ((unsupported[end] ?? 0) > (unsupported[start] ?? 0)) continue;
      const load = step + transfers(graph, ideals, start, end);
      if (load >= known) continue;
      target.value[end] = Math.max(before, load);
      target.from[end] = start;
    }
  }
  return true;
}

function isSubset({ bits, words }: Ideals, inner: number, outer: number): boolean {
  const a = inner * words;
  const b = outer * words;
  for (let word = 0; word < words; word++) if (((bits[a + word] ?? 0) & ~(bits[b + word] ?? 0)) !== 0) return false;
  return true;
}

/**
 * Cost of the nets that `outer` minus `inner` shares with others: what either ideal cuts, less what was counted twice (nets cut by both) or
 * does not touch the difference (as many pins inside both).
 */
function transfers({ cost }: Hypergraph, ideals: Ideals, inner: number, outer: number): number {
  const { cut, openStart, openNet, openPins } = ideals;
  let sum = (cut[inner] ?? 0) + (cut[outer] ?? 0);
  let a = openStart[inner] ?? 0;
  let b = openStart[outer] ?? 0;
  const endA = openStart[inner + 1] ?? 0;
  const endB = openStart[outer + 1] ?? 0;
  while (a < endA && b < endB) {
    const netA = openNet[a] ?? 0;
    const netB = openNet[b] ?? 0;
    if (netA < netB) a++;
    else if (netB < netA) b++;
    else {
      sum -= (cost[netA] ?? 0) * (openPins[a] === openPins[b] ? 2 : 1);
      a++;
      b++;
    }
  }
  return sum;
}

/** Walks back from the best state that holds everything. */
function bestEnd(layers: readonly (readonly Layer[])[], full: number): Chain | null {
  let best = { value: Infinity, cpus: 0, accelerators: 0 };
  for (const [cpus, row] of layers.entries()) {
    for (const [accelerators, { value }] of row.entries()) {
      if ((value[full] ?? Infinity) < best.value) best = { value: value[full] ?? Infinity, cpus, accelerators };
    }
  }
  if (!Number.isFinite(best.value)) return null;
  const steps: { cpu: boolean; ideal: number }[] = [];
  let { cpus, accelerators } = best;
  for (let ideal = full; cpus + accelerators > 0;) {
    const from = layers[cpus]?.[accelerators]?.from[ideal] ?? 0;
    const cpu = from < 0;
    steps.push({ cpu, ideal });
    ideal = cpu ? -1 - from : from;
    if (cpu) cpus--;
    else accelerators--;
  }
  return { maxLoad: best.value, steps: steps.reverse() };
}

/** By block: the step of the chain that it belongs to. */
export function stepOfBlocks({ bits, words }: Ideals, blocks: number, { steps }: Chain): Int32Array {
  const stepOf = new Int32Array(blocks);
  for (let block = 0; block < blocks; block++) {
    stepOf[block] = steps.findIndex(
      ({ ideal }) => ((bits[ideal * words + (block >>> 5)] ?? 0) & (1 << (block & 31))) !== 0,
    );
  }
  return stepOf;
}
