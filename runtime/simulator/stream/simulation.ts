/** What a stream-level simulation takes and gives. */
import type { LayerActivity } from "../activity.ts";
import type { SampleTimes } from "../word/simulation.ts";
import type { ValueOptions } from "./values.ts";

export interface StreamOptions {
  /** samples that follow each other; default 1 */
  readonly samples?: number;
  /** the numbers to compute with; left out: only times are simulated */
  readonly values?: ValueOptions;
  /** cycles after which the run is given up; default 1e12 */
  readonly maxCycles?: number;
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
  /** pieces of streams and steps of cores that were looked at */
  readonly events: number;
  /** words in a slot of a region after the run; for simulations with values */
  readonly sram: (x: number, y: number, region: string, slot?: number) => Float32Array;
}
