/** What doing jobs needs on a machine: files by their digests, and what was read of them last, since jobs that follow each other share models and machines. */
import { mkdirSync, renameSync, rmSync } from "node:fs";
import { stat } from "node:fs/promises";
import path from "node:path";
import { threadId } from "node:worker_threads";
import { fail } from "../../../ir/diagnostic.ts";
import type { Target } from "../../../ir/machine/target.ts";
import type { Scalar } from "../../axes.ts";
import { type CompileOptions, layerModel, type LayeredModel, type LoweredModel, lowerSource } from "../../compile.ts";
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

/** Layers of the model that was lowered last, for other machines and precisions, that are remembered: axes that change in turn come back to them. */
const mostLayers = 16;

/** What layers are made for; `digest` is the target's. */
export interface LayersFor extends Required<Pick<CompileOptions, "precision" | "fuse">> {
  readonly target: Target;
  readonly digest: Digest;
}

/** Layers, and figures that depend on them alone. */
export interface Layers {
  readonly model: LayeredModel;
  readonly figures: Map<string, Promise<Readonly<Record<string, Scalar>>>>;
}

type OnnxRef = Extract<ModelRef, { kind: "onnx" }>;

/** A model that was lowered, and its layers by what they are made for. */
interface Lowered {
  readonly key: string;
  readonly model: Promise<LoweredModel>;
  readonly layers: Map<string, Promise<Layers>>;
}

export class Workshop {
  readonly store: Store;
  readonly #local: ReadonlyMap<Digest, LocalFile>;
  readonly #cache: string;
  readonly #remembered = new Map<string, Promise<unknown>>();
  /** the model that was lowered last, and its layers */
  #lowered: Lowered | null = null;

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
  lowered(model: OnnxRef, dims: ReadonlyMap<string, number>): Promise<LoweredModel> {
    return this.#entry(model, dims).model;
  }

  /** The same cut into layers; figures that were made of them stay with them. */
  layers(model: OnnxRef, dims: ReadonlyMap<string, number>, manner: LayersFor): Promise<Layers> {
    const entry = this.#entry(model, dims);
    const { digest, ...options } = manner;
    const key = JSON.stringify([digest, options.precision, options.fuse]);
    const known = entry.layers.get(key);
    if (known !== undefined) return known;
    const made = entry.model
      .then((lowered) => layerModel(lowered, options))
      .then((layered): Layers => ({ model: layered, figures: new Map() }));
    entry.layers.set(key, made);
    made.catch(() => entry.layers.delete(key));
    const [oldest] = entry.layers.keys();
    if (entry.layers.size > mostLayers && oldest !== undefined) entry.layers.delete(oldest);
    return made;
  }

  #entry(model: OnnxRef, dims: ReadonlyMap<string, number>): Lowered {
    const key = JSON.stringify([model, [...dims].toSorted()]);
    if (this.#lowered?.key === key) return this.#lowered;
    const made = this.modelFile(model).then((file) => lowerSource(file, { dims }));
    const entry: Lowered = { key, model: made, layers: new Map() };
    this.#lowered = entry;
    // what could not be had now may be there the next time
    made.catch(() => {
      if (this.#lowered?.key === key) this.#lowered = null;
    });
    return entry;
  }

  /** Where a model's file lies, its external data beside it. */
  async modelFile({ label, digest, data }: OnnxRef): Promise<string> {
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
