/**
 * One program, instantiated: its memory, its kernels, and the loop that runs its steps. Kernel steps are bound to their functions
 * once; values outside linear memory (strings, sequences, shapes known late) live in `#host`, by slot.
 */
import { fail } from "../ir/diagnostic.ts";
import type {
  Block,
  CompiledProgram,
  DeferredStep,
  HostStep,
  IfStep,
  LoopStep,
  Program,
  ScanStep,
  SlotId,
  Step,
} from "../ir/program.ts";
import { opSubject } from "../ir/graph.ts";
import { elementCount, type TensorData } from "../ir/tensor.ts";
import { showShape } from "../ir/types.ts";
import { type HostFunction, type HostState, type HostValue, isTensor } from "./host/value.ts";
import { type BoundStep, type KernelOptions, ProgramKernels } from "./kernels.ts";
import { type PackedWeights, packedWeights, readValue, viewValue, writeValue } from "./memory.ts";
import { compiledSource, type ProgramSource } from "./source.ts";
import { endlessLoop, loopLimit } from "./loop-limit.ts";
import { type ElementType, sliceAlong, Stack } from "./stacking.ts";
import { stepsIn } from "./steps.ts";

/** What a session sets for all its programs. */
export interface ExecutionOptions extends KernelOptions {
  /** iterations after which a Loop that would go on is ended by an error */
  readonly maxLoopIterations?: number;
}

export interface InstanceOptions extends ExecutionOptions {
  /** runs the payload of a deferred step */
  readonly runDeferred: (
    step: DeferredStep,
    inputs: ReadonlyMap<string, HostValue>,
    payload: () => TensorData,
  ) => Promise<readonly HostValue[]>;
  /** lets go of what `runDeferred` keeps */
  readonly disposeDeferred?: () => void;
}

type HostFunctions = ReadonlyMap<string, HostFunction>;

export class ProgramInstance {
  readonly program: Program;
  readonly #kernels: ProgramKernels;
  readonly #functions: HostFunctions;
  readonly #memory: WebAssembly.Memory;
  readonly #options: InstanceOptions;
  readonly #loopLimit: number;
  readonly #host: (HostValue | undefined)[] = [];
  readonly #steps: readonly BoundStep[];
  #weights: PackedWeights | null = null;

  private constructor(program: Program, functions: HostFunctions, kernels: ProgramKernels, options: InstanceOptions) {
    this.program = program;
    this.#functions = functions;
    this.#kernels = kernels;
    this.#memory = kernels.memory;
    this.#options = options;
    this.#loopLimit = loopLimit(options.maxLoopIterations);
    this.#steps = this.#bind(program);
    kernels.share();
  }

