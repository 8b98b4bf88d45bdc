/**
 * Kernel graph -> parts that each fill one wafer, placed: the wafers work as a pipeline, and its interval is that of the slowest.
 *
 * Cuts (wafer-cut.ts) count cores; rectangles need some more. So cuts are made for ever smaller shares of the cores, each part is placed, and the
 * fastest cut whose parts all have a placement is taken.
 */
import { fail, showName, WscError } from "../../ir/diagnostic.ts";
import { type KernelGraph, type KernelId, weightBytes } from "../../ir/kernel-graph.ts";
import type { PlacedKernel, Placement } from "../../ir/placement.ts";
import { areaAt } from "../placement/sizing/area-bound.ts";
import { checkPlacement } from "../placement/checker/check.ts";
import { noVariants } from "../placement/explain/no-fit.ts";
import { place, type SearchOptions } from "../placement/place.ts";
import type { Target } from "../../ir/machine/target.ts";
import { checkWaferSplit } from "./check-wafers.ts";
import { maxDevices } from "./device-graph.ts";
import { kernelPart } from "./kernel-part.ts";
import { stagesOf } from "./stages.ts";
import {
  cutOverWafers,
  sharedAreaBound,
  type WaferCut,
  type WaferProblem,
  waferProblem,
  withFineVariants,
} from "./wafer-cut.ts";
import type { WaferSplit, WaferStage } from "./wafer-split.ts";

/** Limits are those of the whole split; `onFound` is given what is found for one wafer. */
export type WaferOptions = Pick<SearchOptions, "timeLimitSeconds" | "solver" | "seed" | "onProgress" | "onFound">;

const defaultTimeLimit = 120;

/** Shares of a wafer's cores that rectangles are hoped to fill, in turn. */
const shares = [1, 0.99, 0.97, 0.94, 0.9, 0.85, 0.78, 0.7];

/** Cuts a kernel graph over at most `wafers` wafers and places every part; the checker has accepted what this returns. Throws WSC5002 when the parts do not fit. */
export async function splitOverWafers(
  graph: KernelGraph,
  target: Target,
  wafers: number,
  options: WaferOptions = {},
): Promise<WaferSplit> {
  if (!Number.isInteger(wafers) || wafers < 1 || wafers > maxDevices) {
    throw fail("WSC8001", `wafers are a whole number from 1 to ${maxDevices}, not ${wafers}`);
  }
  const deadline = performance.now() + (options.timeLimitSeconds ?? defaultTimeLimit) * 1000;
  const coarse = waferProblem(graph, target, wafers);
  const homeless = coarse.lists.flatMap(({ candidates }, id) => (candidates.length === 0 ? [id] : []));
  if (homeless.length > 0) throw noVariants(graph, target, homeless);
  const problem = focused(coarse);
  const area = sharedAreaBound(problem);
  if (area === null) throw tooLarge(problem);
  let bound = area;
  let best: readonly WaferStage[] | null = null;
  let refusal: WscError | null = null;
  for (const share of shares) {
    const isOver = (): boolean => best !== null && performance.now() > deadline;
    const cut = cutOverWafers(problem, share, area, isOver);
    if (cut === null) break;
    bound = Math.max(bound, cut.bound);
    if (best !== null && (cut.cycles >= intervalOf(best) || isOver())) break;
    options.onProgress?.("sizing", `${cut.groups.length} parts of ${cut.cycles.toFixed(0)} cycles`);
    const stages = await placeParts(problem, cut, options, deadline);
    if (stages instanceof WscError) refusal = stages;
    else if (best === null || intervalOf(stages) < intervalOf(best)) best = stages;
  }
  if (best === null) throw refusal ?? tooLarge(problem);
  const split = conclude(problem, best, bound, options.seed ?? 0);
  const faults = checkWaferSplit(graph, split, target, wafers);
  if (faults.length > 0) throw new WscError(faults);
  return split;
}

/** Edges and uneven layers may slow wafers far below what their cores allow: then variants are listed finely there too. */
function focused(problem: WaferProblem): WaferProblem {
  const area = sharedAreaBound(problem);
  if (area === null) return problem;
  const cut = cutOverWafers(problem, 1, area, () => false);
  return cut === null || cut.cycles < area * 1.1 ? problem : withFineVariants(problem, cut.cycles);
}

