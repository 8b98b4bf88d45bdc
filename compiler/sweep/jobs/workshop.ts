/** What doing jobs needs on a machine: files by their digests, and what was read of them last, since jobs that follow each other share models and machines. */
import { mkdirSync, renameSync, rmSync } from "node:fs";
import { stat } from "node:fs/promises";
import path from "node:path";
import { threadId } from "node:worker_threads";
import { fail } from "../../../ir/diagnostic.ts";
import { type LoweredModel, lowerSource } from "../../compile.ts";
import type { Store } from "../store/store.ts";
import { bytesIn, missing } from "../store/store.ts";
import type { Digest } from "./digest.ts";
import type { ModelRef } from "./job.ts";

/** A file on this machine that a digest was taken of, and what tells that it is the same still. */
export interface LocalFile {
  readonly path: string;
  readonly bytes: number;
  readonly modified: number;
}

export interface WorkshopOptions {
  readonly store: Store;
  /** models that need not be fetched: the model's file by its digest, with external data beside it */
  readonly local: ReadonlyMap<Digest, LocalFile>;
  /** folder for models that are fetched */
  readonly cache: string;
}

/** Machines and configurations that are remembered as they were read. */
const mostRemembered = 64;

export class Workshop {
  readonly store: Store;
  readonly #local: ReadonlyMap<Digest, LocalFile>;
  readonly #cache: string;
  readonly #remembered = new Map<string, Promise<unknown>>();
  /** the model that was lowered last */
  #lowered: { readonly key: string; readonly model: Promise<LoweredModel> } | null = null;

  constructor({ store, local, cache }: WorkshopOptions) {
    this.store = store;
    this.#local = local;
    this.#cache = cache;
  }

  /** What `read` makes of the JSON of a digest; the same object for the same digest, as long as it is remembered. */
  async json<T>(kind: string, digest: Digest, read: (json: unknown) => T | Promise<T>): Promise<T> {
    const key = `${kind} ${digest}`;
    const known = this.#remembered.get(key) as Promise<T> | undefined;
    if (known !== undefined) return known;
    const made = bytesIn(this.store, digest).then((bytes) => read(JSON.parse(new TextDecoder().decode(bytes))));
    this.#remembered.set(key, made);
    made.catch(() => this.#remembered.delete(key));
    const [oldest] = this.#remembered.keys();
    if (this.#remembered.size > mostRemembered && oldest !== undefined) this.#remembered.delete(oldest);
    return made;
  }

  /** A model as the passes leave it, with these sizes of its dims. */
  lowered(model: Extract<ModelRef, { kind: "onnx" }>, dims: ReadonlyMap<string, number>): Promise<LoweredModel> {
    const key = JSON.stringify([model, [...dims].toSorted()]);
    if (this.#lowered?.key !== key) {
      const made = this.modelFile(model).then((file) => lowerSource(file, { dims }));
      this.#lowered = { key, model: made };
      // what could not be had now may be there the next time
      made.catch(() => {
        if (this.#lowered?.key === key) this.#lowered = null;
      });
    }
    return this.#lowered.model;
  }

  /** Where a model's file lies, its external data beside it. */
  async modelFile({ label, digest, data }: Extract<ModelRef, { kind: "onnx" }>): Promise<string> {
    const local = this.#local.get(digest);
    if (local !== undefined) {
      const { size, mtimeMs } = await stat(local.path);
      if (size === local.bytes && mtimeMs === local.modified) return local.path;
      throw fail("WSC8104", "the model has been changed since the sweep began", { subject: label });
    }
    const folder = path.join(this.#cache, digest);
    const file = path.join(folder, `${label}.onnx`);
    for (const [place, wanted] of [
      [file, digest],
      ...data.map((part) => [path.join(folder, part.location), part.digest] as const),
    ] as const)
      await this.#fetch(wanted, place);
    return file;
  }

  async #fetch(digest: Digest, file: string): Promise<void> {
    const isThere = await stat(file).then(
      () => true,
      () => false,
    );
    if (isThere) return;
    mkdirSync(path.dirname(file), { recursive: true });
    // other threads may fetch it, too
    const draft = `${file}.${process.pid}.${threadId}.draft`;
    rmSync(draft, { force: true });
    if (!(await this.store.getFile(digest, draft))) throw missing(digest);
    renameSync(draft, file);
  }
}