  /** Makes a program ready that was compiled in this process; `earlier` is one of the same model for other shapes, whose weights are copied. */
  static async create(
    compiled: CompiledProgram,
    options: InstanceOptions,
    earlier: ProgramInstance | null = null,
  ): Promise<ProgramInstance> {
    const instance = await ProgramInstance.load(
      compiledSource(compiled, earlier === null ? null : earlier.#weights),
      options,
    );
    instance.#weights = packedWeights(instance.#memory, compiled.weights);
    return instance;
  }

  /** Makes a program ready from wherever it is. */
  static async load(source: ProgramSource, options: InstanceOptions): Promise<ProgramInstance> {
    const functions = await hostFunctionsOf(source.program);
    return new ProgramInstance(source.program, functions, await ProgramKernels.load(source, options), options);
  }

  /** Runs the program once; `inputs` stand in the order of `program.inputs` and have its types. */
  async run(inputs: readonly HostValue[]): Promise<HostValue[]> {
    for (const [index, port] of this.program.inputs.entries()) {
      const value = inputs[index];
      if (value === undefined) throw new Error(`internal: no value for input ${port.name}`);
      this.#write(port.slot, value);
    }
    this.#kernels.begin();
    try {
      await this.#runSteps(this.#steps);
    } finally {
      this.#kernels.end();
    }
    const outputs = this.program.outputs.map((port) => this.#read(port.slot));
    this.#host.length = 0;
    return outputs;
  }

  /** Makes threads forget the program; it is of no use afterwards. */
  dispose(): void {
    this.#kernels.dispose();
    this.#options.disposeDeferred?.();
  }

  async #runSteps(steps: readonly BoundStep[]): Promise<void> {
    for (const step of steps) {
      const waiting = step();
      if (waiting !== undefined) await waiting;
    }
  }

  #bind(block: Block): readonly BoundStep[] {
    return block.steps.map((step) => this.#bindStep(step));
  }

  #bindStep(step: Step): BoundStep {
    switch (step.kind) {
      case "kernel":
        return this.#kernels.bind(step);
      case "host": {
        const state: HostState = { calls: 0 };
        return () => {
          this.#runHost(step, state);
          return undefined;
        };
      }
      case "copy":
        return () => {
          this.#write(step.to, this.#read(step.from));
          return undefined;
        };
      case "if":
        return this.#bindIf(step);
      case "loop": {
        const body = this.#bind(step.body);
        return () => this.#runLoop(step, body);
      }
      case "scan": {
        const body = this.#bind(step.body);
        return () => this.#runScan(step, body);
      }
      case "deferred":
        return () => this.#runDeferred(step);
    }
  }

