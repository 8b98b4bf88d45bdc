/** The sizing program at its optimum, as CPLEX-LP text. */
import { printLp } from "../solver/lp-text.ts";
import type { PreparedProblem } from "./prepare.ts";
import { coresOf } from "./problem.ts";
import { sizingProgram } from "./sizing/sizing.ts";

/** The program that decides whether the layers that constraints leave fit at the least interval that they do. */
export function sizingTextOf({ scene, task, areaCycles }: PreparedProblem): string {
  const { graph, target } = scene;
  const { problem, ids } = task;
  const { program, variables } = sizingProgram(problem, areaCycles);
  const names = problem.classes.map((_, index) => graph.kernels[ids[problem.items.indexOf(index)] ?? -1]?.name ?? "");
  const cores =
    problem.site === undefined
      ? `${problem.width} x ${problem.height}`
      : `${coresOf(problem)} that constraints leave, of ${problem.width} x ${problem.height},`;
  return printLp(program, {
    comments: [
      `sizing of ${graph.name} on ${target.name}: layers of at most ${areaCycles} cycles on ${cores} cores`,
      "x: layers of one kind that take one shape; the last row is the area, the objective the perimeters",
    ],
    describe: (variable) => {
      const { class: index, shape } = variables[variable] ?? { class: 0, shape: { rows: 0, columns: 0, cycles: 0 } };
      return `${names[index] ?? ""} as ${shape.rows} x ${shape.columns} in ${shape.cycles} cycles`;
    },
  });
}
