/** One program, instantiated: its memory, its kernels, and the loop that runs its steps. Kernel steps are bound to their functions once. */
import { nth } from "../ir/access.ts";
import { fail } from "../ir/diagnostic.ts";
import type {
  Block,
  CompiledProgram,
  CopyStep,
  DeferredStep,
  HostStep,
  IfStep,
  KernelStep,
  LoopStep,
  Program,
  ProgramPort,
  ScanStep,
  SlotId,
  Step,
} from "../ir/program.ts";
import { opSubject } from "../ir/graph.ts";
import { elementCount, type TensorData } from "../ir/tensor.ts";
import { showShape } from "../ir/types.ts";
import { borrowedInputs } from "./borrowed-inputs.ts";
import type { HostFunction, HostState, HostValue } from "./host/value.ts";
import { type BoundStep, type KernelOptions, ProgramKernels } from "./kernels.ts";
import { type PackedWeights, packedWeights } from "./memory.ts";
import { compiledSource, type ProgramSource } from "./source.ts";
import { endlessLoop, growingLoop, type LoopLimits, loopLimits } from "./loop-limit.ts";
import { Slots } from "./slots.ts";
import { sliceAlong, Stack } from "./stacking.ts";
import { stepsIn } from "./steps.ts";

/** Is called behind a step with what it took. */
export type StepListener = (step: TimedStep, milliseconds: number) => void;
/** Steps that hold no others. */
export type TimedStep = KernelStep | HostStep | CopyStep;

/** What a session sets for all its programs. */
export interface ExecutionOptions extends KernelOptions {
  /** when a Loop that would go on is ended by an error */
  readonly loops?: LoopLimits;
  /** told of every kernel, host function and copy how long it took */
  readonly onStep?: StepListener;
}

export interface InstanceOptions extends ExecutionOptions {
  /** runs the payload of a deferred step; what it is fed it reads or copies before it returns its promise */
  readonly runDeferred: (
    step: DeferredStep,
    inputs: ReadonlyMap<string, HostValue>,
    payload: () => TensorData,
  ) => Promise<readonly HostValue[]>;
  /** how many programs `runDeferred` has compiled so far */
  readonly compilations?: () => number;
  /** lets go of what `runDeferred` keeps */
  readonly disposeDeferred?: () => void;
}

/** Inputs and outputs that lie in memory from run to run (resident-caches.ts). */
export interface Residents {
  /** called before anything is written; gives the inputs that need not be */
  readonly begin: (inputs: readonly HostValue[]) => ReadonlySet<number>;
  /** null for an output that is copied */
  readonly resultOf: (output: number) => HostValue | null;
}

interface HostFunctions {
  readonly byName: ReadonlyMap<string, HostFunction>;
  /** those that need no copies of their operands */
  readonly readsInPlace: ReadonlySet<string>;
}

export class ProgramInstance {
  readonly program: Program;
  readonly #kernels: ProgramKernels;
  readonly #functions: HostFunctions;
  readonly #memory: WebAssembly.Memory;
  readonly #options: InstanceOptions;
  readonly #loops: LoopLimits;
  readonly #slots: Slots;
  readonly #steps: readonly BoundStep[];
  /** inputs that need no copies, although they lie outside of memory */
  readonly #borrowed: ReadonlySet<SlotId>;
  #weights: PackedWeights | null = null;

