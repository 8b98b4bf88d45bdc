/**
 * A pool of worker threads for the kernels of one session. The main thread shares one job at a time with them (control.ts has the protocol)
 * and does its part of it; workers spin for a short while between jobs and then sleep. The main thread never waits for a worker to come:
 * until one has started, and wherever none can be had, the main thread does all the work.
 */
import type { Exports } from "../modules.ts";
import {
  closedBit,
  controlBytes,
  controlWords as words,
  failures,
  type Job,
  jobAt,
  type SharedJob,
  type WorkerMessage,
} from "./control.ts";
import { canShareMemory, canSleep, startWorker, type StartWorker, type WorkerHandle } from "./workers.ts";

/** Runs a job with all threads; a promise only when a worker keeps the main thread waiting for long. */
export type RunJob = (job: number) => Promise<void> | undefined;

/** A program whose jobs the pool can run. */
export interface AttachedProgram {
  readonly run: RunJob;
  /** marks the time in which jobs follow closely */
  readonly begin: () => void;
  readonly end: () => void;
  readonly detach: () => void;
}

/** Kernels of a program, bound on the main thread. */
export interface PoolProgram {
  readonly modules: readonly WebAssembly.Module[];
  readonly memory: WebAssembly.Memory;
  readonly exports: Exports;
  readonly jobs: readonly SharedJob[];
  /** address of the work areas of a worker, counted from 0 */
  readonly workArea: (worker: number) => number;
  /** the error to be thrown when a job traps */
  readonly onTrap: (job: number, message: string) => Error;
}

interface BoundJob extends Job {
  readonly call: (...args: number[]) => void;
  /** addresses, then begin and end */
  readonly callArgs: number[];
}

/** Milliseconds that the main thread spins, and then sleeps, before it turns to its event loop. */
const patience = { spin: 1, block: 250, poll: 2 } as const;

export class ThreadPool {
  /** threads that work, the main thread among them */
  readonly threads: number;
  readonly #start: StartWorker;
  readonly #control = new Int32Array(new SharedArrayBuffer(controlBytes));
  readonly #canSleep = canSleep();
  /** by handle, counted from 0; null before the first program */
  #workers: Map<WorkerHandle, number> | null = null;
  #programs = 0;
  /** why a worker ended, if one did during this job */
  #lost: string | null = null;
  #isOpen = true;

  private constructor(threads: number, start: StartWorker) {
    this.threads = threads;
    this.#start = start;
    Atomics.store(this.#control, words.state, closedBit);
  }

  /** A pool of so many threads, the main thread among them; null where threads cannot share memory, or for one thread. */
  static open(threads: number, start: StartWorker = startWorker): ThreadPool | null {
    return threads > 1 && canShareMemory() ? new ThreadPool(threads, start) : null;
  }

  /** Lets workers know a program. They are started for the first one; those that cannot be are done without. */
  attach(program: PoolProgram): AttachedProgram {
    const id = this.#programs++;
    const { modules, memory, exports, jobs, workArea } = program;
    this.#workers ??= this.#startWorkers();
    this.#send((worker) => {
      return { kind: "attach", program: id, modules, memory, jobs: jobs.map((job) => jobAt(job, workArea(worker))) };
    });
    const bound = jobs.map((job): BoundJob => ({
      ...job,
      call: exports[job.function] as BoundJob["call"],
      callArgs: [...job.args, 0, 0],
    }));
    return {
      run: (index) => this.#run(id, index, bound[index] as BoundJob, program),
      begin: () => Atomics.add(this.#control, words.active, 1),
      end: () => Atomics.sub(this.#control, words.active, 1),
      detach: () => {
        this.#send(() => ({ kind: "detach", program: id }));
      },
    };
  }

  /** Workers that are there. */
  get workerCount(): number {
    return this.#workers?.size ?? 0;
  }

  /** Ranges of units that workers have taken so far (modulo 2^32): tells whether they help. */
  get rangesTaken(): number {
    return Atomics.load(this.#control, words.taken);
  }

  /** Ends all workers at once; jobs then run on the main thread. */
  dispose(): void {
    for (const worker of this.#workers?.keys() ?? []) worker.terminate();
    this.#workers = new Map();
    this.#isOpen = false;
  }

  #startWorkers(): Map<WorkerHandle, number> {
    const workers = new Map<WorkerHandle, number>();
    this.#workers = workers;
    for (let i = 1; i < this.threads; i++) {
      try {
        const worker = this.#start((reason) => {
          if (!workers.delete(worker)) return;
          this.#lost = reason;
        });
        workers.set(worker, i - 1);
      } catch {
        break;
      }
    }
    this.#send(() => ({ kind: "start", control: this.#control.buffer, threads: this.threads }));
    return workers;
  }

