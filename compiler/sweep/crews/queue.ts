/**
 * Workers that take jobs from a queue (BullMQ), seen from the coordinator. A job's name in the queue is its digest, so that it is there once; its result comes
 * through the store. Messages of the queue say when to look there, and may be lost: jobs that are long under way are looked up, and put again where the
 * queue has forgotten them.
 */
import type { Queue, QueueEvents } from "bullmq";
import type { Redis } from "ioredis";
import { fail, WscError } from "../../../ir/diagnostic.ts";
import type { Digest } from "../jobs/digest.ts";
import type { Job, Outcome } from "../jobs/job.ts";
import { loadOptional } from "../optional-package.ts";
import type { Store } from "../store/store.ts";
import { type Crew, firstDelay, tries } from "./crew.ts";
import { connectQueue, type QueueAddress, versionKey } from "./redis.ts";

/** Jobs in the queue at once: workers never wait, and no queue grows with the sweep. */
const width = 256;

/** Milliseconds after which jobs that nobody has told of are looked up. */
const lookUpAfter = 3_000;

/** Milliseconds without a server after which a sweep ends; what is done is kept. */
const longestLoss = 600_000;

/** Times that a result is looked for after the queue has said that it is there: a shared folder may show it late. */
const looks = 5;

interface Waiting {
  readonly job: Job;
  readonly done: (outcome: Outcome) => void;
  readonly failed: (error: Error) => void;
  /** when it was last put or looked up */
  seen: number;
}

export async function openQueue(address: QueueAddress, store: Store, version: string): Promise<Crew> {
  const { Queue, QueueEvents } = await loadOptional("bullmq", () => import("bullmq"), "--queue");
  const client = await connectQueue(address);
  await client.set(versionKey(address.queue), version);
  const queue = new Queue<{ readonly job: Job }>(address.queue, { connection: client });
  const events = new QueueEvents(address.queue, { connection: client.duplicate() });
  // what is lost while the server is away is looked up
  queue.on("error", () => undefined);
  events.on("error", () => undefined);
  await events.waitUntilReady();
  return new QueueCrew({ address, store, version, client, queue, events });
}

interface QueueParts {
  readonly address: QueueAddress;
  readonly store: Store;
  readonly version: string;
  readonly client: Redis;
  readonly queue: Queue<{ readonly job: Job }>;
  readonly events: QueueEvents;
}

class QueueCrew implements Crew {
  readonly width: number = width;
  readonly #parts: QueueParts;
  readonly #waiting = new Map<Digest, Waiting>();
  readonly #timer: NodeJS.Timeout;
  #lostSince: number | null = null;
  #isLooking = false;

  constructor(parts: QueueParts) {
    this.#parts = parts;
    parts.events.on("completed", ({ jobId }) => void this.#settle(jobId, looks));
    parts.events.on("failed", ({ jobId, failedReason }) => {
      this.#waiting.get(jobId)?.done({ kind: "failed", message: failedReason });
    });
    parts.client.on("close", () => {
      this.#lostSince ??= Date.now();
    });
    parts.client.on("ready", () => {
      this.#lostSince = null;
      // a server that has lost its memory has lost this, too
      void parts.client.set(versionKey(parts.address.queue), parts.version).catch(() => undefined);
    });
    this.#timer = setInterval(() => void this.#lookUp(), lookUpAfter / 2);
  }

  async run(job: Job, key: Digest): Promise<Outcome> {
    const known = await this.#parts.store.result(key);
    if (known !== null) return known;
    const outcome = new Promise<Outcome>((resolve, reject) => {
      const leave = (): boolean => this.#waiting.delete(key);
      const done = (found: Outcome): void => {
        if (leave()) resolve(found);
      };
      const failed = (error: Error): void => {
        if (leave()) reject(error);
      };
      this.#waiting.set(key, { job, done, failed, seen: Date.now() });
    });
    this.#put(job, key);
    return outcome;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    const { queue, events, client } = this.#parts;
    await Promise.allSettled([queue.close(), events.close()]);
    client.disconnect();
  }

  /** Puts a job; nothing happens where the queue has it. */
  #put(job: Job, key: Digest): void {
    this.#parts.queue
      .add(
        job.action,
        { job },
        {
          jobId: key,
          attempts: tries,
          backoff: { type: "exponential", delay: firstDelay },
          removeOnComplete: true,
          removeOnFail: true,
        },
      )
      .catch(() => undefined);
  }

  /** Takes a result from the store. */
  async #settle(key: Digest, left: number): Promise<void> {
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) return;
    try {
      const outcome = await this.#parts.store.result(key);
      if (outcome !== null) waiting.done(outcome);
      else if (left > 0) setTimeout(() => void this.#settle(key, left - 1), lookUpAfter / looks).unref();
      else
        waiting.failed(
          fail("WSC8104", "a worker has done a job, and its result is not in this store", {
            hint: "coordinator and workers name the same store with --store",
          }),
        );
    } catch (error) {
      waiting.failed(error instanceof Error ? error : new Error(String(error)));
    }
  }

  async #lookUp(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      if (this.#lostSince !== null && Date.now() - this.#lostSince > longestLoss) this.#giveUp();
      for (const [key, waiting] of [...this.#waiting]) {
        if (Date.now() - waiting.seen < lookUpAfter) continue;
        const outcome = await this.#parts.store.result(key);
        if (outcome !== null) waiting.done(outcome);
        else if (this.#lostSince === null) this.#put(waiting.job, key);
        waiting.seen = Date.now();
      }
    } catch (error) {
      // a store that does not answer now may do so the next time
      if (!(error instanceof WscError)) throw error;
    } finally {
      this.#isLooking = false;
    }
  }

  #giveUp(): void {
    const error = fail("WSC8102", `the queue at ${this.#parts.address.shown} has been away for too long`, {
      hint: "what is done is kept: run the same command again",
    });
    for (const { failed } of [...this.#waiting.values()]) failed(error);
  }
}
