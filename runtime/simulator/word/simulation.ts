/** What a word-level simulation takes and gives. */
import type { Port } from "../../../ir/fabric/program.ts";
import type { LayerBound } from "../bounds.ts";
import type { OnSpan } from "../spans.ts";

export interface SimulateOptions {
  /** elements of a constant, by index into `Graph.values` */
  readonly constants: (value: number) => Float32Array;
  /** elements of a cache before the first step, by the name of the model's input; for programs that keep caches */
  readonly pasts?: (name: string) => Float32Array;
  /** elements of an input for a sample */
  readonly inputs: (name: string, sample: number) => Float32Array;
  /** samples that follow each other; default 1 */
  readonly samples?: number;
  /** seed of random stalls; left out: none */
  readonly jitter?: number;
  /** cycles after which the run is given up; default 1e9 */
  readonly maxCycles?: number;
  /** each color has links of its own: what they would gain if none waited for another; default false */
  readonly ownLinks?: boolean;
  readonly onSpan?: OnSpan;
}

/** When the words of a sample crossed the edge of the wafer: first in, last out; cycles from the start. */
export interface SampleTimes {
  readonly firstIn: number;
  readonly lastOut: number;
}

/** What a core did: it computes, or moves words while it does not, or waits; cycles from its first action to its last. */
export interface CoreActivity {
  readonly x: number;
  readonly y: number;
  /** index into the program's layers */
  readonly layer: number;
  /** cycles in which it computes */
  readonly busy: number;
  /** cycles in which it does nothing but take in or give out a word */
  readonly moving: number;
  /** cycles between its first action and its last in which it does neither: words, room or an instruction's start are waited for */
  readonly waiting: number;
  readonly first: number;
  readonly last: number;
}

/** Words that went over a link between neighbouring routers, or over a ramp from a router to its core. */
export interface LinkActivity {
  readonly x: number;
  readonly y: number;
  readonly to: Port;
  readonly words: number;
}

export interface Simulation {
  /** cycles until the last task was done with the last sample */
  readonly cycles: number;
  readonly samples: readonly SampleTimes[];
  /** elements of each output by sample */
  readonly outputs: ReadonlyMap<string, readonly Float32Array[]>;
  /** words over all links between routers */
  readonly words: number;
  /** all cores that have a program */
  readonly cores: readonly CoreActivity[];
  /** links that words went over, ramps into cores included */
  readonly links: readonly LinkActivity[];
  /** what each layer takes at least for a sample */
  readonly bounds: readonly LayerBound[];
  /** cycles in which a core or its router did something, over all cores */
  readonly activeCoreCycles: number;
  /** words in a slot of a region after the run */
  readonly sram: (x: number, y: number, region: string, slot?: number) => Float32Array;
}
