/** From a point to its job: names become digests, machines are put together, files go to the store. What all points share is done once. */
import { stat, readFile, realpath } from "node:fs/promises";
import path from "node:path";
import { type Diagnostic, fail, showName, WscError } from "../../../ir/diagnostic.ts";
import type { Scalar } from "../../axes.ts";
import { readModel } from "../../frontend/read-model.ts";
import { parseDefectRate } from "../../placement/constraints/random-defects.ts";
import { findModel } from "../../planner/models/find.ts";
import { namedModels } from "../../planner/models/named/index.ts";
import type { Store } from "../store/store.ts";
import { actions } from "../spec/actions.ts";
import { dimPrefix, targetPrefix } from "../spec/parameters.ts";
import type { Assignment, Spec } from "../spec/spec.ts";
import { canonicalJson, type Digest, digestOfFile } from "./digest.ts";
import { fileValue, type Job, labelOf, type ModelRef } from "./job.ts";
import { findMachine, type Machine, machineWith } from "./machines.ts";
import type { LocalFile } from "./workshop.ts";

/** A point's job, or why it can have none. */
export type Resolved =
  | { readonly kind: "job"; readonly job: Job }
  | { readonly kind: "refused"; readonly diagnostics: readonly Diagnostic[] };

export interface ResolverOptions {
  readonly spec: Spec;
  /** the folder that files of the specification are named from */
  readonly base: string;
  readonly version: string;
  readonly store: Store;
  /** whether models go to the store, for workers elsewhere */
  readonly sharesModels: boolean;
}

/** Machines with changed fields that are remembered by what was changed. */
const mostMachines = 1_024;

export class Resolver {
  readonly #options: ResolverOptions;
  readonly #models = new Map<string, Promise<ModelRef>>();
  readonly #bases = new Map<string, Promise<Machine>>();
  readonly #machines = new Map<string, Promise<Digest>>();
  readonly #files = new Map<string, Promise<Digest>>();
  /** models on this machine, by the digest of their files */
  readonly local: Map<Digest, LocalFile> = new Map<Digest, LocalFile>();

  constructor(options: ResolverOptions) {
    this.#options = options;
  }

  /** Reads every model, machine and file that the specification names; throws what is wrong with any of them, all at once. */
  async prepare(): Promise<void> {
    const { spec } = this.#options;
    const problems: Diagnostic[] = [];
    const valuesOf = (name: string): readonly Scalar[] =>
      spec.axes.find((axis) => axis.name === name)?.values ??
      (Object.hasOwn(spec.fixed, name) ? [spec.fixed[name] ?? null] : []);
    const each = async (name: string, read: (value: string) => Promise<unknown>): Promise<void> => {
      for (const value of valuesOf(name)) {
        try {
          if (value !== null) await read(String(value));
        } catch (error) {
          if (!(error instanceof WscError)) throw error;
          problems.push(...error.diagnostics);
        }
      }
    };
    await each("model", (value) => this.#model(value));
    await each("target", (value) => this.#base(value));
    await each("defects", (value) => this.#defects(value));
    if (problems.length > 0) throw new WscError(problems);
  }

  /** `keep`: what the job leaves, where that is not what the specification says. */
  async resolve(point: Assignment, keep: Spec["keep"] = this.#options.spec.keep): Promise<Resolved> {
    const { spec, version } = this.#options;
    const action = actions[spec.action];
    try {
      const model = await this.#model(String(point["model"]));
      const target = await this.#machine(point);
      const options: Record<string, Scalar> = {};
      for (const [name, { usual }] of Object.entries(action.options)) {
        const given = Object.hasOwn(point, name) ? point[name] : undefined;
        options[name] = given === undefined ? usual : given;
      }
      for (const [name, value] of Object.entries(point)) if (name.startsWith(dimPrefix)) options[name] = value;
      const { defects } = options;
      if (typeof defects === "string") options["defects"] = await this.#defects(defects);
      return { kind: "job", job: { version, action: spec.action, model, target, options, keep } };
    } catch (error) {
      if (!(error instanceof WscError)) throw error;
      return { kind: "refused", diagnostics: error.diagnostics };
    }
  }

  #model(name: string): Promise<ModelRef> {
    return remember(this.#models, name, () =>
      actions[this.#options.spec.action].model === "language" ? this.#languageModel(name) : this.#onnxModel(name),
    );
  }

  async #languageModel(name: string): Promise<ModelRef> {
    if (namedModels.has(name.toLowerCase())) return { kind: "named", name: name.toLowerCase() };
    if (!/\.json$/i.test(name)) {
      await findModel(name, undefined);
      throw new Error("internal: an unknown model was found");
    }
    const file = path.resolve(this.#options.base, name);
    // what is wrong with it is told before any point is worked on
    await findModel(undefined, file);
    return { kind: "config", label: labelOf(path.basename(file)), digest: await this.#put(file) };
  }

  async #onnxModel(name: string): Promise<ModelRef> {
    const file = path.resolve(this.#options.base, name);
    const files: string[] = [];
    await readModel(file, { onFile: (read) => files.push(read) });
    const folder = await realpath(path.dirname(file));
    const digest = await digestOfFile(file);
    const { size, mtimeMs } = await stat(file);
    this.local.set(digest, { path: file, bytes: size, modified: mtimeMs });
    const { store, sharesModels } = this.#options;
    if (sharesModels) await store.putFile(file, digest);
    const data: { readonly location: string; readonly digest: Digest }[] = [];
    for (const part of files.slice(1)) {
      const location = path.relative(folder, part).split(path.sep).join("/");
      if (location.startsWith("../"))
        throw fail("WSC8101", `external data "${showName(path.basename(part))}" is a link to another folder`, {
          subject: showName(name),
          hint: "sweeps take models whose data lie below the model's folder",
        });
      const known = await digestOfFile(part);
      if (sharesModels) await store.putFile(part, known);
      data.push({ location, digest: known });
    }
    return { kind: "onnx", label: labelOf(path.basename(file).replace(/\.onnx$/i, "")), digest, data };
  }

  #base(name: string): Promise<Machine> {
    const { spec, base } = this.#options;
    const place = /\.json$/i.test(name) ? path.resolve(base, name) : name;
    return remember(this.#bases, name, () => findMachine(place, actions[spec.action].model));
  }

  /** The digest of a point's machine, which is in the store. */
  #machine(point: Assignment): Promise<Digest> {
    const changes = Object.entries(point)
      .filter(([name]) => name.startsWith(targetPrefix))
      .map(([name, value]) => [name.slice(targetPrefix.length), value] as const);
    const name = String(point["target"]);
    const [oldest] = this.#machines.keys();
    if (this.#machines.size > mostMachines && oldest !== undefined) this.#machines.delete(oldest);
    return remember(this.#machines, JSON.stringify([name, changes]), async () =>
      this.#options.store.put(canonicalJson(await machineWith(await this.#base(name), new Map(changes)))),
    );
  }

  /** A rate as it is, a map of dead cores as a file. */
  async #defects(value: string): Promise<string> {
    if (parseDefectRate(value) !== null) return value;
    return fileValue(await this.#put(path.resolve(this.#options.base, value)));
  }

  #put(file: string): Promise<Digest> {
    return remember(this.#files, file, async () => {
      const bytes = await readFile(file).catch((error: unknown) => {
        throw fail("WSC8101", `a file cannot be read: ${(error as NodeJS.ErrnoException).code ?? "unknown error"}`, {
          subject: showName(file),
        });
      });
      return this.#options.store.put(bytes);
    });
  }
}

function remember<T>(known: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const found = known.get(key) ?? make();
  known.set(key, found);
  return found;
}
