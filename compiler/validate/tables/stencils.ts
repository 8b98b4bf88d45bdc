/** A 25-point seismic stencil in f32 on a WSE-2 (Jacquelin et al., arXiv 2204.03775). */
import { type StencilConstants, stencilStepCycles } from "../../../ir/machine/stencil.ts";
import { clockHz } from "../../../ir/machine/target.ts";
import { wse2 } from "../../targets/wse2.ts";
import { fitConstants } from "../fit.ts";
import type { Table } from "../table.ts";

const source = "Jacquelin et al., arXiv 2204.03775 (a CS-2)";
const law =
  "25 multiply-adds a cell at the rate of operands that share a bank, a fitted share of the 16 words that neighbours send for it, and a fitted constant a step.";

const radius = 4;

const seconds = (depth: number, steps: number, constants?: StencilConstants): number =>
  (steps * stencilStepCycles({ target: wse2, depth, radius, dtype: "f32", ...(constants && { constants }) })) /
  clockHz(wse2);

/** Depth of the grid on 755 x 994 cores, seconds of 100,000 steps. */
const depthRuns = [
  { depth: 100, time: 0.8637 },
  { depth: 200, time: 1.6133 },
  { depth: 300, time: 2.3716 },
  { depth: 700, time: 5.3143 },
  { depth: 1000, time: 7.5524 },
] as const;

const depthSteps = 100_000;

export const fitStencil = (): StencilConstants =>
  fitConstants(
    ["exposed", "step"],
    depthRuns.map(({ depth, time }) => ({
      measured: time,
      predict: (constants) => seconds(depth, depthSteps, constants),
    })),
  );

export const stencilDepths: Table = {
  name: "stencil-depth",
  title: "25-point stencil on 755 x 994 cores of WSE-2, 100,000 steps",
  unit: "s",
  source,
  law,
  entries: () =>
    depthRuns.map(({ depth, time }) => ({
      row: `${depth} cells deep`,
      target: wse2.name,
      published: time,
      modelled: seconds(depth, depthSteps),
      basis: "fitted",
    })),
};

/** Columns and rows of cores, seconds of 1,000 steps of 1,000 cells. */
const gridRuns: readonly (readonly [columns: number, rows: number, time: number])[] = [
  [200, 200, 0.075],
  [400, 400, 0.0763],
  [600, 600, 0.0761],
  [755, 500, 0.0762],
  [755, 600, 0.0762],
  [755, 900, 0.0762],
  [755, 990, 0.0764],
  [755, 994, 0.0761],
];

const gridDepth = 1000;
const gridSteps = 1000;

export const stencilGrids: Table = {
  name: "stencil-grid",
  title: "25-point stencil of 1,000 cells a core on WSE-2, 1,000 steps: weak scaling",
  unit: "s",
  source,
  law: `${law} The number of cores plays no part.`,
  entries: () =>
    gridRuns.map(([columns, rows, time]) => ({
      row: `${columns} x ${rows} cores`,
      target: wse2.name,
      published: time,
      modelled: seconds(gridDepth, gridSteps),
      basis: "interpolated",
    })),
};
