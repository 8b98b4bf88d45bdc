/** HiGHS (MIT), loaded only when asked for. It gives bounds and respects time limits better; its start costs about a second of CPU. */
import type { Highs, Model, ModelData } from "highs";
import {
  checkProgram,
  type LinearProgram,
  roundIntegers,
  type Solution,
  solutionOfNothing,
  type SolveOptions,
  type Solver,
} from "./linear-program.ts";

/** One instance serves all programs: its start takes longer than most of them. */
let loaded: Promise<Solver> | null = null;

export const loadHighs = (): Promise<Solver> => (loaded ??= start());

async function start(): Promise<Solver> {
  const module = await import("highs");
  // the declarations describe the CommonJS build; the ES module that is loaded has the function itself as its default
  const load = module.default as unknown as typeof module.default.default;
  const highs: Highs = await load();
  return {
    name: `HiGHS ${highs.raw.version().string}`,
    solve: (program, options = {}) => {
      checkProgram(program);
      if (program.variables.length === 0) return solutionOfNothing(program);
      return highs.withModel(translate(highs, program), (model) => solveModel(highs, program, model, options));
    },
  };
}

function translate(highs: Highs, program: LinearProgram): ModelData {
  const { variables, rows } = program;
  const { continuous, integer } = highs.constants.variableType;
  const starts = [0];
  for (const row of rows) starts.push((starts.at(-1) ?? 0) + row.terms.length);
  return {
    numCols: variables.length,
    numRows: rows.length,
    colCost: variables.map(({ cost }) => cost),
    colLower: variables.map(({ lower }) => lower),
    colUpper: variables.map(({ upper }) => upper),
    rowLower: rows.map(({ lower }) => lower),
    rowUpper: rows.map(({ upper }) => upper),
    matrix: {
      format: "csr",
      numRows: rows.length,
      numCols: variables.length,
      starts,
      indices: rows.flatMap(({ terms }) => terms.map(({ variable }) => variable)),
      values: rows.flatMap(({ terms }) => terms.map(({ coefficient }) => coefficient)),
    },
    integrality: variables.map((variable) => (variable.integer ? integer : continuous)),
  };
}

function solveModel(highs: Highs, program: LinearProgram, model: Model, options: SolveOptions): Solution {
  model.options.set({ output_flag: false, random_seed: 0, mip_rel_gap: options.gap ?? 0, mip_abs_gap: 1e-9 });
  if (options.timeLimitSeconds !== undefined) model.options.set("time_limit", options.timeLimitSeconds);
  if (options.nodeLimit !== undefined) model.options.set("mip_max_nodes", options.nodeLimit);
  model.run();
  const status = model.getModelStatus();
  const codes = highs.constants.modelStatus;
  if (status === codes.infeasible || status === codes.unboundedOrInfeasible) return nothing("infeasible");
  if (status === codes.unbounded) return nothing("unbounded");
  const isMip = program.variables.some(({ integer }) => integer);
  const bound = isMip ? Number(model.info.get("mip_dual_bound")) : null;
  const proven = bound !== null && Number.isFinite(bound) ? bound : null;
  const hasValues = Number(model.info.get("primal_solution_status")) === solutionFeasible;
  if (!hasValues) return { ...nothing("undecided"), bound: proven };
  const values = roundIntegers(program, [...model.getSolution().colValue]);
  const objective = model.getObjectiveValue();
  if (status === codes.optimal || status === codes.empty)
    return { status: "optimal", values, objective, bound: objective };
  return { status: "feasible", values, objective, bound: proven };
}

/** HiGHS's kSolutionStatusFeasible. */
const solutionFeasible = 2;

const nothing = (status: "infeasible" | "unbounded" | "undecided"): Solution => ({
  status,
  values: [],
  objective: null,
  bound: null,
});
