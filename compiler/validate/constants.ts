/** The constants of the laws, fitted once more: what stands in ir/machine, in the targets and in the tables must be these. */
import { stencilConstants } from "../../ir/machine/stencil.ts";
import { handOffCycles, layerConstants } from "../../ir/machine/layer-cycles.ts";
import { wse2 } from "../targets/wse2.ts";
import { fitGemm } from "./tables/products.ts";
import { fitHandOff } from "./tables/serving.ts";
import { fitStencil } from "./tables/stencils.ts";
import { fitLayerConstants } from "./tables/waferllm.ts";

/** A constant that was fitted to rows of a table. */
export interface FittedConstant {
  readonly name: string;
  readonly rows: string;
  /** what the code has, and what the fit gives */
  readonly used: number;
  readonly fitted: number;
}

export function fittedConstants(): readonly FittedConstant[] {
  const layer = fitLayerConstants();
  const stencil = fitStencil();
  const gemm = fitGemm();
  return [
    {
      name: "cycles of an f32 multiply-add, operands sharing a bank (wse2)",
      rows: "gemm, 6 rows",
      used: 1 / wse2.core.rates.f32.conflicting,
      fitted: gemm.multiplyAdd,
    },
    {
      name: "start of a vector instruction, loops written out (wse2)",
      rows: "gemm, 6 rows",
      used: wse2.core.vectorStartup,
      fitted: gemm.vectorStartup,
    },
    {
      name: "start of a vector instruction, mapped loops",
      rows: "prefill, 8 rows",
      used: layerConstants.vectorIssue,
      fitted: layer.vectorIssue,
    },
    {
      name: "step of a product that goes round",
      rows: "prefill, 8 rows",
      used: layerConstants.step,
      fitted: layer.step,
    },
    { name: "layer of a token", rows: "decode, 8 rows", used: layerConstants.layer, fitted: layer.layer },
    {
      name: "share of a neighbour's word that is not hidden",
      rows: "stencil-depth, 5 rows",
      used: stencilConstants.exposed,
      fitted: stencil.exposed,
    },
    {
      name: "step of a stencil",
      rows: "stencil-depth, 5 rows",
      used: stencilConstants.step,
      fitted: stencil.step,
    },
    { name: "hand-off of a stage (wse3)", rows: "serving, 2 rows", used: handOffCycles, fitted: fitHandOff().handOff },
  ];
}
