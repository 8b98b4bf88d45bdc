/**
 * `InferenceSession` as in onnxruntime's JavaScript API. It is given a compiled program's folder, or an `.onnx` model (a path, a URL or
 * bytes), which is compiled in process by a compiler that is loaded only then.
 */
import { type Diagnostic, fail } from "../ir/diagnostic.ts";
import { withDims } from "../ir/open/family.ts";
import { openArtifact } from "./artifact.ts";
import { checkRunOptions, checkSessionOptions } from "./check-options.ts";
import { canJoinVectors } from "./engine.ts";
import { env } from "./env.ts";
import { readExternalFiles } from "./external-files.ts";
import { familyRunner } from "./family-runner.ts";
import { allOf, readFetches, takeResults } from "./fetches.ts";
import type { HostValue } from "./host/value.ts";
import { loopLimits } from "./loop-limit.ts";
import { type NamedText, loadCompiler } from "./model-compiler.ts";
import { isDirectory, readBytes, within } from "./platform.ts";
import { describePort, readFeeds, type SessionValue, shapeConflicts, type PortMetadata } from "./ports.ts";
import {
  type Feeds as RunFeeds,
  modelRunner,
  ownFeeds,
  programRunner,
  type Runner,
  type RunnerOptions,
} from "./runner.ts";
import { isBuffer, modelSource } from "./model-source.ts";
import type { RunOptions, SessionOptions } from "./option-types.ts";
import { checkOptionNames, refusePrecision, tellDims, tellUnknown } from "./session-options.ts";
import type { Tensor } from "./tensor.ts";
import { threadCount } from "./threads/count.ts";
import { ThreadPool } from "./threads/pool.ts";
import { TRACE } from "./trace.ts";
import { Warnings } from "./warnings.ts";

export type Feeds = { readonly [name: string]: SessionValue };
/** Outputs that are wanted: their names, or an object that has them as keys. */
export type Fetches = readonly string[] | { readonly [name: string]: Tensor | null };
/** Outputs by name. Typed as onnxruntime types them; a sequence is an array, a map an object, an empty optional null. */
export type Results = { [name: string]: Tensor };
/** Ends the threads of sessions that were dropped without a release. */
const dropped = new FinalizationRegistry<ThreadPool>((threads) => {
  threads.dispose();
});

export class InferenceSession {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly inputMetadata: readonly PortMetadata[];
  readonly outputMetadata: readonly PortMetadata[];
  #runner: Runner | null;
  readonly #threads: ThreadPool | null;
  readonly #warnings: Warnings;
  #isReleased = false;
  /** the end of the last run; null when none is under way */
  #last: Promise<void> | null = null;

  private constructor(runner: Runner, threads: ThreadPool | null, warnings: Warnings) {
    this.#runner = runner;
    this.#threads = threads;
    this.#warnings = warnings;
    if (threads !== null) dropped.register(this, threads, this);
    this.inputNames = runner.inputs.map(({ name }) => name);
    this.outputNames = runner.outputs.map(({ name }) => name);
    this.inputMetadata = runner.inputs.map(describePort);
    this.outputMetadata = runner.outputs.map(describePort);
  }

  /** Opens a compiled folder, or compiles a model; throws a WscError when it cannot. */
  static create(
    source: string | URL | Uint8Array | ArrayBufferLike,
    options?: SessionOptions,
  ): Promise<InferenceSession>;
  static create(
    model: ArrayBufferLike,
    byteOffset: number,
    byteLength?: number,
    options?: SessionOptions,
  ): Promise<InferenceSession>;
  static async create(
    model: string | URL | Uint8Array | ArrayBufferLike,
    second?: SessionOptions | number,
    byteLength?: number,
    fourth?: SessionOptions,
  ): Promise<InferenceSession> {
    TRACE("CPU", "InferenceSession.create");
    const part = typeof second === "number" && isBuffer(model) ? second : null;
    const source = part === null ? modelSource(model) : modelSource(model, part, byteLength);
    const options = checkSessionOptions(part === null ? second : fourth);
    const warnings = new Warnings({ logSeverityLevel: options.logSeverityLevel, logLevel: env.logLevel });
    const onWarning = (warning: Diagnostic): void => {
      warnings.say(warning);
    };
    checkOptionNames(options, options.strict ?? false, onWarning);
    const loops = loopLimits(options.maxLoopIterations);
    const threads = ThreadPool.open(threadCount(options));
    const settings: RunnerOptions = {
      deterministic: options.deterministic ?? false,
      joinVectors: options.joinVectors ?? true,
      loops,
      threads,
      onWarning,
      ...(options.onStep === undefined ? {} : { onStep: options.onStep }),
    };
    try {
      const runner =
        source instanceof Uint8Array
          ? await openModel(source, options, settings)
          : await openLocation(source, options, settings);
      return new InferenceSession(runner, threads, warnings);
    } catch (error) {
      threads?.dispose();
      throw error;
    }
  }

