/**
 * `--emit ilp`: what placement solves, as CPLEX-LP text. For few kernels sizing and floorplan are one program whose optimum is the interval; for more
 * the sizing program, which asks whether the layers fit at the least interval that they do.
 */
import type { Graph } from "../../ir/graph.ts";
import type { KernelGraph } from "../../ir/kernel-graph.ts";
import { unconstrained } from "../../ir/placement.ts";
import { buildKernelGraph } from "../kernels/build.ts";
import { loadTarget } from "../targets/load.ts";
import type { Target } from "../../ir/machine/target.ts";
import { ioCyclesOf } from "./certificate.ts";
import { leastCycles } from "./arrangement/cost-bound.ts";
import { floorplanText } from "./arrangement/floorplan-text.ts";
import { place } from "./place.ts";
import { mostItemsToProve } from "./arrangement/prove.ts";
import { sizingTextOf } from "./sizing-text.ts";
import { taskArrangement } from "./task-arrangement.ts";
import { taskOf } from "./task.ts";
import { tunedVariants } from "./variants.ts";

/** The program of a model. */
export async function programText(graph: Graph, target: string | Target): Promise<string> {
  const machine = typeof target === "string" ? await loadTarget(target) : target;
  return programTextOf(buildKernelGraph(graph), machine);
}

/** The same for a kernel graph. */
export async function programTextOf(kernels: KernelGraph, target: Target): Promise<string> {
  const count = kernels.kernels.length;
  if (count === 0 || count > mostItemsToProve) return sizingTextOf(kernels, target);
  const ioCycles = ioCyclesOf(kernels, target);
  const variants = tunedVariants(kernels, target, ioCycles);
  // refuses what does not fit, and knows an interval that the best need not exceed
  const { certificate } = await place(kernels, target, { variants });
  const task = taskOf(kernels, target, variants, unconstrained, []);
  if ("kernel" in task) throw new Error(`internal: kernel ${task.kernel} was placed and has no room`);
  const { problem } = taskArrangement(kernels, task, false);
  return floorplanText(problem, {
    title: `${kernels.name} on ${target.name}`,
    names: kernels.kernels.map(({ name }) => name),
    leastCycles: Math.max(ioCycles, leastCycles(problem) ?? 0),
    mostCycles: certificate.objective,
  });
}
