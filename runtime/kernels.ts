/**
 * The kernels of one program: the modules that this engine runs, their memory, and calls bound to steps. With a pool of threads the memory is
 * shared, and steps of enough work run as its jobs.
 */
import { type Diagnostic, diagnostic, fail } from "../ir/diagnostic.ts";
import type { KernelStep, Program, ProgramModule } from "../ir/program.ts";
import { indexFault } from "./index-faults.ts";
import { firstDifference } from "./joined-probe.ts";
import { allocateMemory, growMemory, memoryEnd, type SharedRoom, weightsIn } from "./memory.ts";
import { chooseModules, compileModules, type Exports, linkModules } from "./modules.ts";
import type { ProgramSource } from "./source.ts";
import { stepsIn } from "./steps.ts";
import { grainOf, isWorthSharing, privateBytes, type SharedJob } from "./threads/control.ts";
import type { AttachedProgram, ThreadPool } from "./threads/pool.ts";
import { withSharedMemory } from "./threads/shared-module.ts";

export interface KernelOptions {
  /** plain SIMD only, so that every machine gives the same bits */
  readonly deterministic?: boolean;
  /** kernels whose vectors the engine joins, where it is known to do so safely and the program has them; default true */
  readonly joinVectors?: boolean;
  readonly onWarning?: (warning: Diagnostic) => void;
  /** threads that share the work; null for the main thread alone */
  readonly threads?: ThreadPool | null;
}

type KernelFunction = (...args: number[]) => void;
/** A step ready to run; it answers a promise only when it must wait. */
export type BoundStep = () => Promise<void> | undefined;

interface Loaded {
  readonly modules: readonly WebAssembly.Module[];
  readonly memory: WebAssembly.Memory;
  readonly exports: Exports;
  /** null where the memory is not shared */
  readonly threads: ThreadPool | null;
  /** where work areas of workers begin, and bytes from one worker's to the next */
  readonly workAreas: { readonly end: number; readonly stride: number };
}

export class ProgramKernels {
  readonly memory: WebAssembly.Memory;
  readonly #loaded: Loaded;
  readonly #jobs: SharedJob[] = [];
  readonly #jobSteps: KernelStep[] = [];
  #attached: AttachedProgram | null = null;

  private constructor(loaded: Loaded) {
    this.#loaded = loaded;
    this.memory = loaded.memory;
  }

  /** Compiles the kernels while the memory is filled; throws WSC7004 for a program that this engine cannot run. */
  static async load(source: ProgramSource, options: KernelOptions): Promise<ProgramKernels> {
    const { program } = source;
    const { deterministic = false, joinVectors = true } = options;
    const chosen = chooseModules(program, { deterministic, joinVectors });
    const plain = await Promise.all(chosen.map(({ file }) => source.readModule(file)));
    const threads = options.threads ?? null;
    const workAreas = { end: memoryEnd(program), stride: workAreaBytes(program) };
    const shared = threads === null ? null : shareMemory(program, plain, (threads.threads - 1) * workAreas.stride);
    const { binaries, memory } = shared ?? { binaries: plain, memory: allocateMemory(program) };
    const [compiled] = await bothOf(
      compileModules(chosen, binaries, isLarge(program)),
      source.readWeights(weightsIn(memory, program), memory),
    );
    const modules = trustedModules(
      program,
      chosen,
      compiled,
      shared === null ? null : { extraBytes: 0 },
      options.onWarning,
    );
    const exports = linkModules(modules, memory);
    return new ProgramKernels({ modules, memory, exports, threads: shared === null ? null : threads, workAreas });
  }

