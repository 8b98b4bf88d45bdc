/** A point that is run core by core on a simulated wafer. */
import { fail, showName, WscError } from "../../../ir/diagnostic.ts";
import { verifyFabric } from "../../../ir/fabric/verify.ts";
import type { Graph } from "../../../ir/graph.ts";
import { coresInUse } from "../../../ir/placement.ts";
import { elementCount } from "../../../ir/tensor.ts";
import { simulateStreams } from "../../../runtime/simulator/stream/run.ts";
import { timesOf } from "../../../runtime/simulator/steady.ts";
import { simulateWords } from "../../../runtime/simulator/word/run.ts";
import type { SimulateOptions } from "../../../runtime/simulator/word/simulation.ts";
import type { PlacedModel } from "../../compile.ts";
import { packConstants, unpackConstants } from "../../fabric/constants.ts";
import { lowerFabric } from "../../fabric/lower.ts";
import { seededRandom } from "../../random.ts";
import type { Job } from "./job.ts";
import { choiceOf, numberOf } from "./options.ts";
import type { Made } from "./run-job.ts";
import { filesOf, place } from "./run-placement.ts";
import type { Workshop } from "./workshop.ts";

export async function runSimulation(job: Job, workshop: Workshop): Promise<Made> {
  const placed = await place(job, workshop, { mode: "pipeline", replicas: 1, fuse: false });
  const { placement, target } = placed;
  const program = lowerFabric(placed);
  const faults = verifyFabric(program);
  if (faults.length > 0) throw new WscError(faults);
  const level = choiceOf(job, "level", ["stream", "word"]);
  const run = (samples: number): Pick<ReturnType<typeof simulateStreams>, "samples" | "cycles" | "words"> =>
    level === "stream"
      ? simulateStreams(program, target, { samples })
      : simulateWords(program, target, { samples, ...valuesFor(placed, numberOf(job, "seed")) });
  const samples = numberOf(job, "samples");
  const simulation = run(samples);
  const { interval } = timesOf(simulation.samples);
  // a latency is that of a sample that has the wafer to itself
  const { latency } = timesOf((samples === 1 ? simulation : run(1)).samples);
  const { objective, latencyCycles, bottleneck } = placement.certificate;
  return {
    figures: {
      cores: coresInUse(placement),
      intervalCycles: interval,
      latencyCycles: latency,
      cycles: simulation.cycles,
      words: simulation.words,
      certificateInterval: objective,
      certificateLatency: latencyCycles,
      samplesPerSecond: placement.target.clockHz / interval,
      binds: bottleneck,
    },
    files: await filesOf(placed, job),
  };
}

/** Numbers for a run word by word: the model's constants, and inputs and caches at random in [-1, 1). */
function valuesFor(
  { graph, kernels }: PlacedModel,
  seed: number,
): Pick<SimulateOptions, "constants" | "inputs" | "pasts"> {
  const constants = unpackConstants(graph, kernels, packConstants(graph, kernels));
  const made = new Map<string, Float32Array>();
  const inputs = (name: string): Float32Array => {
    const known = made.get(name) ?? randomInput(graph, name, seed + made.size);
    made.set(name, known);
    return known;
  };
  return {
    constants: (value) => {
      const elements = constants.get(value);
      if (elements === undefined) throw new Error(`internal: %${value} is no constant of a layer`);
      return elements;
    },
    inputs,
    pasts: inputs,
  };
}

function randomInput(graph: Graph, name: string, seed: number): Float32Array {
  const port = graph.inputs.find((input) => input.name === name);
  const type = port === undefined ? undefined : graph.values[port.value]?.type;
  if (type?.kind !== "tensor" || type.dtype !== "f32")
    throw fail("WSC7002", `input "${showName(name)}" is no tensor of float32`, { subject: graph.name });
  const random = seededRandom(seed);
  return Float32Array.from({ length: elementCount(type.shape) }, () => 2 * random() - 1);
}
