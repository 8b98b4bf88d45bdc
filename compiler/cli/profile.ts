/** `wsc profile`: the time of every layer, and how near it comes to what the engine can do at most on this machine. */
import { fail } from "../../ir/diagnostic.ts";
import type { TimedStep } from "../../runtime/instance.ts";
import { InferenceSession } from "../../runtime/session.ts";
import { betterOf, type EngineLimits, measureEngine, readRate } from "../tuning/engine-limits.ts";
import { readDims } from "./assignments.ts";
import { exitCodes } from "./failure.ts";
import { collectFeeds, type FeedArguments } from "./run.ts";
import { printTable } from "./table.ts";

export interface ProfileArguments extends FeedArguments {
  readonly model: string;
  readonly seconds: number;
  readonly top: number | undefined;
  readonly threads: number;
  readonly deterministic: boolean;
  readonly dim: readonly string[];
  readonly json: boolean;
}

/** What keeps a layer from taking less: `neither` where it is far from both limits (calls, shuffles, short loops, functions of the host). */
export type Bound = "arithmetic" | "memory" | "neither";

export interface LayerProfile {
  /** ONNX nodes, none for steps that stand for no node */
  readonly nodes: readonly string[];
  /** kernels, functions of the host and copies, each once, in order */
  readonly functions: readonly string[];
  /** median over runs */
  readonly milliseconds: number;
  /** of the time of all layers, 0 to 1 */
  readonly share: number;
  /** two for a multiply-add, as the program counts; null where it is not known (host functions, copies) */
  readonly operations: number | null;
  readonly bytes: number | null;
  /** the least time that the engine's limits allow, and which of them says so */
  readonly limit: { readonly milliseconds: number; readonly of: "arithmetic" | "memory" } | null;
  /** limit over time: 1 at the limit */
  readonly reached: number | null;
  readonly boundBy: Bound;
}

/** A layer that reaches less of its limit is not kept by it. */
const boundFrom = 0.3;
/** Runs before anything is timed: engines compile hot functions anew. */
const warmUp = 3;

export async function profileModel(given: ProfileArguments): Promise<number> {
  const { seconds, threads, deterministic, top } = given;
  if (!(seconds > 0)) throw fail("WSC8001", `--seconds takes a number above 0, not ${seconds}`);
  if (top !== undefined && !(Number.isSafeInteger(top) && top > 0))
    throw fail("WSC8001", `--top takes a number of at least 1, not ${top}`);
  const log = new RunLog();
  const session = await InferenceSession.create(given.model, {
    freeDimensionOverrides: Object.fromEntries(readDims(given.dim)),
    strict: true,
    deterministic,
    threads,
    onStep: (step, milliseconds) => {
      log.add(step, milliseconds);
    },
  });
  const { feeds } = await collectFeeds(session, { ...given, random: given.random ?? 0 });
  for (let i = 0; i < warmUp; i++) await session.run(feeds);
  const before = await measureEngine({ deterministic });
  log.forget();
  const wholes: number[] = [];
  for (const end = performance.now() + seconds * 1000; performance.now() < end;) {
    const start = performance.now();
    await session.run(feeds);
    wholes.push(performance.now() - start);
    log.endRun();
  }
  await session.release();
  // a shared machine is not as fast at all times: the limits are the best that was seen before and behind the runs
  const limits = betterOf(before, await measureEngine({ deterministic }));
  print(given, { limits, whole: medianOf(wholes), runs: wholes.length, layers: layersOf(log.steps(), limits) });
  return exitCodes.done;
}

/** Times of steps, summed for each run: a loop's steps run several times. */
class RunLog {
  readonly #runs = new Map<TimedStep, number[]>();
  #current = new Map<TimedStep, number>();

  add(step: TimedStep, milliseconds: number): void {
    this.#current.set(step, (this.#current.get(step) ?? 0) + milliseconds);
  }

  forget(): void {
    this.#current = new Map();
  }

  endRun(): void {
    for (const [step, milliseconds] of this.#current) {
      const times = this.#runs.get(step) ?? [];
      times.push(milliseconds);
      this.#runs.set(step, times);
    }
    this.#current = new Map();
  }

