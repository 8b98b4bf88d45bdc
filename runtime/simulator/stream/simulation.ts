/** What a stream-level simulation takes and gives. */
import type { LayerActivity } from "../activity.ts";
import type { LayerBound } from "../bounds.ts";
import type { OnSpan } from "../spans.ts";
import type { LinkActivity, SampleTimes } from "../word/simulation.ts";
import type { Tap } from "./taps.ts";
import type { ValueOptions } from "./values.ts";

export interface StreamOptions {
  /** samples that follow each other; default 1 */
  readonly samples?: number;
  /** the numbers to compute with; left out: only times are simulated */
  readonly values?: ValueOptions;
  /** cycles after which the run is given up; default 1e12 */
  readonly maxCycles?: number;
  /** each color has links of its own: what they would gain if none waited for another; default false */
  readonly ownLinks?: boolean;
  readonly onSpan?: OnSpan;
  /** links whose words are written down; for runs with values */
  readonly taps?: readonly Tap[];
}

/** A core that has a program, and the cycles in which it computes. */
export interface StreamCore {
  readonly x: number;
  readonly y: number;
  readonly layer: number;
  readonly busy: number;
}

export interface StreamSimulation {
  /** cycles until the last task was done with the last sample */
  readonly cycles: number;
  readonly samples: readonly SampleTimes[];
  /** elements of each output by sample; empty without values */
  readonly outputs: ReadonlyMap<string, readonly Float32Array[]>;
  /** words over all links between routers */
  readonly words: number;
  readonly layers: readonly Pick<LayerActivity, "name" | "cores" | "busy" | "first" | "last">[];
  /** what each layer takes at least for a sample */
  readonly bounds: readonly LayerBound[];
  /** made when asked for: a wafer has many */
  readonly cores: () => StreamCore[];
  /** links that words went over, ramps into cores included */
  readonly links: () => LinkActivity[];
  /** words over a tapped link in a sample, by its number among the taps */
  readonly tapped: (tap: number, sample: number) => Float32Array;
  /** pieces of streams and steps of cores that were looked at */
  readonly events: number;
  /** words in a slot of a region after the run; for simulations with values */
  readonly sram: (x: number, y: number, region: string, slot?: number) => Float32Array;
}
