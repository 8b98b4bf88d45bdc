/** A worker: takes jobs from a queue, does them on threads of this process, and leaves results in the store. */
import type { Worker } from "bullmq";
import { fail, showName } from "../../../ir/diagnostic.ts";
import { JsonMismatch } from "../../../ir/json-reader.ts";
import { type Job, jobKey, readJob } from "../jobs/job.ts";
import { loadOptional } from "../optional-package.ts";
import { openStore } from "../store/open-store.ts";
import { openPool } from "./pool.ts";
import { connectQueue, type QueueAddress, versionKey } from "./redis.ts";

export interface WorkerOptions {
  readonly address: QueueAddress;
  /** folder or URL */
  readonly store: string;
  readonly threads: number;
  readonly version: string;
  /** folder for fetched models */
  readonly cache: string;
  /** seconds without a job after which the worker ends; null: it waits for the next one */
  readonly idleSeconds: number | null;
  readonly onJob: (ended: WorkedJob) => void;
  /** ends the worker when the jobs under way are done */
  readonly signal: AbortSignal;
}

export interface WorkedJob {
  readonly job: Job;
  readonly key: string;
  /** a result that was there already is not made again */
  readonly wasKnown: boolean;
}

/** Milliseconds after which a worker that does not renew its hold on a job is taken for dead, and between looks for such jobs. */
const lockDuration = 10_000;
const stalledInterval = 3_000;

/** Workers that a job may take down with it before it is given up. */
const mostDeaths = 20;

/** Milliseconds that a job of another version is left alone. */
const otherVersionDelay = 2_000;

/** Works until it is told to end; WSC8103 when the queue's jobs are of another version. */
export async function work(options: WorkerOptions): Promise<void> {
  const { address, threads, version, cache, idleSeconds, onJob, signal } = options;
  const { Worker, DelayedError, UnrecoverableError } = await loadOptional("bullmq", () => import("bullmq"), "a worker");
  const store = await openStore(options.store);
  const client = await connectQueue(address);
  const expected = await client.get(versionKey(address.queue));
  if (expected !== null && expected !== version) {
    client.disconnect();
    throw otherVersion(expected, version);
  }
  const pool = openPool(threads, { store: options.store, local: new Map(), cache }, 1);
  let end: (error: Error | null) => void = () => undefined;
  const ended = new Promise<Error | null>((resolve) => {
    end = resolve;
  });
  const idle = new IdleTimer(idleSeconds, () => {
    end(null);
  });
  const worker: Worker<unknown, null> = new Worker<unknown, null>(
    address.queue,
    async (task, token) => {
      const asked = versionOf(task.data);
      if (asked !== version) {
        end(otherVersion(asked, version));
        // it stays for a worker of its version
        await task.moveToDelayed(Date.now() + otherVersionDelay, token);
        throw new DelayedError();
      }
      const { job, key } = jobOf(task.data, task.id, (message) => new UnrecoverableError(message));
      idle.begin();
      try {
        const wasKnown = (await store.result(key)) !== null;
        if (!wasKnown) {
          const outcome = await pool.run(job, key);
          if (outcome.kind === "failed") throw new Error(outcome.message);
          await store.putResult(key, outcome);
        }
        onJob({ job, key, wasKnown });
        return null;
      } finally {
        idle.end();
      }
    },
    {
      connection: client,
      concurrency: threads,
      lockDuration,
      stalledInterval,
      maxStalledCount: mostDeaths,
    },
  );
  // a server that is away comes back, and a hold that was lost in the meantime is a job that somebody else does
  worker.on("error", () => undefined);
  const stop = (): void => {
    end(null);
  };
  signal.addEventListener("abort", stop, { once: true });
  // it may have been told while it connected
  if (signal.aborted) stop();
  idle.start();
  const error = await ended;
  idle.stop();
  signal.removeEventListener("abort", stop);
  await worker.close();
  await pool.close();
  client.disconnect();
  if (error !== null) throw error;
}

const otherVersion = (asked: string, own: string): Error =>
  fail("WSC8103", `the jobs are of wsc ${showName(asked)}, and this worker is ${own}`, {
    hint: "install the same build on all machines, or give each version a queue of its own (?queue=NAME)",
  });

const fieldOf = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;

function versionOf(data: unknown): string {
  const version = fieldOf(fieldOf(data, "job"), "version");
  return typeof version === "string" ? version : "unknown";
}

/** The job of a task, whose name is its digest. */
function jobOf(
  data: unknown,
  id: string | undefined,
  refuse: (message: string) => Error,
): { readonly job: Job; readonly key: string } {
  try {
    const job = readJob(fieldOf(data, "job"));
    const key = jobKey(job);
    if (key !== id) throw refuse("the job is not the one that it is called");
    return { job, key };
  } catch (error) {
    throw error instanceof JsonMismatch ? refuse(`the job is none: ${error.message}`) : error;
  }
}

/** Ends a worker that has had nothing to do for some time. */
class IdleTimer {
  readonly #seconds: number | null;
  readonly #onIdle: () => void;
  #busy = 0;
  #isOver = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(seconds: number | null, onIdle: () => void) {
    this.#seconds = seconds;
    this.#onIdle = onIdle;
  }

  start(): void {
    if (this.#seconds !== null && this.#busy === 0 && !this.#isOver)
      this.#timer = setTimeout(this.#onIdle, 1000 * this.#seconds);
  }

  stop(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
  }

  begin(): void {
    this.#busy++;
    clearTimeout(this.#timer);
  }

  end(): void {
    this.#busy--;
    this.start();
  }
}
