/** Threads of this process (piscina). A thread that ends, because a job took all its memory for instance, is replaced, and the job is tried again. */
import { setTimeout as sleep } from "node:timers/promises";
import { Piscina } from "piscina";
import type { Digest } from "../jobs/digest.ts";
import type { Job, Outcome } from "../jobs/job.ts";
import type { LocalFile } from "../jobs/workshop.ts";
import { type Crew, failureOf, firstDelay, tries } from "./crew.ts";

/** What a thread is told when it begins. */
export interface ThreadData {
  /** folder or URL of the store */
  readonly store: string;
  readonly local: ReadonlyMap<Digest, LocalFile>;
  readonly cache: string;
}

/** Jobs that wait behind each thread, so that it never waits for the next one. */
const ahead = 4;

/** `attempts`: how often a job is tried here, where nobody else tries it again. */
export function openPool(threads: number, data: ThreadData, attempts: number = tries): Crew {
  const pool = new Piscina<Job, Outcome>({
    filename: new URL("./pool-thread.js", import.meta.url).href,
    name: "doJob",
    minThreads: threads,
    maxThreads: threads,
    idleTimeout: Infinity,
    workerData: data,
    // signals end the process, whose state is on the disk
    closeTimeout: 60_000,
  });
  // a thread that breaks down has its job's promise rejected, which is where it is dealt with
  pool.on("error", () => undefined);
  const attempt = async (job: Job, left: number, delay: number): Promise<Outcome> => {
    try {
      return await pool.run(job);
    } catch (error) {
      if (left === 0) return { kind: "failed", message: failureOf(error) };
      await sleep(delay);
      return attempt(job, left - 1, 2 * delay);
    }
  };
  return {
    width: threads * (1 + ahead),
    run: (job) => attempt(job, attempts - 1, firstDelay),
    close: () => pool.destroy(),
  };
}
