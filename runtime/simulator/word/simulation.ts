/** What a word-level simulation takes and gives. */

export interface SimulateOptions {
  /** elements of a constant, by index into `Graph.values` */
  readonly constants: (value: number) => Float32Array;
  /** elements of an input for a sample */
  readonly inputs: (name: string, sample: number) => Float32Array;
  /** samples that follow each other; default 1 */
  readonly samples?: number;
  /** seed of random stalls; left out: none */
  readonly jitter?: number;
  /** cycles after which the run is given up; default 1e9 */
  readonly maxCycles?: number;
}

/** When the words of a sample crossed the edge of the wafer: first in, last out; cycles from the start. */
export interface SampleTimes {
  readonly firstIn: number;
  readonly lastOut: number;
}

export interface LayerActivity {
  readonly name: string;
  readonly cores: number;
  /** cycles in which its cores compute, all together */
  readonly busy: number;
  /** first and last cycle in which one of its cores did something */
  readonly first: number;
  readonly last: number;
}

export interface Simulation {
  /** cycles until the last task was done with the last sample */
  readonly cycles: number;
  readonly samples: readonly SampleTimes[];
  /** elements of each output by sample */
  readonly outputs: ReadonlyMap<string, readonly Float32Array[]>;
  /** words over all links between routers */
  readonly words: number;
  readonly layers: readonly LayerActivity[];
  /** cycles in which a core or its router did something, over all cores */
  readonly activeCoreCycles: number;
  /** words in a slot of a region after the run */
  readonly sram: (x: number, y: number, region: string, slot?: number) => Float32Array;
}
