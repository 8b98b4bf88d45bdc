/** `wsc profile`: the time of every layer, and how near it comes to what the engine can do at most on this machine. */
import { fail } from "../../ir/diagnostic.ts";
import { InferenceSession } from "../../runtime/session.ts";
import { betterOf, type EngineLimits, measureEngine } from "../tuning/engine-limits.ts";
import { type LayerProfile, layersOf, medianOf, RunLog } from "../tuning/layer-profile.ts";
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
