/** Qwen3-1.7B served by a pipeline of 256 x 256 regions on a CS-3 (WaferEngine's notes), by the constants of WSE-2. */
import { handOffCycles, totalCycles } from "../../../ir/machine/layer-cycles.ts";
import { wse3 } from "../../targets/wse3.ts";
import { type Constants, fitConstants } from "../fit.ts";
import { qwen3Of1B7 as shape } from "../shapes.ts";
import type { Entry, Table } from "../table.ts";
import { measuredDecode } from "./waferllm.ts";

const grid = 256;
const clock = 0.85e9;
/** tokens that each run decodes, so that attention looks back on half of them more, on average, than on the prefix */
const decoded = 1024;

const prefixes = [256, 1024, 4096, 8192, 16384] as const;

/** Tokens per second of all streams together, by prefix; the fullest stage has so many layers. */
const deployments = [
  { stages: 8, layers: 4, rates: [15872.9, 15260, 14703.2, 14095.3, 12924.6] },
  { stages: 28, layers: 1, rates: [46858.4, 45378.2, 43478, 41341.4, 37433.2] },
] as const;

const layerCycles = (prefix: number): number =>
  totalCycles(measuredDecode({ target: wse3, shape, grid, context: prefix + decoded / 2 }));

export const fitHandOff = (): Constants<"handOff"> =>
  fitConstants(
    ["handOff"],
    deployments.map(({ layers, rates }) => ({
      measured: clock / rates[0],
      predict: ({ handOff }) => layers * layerCycles(prefixes[0]) + handOff,
    })),
  );

/** A stage takes its layers one after the other and hands on; the fullest one gives the pace. */
export const servingRate = (layers: number, prefix: number): number =>
  clock / (layers * layerCycles(prefix) + handOffCycles);

export const serving: Table = {
  name: "serving",
  title: "Qwen3-1.7B in pipelines of 8 and 28 stages on WSE-3",
  unit: "tokens/s",
  source: "WaferEngine's notes, on a CS-3 at 0.85 GHz",
  law: "Layers by the decode constants of WSE-2 with WSE-3's hop, word and rate, and one fitted hand-off a stage.",
  entries: () =>
    deployments.flatMap(({ stages, layers, rates }) =>
      prefixes.map((prefix, index): Entry => ({
        row: `${stages} stages, prefix ${prefix}`,
        target: wse3.name,
        model: shape.name,
        published: rates[index] as number,
        modelled: servingRate(layers, prefix),
        basis: index === 0 ? "fitted" : "extrapolated",
      })),
    ),
};