  /** The same kernels and weights in the same memory, grown where it must be, for another closed form of the program. */
  reshaped(program: Program): ProgramKernels {
    if (this.#loaded.threads !== null) throw new Error("internal: a memory that threads share cannot grow");
    growMemory(this.memory, program);
    return new ProgramKernels(this.#loaded);
  }

  /** A call for a step; all steps are bound before the first run. */
  bind(step: KernelStep): BoundStep {
    const kernel = this.#loaded.exports[step.function];
    if (typeof kernel !== "function") {
      throw fail("WSC7004", `kernels.wasm has no function '${step.function}'`, { subject: step.origin.join(" + ") });
    }
    const { function: name, args, units, private: own, work } = step;
    const alone = bindAlone(kernel as KernelFunction, step, this.memory);
    if (this.#loaded.threads === null || !isWorthSharing(units, work)) return alone;
    this.#jobSteps.push(step);
    const job = this.#jobs.push({ function: name, args, units, private: own, grain: grainOf(units, work) }) - 1;
    return () => (this.#attached === null ? alone() : this.#attached.run(job));
  }

  /** Lets the threads know the steps that they will share; to be called when all are bound. */
  share(): void {
    const { threads, modules, memory, exports } = this.#loaded;
    if (threads === null || this.#jobs.length === 0) return;
    const onTrap = (job: number, message: string): Error => kernelFailure(this.#jobSteps[job], message, memory);
    const { end, stride } = this.#loaded.workAreas;
    const workArea = (worker: number): number => end + worker * stride;
    this.#attached = threads.attach({ modules, memory, exports, jobs: this.#jobs, workArea, onTrap });
  }

  /** Marks a run: between `begin` and `end` threads stay awake longer. */
  begin(): void {
    this.#attached?.begin();
  }

  end(): void {
    this.#attached?.end();
  }

  /** Makes the threads forget the program, which could run on, alone. */
  dispose(): void {
    this.#attached?.detach();
    this.#attached = null;
  }
}

/** The modules without those of joined kernels that do not leave the same bits as the plain ones. */
function trustedModules(
  program: Program,
  chosen: readonly ProgramModule[],
  compiled: readonly WebAssembly.Module[],
  shared: SharedRoom | null,
  onWarning: KernelOptions["onWarning"],
): readonly WebAssembly.Module[] {
  const [whole, ...partial] = compiled;
  if (whole === undefined || partial.length === 0) return compiled;
  const trusted = partial.filter((module, index) => {
    const differing = firstDifference(program, whole, module, shared);
    if (differing !== null) onWarning?.(distrust(differing, chosen[index + 1]));
    return differing === null;
  });
  return [whole, ...trusted];
}

const distrust = (kernel: string, module: ProgramModule | undefined): Diagnostic =>
  diagnostic("warning", "WSC7009", `${kernel} gives other bits than without joined vectors; kernels without them run`, {
    subject: module?.file,
    hint: "joinVectors: false says no to them from the start; please report this engine's version",
  });

function bindAlone(kernel: KernelFunction, step: KernelStep, memory: WebAssembly.Memory): BoundStep {
  const args = [...step.args, 0, step.units];
  return () => {
    try {
      kernel(...args);
    } catch (error) {
      throw error instanceof WebAssembly.RuntimeError ? kernelFailure(step, error.message, memory) : error;
    }
    return undefined;
  };
}

function kernelFailure(step: KernelStep | undefined, message: string, memory: WebAssembly.Memory): Error {
  const fault = step === undefined ? null : indexFault(step, memory);
  return fail("WSC7005", fault ?? `the kernel stopped: ${message}`, { subject: step?.origin.join(" + ") });
}

/** Bytes of the work areas of one thread: those of the step that needs most. */
function workAreaBytes(program: Program): number {
  let most = 0;
  for (const step of stepsIn(program)) if (step.kind === "kernel") most = Math.max(most, privateBytes(step.private));
  return most;
}

/** The modules and a memory for several threads; null where the host has no such memory to give. */
function shareMemory(
  program: Program,
  plain: readonly Uint8Array[],
  extraBytes: number,
): { readonly binaries: readonly Uint8Array[]; readonly memory: WebAssembly.Memory } | null {
  const binaries = plain.map(withSharedMemory).filter((binary) => binary !== null);
  if (binaries.length < plain.length) return null;
  try {
    return { binaries, memory: allocateMemory(program, { extraBytes }) };
  } catch {
    return null;
  }
}

/** Bytes from which on a program works long enough for its kernels to be optimised before they run. */
const largeBytes = 2 ** 20;

const isLarge = ({ memory }: Program): boolean => memory.weightsBytes + memory.arenaBytes >= largeBytes;

/** Both results; when one fails, the other is waited for, so that nothing goes on behind the caller's back. */
async function bothOf<A, B>(first: Promise<A>, second: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([first, second]);
  return Promise.all([first, second]);
}