  private constructor(program: Program, functions: HostFunctions, kernels: ProgramKernels, options: InstanceOptions) {
    this.program = program;
    this.#functions = functions;
    this.#kernels = kernels;
    this.#memory = kernels.memory;
    this.#options = options;
    this.#loops = options.loops ?? loopLimits(undefined);
    this.#slots = new Slots(program, kernels.memory);
    this.#borrowed = borrowedInputs(program, functions.readsInPlace);
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

  /** This program closed for other shapes, with the same kernels, weights and memory: one of them may run at a time. */
  reshaped(program: Program): ProgramInstance {
    return new ProgramInstance(program, this.#functions, this.#kernels.reshaped(program), this.#options);
  }

  /** Whether what is fed to an input may change once `run` has returned its promise. */
  readsAtOnce({ slot }: ProgramPort): boolean {
    return this.program.values[slot]?.kind !== "host" || this.#borrowed.has(slot);
  }

  /** Runs the program once; `inputs` stand in the order of `program.inputs` and have its types. */
  async run(inputs: readonly HostValue[], residents: Residents | null = null): Promise<HostValue[]> {
    const there = residents?.begin(inputs);
    for (const [index, port] of this.program.inputs.entries()) {
      const value = inputs[index];
      if (value === undefined) throw new Error(`internal: no value for input ${port.name}`);
      if (there?.has(index) !== true) this.#slots.write(port.slot, value);
    }
    this.#kernels.begin();
    try {
      await runSteps(this.#steps);
    } finally {
      this.#kernels.end();
    }
    const outputs = this.program.outputs.map(
      (port, index) => residents?.resultOf(index) ?? this.#slots.read(port.slot),
    );
    this.#slots.clear();
    return outputs;
  }

  get memory(): WebAssembly.Memory {
    return this.#memory;
  }

  /** Makes threads forget the program; it is of no use afterwards. */
  dispose(): void {
    this.#kernels.dispose();
    this.#options.disposeDeferred?.();
  }

  #bind(block: Block): readonly BoundStep[] {
    const { onStep } = this.#options;
    return block.steps.map((step) => {
      const bound = this.#bindStep(step);
      return onStep === undefined || !isTimed(step) ? bound : timed(step, bound, onStep);
    });
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
          this.#slots.copy(step.from, step.to);
          return undefined;
        };
      case "if":
        return this.#bindIf(step);
      case "loop":
        return this.#bindLoop(step);
      case "scan":
        return this.#bindScan(step);
      case "deferred":
        return () => this.#runDeferred(step);
    }
  }

