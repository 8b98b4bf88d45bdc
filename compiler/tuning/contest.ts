/**
 * Which of several ways to do a kernel is the fastest, by measuring them in turn. A challenger must beat the incumbent by a clear margin, twice,
 * or chance would decide; and it may not be slower in the other SIMD mode, since weights and units are the same in both of a program's modules.
 */
import type { Wishes } from "../codegen/choice.ts";
import type { KernelCode } from "../codegen/kernel.ts";
import { equalBytes } from "../codegen/weight-pool.ts";
import { stagesModule, stagesOf, type TunableKernel } from "./tunable-kernels.ts";

export type SimdMode = "relaxed" | "plain";

/** One way to do a kernel. */
export interface Contender {
  readonly kernel: TunableKernel;
  readonly wishes: Wishes;
  readonly stages: readonly KernelCode[];
}

/** Measures one contender. */
export interface Stopwatch {
  /** runs it for a moment: microseconds of one call */
  readonly sample: () => number;
}

/** Runs kernels and reads clocks: the part that tests replace. */
export interface Bench {
  /** what the engine runs; programs take the first */
  readonly modes: readonly [SimdMode, ...SimdMode[]];
  /** milliseconds since some moment */
  readonly now: () => number;
  readonly prepare: (contender: Contender, mode: SimdMode) => Promise<Stopwatch>;
}

/** A bench, and when to stop. */
export interface Site {
  readonly bench: Bench;
  /** by `bench.now` */
  readonly deadline: number;
}

export const isOver = ({ bench, deadline }: Site): boolean => bench.now() >= deadline;

export const contenderFor = (kernel: TunableKernel, wishes: Wishes): Contender => ({
  kernel,
  wishes,
  stages: stagesOf(kernel, wishes),
});

/** Share of the incumbent's time that a challenger must save. */
export const wantedGain = 0.03;

/** Samples of everybody, of those that are left, and in each duel. */
const samples = { first: 2, second: 4, duel: 6 } as const;
/** Pairs of samples that the winner of a duel has won at least. */
const wantedPairs = 5;
/** Challengers that are left after a round. */
const left = { first: 4, second: 2 } as const;

interface Entrant {
  readonly contender: Contender;
  readonly stopwatch: Stopwatch;
  /** shortest sample of the current round */
  best: number;
}

export interface Outcome {
  /** the challenger that beats the incumbent, or null */
  readonly winner: Contender | null;
  /** the incumbent's shortest sample in microseconds; infinity if there was none */
  readonly incumbent: number;
}

/** Who of the challengers beats the incumbent. */
export async function contest(site: Site, incumbent: Contender, challengers: readonly Contender[]): Promise<Outcome> {
  const mode = site.bench.modes[0];
  const different = distinctCode(incumbent, challengers, mode);
  const [champion, ...entrants] = different.length === 0 ? [] : await enter(site, [incumbent, ...different], mode);
  if (champion === undefined) return { winner: null, incumbent: Infinity };
  sampleAll(site, [champion, ...entrants], samples.first);
  const second = fastest(entrants, champion.best * (1 + wantedGain), left.first);
  sampleAll(site, [champion, ...second], samples.second);
  const outcome = { winner: null, incumbent: champion.best };
  for (const challenger of fastest(second, champion.best * (1 - wantedGain / 2), left.second)) {
    if (await wins(site, champion, challenger)) return { ...outcome, winner: challenger.contender };
  }
  return outcome;
}

/** Contenders whose code differs from the incumbent's and from each other's. */
function distinctCode(incumbent: Contender, challengers: readonly Contender[], mode: SimdMode): readonly Contender[] {
  const seen = [codeOf(incumbent, mode)];
  return challengers.filter((challenger) => {
    const code = codeOf(challenger, mode);
    if (seen.some((other) => other.calls === code.calls && equalBytes(other.binary, code.binary))) return false;
    seen.push(code);
    return true;
  });
}

interface Code {
  readonly binary: Uint8Array;
  /** how it is called */
  readonly calls: string;
}

const codeOf = ({ stages }: Contender, mode: SimdMode): Code => ({
  binary: stagesModule(stages, mode === "relaxed"),
  calls: JSON.stringify(stages.map(({ units, args }) => [units, args])),
});

async function enter(site: Site, contenders: readonly Contender[], mode: SimdMode): Promise<readonly Entrant[]> {
  const entrants: Entrant[] = [];
  for (const contender of contenders) {
    if (isOver(site)) break;
    entrants.push({ contender, stopwatch: await site.bench.prepare(contender, mode), best: Infinity });
  }
  return entrants;
}

/** Samples of each in turn, so that what slows the machine down slows all of them. */
function sampleAll(site: Site, entrants: readonly Entrant[], count: number): void {
  for (let i = 0; i < count; i++) {
    for (const entrant of entrants) {
      if (isOver(site)) return;
      entrant.best = Math.min(entrant.best, entrant.stopwatch.sample());
    }
  }
}

const fastest = (entrants: readonly Entrant[], limit: number, count: number): readonly Entrant[] =>
  entrants
    .filter(({ best }) => best < limit)
    .toSorted((a, b) => a.best - b.best)
    .slice(0, count);

interface Duel {
  /** shortest samples */
  readonly times: readonly [champion: number, challenger: number];
  /** pairs of samples that the challenger won */
  readonly won: number;
}

/** A fresh round between two, the first of a pair in turn. */
function duel(site: Site, champion: Entrant, challenger: Entrant): Duel {
  const times: [number, number] = [Infinity, Infinity];
  let won = 0;
  for (let i = 0; i < samples.duel && !isOver(site); i++) {
    const order = i % 2 === 0 ? [champion, challenger] : [challenger, champion];
    for (const entrant of order) entrant.best = entrant.stopwatch.sample();
    if (challenger.best < champion.best) won++;
    times[0] = Math.min(times[0], champion.best);
    times[1] = Math.min(times[1], challenger.best);
  }
  return { times, won };
}

/** True for a challenger that saves enough twice over and loses nothing in the engine's other modes. */
async function wins(site: Site, champion: Entrant, challenger: Entrant): Promise<boolean> {
  for (let i = 0; i < 2; i++) {
    const { times, won } = duel(site, champion, challenger);
    if (isOver(site) || won < wantedPairs || times[1] > times[0] * (1 - wantedGain)) return false;
  }
  for (const mode of site.bench.modes.slice(1)) {
    const [before, after] = await enter(site, [champion.contender, challenger.contender], mode);
    if (before === undefined || after === undefined) return false;
    const { times } = duel(site, before, after);
    if (isOver(site) || times[1] > times[0] * (1 + wantedGain)) return false;
  }
  return true;
}

/** Microseconds of the cost model's way and of another, measured in turn. */
export async function compare(site: Site, kernel: TunableKernel, wishes: Wishes): Promise<readonly [model: number, tuned: number]> {
  const [model, tuned] = await enter(site, [contenderFor(kernel, new Map()), contenderFor(kernel, wishes)], site.bench.modes[0]);
  if (model === undefined || tuned === undefined) throw new Error("internal: a comparison without time");
  return duel(site, model, tuned).times;
} // prettier-ignore

/** Microseconds of one contender by few samples: enough to rank kernels. */
export async function glance(site: Site, contender: Contender): Promise<number> {
  const [entrant] = await enter(site, [contender], site.bench.modes[0]);
  if (entrant === undefined) return Infinity;
  sampleAll(site, [entrant], samples.first);
  return entrant.best;
}
