/**
 * What a worker runs. The function is sent as its own text (`toString`), so it must stand alone: everything comes in by parameters, and it names
 * no inner functions, which some bundlers wrap in helpers of theirs. So neither Node nor a browser has to find a file.
 */
import type { ControlWords, WorkerMessage } from "./control.ts";

/** The worker's end of the line to the main thread. */
export interface WorkerPort {
  receive(handle: (message: WorkerMessage) => void): void;
}

/** Constants that the body needs; they are put into its text as JSON. */
export interface WorkerConstants {
  readonly words: ControlWords;
  readonly closedBit: number;
  readonly messageRoom: number;
  readonly trap: number;
  readonly defect: number;
  /** milliseconds that a worker spins before it falls asleep: during a run, and between runs */
  readonly spin: { readonly active: number; readonly idle: number };
}

/** The life of a worker: handle a message, then work until the next one. */
export const workerBody = (
  port: WorkerPort,
  { words, closedBit, messageRoom, trap, defect, spin }: WorkerConstants,
): void => {
  interface BoundJob {
    readonly run: (...args: number[]) => void;
    /** addresses, then begin and end */
    readonly args: number[];
    readonly units: number;
    readonly grain: number;
  }
  const programs = new Map<number, readonly BoundJob[]>();
  let control: Int32Array = new Int32Array(0);
  let threads = 1;
  let handled = 0;

  port.receive((message) => {
    if (message.kind === "start") {
      control = new Int32Array(message.control);
      threads = message.threads;
    } else if (message.kind === "attach") {
      const imports = { env: { memory: message.memory } };
      const instances = message.modules.map((module) => new WebAssembly.Instance(module, imports));
      const exports = Object.assign({}, ...instances.map((instance) => instance.exports)) as WebAssembly.Exports;
      const jobs = message.jobs.map(({ function: name, args, units, grain }) => {
        return { run: exports[name] as BoundJob["run"], args: [...args, 0, 0], units, grain };
      });
      programs.set(message.program, jobs);
    } else {
      programs.delete(message.program);
    }
    handled++;

    let seen = Atomics.load(control, words.generation) - 1;
    let quietSince = performance.now();
    for (let round = 1; ; round++) {
      const generation = Atomics.load(control, words.generation);
      if (Atomics.load(control, words.mail) !== handled) return;
      if (generation === seen) {
        if (round % 1024 !== 0) continue;
        const patience = Atomics.load(control, words.active) === 0 ? spin.idle : spin.active;
        if (performance.now() - quietSince < patience) continue;
        Atomics.add(control, words.sleepers, 1);
        Atomics.wait(control, words.generation, seen);
        Atomics.sub(control, words.sleepers, 1);
        quietSince = performance.now();
        continue;
      }
      seen = generation;
      if ((Atomics.add(control, words.state, 1) & closedBit) === 0) {
        try {
          const job = programs.get(Atomics.load(control, words.program))?.[Atomics.load(control, words.job)];
          while (job !== undefined) {
            const begin = Atomics.load(control, words.next);
            if (begin >= job.units) break;
            const share = Math.max(job.grain, Math.floor((job.units - begin) / (2 * threads)));
            const end = Math.min(job.units, begin + share);
            if (Atomics.compareExchange(control, words.next, begin, end) !== begin) continue;
            Atomics.add(control, words.taken, 1);
            job.args[job.args.length - 2] = begin;
            job.args[job.args.length - 1] = end;
            job.run(...job.args);
          }
        } catch (error) {
          const kind = error instanceof WebAssembly.RuntimeError ? trap : defect;
          if (Atomics.compareExchange(control, words.failure, 0, kind) === 0) {
            const text = String(error instanceof Error ? error.message : error).slice(0, messageRoom);
            for (let i = 0; i < text.length; i++) control[words.message + i] = text.charCodeAt(i);
            Atomics.store(control, words.messageLength, text.length);
          }
          Atomics.store(control, words.next, 0x7fffffff);
        }
      }
      if (Atomics.sub(control, words.state, 1) === closedBit + 1 && Atomics.load(control, words.waiting) !== 0) {
        Atomics.notify(control, words.state);
      }
      quietSince = performance.now();
    }
  });
};