  #bindIf(step: IfStep): BoundStep {
    const then = this.#bind(step.then);
    const otherwise = this.#bind(step.else);
    const condition = this.#slots.flagReader(step.condition);
    return () => runSteps(condition() ? then : otherwise);
  }

  #runHost(step: HostStep, state: HostState): void {
    const { byName, readsInPlace } = this.#functions;
    const run = byName.get(step.fn);
    if (run === undefined) throw fail("WSC7004", `this runtime has no host function '${step.fn}'`);
    const results = run(
      step.inputs.map((slot) => (readsInPlace.has(step.fn) ? this.#slots.seen(slot) : this.#slots.read(slot))),
      step.attributes,
      state,
    );
    for (const [index, slot] of step.outputs.entries()) {
      const value = results[index];
      if (value === undefined) throw new Error(`internal: host function ${step.fn} gives ${results.length} results`);
      this.#slots.write(slot, value);
    }
  }

  #bindLoop(step: LoopStep): BoundStep {
    const subject = opSubject(step);
    const slots = this.#slots;
    const body = this.#bind(step.body);
    const writeIteration = slots.integerWriter(step.iteration);
    const goesOn = this.#bindGoesOn(step, subject);
    const carry = slots.mover(step.carried);
    return async () => {
      const tripCount = slots.integer(step.tripCount);
      const stacks = step.stacked.map(() => new Stack(subject));
      const checkLimits = this.#limitsCheck(subject);
      slots.write(step.condition, { dtype: "bool", shape: [], elements: Uint8Array.of(1) });
      let going = slots.isTrue(step.initialCondition);
      for (let iteration = 0; going && iteration < tripCount; iteration++) {
        checkLimits(iteration);
        writeIteration(iteration);
        const waiting = runSteps(body);
        if (waiting !== undefined) await waiting;
        going = goesOn();
        for (const [index, { from }] of step.stacked.entries()) stacks[index]?.push(slots.view(from));
        carry();
      }
      for (const [index, { from, to, emptyShape }] of step.stacked.entries()) {
        const stack = stacks[index]?.finish(0, false, () => slots.elementType(from, emptyShape));
        if (stack !== undefined) slots.write(to, stack);
      }
    };
  }

  /** Throws WSC7008 where a Loop may not begin its next iteration; to be called before each, in order. */
  #limitsCheck(subject: string): (iteration: number) => void {
    const { compilations = () => 0 } = this.#options;
    const { iterations, compiled } = this.#loops;
    let [withNewShapes, known] = [0, compilations()];
    return (iteration) => {
      if (iteration >= iterations) throw endlessLoop(subject, iterations);
      if (compilations() === known) return;
      known = compilations();
      if (++withNewShapes >= compiled) throw growingLoop(subject, compiled);
    };
  }

  /** What a loop's body says: a bool of one element, in a tensor whose shape may be known only now. */
  #bindGoesOn({ bodyCondition }: LoopStep, subject: string): () => boolean {
    const isTrue = this.#slots.flagReader(bodyCondition);
    const expectOne = (shape: readonly number[]): void => {
      if (elementCount(shape) === 1) return;
      throw fail("WSC7005", `its body's condition has the shape ${showShape(shape)}, must be one bool`, { subject });
    };
    const value = this.program.values[bodyCondition];
    return () => {
      expectOne(value?.kind === "memory" ? value.shape : this.#slots.tensor(bodyCondition).shape);
      return isTrue();
    };
  }

  #bindScan(step: ScanStep): BoundStep {
    const subject = opSubject(step);
    const slots = this.#slots;
    const body = this.#bind(step.body);
    const carry = slots.mover(step.carried);
    return async () => {
      const sources = step.slices.map(({ from }) => slots.tensor(from));
      const stacks = step.stacked.map(() => new Stack(subject));
      for (let index = 0; index < step.length; index++) {
        for (const [i, { to, axis, reverse }] of step.slices.entries()) {
          const source = sources[i];
          if (source !== undefined)
            slots.write(to, sliceAlong(source, axis, reverse ? step.length - 1 - index : index));
        }
        const waiting = runSteps(body);
        if (waiting !== undefined) await waiting;
        for (const [i, { from }] of step.stacked.entries()) stacks[i]?.push(slots.view(from));
        carry();
      }
      for (const [i, { from, to, axis, reverse, emptyShape }] of step.stacked.entries()) {
        const stack = stacks[i]?.finish(axis, reverse, () => slots.elementType(from, emptyShape));
        if (stack !== undefined) slots.write(to, stack);
      }
    };
  }

  async #runDeferred(step: DeferredStep): Promise<void> {
    const inputs = new Map<string, HostValue>();
    for (const [index, slot] of step.inputs.entries()) inputs.set(nth(step.inputNames, index), this.#slots.seen(slot));
    const results = await this.#options.runDeferred(step, inputs, () => this.#slots.tensor(step.payload));
    for (const [index, slot] of step.outputs.entries()) {
      const value = results[index];
      if (value !== undefined) this.#slots.write(slot, value);
    }
  }
}

const isTimed = (step: Step): step is TimedStep =>
  step.kind === "kernel" || step.kind === "host" || step.kind === "copy";

const timed =
  (step: TimedStep, bound: BoundStep, onStep: StepListener): BoundStep =>
  () => {
    const start = performance.now();
    const tell = (): void => {
      onStep(step, performance.now() - start);
    };
    const waiting = bound();
    if (waiting !== undefined) return waiting.then(tell);
    tell();
    return undefined;
  };

/** Runs steps in order; gives a promise only where one of them has to be waited for. */
function runSteps(steps: readonly BoundStep[]): Promise<void> | undefined {
  for (const [i, step] of steps.entries()) {
    const waiting = step();
    if (waiting !== undefined) return runBehind(waiting, steps, i + 1);
  }
  return undefined;
}

async function runBehind(before: Promise<void>, steps: readonly BoundStep[], next: number): Promise<void> {
  await before;
  for (const step of steps.slice(next)) {
    const waiting = step();
    if (waiting !== undefined) await waiting;
  }
}

/** The functions that host steps call. They are most of the runtime's files, and most programs have no such step: those start without them. */
async function hostFunctionsOf(program: Program): Promise<HostFunctions> {
  for (const { kind } of stepsIn(program)) {
    if (kind !== "host") continue;
    const { hostFunctions, readsInPlace } = await import("./host/functions.ts");
    return { byName: hostFunctions, readsInPlace };
  }
  return { byName: new Map(), readsInPlace: new Set() };
}
