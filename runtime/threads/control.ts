/**
 * The words of shared memory over which threads agree. The main thread opens a job (one kernel step), every thread takes ranges of its units
 * from `next` until none are left, the main thread closes the job and waits until nobody is inside. Nobody waits for a worker that comes late:
 * a job that is closed lets no one in.
 */

/** Positions of the 32-bit words; those that many threads write have a cache line of their own. */
export const controlWords = {
  /** counts up with every job and every message: workers look at it while they wait */
  generation: 0,
  /** threads inside of the job, and `closedBit` while nobody may enter */
  state: 16,
  /** first unit that nobody has taken */
  next: 32,
  /** number of the program among those attached, and of the job among the program's */
  program: 48,
  job: 49,
  /** messages sent to the workers: one that has read fewer returns to its event loop */
  mail: 50,
  /** workers that are asleep and must be woken */
  sleepers: 51,
  /** runs under way: workers fall asleep later */
  active: 52,
  /** not zero while the main thread sleeps until the job is done */
  waiting: 53,
  /** ranges of units that workers have taken */
  taken: 57,
  /** one of `failures` */
  failure: 54,
  /** UTF-16 units of the failure's message, which begins at `message` */
  messageLength: 55,
  message: 64,
} as const;

export type ControlWords = typeof controlWords;

/** UTF-16 units of a failure's message that are kept. */
export const messageRoom = 192;

/** Bytes of the control memory. */
export const controlBytes: number = (controlWords.message + messageRoom) * 4;

/** Set in `state` while nobody may enter the job. */
export const closedBit: number = 1 << 30;

/** What a thread met inside of a job: nothing, a trap of WebAssembly, anything else. */
export const failures = { none: 0, trap: 1, defect: 2 } as const;

/** A kernel step as threads run it. */
export interface Job {
  readonly function: string;
  readonly args: readonly number[];
  readonly units: number;
  /** fewest units that are worth taking at a time */
  readonly grain: number;
}

/** Arithmetic operations below which a step is not worth sharing: some 5 to 15 microseconds, where opening and closing a job takes one. */
const sharedWork = 2 ** 17;
/** Operations below which a range of units is not worth taking: about a microsecond. */
const rangeWork = 2 ** 14;

/** The job as a thread calls it whose work areas lie at `address`. */
export function jobAt({ private: own, args, ...job }: SharedJob, address: number): Job {
  const moved = [...args];
  let at = address;
  for (const { arg, bytes } of own) {
    moved[arg] = at;
    at += lineAligned(bytes);
  }
  return { ...job, args: moved };
}

/** A job with the arguments that differ from thread to thread. */
export interface SharedJob extends Job {
  readonly private: readonly { readonly arg: number; readonly bytes: number }[];
}

const lineAligned = (bytes: number): number => Math.ceil(bytes / 64) * 64;

/** Bytes of a thread's work areas for one step. */
export const privateBytes = (own: SharedJob["private"]): number =>
  own.reduce((sum, { bytes }) => sum + lineAligned(bytes), 0);

/** Whether threads should share a step of so many units and operations. */
export const isWorthSharing = (units: number, work: number): boolean => units > 1 && work >= sharedWork;

/** Fewest units of a step that are worth taking at a time. */
export const grainOf = (units: number, work: number): number => Math.max(1, Math.ceil((units * rangeWork) / work));

/** What the main thread sends. */
export type WorkerMessage =
  | { readonly kind: "start"; readonly control: SharedArrayBuffer; readonly threads: number }
  | {
      readonly kind: "attach";
      readonly program: number;
      /** the functions of a later one take the place of those before */
      readonly modules: readonly WebAssembly.Module[];
      readonly memory: WebAssembly.Memory;
      readonly jobs: readonly Job[];
    }
  | { readonly kind: "detach"; readonly program: number };
