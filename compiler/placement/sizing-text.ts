/** The sizing program at its optimum, as CPLEX-LP text. */
import type { KernelGraph } from "../../ir/kernel-graph.ts";
import { unconstrained } from "../../ir/placement.ts";
import { printLp } from "../solver/lp-text.ts";
import type { Target } from "../../ir/machine/target.ts";
import { areaBound } from "./sizing/area-bound.ts";
import { ioCyclesOf } from "./certificate.ts";
import { noRoom, noVariant } from "./explain/no-fit.ts";
import { sizingProgram } from "./sizing/sizing.ts";
import { problemOf, tunedVariants } from "./variants.ts";

/** The program that decides whether a model's layers fit at the least interval that they do. */
export function sizingTextOf(kernels: KernelGraph, target: Target): string {
  const lists = tunedVariants(kernels, target, ioCyclesOf(kernels, target));
  const homeless = lists.findIndex(({ candidates }) => candidates.length === 0);
  if (homeless >= 0) throw noVariant(kernels, target, homeless);
  const problem = problemOf(kernels, target, lists);
  const interval = areaBound(problem);
  if (interval === null) {
    const scene = { graph: kernels, target, constraints: unconstrained, ioCycles: ioCyclesOf(kernels, target) };
    throw noRoom(scene, { problem, ids: kernels.kernels.map(({ id }) => id), lists, held: [] });
  }
  const { program, variables } = sizingProgram(problem, interval);
  const names = problem.classes.map((_, index) => kernels.kernels[problem.items.indexOf(index)]?.name ?? "");
  return printLp(program, {
    comments: [
      `sizing of ${kernels.name} on ${target.name}: layers of at most ${interval} cycles on ${problem.width} x ${problem.height} cores`,
      "x: layers of one kind that take one shape; the last row is the area, the objective the perimeters",
    ],
    describe: (variable) => {
      const { class: index, shape } = variables[variable] ?? { class: 0, shape: { rows: 0, columns: 0, cycles: 0 } };
      return `${names[index] ?? ""} as ${shape.rows} x ${shape.columns} in ${shape.cycles} cycles`;
    },
  });
}