  /**
   * Runs the model on what the feeds' arrays hold now. Runs of one session follow one another; `fetches` chooses among the outputs, and a tensor
   * that it gives for one is written to.
   */
  run(feeds: Feeds, options?: RunOptions | null): Promise<Results>;
  run(feeds: Feeds, fetches: Fetches | null, options?: RunOptions | null): Promise<Results>;
  run(feeds: Feeds, fetches?: Fetches | RunOptions | null, options?: RunOptions | null): Promise<Results> {
    return this.#run(feeds, fetches ?? null, options ?? null);
  }

  /** Refuses further runs, waits for those that were called before, gives the memory back and ends the threads. */
  async release(): Promise<void> {
    this.#isReleased = true;
    await this.#last;
    this.#runner = null;
    dropped.unregister(this);
    this.#threads?.dispose();
  }

  /** The same as `release`. */
  dispose(): Promise<void> {
    return this.release();
  }

  /** Does nothing; part of the API. */
  startProfiling(): void {
    return;
  }

  /** Does nothing; part of the API. */
  endProfiling(): void {
    return;
  }

  async #run(feeds: Feeds, fetches: Fetches | RunOptions | null, options: RunOptions | null): Promise<Results> {
    TRACE("CPU", "InferenceSession.run");
    if (this.#isReleased || this.#runner === null) throw fail("WSC7006", "the session has been released");
    const { inputs, outputs } = this.#runner;
    const named = readFetches(fetches, outputs);
    checkRunOptions(named === null ? (fetches ?? options) : options);
    const fetched = named ?? allOf(outputs);
    const values = await this.#enqueue(this.#runner, { values: readFeeds(feeds, inputs), owned: false });
    for (const warning of shapeConflicts(values, outputs)) this.#warnings.say(warning);
    const results = Object.create(null) as Results;
    for (const [name, value] of takeResults(values, fetched)) results[name] = value as Tensor;
    return results;
  }

  /** Runs at once where no run is under way, which saves a copy of the feeds; else behind the last one. */
  #enqueue(runner: Runner, feeds: RunFeeds): Promise<ReadonlyMap<string, HostValue>> {
    const before = this.#last;
    const own = before === null ? feeds : ownFeeds(feeds);
    const running = before === null ? runner.run(own) : before.then(() => runner.run(own));
    const ended = running.then(
      () => undefined,
      () => undefined,
    );
    this.#last = ended;
    void ended.then(() => {
      if (this.#last === ended) this.#last = null;
    });
    return running;
  }
}

/** A session with what wsc has beyond onnxruntime's. */
export type Session = InferenceSession;

async function openLocation(location: string | URL, options: SessionOptions, settings: RunnerOptions): Promise<Runner> {
  const text = String(location);
  if (text.endsWith("program.json")) return openFolder(text.slice(0, -"program.json".length) || ".", options, settings);
  if (text.endsWith(".onnx")) return openModel(location, options, settings);
  if (text.endsWith("/") || (await isDirectory(location))) return openFolder(location, options, settings);
  return openModel(location, options, settings);
}

async function openFolder(
  folder: string | URL,
  { verify = true, freeDimensionOverrides, strict = false, precision = "f32" }: SessionOptions,
  settings: RunnerOptions,
): Promise<Runner> {
  refusePrecision(precision);
  const artifact = await openArtifact((file) => within(folder, file), { verify });
  try {
    switch (artifact.kind) {
      case "program":
        tellDims(freeDimensionOverrides, strict, settings.onWarning ?? ignored);
        return await programRunner(artifact.source, settings);
      case "family": {
        const { family, base } = artifact.source;
        const sizes = new Map(Object.entries(freeDimensionOverrides ?? {}));
        return await familyRunner({ family: withDims(family, sizes), base }, settings);
      }
    }
  } finally {
    await artifact.close();
  }
}

async function openModel(
  source: string | URL | Uint8Array,
  options: SessionOptions,
  settings: RunnerOptions,
): Promise<Runner> {
  const compiler = await loadCompiler();
  const external = await readExternalFiles(options.externalData ?? [], source instanceof Uint8Array ? null : source);
  const model = await compiler.open(source, {
    onUnknownDims: (unknown) => {
      tellUnknown(unknown, options.strict ?? false, settings.onWarning ?? ignored);
    },
    dims: new Map(Object.entries(options.freeDimensionOverrides ?? {})),
    externalData: external.bytes,
    externalPaths: external.paths,
    ...(options.tuning === undefined ? {} : { tuning: await readText(options.tuning) }),
    precision: options.precision ?? "f32",
    cachePrograms: options.cachePrograms ?? true,
    joinVectors: options.joinVectors !== false && settings.deterministic !== true && canJoinVectors(),
  });
  return modelRunner(model, settings);
}

const ignored = (): void => undefined;

const readText = async (location: string | URL): Promise<NamedText> => ({
  name: String(location),
  text: new TextDecoder().decode(await readBytes(location)),
});
