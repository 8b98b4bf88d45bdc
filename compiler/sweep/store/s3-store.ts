/** A store in S3-compatible object storage. Keys are digests below a prefix; what comes is compared with its digest. */
import { createReadStream, createWriteStream } from "node:fs";
import { rename, rm, stat } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { S3mini } from "s3mini";
import { fail, showName } from "../../../ir/diagnostic.ts";
import { fileProblem, isFileError } from "../../files/file-errors.ts";
import { digestOf, digestOfFile, type Digest } from "../jobs/digest.ts";
import { type Outcome, readOutcome } from "../jobs/job.ts";
import { loadOptional } from "../optional-package.ts";
import type { Store } from "./store.ts";

/** Bytes of a part of a large file. */
const partBytes = 8 * 2 ** 20;

/** Milliseconds after which a request that has no answer is given up; the job is then tried again. */
const requestTimeout = 60_000;

/** A store of `s3://BUCKET/PREFIX?endpoint=URL&region=NAME`; keys come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. */
export async function openS3Store(url: URL, environment: NodeJS.ProcessEnv): Promise<Store> {
  const { S3mini } = await loadOptional("s3mini", () => import("s3mini"), "a store in object storage");
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = environment;
  if (accessKeyId === undefined || secretAccessKey === undefined)
    throw fail("WSC8104", "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set, and object storage asks for them");
  const region = url.searchParams.get("region") ?? environment["AWS_REGION"] ?? "us-east-1";
  const base = url.searchParams.get("endpoint") ?? `https://s3.${region}.amazonaws.com`;
  const endpoint = `${base.replace(/\/$/, "")}/${url.hostname}`;
  const client = new S3mini({ accessKeyId, secretAccessKey, endpoint, region, requestAbortTimeout: requestTimeout });
  return new S3Store(client, url.hostname, url.pathname.replace(/^\/+|\/+$/g, ""));
}

class S3Store implements Store {
  readonly #client: S3mini;
  readonly #bucket: string;
  readonly #prefix: string;
  /** what is not found may be missing with its bucket; that is looked at once */
  #isBucketThere = false;

  constructor(client: S3mini, bucket: string, prefix: string) {
    this.#client = client;
    this.#bucket = bucket;
    this.#prefix = prefix === "" ? "" : `${prefix}/`;
  }

  #key(kind: "files" | "results", digest: Digest): string {
    return `${this.#prefix}${kind}/${digest}`;
  }

  async #bytes(key: string): Promise<Uint8Array | null> {
    const bytes = await this.#client.getObjectArrayBuffer(key).catch(cannotUse);
    if (bytes === null) return this.#absent();
    return new Uint8Array(bytes);
  }

  /** Nothing under a key, in a bucket that is there. */
  async #absent(): Promise<null> {
    if (!this.#isBucketThere && !(await this.#client.bucketExists().catch(cannotUse)))
      throw fail("WSC8104", `there is no bucket "${showName(this.#bucket)}", or these keys may not list it`, {
        hint: "check bucket, endpoint and region; keys need the right to list the bucket, to read objects and to write them",
      });
    this.#isBucketThere = true;
    return null;
  }

  async #exists(key: string): Promise<boolean> {
    return (await this.#client.objectExists(key).catch(cannotUse)) === true;
  }

  async get(digest: Digest): Promise<Uint8Array | null> {
    const bytes = await this.#bytes(this.#key("files", digest));
    return bytes !== null && digestOf(bytes) === digest ? bytes : null;
  }

  async getFile(digest: Digest, file: string): Promise<boolean> {
    const response = await this.#client.getObjectResponse(this.#key("files", digest)).catch(cannotUse);
    if (response?.body == null) {
      await this.#absent();
      return false;
    }
    const draft = `${file}.draft`;
    try {
      await pipeline(
        Readable.fromWeb(response.body as import("node:stream/web").ReadableStream),
        createWriteStream(draft),
      ).catch((error: unknown) => {
        if (isFileError(error)) throw fileProblem(error, `"${draft}" cannot be written`);
        return cannotUse(error);
      });
      if ((await digestOfFile(draft)) !== digest) return false;
      await rename(draft, file);
      return true;
    } finally {
      await rm(draft, { force: true });
    }
  }

  async put(bytes: string | Uint8Array): Promise<Digest> {
    const digest = digestOf(bytes);
    const key = this.#key("files", digest);
    if (!(await this.#exists(key))) await this.#client.putObject(key, Buffer.from(bytes)).catch(cannotUse);
    return digest;
  }

  async putFile(file: string, digest: Digest): Promise<void> {
    const key = this.#key("files", digest);
    if (await this.#exists(key)) return;
    const { size } = await stat(file);
    if (size <= partBytes) {
      const chunks: Buffer[] = [];
      for await (const chunk of createReadStream(file)) chunks.push(chunk as Buffer);
      await this.#client.putObject(key, Buffer.concat(chunks)).catch(cannotUse);
    } else await this.#putParts(key, file);
  }

  async #putParts(key: string, file: string): Promise<void> {
    const client = this.#client;
    const upload = await client.getMultipartUploadId(key).catch(cannotUse);
    try {
      const parts: Awaited<ReturnType<S3mini["uploadPart"]>>[] = [];
      for await (const chunk of createReadStream(file, { highWaterMark: partBytes }))
        parts.push(await client.uploadPart(key, upload, chunk as Buffer, parts.length + 1));
      await client.completeMultipartUpload(key, upload, parts);
    } catch (error) {
      await client.abortMultipartUpload(key, upload).catch(() => undefined);
      cannotUse(error);
    }
  }

  async result(job: Digest): Promise<Outcome | null> {
    const bytes = await this.#bytes(this.#key("results", job));
    if (bytes === null) return null;
    try {
      return readOutcome(JSON.parse(new TextDecoder().decode(bytes)), "");
    } catch {
      return null;
    }
  }

  async putResult(job: Digest, outcome: Outcome): Promise<void> {
    const key = this.#key("results", job);
    if ((await this.result(job)) === null) await this.#client.putObject(key, JSON.stringify(outcome)).catch(cannotUse);
  }
}

/** What the service says; its answers tell no keys. */
function cannotUse(error: unknown): never {
  const said = error instanceof Error ? error.message : String(error);
  throw fail("WSC8104", `the object storage refuses: ${showName(said)}`, { hint: "check bucket, endpoint and keys" });
}
