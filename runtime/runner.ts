/**
 * Two ways to run a model behind one interface: a program compiled before (an artifact), or an `.onnx` model that is compiled for the
 * shapes that it is fed, the last few programs being kept.
 */
import { fail } from "../ir/diagnostic.ts";
import { isHostType, type ValueType } from "../ir/graph.ts";
import { isInteger } from "../ir/dtype.ts";
import type { CompiledProgram, DeferredStep, Program } from "../ir/program.ts";
import { elementCount, type TensorData } from "../ir/tensor.ts";
import { sameShape, showShape } from "../ir/types.ts";
import { copyValue, type HostValue, isTensor } from "./host/value.ts";
import { type ExecutionOptions, type InstanceOptions, ProgramInstance, type Residents } from "./instance.ts";
import { memoryEnd } from "./memory.ts";
import { keyOf } from "./known-inputs.ts";
import { type KnownInput, loadCompiler, type ModelPort, type OpenModel } from "./model-compiler.ts";
import { OpenPart } from "./open-parts.ts";
import { OpenPrograms } from "./open-programs.ts";
import type { ProgramSource } from "./source.ts";

export interface Runner {
  readonly inputs: readonly ModelPort[];
  readonly outputs: readonly ModelPort[];
  /** Runs the model once, after the runs before. It has read or copied what it is fed when it returns its promise. */
  run(feeds: Feeds): Promise<ReadonlyMap<string, HostValue>>;
  /** the programs with open dims of an `.onnx` model; null for a folder */
  readonly open: OpenPrograms | null;
}

/** Inputs of one run, by name. */
export interface Feeds {
  readonly values: ReadonlyMap<string, HostValue>;
  /** nobody else can change their elements */
  readonly owned: boolean;
}

/** Feeds that stay what they are, whatever the caller does with the arrays. */
export const ownFeeds = ({ values, owned }: Feeds): Feeds => ({
  values: owned ? values : new Map([...values].map(([name, value]) => [name, copyValue(value)])),
  owned: true,
});

export type RunnerOptions = ExecutionOptions;

/** Programs kept per model when shapes vary: a prompt's and a token's always, others where their memories are not large. */
const programsKept = { least: 2, most: 4, bytes: 2 ** 30 } as const;
/** Integer tensors up to this size may decide shapes, so their values are part of what a fragment is compiled for. */
const shapeElements = 1024;

/** Runs a program as it was compiled. */
export async function programRunner(source: ProgramSource, options: RunnerOptions): Promise<Runner> {
  const instance = await ProgramInstance.load(source, instanceOptions(options));
  const { inputs, outputs } = source.program;
  return {
    inputs,
    outputs,
    open: null,
    run: (feeds) => runFed(instance, { ...feeds, values: asCompiled(feeds.values, inputs) }),
  };
}

/** What is fed for scalars as tensors of one element, as the scalars that the program was compiled for. */
export function asCompiled(
  values: ReadonlyMap<string, HostValue>,
  inputs: readonly ModelPort[],
): ReadonlyMap<string, HostValue> {
  const scalars = new Set(inputs.flatMap(({ name, type }) => (isScalar(type) ? [name] : [])));
  return new Map(
    [...values].map(([name, value]) => [name, scalars.has(name) && isTensor(value) ? asScalar(name, value) : value]),
  );
}

function asScalar(name: string, value: TensorData): TensorData {
  if (elementCount(value.shape) === 1) return { ...value, shape: [] };
  throw fail("WSC7002", `input "${name}": shape ${showShape(value.shape)} given, [] expected`);
}

const isScalar = (type: ValueType): boolean => type.kind === "tensor" && type.shape.length === 0;

/** Compiles a model when it is first fed, or at once when its inputs have known shapes. */
export async function modelRunner(model: OpenModel, options: RunnerOptions): Promise<Runner> {
  const cache = new ProgramCache((known) => model.compile(known), options);
  const open = new OpenPrograms(model, instanceOptions(options));
  const isStatic = model.inputs.every(({ type }) => type.kind === "tensor");
  if (isStatic) await cache.get(new Map());
  return {
    inputs: model.inputs,
    outputs: model.outputs,
    open,
    run: async (feeds) => {
      const known = new Map<string, KnownInput>();
      for (const { name, type } of model.inputs) {
        const value = feeds.values.get(name);
        if (value !== undefined && !isAsDeclared(value, type)) known.set(name, { type: typeOfValue(value, type) });
      }
      const ready = cache.find(known);
      if (ready !== null) return runFed(ready, feeds);
      // memory that threads share cannot grow; a first shape gets a program for it alone, which no other is faster than
      const mayBeOpen = (options.threads ?? null) === null && !isStatic && !cache.isEmpty;
      const form = mayBeOpen ? open.find(feeds.values) : null;
      if (form !== null) return runFed(form.instance, feeds, form.residents);
      const own = ownFeeds(feeds);
      const made = mayBeOpen ? await open.make(own.values, cache.latest) : null;
      return made === null ? runFed(await cache.get(known), own) : runFed(made.instance, own, made.residents);
    },
  };
}