const intervalOf = (stages: readonly WaferStage[]): number =>
  stages.reduce((most, { cycles }) => Math.max(most, cycles), 0);

/** Places all parts of a cut, or gives what the placer says of one that it cannot. */
async function placeParts(
  { graph, target, lists }: WaferProblem,
  { groups }: WaferCut,
  { solver, seed, onProgress, onFound }: WaferOptions,
  deadline: number,
): Promise<readonly WaferStage[] | WscError> {
  const stages: WaferStage[] = [];
  for (const [wafer, kernels] of groups.entries()) {
    const part = kernelPart(graph, kernels, `${graph.name} part ${wafer + 1}`);
    const left = Math.max(1, (deadline - performance.now()) / 1000 / (groups.length - wafer));
    const variants = kernels.flatMap((id) => lists[id] ?? []);
    onProgress?.("sizing", `wafer ${wafer + 1} of ${groups.length}`);
    try {
      const placement = await place(part, target, {
        variants,
        timeLimitSeconds: left,
        ...(solver === undefined ? {} : { solver }),
        ...(seed === undefined ? {} : { seed }),
        ...(onFound === undefined ? {} : { onFound }),
      });
      const faults = checkPlacement(part, placement, target);
      if (faults.length > 0) return new WscError(faults);
      stages.push(stageOf(kernels, part, placement));
    } catch (error) {
      if (error instanceof WscError) return error;
      throw error;
    }
  }
  return stages;
}

function stageOf(kernels: readonly KernelId[], part: KernelGraph, placement: Placement): WaferStage {
  const sum = (amount: (placed: PlacedKernel) => number): number =>
    placement.kernels.reduce((total, placed) => total + amount(placed), 0);
  const cores = ({ rect }: PlacedKernel): number => rect.width * rect.height;
  const arriving = new Map(part.inputs.map(({ name, words }) => [name, words]));
  return {
    kernels,
    placement,
    cores: sum(cores),
    weightBytes: part.kernels.reduce((total, kernel) => total + weightBytes(kernel), 0),
    activationBytes: sum((placed) => cores(placed) * (placed.variant.sram.activations + placed.variant.sram.buffers)),
    cycles: placement.certificate.objective,
    ioCycles: placement.certificate.ioCycles,
    wordsIn: [...arriving.values()].reduce((total, words) => total + words, 0),
    wordsOut: part.outputs.reduce((total, { words }) => total + words, 0),
  };
}

/** Cores of all wafers together do not hold the model, however slow. */
function tooLarge({ graph, target, wafers, curves, cores }: WaferProblem): WscError {
  const needed = curves.reduce((sum, curve) => sum + areaAt(curve, Infinity), 0);
  const have = wafers * cores;
  const share = needed / have;
  const message =
    share > 1
      ? `does not fit ${wafers} x ${target.name}: cores are short by ${(100 * (share - 1)).toFixed(1)}%; its ${graph.kernels.length} layers need at least ${needed} cores, and ${have} are usable`
      : `does not fit ${wafers} x ${target.name}: its ${graph.kernels.length} layers need ${needed} of ${have} cores, and no cut between them leaves every wafer enough`;
  return fail("WSC5002", message, {
    subject: `"${showName(graph.name)}"`,
    hint: `--wafers ${Math.max(wafers + 1, Math.ceil(needed / cores / 0.9))}`,
  });
}

function conclude(problem: WaferProblem, stages: readonly WaferStage[], proven: number, seed: number): WaferSplit {
  const { graph, target } = problem;
  const groups = stages.map(({ kernels }) => kernels);
  const pipeline = stagesOf(
    graph,
    groups,
    stages.map(({ placement }) => placement.certificate.latencyCycles),
  );
  if (pipeline === null) throw new Error("internal: wafers of a chain wait for each other");
  const interval = intervalOf(stages);
  const bound = Math.min(interval, Math.ceil(proven));
  return {
    model: graph.name,
    target: target.name,
    stages,
    links: pipeline.links,
    interval,
    latencyCycles: pipeline.latency,
    bound,
    gap: interval === 0 ? 0 : (interval - bound) / interval,
    status: bound === interval ? "optimal" : "feasible",
    seed,
  };
}
