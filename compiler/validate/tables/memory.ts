/** SRAM of WSE-3's cores: maps of served models, the longest sequence that fits, and the largest problems of one core. */
import { cacheRowBytes, layerWeightBytes, longestContext } from "../../../ir/machine/transformer.ts";
import { wse3 } from "../../targets/wse3.ts";
import { qwen3Of1B7 as shape } from "../shapes.ts";
import type { Entry, RowBasis, Table } from "../table.ts";

const grid = 256;
const region = { shape, grid };

/** Layers of a block of 256 x 256 cores: 28 over four blocks, and those of a full stage of eight. */
const layersOfFour = 7;
const layersOfStage = 4;

const kibi = 1024;
const { sramBytes } = wse3.core;

/** Bytes that an application may take in all, of which 78 % of the SRAM, give or take a percent, are taken with a cache of 0.23 KB. */
const ceiling = 48_128;
const takenElse = 0.78 * sramBytes - 0.23 * kibi;

/** Bytes that a program takes that only moves data in and out. */
const leastProgram = 4176;

const free = sramBytes - leastProgram;

/** The largest size whose operands fit beside the least program. */
function largest(bytesOf: (size: number) => number): number {
  let size = 0;
  while (bytesOf(size + 1) <= free) size++;
  return size;
}

const matrixVector = (bytes: number): number => largest((size) => bytes * (size * size + 2 * size));
const matrices = (bytes: number): number => largest((size) => bytes * 3 * size * size);

const entry = (row: string, published: number, modelled: number, basis: RowBasis = "first-principles"): Entry => ({
  row,
  target: wse3.name,
  published,
  modelled,
  basis,
});

const served = (row: string, published: number, modelled: number, basis?: RowBasis): Entry => ({
  ...entry(row, published, modelled, basis),
  model: shape.name,
});

const sequence = 8192;

function entries(): readonly Entry[] {
  const weights = layerWeightBytes(region);
  const cacheOfToken = cacheRowBytes(region) / grid;
  const longest = longestContext(region, layersOfFour, ceiling - takenElse);
  return [
    served("weights, 7 layers a block, decode (bytes)", 11.2 * kibi, layersOfFour * weights),
    served("weights, 4 layers a stage, decode (bytes)", 6452, layersOfStage * weights),
    served("weights, 4 layers a stage, prefill (bytes)", 6628, layersOfStage * weights),
    served("cache of 8,192 tokens, decode (bytes)", 2052, layersOfStage * cacheOfToken * sequence),
    served("cache of 8,192 tokens, prefill (bytes)", 2048, layersOfStage * cacheOfToken * sequence),
    served("cache of a token, 7 layers (bytes)", 0.4375, layersOfFour * cacheOfToken),
    served("longest sequence that passes (tokens)", 22_784, longest, "extrapolated"),
    served("next sequence, which fails (tokens)", 23_040, longest + grid, "extrapolated"),
    entry("16-bit words of the largest array", 22_488, free / 2),
    entry("largest f16 matrix with vectors (side)", 148, matrixVector(2)),
    entry("largest f32 matrix with vectors (side)", 105, matrixVector(4)),
    entry("largest f16 product of matrices (side)", 86, matrices(2)),
    entry("largest f32 product of matrices (side)", 61, matrices(4)),
  ];
}

export const memory: Table = {
  name: "memory",
  title: "SRAM of a core of WSE-3",
  unit: "as the row says",
  source: "WaferEngine's memory maps of Qwen3-1.7B on a CS-3; FABRICA, docs/PERFORMANCE_MODEL.md, section 9",
  law: "Tiles of weights and cache by the layer's shape; the longest sequence from what the map of a short one leaves (78 % taken, known to a percent, which is worth 1,000 tokens).",
  entries,
};