/** Runs an instance that is not running. It reads at once what lies in its memory; of what does not, it gets copies. */
export function runFed(
  instance: ProgramInstance,
  feeds: Feeds,
  residents: Residents | null = null,
): Promise<ReadonlyMap<string, HostValue>> {
  if (feeds.owned) return runInstance(instance, feeds.values, residents);
  const read = new Map(feeds.values);
  for (const port of instance.program.inputs) {
    const value = read.get(port.name);
    if (value !== undefined && !instance.readsAtOnce(port)) read.set(port.name, copyValue(value));
  }
  return runInstance(instance, read, residents);
}

async function runInstance(
  instance: ProgramInstance,
  feeds: ReadonlyMap<string, HostValue>,
  residents: Residents | null = null,
): Promise<ReadonlyMap<string, HostValue>> {
  const { inputs, outputs } = instance.program;
  const values = inputs.map(({ name }) => {
    const value = feeds.get(name);
    if (value === undefined) throw fail("WSC7001", `input "${name}" is missing`);
    return value;
  });
  const results = await instance.run(values, residents);
  return new Map(outputs.map(({ name }, index) => [name, results[index] as HostValue]));
}

/** Whether a value has the static type that its input is declared with: what is left out is compiled for that. */
const isAsDeclared = (value: HostValue, type: ValueType): boolean =>
  type.kind === "tensor" && isTensor(value) && sameShape(value.shape, type.shape);

/** The type of a value as it is now; sequences and empty optionals keep the declared type. */
function typeOfValue(value: HostValue, declared: ValueType): ValueType {
  if (!isTensor(value) || isHostType(declared)) return declared;
  return { kind: "tensor", dtype: value.dtype, shape: value.shape };
}

/** A program that is kept, or on its way. */
interface KeptProgram {
  readonly instance: Promise<ProgramInstance>;
  ready: ProgramInstance | null;
}

/** Programs by what they were compiled for; the least recently used goes first. */
class ProgramCache {
  readonly #compile: (known: ReadonlyMap<string, KnownInput>) => Promise<CompiledProgram>;
  readonly #options: RunnerOptions;
  readonly #programs = new Map<string, KeptProgram>();

  constructor(compile: (known: ReadonlyMap<string, KnownInput>) => Promise<CompiledProgram>, options: RunnerOptions) {
    this.#compile = compile;
    this.#options = options;
  }

  get(known: ReadonlyMap<string, KnownInput>): Promise<ProgramInstance> {
    const key = keyOf(known);
    const kept = this.#programs.get(key) ?? this.#start(key, known);
    this.#programs.delete(key);
    this.#programs.set(key, kept);
    return kept.instance;
  }

  /** A program that is ready to run; null while it is on its way or where there is none. */
  find(known: ReadonlyMap<string, KnownInput>): ProgramInstance | null {
    const key = keyOf(known);
    const kept = this.#programs.get(key);
    if (kept === undefined || kept.ready === null) return null;
    this.#programs.delete(key);
    this.#programs.set(key, kept);
    return kept.ready;
  }