  steps(): readonly StepTime[] {
    return [...this.#runs].map(([step, times]) => ({ step, milliseconds: medianOf(times) }));
  }
}

interface StepTime {
  readonly step: TimedStep;
  readonly milliseconds: number;
}

/** The steps of one layer stand together: those that follow one another and come from the same nodes. */
function layersOf(steps: readonly StepTime[], limits: EngineLimits): readonly LayerProfile[] {
  const groups: StepTime[][] = [];
  for (const entry of steps) {
    const group = groups.at(-1);
    const [first] = group ?? [];
    if (group !== undefined && first !== undefined && sameNodes(first.step, entry.step)) group.push(entry);
    else groups.push([entry]);
  }
  const total = steps.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  return groups.map((group) => profileOf(group, total, limits));
}

const sameNodes = (a: TimedStep, b: TimedStep): boolean => a.origin.join("\n") === b.origin.join("\n");

function profileOf(group: readonly StepTime[], total: number, limits: EngineLimits): LayerProfile {
  const milliseconds = group.reduce((sum, step) => sum + step.milliseconds, 0);
  const costs = group.map(({ step }) => costOf(step));
  const known = costs.every((cost) => cost !== null) ? costs : null;
  const limit = known === null ? null : limitOf(known, limits);
  const reached = limit === null || milliseconds === 0 ? null : limit.milliseconds / milliseconds;
  return {
    nodes: group[0]?.step.origin ?? [],
    functions: [...new Set(group.map(({ step }) => functionOf(step)))],
    milliseconds,
    share: total === 0 ? 0 : milliseconds / total,
    operations: known === null ? null : known.reduce((sum, { operations }) => sum + operations, 0),
    bytes: known === null ? null : known.reduce((sum, { bytes }) => sum + bytes, 0),
    limit,
    reached,
    boundBy: limit !== null && reached !== null && reached >= boundFrom ? limit.of : "neither",
  };
}

interface StepCost {
  readonly operations: number;
  readonly bytes: number;
}

/** Null for steps whose program does not say what they touch. */
const costOf = (step: TimedStep): StepCost | null =>
  step.kind === "kernel" && step.bytes !== undefined ? { operations: step.work, bytes: step.bytes } : null;

/** Each step takes at least the longer of its two times. */
function limitOf(costs: readonly StepCost[], limits: EngineLimits): NonNullable<LayerProfile["limit"]> {
  const times = costs.map(({ operations, bytes }) => ({
    arithmetic: (operations / 2 / limits.multiplyAdds) * 1000,
    memory: (bytes / readRate(limits, bytes)) * 1000,
  }));
  const milliseconds = times.reduce((sum, { arithmetic, memory }) => sum + Math.max(arithmetic, memory), 0);
  const lead = times.reduce((sum, { arithmetic, memory }) => sum + arithmetic - memory, 0);
  return { milliseconds, of: lead >= 0 ? "arithmetic" : "memory" };
}

const functionOf = (step: TimedStep): string =>
  step.kind === "kernel" ? step.function.replace(/_\d+$/, "") : step.kind === "host" ? `host: ${step.fn}` : "copy";

function medianOf(times: readonly number[]): number {
  const middle = times.toSorted((a, b) => a - b)[Math.floor((times.length - 1) / 2)];
  if (middle === undefined) throw new Error("internal: nothing was timed");
  return middle;
}

interface Profile {
  readonly limits: EngineLimits;
  /** median milliseconds of a run, with what passes between steps */
  readonly whole: number;
  readonly runs: number;
  readonly layers: readonly LayerProfile[];
}

function print({ json, top, threads }: ProfileArguments, { limits, whole, runs, layers }: Profile): void {
  const shown = top === undefined ? layers : layers.toSorted((a, b) => b.milliseconds - a.milliseconds).slice(0, top);
  const inSteps = layers.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  if (json) {
    const run = { median: whole, inSteps, runs };
    process.stdout.write(`${JSON.stringify({ threads, unit: "ms", limits, run, layers: shown }, null, 2)}\n`);
    return;
  }
  const row = (layer: LayerProfile): string[] => [
    nodesText(layer.nodes),
    short(layer.functions.join(", ")),
    layer.milliseconds.toFixed(3),
    `${(100 * layer.share).toFixed(1)} %`,
    rate(layer.operations === null ? null : layer.operations / 2, layer.milliseconds),
    rate(layer.bytes, layer.milliseconds),
    layer.reached === null ? "" : `${(100 * layer.reached).toFixed(0)} %`,
    layer.boundBy,
  ];
  printTable(["layer", "kernels", "ms", "share", "G madd/s", "GB/s", "of limit", "bound by"], shown.map(row));
  const reads = limits.reads.map(({ bytes, bytesPerSecond }) => `${giga(bytesPerSecond)} (${sizeText(bytes)})`);
  process.stdout.write(
    `\nrun: median ${whole.toFixed(3)} ms of ${runs}, ${inSteps.toFixed(3)} ms in layers\n` +
      `limits of one thread here: ${giga(limits.multiplyAdds)} G multiply-adds/s (f32); GB/s read by size: ${reads.join(", ")}\n`,
  );
}

const giga = (perSecond: number): string => (perSecond / 1e9).toFixed(1);
const rate = (count: number | null, milliseconds: number): string =>
  count === null || milliseconds === 0 ? "" : giga((count / milliseconds) * 1000);
const sizeText = (bytes: number): string => (bytes < 2 ** 20 ? `${bytes / 2 ** 10} KiB` : `${bytes / 2 ** 20} MiB`);

/** The first node, and how many more there are. */
const nodesText = ([first, ...more]: readonly string[]): string =>
  first === undefined ? "" : short(more.length === 0 ? first : `${first} + ${more.length}`);

const widest = 44;
const short = (text: string): string => (text.length > widest ? `${text.slice(0, widest - 1)}…` : text);
