/** `wsc sweep`: every point of a design space; `wsc sweep report`: what came of it; `wsc worker`: does jobs of sweeps elsewhere. */
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import path from "node:path";
import { fail, showName, WscError } from "../../ir/diagnostic.ts";
import { work } from "../sweep/crews/queue-worker.ts";
import { queueAddress } from "../sweep/crews/redis.ts";
import { reportSweep, runSweep, type SweepResult } from "../sweep/run-sweep.ts";
import type { SearchPlan } from "../sweep/state/search.ts";
import type { SearchKind } from "../sweep/state/search-kinds.ts";
import { wscName } from "../version.ts";
import { exitCodes, note } from "./failure.ts";
import { lineProgress } from "./progress.ts";
import { printTable } from "./table.ts";

interface QueueArguments {
  readonly queue: string | undefined;
  readonly store: string | undefined;
  readonly jobs: number | undefined;
  readonly quiet: boolean;
}

export interface SweepArguments extends QueueArguments {
  readonly spec: string;
  readonly folder: string | undefined;
  readonly output: string | undefined;
  readonly search: SearchKind | undefined;
  readonly budget: number | undefined;
  readonly seed: number;
  readonly force: boolean;
  readonly json: boolean;
}

export interface WorkerArguments extends QueueArguments {
  readonly idle: number | undefined;
}

/** Threads of one process. */
const mostThreads = 1_024;

export async function sweep(given: SweepArguments): Promise<number> {
  if (given.spec === "report") return report(given);
  if (given.folder !== undefined)
    throw fail("WSC8001", `a sweep takes one specification, and "${showName(given.folder)}" is a second argument`, {
      hint: "the sweep's folder is named with -o",
    });
  const { queue, store } = given;
  if (queue !== undefined && given.jobs !== undefined)
    throw fail("WSC8001", "--jobs are threads of this machine, and --queue leaves the work to workers", {
      hint: "wsc worker takes --jobs",
    });
  const crew =
    queue === undefined
      ? ({ kind: "threads", count: threadsOf(given.jobs) } as const)
      : ({ kind: "queue", url: queue } as const);
  if (queue !== undefined) queueAddress(queue);
  const progress = lineProgress(given.quiet || given.json);
  try {
    const result = await runSweep({
      spec: given.spec,
      folder: given.output ?? `${path.basename(given.spec).replace(/\.(?:ya?ml|json)$/i, "")}.sweep`,
      crew,
      store: store ?? null,
      search: searchOf(given),
      force: given.force,
      onProgress: ({ points, refused, failed }, all) => {
        progress.show(`${points} of ${all ?? "?"} points, ${refused} refused, ${failed} failed`);
      },
    });
    progress.stop();
    return tell(result, given);
  } finally {
    progress.stop();
  }
}

async function report(given: SweepArguments): Promise<number> {
  if (given.folder === undefined)
    throw fail("WSC8001", "wsc sweep report takes the folder of a sweep", { hint: "wsc sweep report DIR" });
  return tell(await reportSweep(given.folder, given.force), given);
}

function searchOf({ search, budget, seed }: SweepArguments): SearchPlan | null {
  if (search === undefined) {
    if (budget !== undefined) throw fail("WSC8001", "--budget goes with --search");
    return null;
  }
  if (budget === undefined) throw fail("WSC8001", "--search needs --budget: how many points it may spend");
  if (!Number.isSafeInteger(budget) || budget < 1) throw fail("WSC8001", "--budget takes a whole number of at least 1");
  if (!Number.isSafeInteger(seed) || seed < 0) throw fail("WSC8001", "--seed takes a whole number of at least 0");
  return { kind: search, budget, seed };
}

function threadsOf(jobs: number | undefined): number {
  if (jobs === undefined) return availableParallelism();
  if (Number.isSafeInteger(jobs) && jobs >= 1 && jobs <= mostThreads) return jobs;
  throw fail("WSC8001", `--jobs takes a whole number from 1 to ${mostThreads}`);
}

/** Rows of the frontier that are printed. */
const mostRows = 20;

function tell(result: SweepResult, { json, quiet }: Pick<SweepArguments, "json" | "quiet">): number {
  if (json) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  else if (!quiet) describe(result);
  if (result.failed === 0) return exitCodes.done;
  throw new WscError([
    {
      code: "WSC8105",
      severity: "error",
      message: `${result.failed} of ${result.points + result.trials} jobs have failed, each several times`,
      hint: "results.jsonl says why; the same command tries them again",
    },
  ]);
}

function describe(result: SweepResult): void {
  const { points, done, refused, failed, known, trials, frontier, files, objectives } = result;
  const before = known === 0 ? "" : ` (${known} known before)`;
  process.stdout.write(`${points} points: ${done} done, ${refused} refused, ${failed} failed${before}\n`);
  if (trials > 0) process.stdout.write(`chosen by ${trials} trials with a share of the effort\n`);
  const [first] = frontier;
  if (first !== undefined) {
    const goals = Object.entries(objectives).map(([name, goal]) => `${goal} ${name}`);
    process.stdout.write(`${frontier.length} on the frontier of ${goals.join(", ")}:\n`);
    const status = Object.keys(first).indexOf("status");
    const names = Object.keys(first).filter(
      (name, column) => column < status || Object.hasOwn(objectives, name.replace(/^result\./, "")) || name === "binds",
    );
    const rows = frontier.slice(0, mostRows).map((row) => names.map((name) => shown(row[name] ?? null)));
    printTable(names, rows);
    if (frontier.length > mostRows) process.stdout.write(`and ${frontier.length - mostRows} more\n`);
  }
  process.stdout.write(`written ${files.join(", ")}\n`);
}

const shown = (value: string | number | boolean | null): string =>
  typeof value === "number" && !Number.isInteger(value) ? value.toPrecision(5) : String(value ?? "-");

export async function worker(given: WorkerArguments): Promise<number> {
  const { queue, store, idle } = given;
  if (queue === undefined || store === undefined)
    throw fail("WSC8001", "a worker needs --queue, where jobs come from, and --store, where models and results are");
  if (idle !== undefined && !(idle >= 0)) throw fail("WSC8001", "--idle takes a number of seconds");
  const address = queueAddress(queue);
  const cache = mkdtempSync(path.join(tmpdir(), "wsc-worker-"));
  const abort = new AbortController();
  const stop = (): void => {
    abort.abort();
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, stop);
  try {
    const version = await wscName();
    note(`wsc ${version} takes jobs from ${address.shown}, queue ${address.queue}`, given.quiet);
    await work({
      address,
      store,
      threads: threadsOf(given.jobs),
      version,
      cache,
      idleSeconds: idle ?? null,
      onJob: ({ job, key, wasKnown }) => {
        note(`${key.slice(0, 12)} ${job.action}${wasKnown ? ", known" : ""}`, given.quiet);
      },
      signal: abort.signal,
    });
    return exitCodes.done;
  } finally {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, stop);
    rmSync(cache, { recursive: true, force: true });
  }
}
