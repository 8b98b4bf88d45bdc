/**
 * Tuning: a model's kernels are measured by themselves, those that take most of the time first, until the time is up. For each kernel one
 * choice after the other is decided by a contest among its candidates, later choices under the earlier ones.
 */
import type { Graph } from "../../ir/graph.ts";
import type { Wishes } from "../codegen/choice.ts";
import { type Bench, compare, contenderFor, contest, glance, isOver, type Site, wantedGain } from "./contest.ts";
import { choicesOf, effectiveWishes, tunableKernels, type TunableKernel } from "./tunable-kernels.ts";
import type { TunedKernel, Tuning } from "./tuning.ts";

export interface TuneOptions {
  readonly seconds: number;
  /** what was found before: where the search starts, and kept for kernels that are not reached */
  readonly start?: Tuning;
  /** called when kernels have been done */
  readonly onProgress?: (done: number, kernels: number) => void;
}

/** What tuning did. */
export interface TuneReport {
  /** different kernels that leave something open, and how many of them were tried to the end */
  readonly kernels: number;
  readonly finished: number;
  /** with choices other than the cost model's */
  readonly changed: number;
  /** one call of every kernel of the program that leaves something open: as the cost model has it, and tuned */
  readonly milliseconds: { readonly model: number; readonly tuned: number };
}

export interface TuneResult {
  readonly tuning: Tuning;
  readonly report: TuneReport;
}

/** A kernel, and how long one call takes as the cost model has it. */
interface Ranked {
  readonly kernel: TunableKernel;
  readonly microseconds: number;
}

/** Makes the bench for a program with so many bytes of weights. */
export type OpenBench = (weightsBytes: number) => Bench;

/** Searches better choices for the kernels of a graph. */
export async function tuneGraph(graph: Graph, open: OpenBench, options: TuneOptions): Promise<TuneResult> {
  const { kernels, weightsBytes } = tunableKernels(graph);
  const bench = open(weightsBytes);
  const site: Site = { bench, deadline: bench.now() + options.seconds * 1000 };
  const start = options.start ?? new Map<string, TunedKernel>();
  const ranked = await rank(site, kernels, start);
  const found = new Map<string, Found>();
  for (const [done, { kernel, microseconds }] of ranked.entries()) {
    options.onProgress?.(done, ranked.length);
    if (isOver(site)) break;
    found.set(kernel.name, await settle(site, kernel, start.get(kernel.name), microseconds));
  }
  return { tuning: merge(start, found), report: reportOf(ranked, start, found) };
}

/** Kernels by their share of the program's time; those of the start, which were tried before, come last. */
async function rank(site: Site, kernels: readonly TunableKernel[], start: Tuning): Promise<readonly Ranked[]> {
  const ranked: Ranked[] = [];
  for (const kernel of kernels) {
    if (isOver(site)) break;
    ranked.push({ kernel, microseconds: await glance(site, contenderFor(kernel, new Map())) });
  }
  const share = ({ kernel, microseconds }: Ranked): number => kernel.count * microseconds;
  const isTried = ({ kernel }: Ranked): number => (start.has(kernel.name) ? 1 : 0);
  return ranked.toSorted((a, b) => isTried(a) - isTried(b) || share(b) - share(a));
}

/** What was found for a kernel. */
interface Found {
  readonly wishes: Wishes;
  readonly microseconds: { readonly model: number; readonly tuned: number };
  /** every choice was decided before the time was up */
  readonly isComplete: boolean;
}

/** Searches, then measures the result against the cost model's choice once more: what gains nothing in the end is dropped. */
async function settle(site: Site, kernel: TunableKernel, known: TunedKernel | undefined, microseconds: number): Promise<Found> {
  const { wishes, isComplete, untuned } = await search(site, kernel, known?.choices ?? new Map());
  const best = Math.min(microseconds, untuned);
  const unchanged = { model: best, tuned: best };
  if (wishes.size === 0) return { wishes, microseconds: unchanged, isComplete };
  // a few samples beyond the limit, so that what was found is not lost
  const [model, tuned] = await compare({ ...site, deadline: Infinity }, kernel, wishes);
  if (tuned <= model * (1 - wantedGain)) return { wishes, microseconds: { model, tuned }, isComplete };
  return { wishes: new Map(), microseconds: { model, tuned: model }, isComplete };
} // prettier-ignore

/** Candidates of a choice that are measured: the cost model's estimate leaves out the rest. */
const mostCandidates = 8;

interface SearchResult extends Pick<Found, "wishes" | "isComplete"> {
  /** shortest sample of the cost model's way, as far as it took part */
  readonly untuned: number;
}

async function search(site: Site, kernel: TunableKernel, start: Wishes): Promise<SearchResult> {
  let wishes = effectiveWishes(kernel, start);
  let untuned = Infinity;
  const decided = new Set<string>();
  while (!isOver(site)) {
    const open = choicesOf(kernel, wishes).find(
      ({ aspect, candidates }) => candidates.length > 1 && !decided.has(aspect),
    );
    if (open === undefined) return { wishes, isComplete: true, untuned };
    decided.add(open.aspect);
    const others = open.candidates.slice(0, mostCandidates).filter((candidate) => candidate !== open.taken);
    const challengers = others.map((candidate) => contenderFor(kernel, new Map([...wishes, [open.aspect, candidate]])));
    const { winner, incumbent } = await contest(site, contenderFor(kernel, wishes), challengers);
    if (wishes.size === 0) untuned = Math.min(untuned, incumbent);
    if (winner !== null) wishes = effectiveWishes(kernel, winner.wishes);
  }
  return { wishes, isComplete: false, untuned };
}

/** The start with what was found; an unfinished kernel without a better choice leaves nothing. */
function merge(start: Tuning, found: ReadonlyMap<string, Found>): Tuning {
  const tuning = new Map(start);
  for (const [name, { wishes, microseconds, isComplete }] of found) {
    if (isComplete || wishes.size > 0) {
      const { model, tuned } = microseconds;
      tuning.set(name, { choices: wishes, microseconds: { model: rounded(model), tuned: rounded(tuned) } });
    }
  }
  return tuning;
}

/** To a tenth of a microsecond. */
const rounded = (microseconds: number): number => Math.round(microseconds * 10) / 10;

function reportOf(ranked: readonly Ranked[], start: Tuning, found: ReadonlyMap<string, Found>): TuneReport {
  const total = { model: 0, tuned: 0 };
  let changed = 0;
  for (const { kernel, microseconds } of ranked) {
    const result = found.get(kernel.name);
    const known = start.get(kernel.name);
    const times = result?.microseconds ?? known?.microseconds ?? { model: microseconds, tuned: microseconds };
    total.model += (kernel.count * times.model) / 1000;
    total.tuned += (kernel.count * times.tuned) / 1000;
    if ((result?.wishes ?? known?.choices ?? new Map()).size > 0) changed++;
  }
  const finished = [...found.values()].filter(({ isComplete }) => isComplete).length;
  return { kernels: ranked.length, finished, changed, milliseconds: total };
}
