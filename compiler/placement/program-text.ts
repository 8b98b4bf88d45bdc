/**
 * `--emit ilp`: what placement solves, as CPLEX-LP text. For few kernels on a bare wafer sizing and floorplan are one program whose optimum is the
 * interval; for more, or around obstacles, the sizing program, which asks whether the layers fit at the least interval that they do.
 */
import { leastCycles } from "./arrangement/cost-bound.ts";
import { floorplanText } from "./arrangement/floorplan-text.ts";
import { mostItemsToProve } from "./arrangement/prove.ts";
import { placePrepared, type SearchOptions } from "./place.ts";
import type { PreparedProblem } from "./prepare.ts";
import { sizingTextOf } from "./sizing-text.ts";
import { taskArrangement } from "./task-arrangement.ts";

/** The program of a prepared problem; throws WSC5002 where no placement is found. */
export async function programText(prepared: PreparedProblem, options: SearchOptions = {}): Promise<string> {
  const { scene, task } = prepared;
  const { graph, target, ioCycles } = scene;
  const count = task.ids.length;
  if (count === 0 || count > mostItemsToProve || task.problem.site !== undefined) return sizingTextOf(prepared);
  // knows an interval that the best need not exceed
  const { certificate } = await placePrepared(prepared, options);
  const { problem } = taskArrangement(graph, task, false);
  return floorplanText(problem, {
    title: `${graph.name} on ${target.name}`,
    names: graph.kernels.map(({ name }) => name),
    leastCycles: Math.max(ioCycles, leastCycles(problem) ?? 0),
    mostCycles: certificate.objective,
  });
}
