/** `wsc simulate`: runs a compiled model core by core on a simulated wafer, and compares numbers and cycles with what was promised. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { fail, showName, WscError } from "../../ir/diagnostic.ts";
import { verifyFabric } from "../../ir/fabric/verify.ts";
import type { Graph, ValueId } from "../../ir/graph.ts";
import { InferenceSession } from "../../runtime/session.ts";
import type { SessionValue } from "../../runtime/ports.ts";
import { Tensor } from "../../runtime/tensor.ts";
import { coreCount, type FabricProgram } from "../../ir/fabric/program.ts";
import { simulateStreams } from "../../runtime/simulator/stream/run.ts";
import type { StreamSimulation } from "../../runtime/simulator/stream/simulation.ts";
import { simulateWords } from "../../runtime/simulator/word/run.ts";
import { layerActivities } from "../../runtime/simulator/activity.ts";
import { timesOf } from "../../runtime/simulator/steady.ts";
import type { Simulation } from "../../runtime/simulator/word/simulation.ts";
import { artifactFiles } from "../../runtime/artifact.ts";
import { unpackConstants } from "../fabric/constants.ts";
import { lowerFabric } from "../fabric/lower.ts";
import { readArtifact } from "../read-artifact.ts";
import { loadTarget } from "../targets/load.ts";
import { exitCodes } from "./failure.ts";
import { collectFeeds, type FeedArguments } from "./run.ts";

export interface SimulateArguments extends FeedArguments {
  readonly model: string;
  readonly target: string | undefined;
  readonly samples: number;
  readonly jitter: number | undefined;
  readonly level: string | undefined;
  readonly values: boolean;
  readonly json: boolean;
}

export const simulationLevels = ["word", "stream"] as const;

type Level = (typeof simulationLevels)[number];

/** Cores up to which a program is run word by word unless told otherwise. */
const mostWordCores = 5_000;

/** What both levels give. */
interface Run extends Pick<Simulation, "cycles" | "samples" | "outputs" | "words"> {
  readonly layers: SimulateSummary["layers"];
}

/** What `--json` prints; cycles are those of the wafer's clock. */
interface SimulateSummary {
  readonly model: string;
  readonly target: string;
  readonly level: Level;
  /** cycles between two samples */
  readonly interval: number;
  /** cycles from the first word of a sample in to its last word out, over the edge of the wafer that it has to itself */
  readonly latency: number;
  readonly cycles: number;
  /** words over links */
  readonly words: number;
  readonly samples: number;
  /** what the placement's certificate says */
  readonly certificate: { readonly interval: number; readonly latency: number };
  /** greatest difference to the host's outputs, as a share of the largest one; null where only times were simulated */
  readonly error: number | null;
  readonly layers: readonly {
    readonly name: string;
    readonly cores: number;
    /** cycles of its cores, all together: computing, moving words without computing, and waiting (these two at the word level only) */
    readonly busyCycles: number;
    readonly movingCycles?: number;
    readonly waitingCycles?: number;
    readonly firstCycle: number;
    readonly lastCycle: number;
  }[];
}

/** Greatest difference to the host's outputs that rounding explains. */
const tolerance = 1e-5;

export async function simulateVerb(given: SimulateArguments): Promise<number> {
  const { samples, jitter } = given;
  if (!Number.isSafeInteger(samples) || samples < 1)
    throw fail("WSC8001", `--samples takes a number of at least 1, not ${samples}`);
  if (jitter !== undefined && !Number.isSafeInteger(jitter))
    throw fail("WSC8001", `--jitter takes a whole number, not ${jitter}`);
  const { graph, kernels, placement } = await readArtifact(given.model);
  const target = await loadTarget(given.target ?? placement.target.name);
  const block = await readFile(path.join(given.model, artifactFiles.fabric)).catch(() => {
    throw fail("WSC7004", "the folder holds no constants for a simulation", {
      subject: artifactFiles.fabric,
      hint: "compile the model again",
    });
  });
  const constants = unpackConstants(graph, kernels, block);
  const program = lowerFabric({ graph: withConstants(graph, constants), kernels, placement, target });
  const faults = verifyFabric(program);
  if (faults.length > 0) throw new WscError(faults);
  const level = levelOf(given, program);
  const hasValues = level === "word" || given.values;
  const session = await InferenceSession.create(given.model);
  const { feeds } = await collectFeeds(session, given);
  const expected = hasValues ? await session.run(feeds) : {};
  await session.release();
  const values = {
    constants: (value: number) => constantAt(constants, value),
    inputs: (name: string) => floatsOf(feeds[name], name),
    pasts: (name: string) => floatsOf(feeds[name], name),
  };
  const simulate = (count: number): Run =>
    level === "word"
      ? runOfWords(
          program,
          simulateWords(program, target, { samples: count, ...values, ...(jitter === undefined ? {} : { jitter }) }),
        )
      : runOfStreams(simulateStreams(program, target, { samples: count, ...(hasValues ? { values } : {}) }));
  const simulation = simulate(samples);
  // the certificate's latency is that of a sample that has the wafer to itself
  const { latency } = timesOf((samples === 1 ? simulation : simulate(1)).samples);
  const { objective, latencyCycles } = placement.certificate;
  const summary: SimulateSummary = {
    model: placement.model,
    target: target.name,
    level,
    interval: timesOf(simulation.samples).interval,
    latency,
    cycles: simulation.cycles,
    words: simulation.words,
    samples,
    certificate: { interval: objective, latency: latencyCycles },
    error: hasValues ? errorOf(simulation, expected) : null,
    layers: simulation.layers,
  };
  process.stdout.write(given.json ? `${JSON.stringify(summary, null, 2)}\n` : `${describe(summary)}\n`);
  if (summary.error === null || summary.error <= tolerance) return exitCodes.done;
  throw fail("WSC7010", `the outputs differ from the host's by ${summary.error.toExponential(1)} of the largest one`, {
    subject: placement.model,
  });
}

