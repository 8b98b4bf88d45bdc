/** A point that is a placement, alone or with the program. */
import { placementObjectives } from "../../../ir/placement.ts";
import { precisions } from "../../../ir/kernel-graph.ts";
import { printKernelGraph } from "../../../ir/kernel-graph-text.ts";
import type { Target } from "../../../ir/machine/target.ts";
import { coresInUse, modeNames } from "../../../ir/placement.ts";
import { printPlacementJson } from "../../../ir/placement-json.ts";
import { printGraph } from "../../../ir/print.ts";
import type { Scalar } from "../../axes.ts";
import { refuseOversized } from "../../codegen/weight-bound.ts";
import { type CompileOptions, type LayeredModel, placeLayers, type PlacedModel, tunedProgram } from "../../compile.ts";
import { parseDefects } from "../../placement/constraints/constraint-files.ts";
import type { ConstraintRequest } from "../../placement/constraints/constraints.ts";
import { parseDefectRate, randomDefects } from "../../placement/constraints/random-defects.ts";
import { reportOfPlacement } from "../../report/data/of-placement.ts";
import { renderReport } from "../../report/html.ts";
import { searchGuard } from "../../search-guard.ts";
import { bytesIn } from "../store/store.ts";
import { fileOf, type Job } from "./job.ts";
import { targetFrom } from "./machines.ts";
import { choiceOf, dimsOf, flagOf, numberOf, numberOrNull, textOrNull } from "./options.ts";
import type { Made } from "./run-job.ts";
import type { Layers, Workshop } from "./workshop.ts";

export async function runPlacement(job: Job, workshop: Workshop): Promise<Made> {
  const manner: Manner = {
    mode: choiceOf(job, "mode", ["auto", ...modeNames]),
    replicas: job.options["replicas"] === "auto" ? "auto" : numberOf(job, "replicas"),
    fuse: flagOf(job, "fuse"),
  };
  const placed = await place(job, workshop, manner);
  const program = job.action === "compile" ? await programFigures(await layersOf(job, workshop, manner.fuse)) : {};
  return { figures: { ...figuresOf(placed), ...program }, files: await filesOf(placed, job) };
}

/** How a job's layers lie on the wafer. */
type Manner = Required<Pick<CompileOptions, "mode" | "replicas" | "fuse">>;

/** The layers of a job's model, which jobs that differ in constraints alone have in common. */
async function layersOf(job: Job, workshop: Workshop, fuse: boolean): Promise<Layers> {
  if (job.model.kind !== "onnx") throw new Error("internal: placements are of ONNX models");
  const target = await workshop.json("target", job.target, targetFrom);
  const dims = dimsOf(job);
  if (job.action === "compile") refuseOversized((await workshop.lowered(job.model, dims)).graph);
  const precision = choiceOf(job, "precision", precisions);
  return workshop.layers(job.model, dims, { target, digest: job.target, precision, fuse });
}

/** Places the model of a job. */
export async function place(job: Job, workshop: Workshop, manner: Manner): Promise<PlacedModel> {
  const start = Date.now();
  const { model } = await layersOf(job, workshop, manner.fuse);
  const { target } = model;
  const effort = numberOrNull(job, "effort");
  const options: CompileOptions = {
    ...manner,
    objective: choiceOf(job, "objective", placementObjectives),
    solver: choiceOf(job, "solver", ["auto", "glpk", "highs"]),
    seed: numberOf(job, "seed"),
    timeLimitSeconds: searchGuard(effort ?? undefined),
    ...(effort === null ? {} : { effortSeconds: effort }),
    constraints: await constraintsOf(job, target, workshop),
  };
  return placeLayers(model, options, start);
}

async function constraintsOf(job: Job, target: Target, workshop: Workshop): Promise<ConstraintRequest> {
  const maxInterval = numberOrNull(job, "maxInterval");
  const limit = maxInterval === null ? {} : { maxInterval };
  const defects = textOrNull(job, "defects");
  if (defects === null) return limit;
  const digest = fileOf(defects);
  if (digest !== null) {
    const text = new TextDecoder().decode(await bytesIn(workshop.store, digest));
    return { ...limit, ...parseDefects(text, "defects") };
  }
  const rate = parseDefectRate(defects);
  if (rate === null) throw new Error("internal: a job has defects that are neither a rate nor a file");
  return { ...limit, ...randomDefects(target, rate) };
}

function programFigures({ model, figures }: Layers): Promise<Readonly<Record<string, Scalar>>> {
  const known = figures.get("program");
  if (known !== undefined) return known;
  const made = sizesOfProgram(model);
  figures.set("program", made);
  made.catch(() => figures.delete("program"));
  return made;
}

async function sizesOfProgram({ graph, kernels }: LayeredModel): Promise<Readonly<Record<string, Scalar>>> {
  const { compiled } = await tunedProgram(graph, new Map(), { kernels });
  const { weightsBytes, arenaBytes } = compiled.program.memory;
  const codeBytes = [...compiled.modules.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
  return { weightsBytes, arenaBytes, codeBytes };
}

function figuresOf({ placement, kernels }: PlacedModel): Made["figures"] {
  const { certificate, target } = placement;
  return {
    layers: placement.kernels.length,
    hostOps: kernels.host.length,
    replicas: placement.copies.count,
    cores: coresInUse(placement),
    coresUsable: target.usable.width * target.usable.height,
    intervalCycles: certificate.objective,
    samplesPerSecond: target.clockHz / certificate.objective,
    latencyCycles: certificate.latencyCycles,
    latencySeconds: certificate.latencyCycles / target.clockHz,
    bound: certificate.bound,
    gap: certificate.gap,
    kernelCycles: certificate.kernelCycles,
    linkCycles: certificate.linkCycles,
    ioCycles: certificate.ioCycles,
    wireLength: certificate.wireLength,
    goal: certificate.goal.value,
    mode: placement.mode.kind,
    status: certificate.status,
    slowest: placement.kernels.find(({ kernel }) => kernel === certificate.slowest)?.name ?? null,
    binds: certificate.bottleneck,
  };
}

/** Texts of a placement that are asked for. */
export async function filesOf(placed: PlacedModel, { keep }: Job): Promise<Made["files"]> {
  const { placement, kernels, graph } = placed;
  return {
    ...(keep.includes("report")
      ? { report: await renderReport([reportOfPlacement({ ...placed, simulation: null })]) }
      : {}),
    ...(keep.includes("placement") ? { placement: printPlacementJson(placement) } : {}),
    ...(keep.includes("kernels") ? { kernels: printKernelGraph(kernels) } : {}),
    ...(keep.includes("graph") ? { graph: printGraph(graph) } : {}),
  };
}
