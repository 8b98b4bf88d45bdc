/**
 * GLPK through glpk.js (GPL-3.0, an optional dependency, loaded only when asked for). It gives no bound and no gap, so a search that a limit
 * ended is `feasible` without a bound. Status is read before the objective: "undefined" comes with an objective of 0.
 */
import type { GLPK, LP } from "glpk.js/node";
import {
  checkProgram,
  type LinearProgram,
  roundIntegers,
  type Solution,
  solutionOfNothing,
  type Solver,
} from "./linear-program.ts";

const noTimeLimit = 2_000_000;

/** The adapter, or null when glpk.js is not installed. */
export async function loadGlpk(): Promise<Solver | null> {
  let glpk: GLPK;
  try {
    const { default: load } = await import("glpk.js/node");
    glpk = await load();
  } catch {
    return null;
  }
  return {
    name: `GLPK ${glpk.version}`,
    solve: (program, options = {}) => {
      checkProgram(program);
      if (program.variables.length === 0) return solutionOfNothing(program);
      const { result } = glpk.solve(translate(glpk, program), {
        msglev: glpk.GLP_MSG_OFF,
        // without the presolver glpk.js reports every integer program as undefined
        presol: true,
        tmlim: Math.max(1, Math.ceil(options.timeLimitSeconds ?? noTimeLimit)),
        mipgap: options.gap ?? 0,
      });
      return readResult(glpk, program, result);
    },
  };
}

const name = (index: number): string => `x${index}`;

function translate(glpk: GLPK, program: LinearProgram): LP {
  const integers: string[] = [];
  for (const [index, { integer }] of program.variables.entries()) if (integer) integers.push(name(index));
  return {
    name: "wsc",
    objective: {
      direction: glpk.GLP_MIN,
      name: "cost",
      vars: program.variables.map(({ cost }, index) => ({ name: name(index), coef: cost })),
    },
    subjectTo: program.rows.map((row, index) => ({
      name: `r${index}`,
      vars: row.terms.map(({ variable, coefficient }) => ({ name: name(variable), coef: coefficient })),
      bnds: bounds(glpk, row.lower, row.upper),
    })),
    bounds: program.variables.map(({ lower, upper }, index) => ({ name: name(index), ...bounds(glpk, lower, upper) })),
    generals: integers,
  };
}

function bounds(glpk: GLPK, lower: number, upper: number): { type: number; ub: number; lb: number } {
  const below = Number.isFinite(lower);
  const above = Number.isFinite(upper);
  const lb = below ? lower : 0;
  const ub = above ? upper : 0;
  if (below && above) return { type: lower === upper ? glpk.GLP_FX : glpk.GLP_DB, lb, ub };
  return { type: below ? glpk.GLP_LO : above ? glpk.GLP_UP : glpk.GLP_FR, lb, ub };
}

function readResult(
  glpk: GLPK,
  program: LinearProgram,
  result: { readonly status: number; readonly z: number; readonly vars: Readonly<Record<string, number>> },
): Solution {
  const values = (): number[] =>
    roundIntegers(
      program,
      program.variables.map((_, index) => result.vars[name(index)] ?? 0),
    );
  switch (result.status) {
    case glpk.GLP_OPT:
      return { status: "optimal", values: values(), objective: result.z, bound: result.z };
    case glpk.GLP_FEAS:
      return { status: "feasible", values: values(), objective: result.z, bound: null };
    case glpk.GLP_NOFEAS:
    case glpk.GLP_INFEAS:
      return { status: "infeasible", values: [], objective: null, bound: null };
    case glpk.GLP_UNBND:
      return { status: "unbounded", values: [], objective: null, bound: null };
    default:
      return { status: "undecided", values: [], objective: null, bound: null };
  }
}
