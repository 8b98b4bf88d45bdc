/**
 * Cycles of a star stencil whose grid lies over the cores with a column of cells in each: what a core computes (cost.ts), what its neighbours
 * send it, and what a step takes beside. The machine's figures leave two constants open, those of the program (`stencilConstants`).
 */
import type { DType } from "../dtype.ts";
import { busyCycles } from "./cost.ts";
import { rateOf, type Target } from "./target.ts";

export interface StencilConstants {
  /** share of a neighbour's word that no computing hides */
  readonly exposed: number;
  /** cycles of a step beyond its cells: exchanges that begin and end */
  readonly step: number;
}

/** Fitted by `npm run validate -- --fit` on the runs of five depths on 755 x 994 cores (arXiv 2204.03775). */
export const stencilConstants: StencilConstants = { exposed: 0.66, step: 507.2 };

export interface Stencil {
  readonly target: Target;
  /** cells of a core, one above the other */
  readonly depth: number;
  /** cells that a point reaches each way */
  readonly radius: number;
  readonly dtype: DType;
  readonly constants?: StencilConstants;
}

/** Cycles of a step; they do not depend on how many columns there are. */
export function stencilStepCycles({ target, depth, radius, dtype, constants = stencilConstants }: Stencil): number {
  const points = 6 * radius + 1;
  // one vector instruction for each point, along the column
  const computing = { fast: points * depth, slow: 0, vectors: points, wordsIn: 0, wordsOut: 0 };
  const neighbours = 4 * radius * depth * target.link.cyclesPerWord;
  return (
    busyCycles({ target, perFast: 1 / rateOf(target, dtype).conflicting }, computing) +
    constants.exposed * neighbours +
    constants.step
  );
}
