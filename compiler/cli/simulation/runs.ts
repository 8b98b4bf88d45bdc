/** One run of a program at either level, with its counts in the form that both have. */
import { fail } from "../../../ir/diagnostic.ts";
import type { FabricProgram } from "../../../ir/fabric/program.ts";
import { nth } from "../../../ir/access.ts";
import type { Target } from "../../../ir/machine/target.ts";
import type {
  SimulatedCores,
  SimulatedLayer,
  SimulatedLinks,
  SimulationCounts,
  SimulationLevel,
} from "../../../ir/simulation-record.ts";
import { layerActivities } from "../../../runtime/simulator/activity.ts";
import type { LayerBound } from "../../../runtime/simulator/bounds.ts";
import type { OnSpan } from "../../../runtime/simulator/spans.ts";
import { timesOf } from "../../../runtime/simulator/steady.ts";
import { simulateStreams } from "../../../runtime/simulator/stream/run.ts";
import type { StreamSimulation } from "../../../runtime/simulator/stream/simulation.ts";
import type { ValueOptions } from "../../../runtime/simulator/stream/values.ts";
import { simulateWords } from "../../../runtime/simulator/word/run.ts";
import type { LinkActivity, SampleTimes, Simulation } from "../../../runtime/simulator/word/simulation.ts";

export interface RunOptions {
  readonly level: SimulationLevel;
  readonly samples: number;
  readonly jitter?: number;
  /** null: only times are simulated, which the stream level can */
  readonly values: ValueOptions | null;
  readonly ownLinks?: boolean;
  readonly onSpan?: OnSpan;
}

/** What both levels give. */
export interface Run {
  readonly cycles: number;
  readonly words: number;
  readonly samples: readonly SampleTimes[];
  /** elements of each output by sample */
  readonly outputs: ReadonlyMap<string, readonly Float32Array[]>;
  readonly layers: readonly Omit<SimulatedLayer, "boundCycles" | "boundBy" | "boundShare">[];
  readonly bounds: readonly LayerBound[];
  readonly cores: () => SimulatedCores;
  readonly links: () => SimulatedLinks;
}

export function runProgram(program: FabricProgram, target: Target, options: RunOptions): Run {
  const { level, values, ...rest } = options;
  switch (level) {
    case "word":
      if (values === null) throw fail("WSC8001", "the word level computes with numbers, and there are none");
      return runOfWords(program, simulateWords(program, target, { ...rest, ...values }));
    case "stream":
      return runOfStreams(simulateStreams(program, target, { ...rest, ...(values === null ? {} : { values }) }));
  }
}

function runOfWords(program: FabricProgram, simulation: Simulation): Run {
  const { cycles, words, samples, outputs, bounds, cores, links } = simulation;
  return {
    cycles,
    words,
    samples,
    outputs,
    bounds,
    layers: layerActivities(program.layers, cores).map((layer) => ({
      name: layer.name,
      cores: layer.cores,
      busyCycles: layer.busy,
      movingCycles: layer.moving,
      waitingCycles: layer.waiting,
      ...spanOf(layer),
    })),
    cores: () => ({
      x: cores.map(({ x }) => x),
      y: cores.map(({ y }) => y),
      layer: cores.map(({ layer }) => layer),
      busy: cores.map(({ busy }) => busy),
      moving: cores.map(({ moving }) => moving),
      waiting: cores.map(({ waiting }) => waiting),
    }),
    links: () => linkColumns(links),
  };
}

function runOfStreams(simulation: StreamSimulation): Run {
  const { cycles, words, samples, outputs, bounds } = simulation;
  return {
    cycles,
    words,
    samples,
    outputs,
    bounds,
    layers: simulation.layers.map((layer) => ({
      name: layer.name,
      cores: layer.cores,
      busyCycles: layer.busy,
      movingCycles: null,
      waitingCycles: null,
      ...spanOf(layer),
    })),
    cores: () => {
      const cores = simulation.cores();
      return {
        x: cores.map(({ x }) => x),
        y: cores.map(({ y }) => y),
        layer: cores.map(({ layer }) => layer),
        busy: cores.map(({ busy }) => busy),
        moving: null,
        waiting: null,
      };
    },
    links: () => linkColumns(simulation.links()),
  };
}

/** First and last cycle of a layer; both 0 where none of its cores did anything. */
const spanOf = ({ first, last }: { readonly first: number; readonly last: number }) => ({
  firstCycle: Number.isFinite(first) ? first : 0,
  lastCycle: last,
});

const linkColumns = (links: readonly LinkActivity[]): SimulatedLinks => ({
  x: links.map(({ x }) => x),
  y: links.map(({ y }) => y),
  to: links.map(({ to }) => to),
  words: links.map(({ words }) => words),
});

/** The counts of a run; its latency is that of a sample that has the wafer to itself. */
export function countsOf(run: Run, level: SimulationLevel, latency: number): SimulationCounts {
  const { interval } = timesOf(run.samples);
  return {
    level,
    samples: run.samples.length,
    interval,
    latency,
    cycles: run.cycles,
    words: run.words,
    layers: run.layers.map((layer, index): SimulatedLayer => {
      const { cycles, by } = nth(run.bounds, index);
      return { ...layer, boundCycles: cycles, boundBy: by, boundShare: interval > 0 ? cycles / interval : 0 };
    }),
    cores: run.cores(),
    links: run.links(),
  };
}
