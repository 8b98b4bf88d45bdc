/** Those who do a sweep's jobs: threads of this process, or workers that take them from a queue. */
import type { Digest } from "../jobs/digest.ts";
import type { Job, Outcome } from "../jobs/job.ts";

export interface Crew {
  /** jobs that it takes at once, so that none of its members waits for the next */
  readonly width: number;
  /** does a job; what cannot be done in several tries is an outcome, too. Throws where no job can be done at all. */
  readonly run: (job: Job, key: Digest) => Promise<Outcome>;
  readonly close: () => Promise<void>;
}

/** Times that a job is tried, and milliseconds before the second time; twice as many before each next one. */
export const tries = 4;
export const firstDelay = 500;

/** What a failure is called for people: its message, without a stack. */
export const failureOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
