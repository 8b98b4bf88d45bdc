/** Where files lie by their digests, and results by their jobs. */
import { fail } from "../../../ir/diagnostic.ts";
import type { Digest } from "../jobs/digest.ts";
import type { Outcome } from "../jobs/job.ts";

export interface Store {
  /** bytes of a digest; null where it has none that are those */
  readonly get: (digest: Digest) => Promise<Uint8Array | null>;
  /** puts a file of a digest to a path where nothing is; false where there is none */
  readonly getFile: (digest: Digest, file: string) => Promise<boolean>;
  readonly put: (bytes: string | Uint8Array) => Promise<Digest>;
  /** puts a file whose digest is known */
  readonly putFile: (file: string, digest: Digest) => Promise<void>;
  /** the result of a job, null where there is none */
  readonly result: (job: Digest) => Promise<Outcome | null>;
  /** keeps a result; the first one of a job stays */
  readonly putResult: (job: Digest, outcome: Outcome) => Promise<void>;
}

/** Bytes that have to be there. */
export async function bytesIn(store: Store, digest: Digest): Promise<Uint8Array> {
  const bytes = await store.get(digest);
  if (bytes !== null) return bytes;
  throw missing(digest);
}

export const missing = (digest: Digest): Error =>
  fail("WSC8104", `the store does not have ${digest}`, {
    hint: "coordinator and workers name the same store with --store",
  });
