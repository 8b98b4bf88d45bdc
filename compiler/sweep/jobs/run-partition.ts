/** A point that is a model cut over wafers. */
import { clockHz } from "../../../ir/machine/target.ts";
import { buildFusedKernels } from "../../kernels/fusion/fuse.ts";
import { splitOverWafers } from "../../partition/wafers.ts";
import { searchGuard } from "../../search-guard.ts";
import type { Job } from "./job.ts";
import { targetFrom } from "./machines.ts";
import { dimsOf, numberOf } from "./options.ts";
import type { Made } from "./run-job.ts";
import type { Workshop } from "./workshop.ts";

export async function runPartition(job: Job, workshop: Workshop): Promise<Made> {
  if (job.model.kind !== "onnx") throw new Error("internal: partitions are of ONNX models");
  const target = await workshop.json("target", job.target, targetFrom);
  const { graph } = await workshop.lowered(job.model, dimsOf(job));
  const kernels = buildFusedKernels(graph, target);
  const { stages, links, ...split } = await splitOverWafers(kernels, target, numberOf(job, "wafers"), {
    timeLimitSeconds: searchGuard(),
    seed: numberOf(job, "seed"),
  });
  const slowest = stages.find(({ cycles, ioCycles }) => Math.max(cycles, ioCycles) === split.interval);
  return {
    figures: {
      wafersUsed: stages.length,
      layers: kernels.kernels.length,
      hostOps: kernels.host.length,
      cores: stages.reduce((sum, { cores }) => sum + cores, 0),
      intervalCycles: split.interval,
      samplesPerSecond: clockHz(target) / split.interval,
      latencyCycles: split.latencyCycles,
      bound: split.bound,
      gap: split.gap,
      wordsBetween: links.reduce((sum, { words }) => sum + words, 0),
      status: split.status,
      binds: slowest === undefined ? "links" : slowest.ioCycles >= split.interval ? "edge" : "layers",
    },
    files: {},
  };
}