  #bindIf(step: IfStep): BoundStep {
    const then = this.#bind(step.then);
    const otherwise = this.#bind(step.else);
    return () => this.#runSteps(this.#isTrue(step.condition) ? then : otherwise);
  }

  #runHost(step: HostStep, state: HostState): void {
    const run = this.#functions.get(step.fn);
    if (run === undefined) throw fail("WSC7004", `this runtime has no host function '${step.fn}'`);
    const results = run(
      step.inputs.map((slot) => this.#read(slot)),
      step.attributes,
      state,
    );
    for (const [index, slot] of step.outputs.entries()) {
      const value = results[index];
      if (value === undefined) throw new Error(`internal: host function ${step.fn} gives ${results.length} results`);
      this.#write(slot, value);
    }
  }

  async #runLoop(step: LoopStep, body: readonly BoundStep[]): Promise<void> {
    const subject = opSubject(step);
    const tripCount = this.#integer(step.tripCount);
    const limit = this.#loopLimit;
    const stacks = step.stacked.map(() => new Stack(subject));
    let going = this.#isTrue(step.initialCondition);
    for (let iteration = 0; going && iteration < tripCount; iteration++) {
      if (iteration >= limit) throw endlessLoop(subject, limit);
      this.#write(step.iteration, { dtype: "i64", shape: [], elements: BigInt64Array.of(BigInt(iteration)) });
      this.#write(step.condition, { dtype: "bool", shape: [], elements: Uint8Array.of(1) });
      await this.#runSteps(body);
      going = this.#goesOn(step, subject);
      for (const [index, { from }] of step.stacked.entries()) stacks[index]?.push(this.#tensor(from));
      this.#moveAll(step.carried);
    }
    for (const [index, { from, to, emptyShape }] of step.stacked.entries()) {
      const stack = stacks[index]?.finish(0, false, () => this.#elementType(from, emptyShape));
      if (stack !== undefined) this.#write(to, stack);
    }
  }

  /** What a loop's body says: a bool of one element, in a tensor whose shape may be known only now. */
  #goesOn({ bodyCondition }: LoopStep, subject: string): boolean {
    const { shape } = this.#shapeOf(bodyCondition);
    if (elementCount(shape) === 1) return this.#isTrue(bodyCondition);
    throw fail("WSC7005", `its body's condition has the shape ${showShape(shape)}, must be one bool`, { subject });
  }

  async #runScan(step: ScanStep, body: readonly BoundStep[]): Promise<void> {
    const subject = opSubject(step);
    const sources = step.slices.map(({ from }) => this.#tensor(from));
    const stacks = step.stacked.map(() => new Stack(subject));
    for (let index = 0; index < step.length; index++) {
      for (const [i, { to, axis, reverse }] of step.slices.entries()) {
        const source = sources[i];
        if (source !== undefined) this.#write(to, sliceAlong(source, axis, reverse ? step.length - 1 - index : index));
      }
      await this.#runSteps(body);
      for (const [i, { from }] of step.stacked.entries()) stacks[i]?.push(this.#tensor(from));
      this.#moveAll(step.carried);
    }
    for (const [i, { from, to, axis, reverse, emptyShape }] of step.stacked.entries()) {
      const stack = stacks[i]?.finish(axis, reverse, () => this.#elementType(from, emptyShape));
      if (stack !== undefined) this.#write(to, stack);
    }
  }

  async #runDeferred(step: DeferredStep): Promise<void> {
    const inputs = new Map<string, HostValue>();
    for (const [index, slot] of step.inputs.entries()) inputs.set(step.inputNames[index] ?? "", this.#read(slot));
    const results = await this.#options.runDeferred(step, inputs, () => this.#tensor(step.payload));
    for (const [index, slot] of step.outputs.entries()) {
      const value = results[index];
      if (value !== undefined) this.#write(slot, value);
    }
  }

  /** Moves values as if all at once: everything is read before anything is written. */
  #moveAll(moves: readonly { readonly from: SlotId; readonly to: SlotId }[]): void {
    const values = moves.map(({ from }) => this.#read(from));
    for (const [index, { to }] of moves.entries()) {
      const value = values[index];
      if (value !== undefined) this.#write(to, value);
    }
  }

  #read(slot: SlotId): HostValue {
    const value = this.program.values[slot];
    if (value?.kind === "memory") return readValue(this.#memory, value);
    const host = this.#host[slot];
    if (host === undefined) throw new Error(`internal: slot ${slot} is read before it is written`);
    return host;
  }

  #write(slot: SlotId, value: HostValue): void {
    const target = this.program.values[slot];
    if (target === undefined || target.kind === "host") this.#host[slot] = value;
    else if (isTensor(value)) writeValue(this.#memory, target, value);
    else throw new Error(`internal: slot ${slot} takes a tensor`);
  }

  #tensor(slot: SlotId): TensorData {
    const value = this.#read(slot);
    if (!isTensor(value)) throw new Error(`internal: slot ${slot} holds no tensor`);
    return value;
  }

  #isTrue(slot: SlotId): boolean {
    return Number(this.#peek(slot)) !== 0;
  }

  #integer(slot: SlotId): bigint {
    return BigInt(this.#peek(slot));
  }

  /** The first element of a tensor, without copying it. */
  #peek(slot: SlotId): number | bigint {
    const value = this.program.values[slot];
    const { elements } = value?.kind === "memory" ? viewValue(this.#memory, value) : this.#tensor(slot);
    return elements[0] as number | bigint;
  }

  #shapeOf(slot: SlotId): { readonly shape: readonly number[] } {
    const value = this.program.values[slot];
    return value?.kind === "memory" ? value : this.#tensor(slot);
  }

  /** What a slot that nothing has been written to would hold; its shape is `emptyShape` where the slot has none. */
  #elementType(slot: SlotId, emptyShape: readonly number[] = []): ElementType {
    const value = this.program.values[slot];
    if (value?.kind === "memory") return value;
    const type = value?.kind === "host" ? value.type : undefined;
    if (type?.kind === "tensor") return type;
    if (type?.kind === "dynamic") return { dtype: type.dtype, shape: emptyShape };
    throw new Error(`internal: slot ${slot} cannot be stacked`);
  }
}

/** The functions that host steps call. They are most of the runtime's files, and most programs have no such step: those start without them. */
async function hostFunctionsOf(program: Program): Promise<HostFunctions> {
  for (const { kind } of stepsIn(program)) {
    if (kind === "host") return (await import("./host/functions.ts")).hostFunctions;
  }
  return new Map();
}