  /** Sends a message to all workers and calls them from their loops to read it. */
  #send(messageFor: (worker: number) => WorkerMessage): void {
    for (const [worker, index] of this.#workers ?? []) {
      try {
        worker.send(messageFor(index));
      } catch {
        // a worker that cannot be given what it needs is of no use
        this.#workers?.delete(worker);
        worker.terminate();
      }
    }
    Atomics.add(this.#control, words.mail, 1);
    this.#wake();
  }

  #wake(): void {
    Atomics.add(this.#control, words.generation, 1);
    if (Atomics.load(this.#control, words.sleepers) > 0) Atomics.notify(this.#control, words.generation);
  }

  #run(program: number, index: number, job: BoundJob, owner: PoolProgram): Promise<void> | undefined {
    const control = this.#control;
    const isShared = this.#isOpen && this.workerCount > 0;
    this.#lost = null;
    Atomics.store(control, words.failure, failures.none);
    Atomics.store(control, words.program, program);
    Atomics.store(control, words.job, index);
    Atomics.store(control, words.next, 0);
    if (isShared) {
      Atomics.and(control, words.state, ~closedBit);
      this.#wake();
    }
    let thrown: unknown = null;
    try {
      this.#work(job);
    } catch (error) {
      thrown = error ?? new Error("internal: a kernel threw nothing");
      Atomics.store(control, words.next, job.units);
    }
    const finish = (): void => {
      if (thrown instanceof WebAssembly.RuntimeError) throw owner.onTrap(index, thrown.message);
      if (thrown !== null) throw thrown as Error;
      this.#throwFailure(index, owner);
    };
    if (isShared) {
      Atomics.or(control, words.state, closedBit);
      if (!this.#drain()) return this.#drainLate(index, owner).then(finish);
    }
    finish();
    return undefined;
  }

  /** Takes ranges of units, large ones first, until none are left. */
  #work(job: BoundJob): void {
    const { call, callArgs, units, grain } = job;
    const at = callArgs.length - 2;
    for (;;) {
      const begin = Atomics.load(this.#control, words.next);
      if (begin >= units) return;
      const share = Math.max(grain, Math.floor((units - begin) / (2 * this.threads)));
      const end = Math.min(units, begin + share);
      if (Atomics.compareExchange(this.#control, words.next, begin, end) !== begin) continue;
      callArgs[at] = begin;
      callArgs[at + 1] = end;
      call(...callArgs);
    }
  }

  #throwFailure(index: number, owner: PoolProgram): void {
    const failure = Atomics.load(this.#control, words.failure);
    if (failure === failures.none) return;
    const length = Atomics.load(this.#control, words.messageLength);
    const message = String.fromCharCode(...this.#control.subarray(words.message, words.message + length));
    throw failure === failures.trap ? owner.onTrap(index, message) : new Error(`internal: in a worker: ${message}`);
  }

  /** Waits until nobody is inside of the closed job: spinning, then asleep. False when that takes too long. */
  #drain(): boolean {
    const control = this.#control;
    if (Atomics.load(control, words.state) === closedBit) return true;
    const start = performance.now();
    const spinning = this.#canSleep ? patience.spin : patience.block;
    for (let round = 1; ; round++) {
      if (Atomics.load(control, words.state) === closedBit) return true;
      if (round % 256 === 0 && performance.now() - start > spinning) break;
    }
    return this.#canSleep && this.#sleep(start + patience.block);
  }

  #sleep(until: number): boolean {
    const control = this.#control;
    Atomics.store(control, words.waiting, 1);
    let state = Atomics.load(control, words.state);
    while (state !== closedBit && performance.now() < until) {
      Atomics.wait(control, words.state, state, until - performance.now());
      state = Atomics.load(control, words.state);
    }
    Atomics.store(control, words.waiting, 0);
    return state === closedBit;
  }

  /** Waits in the event loop, where it is learnt that a worker has ended. */
  async #drainLate(index: number, owner: PoolProgram): Promise<void> {
    while (Atomics.load(this.#control, words.state) !== closedBit) {
      if (this.#lost !== null) {
        const reason = this.#lost;
        this.dispose();
        throw owner.onTrap(index, `a worker thread ended before its work was done: ${reason}`);
      }
      await new Promise((resolve) => setTimeout(resolve, patience.poll));
    }
  }
}