  /** The program used last, if it is ready. */
  get latest(): ProgramInstance | null {
    return [...this.#programs.values()].at(-1)?.ready ?? null;
  }

  get isEmpty(): boolean {
    return this.#programs.size === 0;
  }

  /** Forgets all programs. */
  clear(): void {
    for (const key of [...this.#programs.keys()]) this.#forget(key);
  }

  #forget(key: string): void {
    const kept = this.#programs.get(key);
    this.#programs.delete(key);
    kept?.instance.then(
      (found) => {
        found.dispose();
      },
      () => undefined,
    );
  }

  #start(key: string, known: ReadonlyMap<string, KnownInput>): KeptProgram {
    const kept: KeptProgram = { instance: this.#create(known), ready: null };
    kept.instance.then(
      (instance) => (kept.ready = instance),
      () => this.#programs.delete(key),
    );
    return kept;
  }

  /** A program beside the latest one, of which it takes over what it can. */
  async #create(known: ReadonlyMap<string, KnownInput>): Promise<ProgramInstance> {
    const latest = [...this.#programs.values()].at(-1);
    const compiled = await this.#compile(known);
    const earlier = (await latest?.instance.catch(() => null)) ?? null;
    this.#makeRoomFor(compiled.program);
    return ProgramInstance.create(compiled, instanceOptions(this.#options), earlier);
  }

  /** Forgets the oldest programs until one more, which is listed already, may be kept. */
  #makeRoomFor(program: Program): void {
    const { least, most, bytes } = programsKept;
    const kept = Math.min(most, Math.max(least, Math.floor(bytes / memoryEnd(program))));
    for (const key of [...this.#programs.keys()].slice(0, -kept)) this.#forget(key);
  }
}

/** The programs of a deferred step. */
interface DeferredPart {
  readonly cache: ProgramCache;
  /** null where none can be open */
  readonly open: OpenPart | null;
}

/** Deferred steps are compiled by what they are fed: types, and the values that shapes may depend on. */
export function instanceOptions(options: RunnerOptions): InstanceOptions {
  const parts = new Map<DeferredStep, DeferredPart>();
  let compilations = 0;
  const partOf = (step: DeferredStep, payload: () => TensorData): DeferredPart => {
    const known = parts.get(step);
    if (known !== undefined) return known;
    const cache = new ProgramCache(async (inputs) => {
      compilations++;
      return (await loadCompiler()).compileFragment(payload(), inputs);
    }, options);
    // memory that threads share cannot grow
    const open =
      (options.threads ?? null) === null ? new OpenPart(step.inputNames, payload, instanceOptions(options)) : null;
    const part = { cache, open };
    parts.set(step, part);
    return part;
  };
  return {
    ...options,
    compilations: () => [...parts.values()].reduce((sum, { open }) => sum + (open?.made ?? 0), compilations),
    disposeDeferred: () => {
      for (const { cache, open } of parts.values()) {
        cache.clear();
        open?.clear();
      }
      parts.clear();
    },
    runDeferred: async (step, inputs, payload) => {
      const part = partOf(step, payload);
      const feeds = { values: inputs, owned: false };
      const ready = part.cache.find(knownInputs(step, inputs));
      const form = ready === null && part.open !== null ? part.open.find(inputs) : null;
      const results = await (ready !== null
        ? runFed(ready, feeds)
        : form !== null
          ? runFed(form.instance, feeds, form.residents)
          : runWhenCompiled(part, step, ownFeeds(feeds)));
      return step.outputNames.map((name) => {
        const value = results.get(name);
        if (value === undefined) throw new Error(`internal: the deferred part gives no '${name}'`);
        return value;
      });
    },
  };
}

/** The first inputs get a program for them alone, others one that serves what follows as well, where there can be such. */
async function runWhenCompiled(
  { cache, open }: DeferredPart,
  step: DeferredStep,
  feeds: Feeds,
): Promise<ReadonlyMap<string, HostValue>> {
  const made = open === null ? null : await open.make(feeds.values, cache.latest);
  if (made !== null) return runFed(made.instance, feeds, made.residents);
  return runFed(await cache.get(knownInputs(step, feeds.values)), feeds);
}

function knownInputs({ valueInputs }: DeferredStep, inputs: ReadonlyMap<string, HostValue>): Map<string, KnownInput> {
  const needed = new Set(valueInputs);
  return new Map([...inputs].map(([name, value]) => [name, knownInput(value, needed.has(name))]));
}

function knownInput(value: HostValue, isNeeded: boolean): KnownInput {
  if (!isTensor(value)) return { type: hostType(value) };
  const type: ValueType = { kind: "tensor", dtype: value.dtype, shape: value.shape };
  const decidesShapes =
    (isInteger(value.dtype) || value.dtype === "bool") && elementCount(value.shape) <= shapeElements;
  return isNeeded || decidesShapes ? { type, constant: value } : { type };
}

/** A type for a sequence, optional or map that says only what is needed to pass it on. */
function hostType(value: Exclude<HostValue, TensorData>): ValueType {
  if (value.kind === "map") return { kind: "map", key: value.keys.dtype, value: value.values.dtype };
  const first = value.kind === "sequence" ? value.elements[0] : value.value;
  const element: ValueType =
    first === undefined || first === null
      ? { kind: "dynamic", dtype: "f32", dims: null }
      : isTensor(first)
        ? { kind: "dynamic", dtype: first.dtype, dims: null }
        : hostType(first);
  return { kind: value.kind, element };
}
