/** `wsc bench`: how fast a model runs, alone or in turns with onnxruntime. */
import { readFile } from "node:fs/promises";
import { fail } from "../../ir/diagnostic.ts";
import { InferenceSession } from "../../runtime/session.ts";
import { readDims } from "./assignments.ts";
import { exitCodes } from "./failure.ts";
import type { PeerName } from "./peer-names.ts";
import { openPeer, type Peer } from "./peers.ts";
import { collectFeeds, type FeedArguments } from "./run.ts";

export interface BenchArguments extends FeedArguments {
  readonly model: string;
  readonly against: PeerName | undefined;
  readonly seconds: number;
  readonly threads: number;
  readonly deterministic: boolean;
  readonly dim: readonly string[];
  readonly json: boolean;
}

/** Milliseconds of a run. */
interface Speed {
  readonly median: number;
  readonly shortest: number;
  readonly runs: number;
}

/** Runs before anything is timed: engines compile hot functions anew. */
const warmUp = 3;

export async function benchModel(given: BenchArguments): Promise<number> {
  if (!(given.seconds > 0)) throw fail("WSC8001", `--seconds takes a number above 0, not ${given.seconds}`);
  const { model, against, threads } = given;
  const session = await InferenceSession.create(model, {
    freeDimensionOverrides: Object.fromEntries(readDims(given.dim)),
    strict: true,
    deterministic: given.deterministic,
    threads,
  });
  const { feeds } = await collectFeeds(session, { ...given, random: given.random ?? 0 });
  const peer =
    against === undefined ? null : await openPeer(against, await onnxBytes(model, against), feeds, { threads });
  const own = async (): Promise<void> => {
    await session.run(feeds);
  };
  const times = await alternate([own, ...(peer === null ? [] : [peer.runOnly])], given.seconds * 1000);
  await session.release();
  await peer?.release();
  print(given, times.map(speedOf), peer);
  return exitCodes.done;
}

async function onnxBytes(model: string, peer: string): Promise<Uint8Array> {
  if (model.endsWith(".onnx")) return readFile(model);
  throw fail("WSC8001", `${peer} runs .onnx models; ${model} is none`, { hint: "give the model" });
}

/** Runs one after the other, again and again, so that what else the machine does meets all alike; milliseconds of each. */
async function alternate(runs: readonly (() => Promise<void>)[], milliseconds: number): Promise<readonly number[][]> {
  for (let i = 0; i < warmUp; i++) for (const run of runs) await run();
  const times = runs.map((): number[] => []);
  for (const end = performance.now() + milliseconds; performance.now() < end;) {
    for (const [index, run] of runs.entries()) {
      const start = performance.now();
      await run();
      times[index]?.push(performance.now() - start);
    }
  }
  return times;
}

function speedOf(times: readonly number[]): Speed {
  const sorted = times.toSorted((a, b) => a - b);
  const [shortest = NaN] = sorted;
  return { median: sorted[Math.floor((sorted.length - 1) / 2)] ?? shortest, shortest, runs: sorted.length };
}

function print({ json, threads }: BenchArguments, [own, other]: readonly Speed[], peer: Peer | null): void {
  if (own === undefined) throw new Error("internal: nothing was timed");
  const theirs = peer === null || other === undefined ? [] : [{ name: `${peer.name} ${peer.version}`, ...other }];
  const rows = [{ name: "wsc", ...own }, ...theirs];
  const ratio = other === undefined ? null : other.median / own.median;
  if (json) {
    process.stdout.write(`${JSON.stringify({ threads, unit: "ms", rows, ratio }, null, 2)}\n`);
    return;
  }
  for (const { name, median, shortest, runs } of rows) {
    process.stdout.write(`${name}: median ${median.toFixed(3)} ms, shortest ${shortest.toFixed(3)} ms, ${runs} runs\n`);
  }
  if (ratio !== null) process.stdout.write(`wsc is ${ratio.toFixed(2)} times as fast (medians, runs in turns)\n`);
}
