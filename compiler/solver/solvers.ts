/**
 * Which solver runs. GLPK starts at once and is the quicker one for sizing; HiGHS keeps time limits and has a bound to show when one ends, so proofs of
 * floorplans ask for it. It stands in where glpk.js is not installed (it is GPL-3.0, and optional). docs/placement.md has measured times.
 */
import { fail } from "../../ir/diagnostic.ts";
import { loadGlpk } from "./glpk.ts";
import { loadHighs } from "./highs.ts";
import type { Solver } from "./linear-program.ts";

export const solverChoices = ["auto", "glpk", "highs"] as const;

export type SolverChoice = (typeof solverChoices)[number];

/** The solver that an option names; `auto` takes GLPK if it is there. */
export async function loadSolver(choice: SolverChoice = "auto"): Promise<Solver> {
  if (choice === "highs") return loadHighs();
  const glpk = await loadGlpk();
  if (glpk !== null) return glpk;
  if (choice === "glpk") {
    throw fail("WSC5004", "the solver glpk is asked for, and the package glpk.js is not installed", {
      hint: "npm install glpk.js, or use --solver highs",
    });
  }
  return loadHighs();
}
