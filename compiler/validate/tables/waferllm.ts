/** Language models on WSE-2, measured by WaferLLM (arXiv 2502.04563, OSDI'25), whose figures per second are at 1.1 GHz. */
import { type LayerConstants, layerConstants, totalCycles } from "../../../ir/machine/layer-cycles.ts";
import { decodeLayerCycles, prefillLayerCycles } from "../../../ir/machine/transformer.ts";
import { wse2 } from "../../targets/wse2.ts";
import { fitConstants } from "../fit.ts";
import { codeLlamaOf34B, llama2Of13B, llama3Of8B, type ModelShape, qwen2Of72B } from "../shapes.ts";
import type { Entry, Table } from "../table.ts";

const source = "WaferLLM, arXiv 2502.04563";
const clock = 1.1e9;
const context = 4096;

/** A region's side and tokens per second there. */
interface Run {
  readonly shape: ModelShape;
  readonly grid: number;
  readonly tokensPerSecond: number;
}

const runs = (list: readonly (readonly [shape: ModelShape, grid: number, tokensPerSecond: number])[]): readonly Run[] =>
  list.map(([shape, grid, tokensPerSecond]) => ({ shape, grid, tokensPerSecond }));

/** Table 3: prefill of 4,096 tokens. The figures of the two larger models were scaled by the authors from some of their layers. */
const prefillRuns = runs([
  [llama3Of8B, 480, 20320.6],
  [llama3Of8B, 720, 27686.5],
  [llama2Of13B, 480, 13685.1],
  [llama2Of13B, 720, 17498.3],
  [codeLlamaOf34B, 480, 5471.4],
  [codeLlamaOf34B, 720, 8526],
  [qwen2Of72B, 480, 2785.2],
  [qwen2Of72B, 720, 4421.6],
]);

/** Table 4: decode. */
const decodeRuns = runs([
  [llama3Of8B, 420, 2699.9],
  [llama3Of8B, 660, 2243.3],
  [llama2Of13B, 420, 2039.2],
  [llama2Of13B, 660, 1739.8],
  [codeLlamaOf34B, 420, 1450.8],
  [codeLlamaOf34B, 660, 1359.2],
  [qwen2Of72B, 420, 839.7],
  [qwen2Of72B, 660, 787.1],
]);

type LayerLaw = typeof prefillLayerCycles;

/**
 * A token as these programs work on it: Decode/ takes the gate's function of as many elements as a token's vector has (z2_silu in decode.csl), not of all inside the
 * feed-forward. What is measured has that work, so what is compared with it has it too; plans count all of them.
 */
export const measuredDecode: LayerLaw = (layer) => decodeLayerCycles({ ...layer, gated: layer.shape.hidden });

const layerCycles = (law: LayerLaw, { shape, grid }: Run, constants: LayerConstants): number =>
  totalCycles(law({ target: wse2, shape, grid, context, constants }));

const decodeRate = (run: Run, constants: LayerConstants): number =>
  clock / (run.shape.layers * layerCycles(measuredDecode, run, constants));

const prefillRate = (run: Run, constants: LayerConstants): number =>
  (clock * context) / (run.shape.layers * layerCycles(prefillLayerCycles, run, constants));

/** Constants fitted to the runs of all models but one, or of all. */
export function fitLayerConstants(without?: ModelShape): LayerConstants {
  const kept = (list: readonly Run[]): readonly Run[] => list.filter(({ shape }) => shape !== without);
  const { vectorIssue, step } = fitConstants(
    ["vectorIssue", "step"],
    kept(prefillRuns).map((run) => ({
      measured: (clock * context) / (run.shape.layers * run.tokensPerSecond),
      predict: (constants) => layerCycles(prefillLayerCycles, run, { ...constants, layer: 0 }),
    })),
  );
  const { layer } = fitConstants(
    ["layer"],
    kept(decodeRuns).map((run) => ({
      measured: clock / (run.shape.layers * run.tokensPerSecond),
      predict: (constants) => layerCycles(measuredDecode, run, { vectorIssue, step, ...constants }),
    })),
  );
  return { vectorIssue, step, layer };
}

type Rate = (run: Run, constants: LayerConstants) => number;

const entriesOf = (list: readonly Run[], rate: Rate, constants: LayerConstants): readonly Entry[] =>
  list.map((run) => ({
    row: `${run.shape.name} on ${run.grid} x ${run.grid}`,
    target: wse2.name,
    model: run.shape.name,
    published: run.tokensPerSecond,
    modelled: rate(run, constants),
    basis: "fitted",
  }));

/** Rows by constants that were fitted without their model. */
const withoutModel = (list: readonly Run[], rate: Rate): readonly Entry[] =>
  [...new Set(list.map(({ shape }) => shape))].flatMap((shape) =>
    entriesOf(
      list.filter((run) => run.shape === shape),
      rate,
      fitLayerConstants(shape),
    ),
  );

export const decode: Table = {
  name: "decode",
  title: "Decode of language models, batch 1, on square regions of WSE-2",
  unit: "tokens/s",
  source: `${source}, table 4`,
  law: "Nine products of a tile with a vector, 13 all-reduces over a side, divisions and exponentials, and one fitted constant a layer.",
  entries: () => entriesOf(decodeRuns, decodeRate, layerConstants),
  withoutModel: () => withoutModel(decodeRuns, decodeRate),
};

export const prefill: Table = {
  name: "prefill",
  title: "Prefill of 4,096 tokens on square regions of WSE-2",
  unit: "tokens/s",
  source: `${source}, table 3`,
  law: "Nine products whose operands go round in P steps: tiles at the machine's rate, with a fitted start of each vector instruction and of each step.",
  entries: () => entriesOf(prefillRuns, prefillRate, layerConstants),
  withoutModel: () => withoutModel(prefillRuns, prefillRate),
};

/** Table 2: tokens in and out, tokens per second of the whole request, each model with a region for prefill and one for decode. */
const requestRuns = [
  { shape: llama3Of8B, prefillGrid: 660, decodeGrid: 360, rates: [764.4, 604.4, 2370.3, 2459] },
  { shape: llama2Of13B, prefillGrid: 750, decodeGrid: 375, rates: [473.9, 414, 1690.3, 1826] },
] as const;

const requestLengths = [
  { input: 2048, output: 128 },
  { input: 4096, output: 128 },
  { input: 2048, output: 2048 },
  { input: 4096, output: 4096 },
] as const;

function requestEntries(): readonly Entry[] {
  return requestRuns.flatMap(({ shape, prefillGrid, decodeGrid, rates }) =>
    requestLengths.map(({ input, output }, index): Entry => {
      const cycles = (law: LayerLaw, grid: number, tokens: number): number =>
        shape.layers * totalCycles(law({ target: wse2, shape, grid, context: tokens }));
      const total =
        cycles(prefillLayerCycles, prefillGrid, input) +
        output * cycles(measuredDecode, decodeGrid, input + output / 2);
      return {
        row: `${shape.name}, ${input} in, ${output} out`,
        target: wse2.name,
        model: shape.name,
        published: rates[index] as number,
        modelled: (output * clock) / total,
        basis: "extrapolated",
      };
    }),
  );
}

export const requests: Table = {
  name: "requests",
  title: "Whole requests on WSE-2: prefill on one region, then decode on another",
  unit: "tokens/s",
  source: `${source}, table 2`,
  law: "Time of the prefill and of each token after it, by the constants of the tables decode and prefill; what moves weights and cache between the two is not in it.",
  entries: requestEntries,
};