const runOfWords = (program: FabricProgram, simulation: Simulation): Run => ({
  ...simulation,
  layers: layerActivities(program.layers, simulation.cores).map(
    ({ name, cores, busy, moving, waiting, first, last }) => ({
      name,
      cores,
      busyCycles: busy,
      movingCycles: moving,
      waitingCycles: waiting,
      firstCycle: first,
      lastCycle: last,
    }),
  ),
});

const runOfStreams = (simulation: StreamSimulation): Run => ({
  ...simulation,
  layers: simulation.layers.map(({ name, cores, busy, first, last }) => ({
    name,
    cores,
    busyCycles: busy,
    firstCycle: first,
    lastCycle: last,
  })),
});

/** The level that was asked for, or the one that suits the size of the program. */
function levelOf({ level, jitter }: SimulateArguments, program: FabricProgram): Level {
  const asked = simulationLevels.find((one) => one === level);
  const cores = program.roles.reduce((sum, role) => sum + coreCount(role.cores), 0);
  const found = asked ?? (jitter !== undefined || cores <= mostWordCores ? "word" : "stream");
  if (found === "stream" && jitter !== undefined)
    throw fail("WSC8001", "--jitter stalls single words, which the stream level does not know", {
      hint: "use --level word",
    });
  return found;
}

/** A graph whose named constants are known to be at hand. */
const withConstants = (graph: Graph, constants: ReadonlyMap<ValueId, Float32Array>): Graph => ({
  ...graph,
  values: graph.values.map((value, id) => {
    const elements = constants.get(id);
    if (elements === undefined || value.type.kind !== "tensor") return value;
    const { dtype, shape } = value.type;
    return { type: value.type, name: value.name, constant: { dtype, shape, elements } };
  }),
});

function constantAt(constants: ReadonlyMap<ValueId, Float32Array>, value: ValueId): Float32Array {
  const elements = constants.get(value);
  if (elements === undefined) throw new Error(`internal: constant %${value} is not in ${artifactFiles.fabric}`);
  return elements;
}

function floatsOf(value: SessionValue | undefined, name: string): Float32Array {
  if (value instanceof Tensor && value.data instanceof Float32Array) return value.data;
  throw fail("WSC7002", `input "${showName(name)}" is no tensor of float32`);
}

function errorOf({ outputs }: Run, expected: Readonly<Record<string, SessionValue>>): number {
  let worst = 0;
  for (const [name, samples] of outputs) {
    const wanted = floatsOf(expected[name], name);
    const largest = wanted.reduce((most, element) => Math.max(most, Math.abs(element)), 0);
    for (const got of samples) {
      for (const [index, element] of wanted.entries()) {
        const difference = Math.abs(element - (got[index] ?? NaN));
        const share = difference === 0 ? 0 : difference / (largest === 0 ? 1 : largest);
        if (!(share <= worst)) worst = share;
      }
    }
  }
  return worst;
}

const against = (cycles: number, promised: number): string =>
  `${cycles.toFixed(0)} cycles; the certificate says ${promised.toFixed(0)} (${(100 * (cycles / promised - 1)).toFixed(1)} %)`;

function describe(summary: SimulateSummary): string {
  const { model, target, level, samples, cycles, words, interval, latency, certificate, error, layers } = summary;
  const rows = layers.map(
    ({ name, cores, busyCycles, firstCycle, lastCycle }) =>
      `  ${showName(name)}: ${cores} cores, computing ${((100 * busyCycles) / Math.max(1, cores * cycles)).toFixed(1)} % of the time, cycles ${firstCycle} to ${lastCycle}`,
  );
  return [
    `${showName(model)} on ${target}, ${level} level: ${samples} samples in ${cycles} cycles, ${words} words over links`,
    `interval  ${against(interval, certificate.interval)}`,
    `latency   ${against(latency, certificate.latency)}`,
    error === null ? "numbers   not computed (--values)" : `numbers   within ${error.toExponential(1)} of the host's`,
    ...rows,
  ].join("\n");
}
