/**
 * Cycles of a transformer layer on a square region of cores that holds it all: a token at a time (decode), or a whole context at once (prefill).
 * Weights are cut into P x P tiles. The laws follow the published programs (MeshInfra/WaferLLM, Decode/ and Prefill/): which products, in
 * which loops, which sums over the region, which divisions; what these cost comes from the machine (products.ts, collectives.ts). Three
 * constants are the programs' own and fitted to their measurements (`layerConstants`).
 */
import { wordBytes } from "../kernel-graph.ts";
import { treeAllReduceCycles } from "./collectives.ts";
import { mappedVectorStart, tileProductCycles, tileWeightBytes, withVectorStartup } from "./products.ts";
import type { Target } from "./target.ts";

/** The sizes of a layer with gated feed-forward; elements. */
export interface LayerShape {
  readonly hidden: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly ffn: number;
  /** elements of a head; default `hidden / heads` */
  readonly headSize?: number;
}

/** What the programs add to what the machine takes. */
export interface LayerConstants {
  /** cycles between two vector instructions of a mapped loop beyond those of their elements */
  readonly vectorIssue: number;
  /** cycles of each step of a product whose operands go round: tasks that start it, and words that arrive late */
  readonly step: number;
  /** cycles of a layer, one token: what stands between its products and sums */
  readonly layer: number;
}

/**
 * Fitted by `npm run validate -- --fit`: `vectorIssue` and `step` on the eight prefill rows of arXiv 2502.04563, table 3, `layer` on the
 * eight decode rows of table 4.
 */
export const layerConstants: LayerConstants = { vectorIssue: mappedVectorStart, step: 281, layer: 2933 };

/** A layer on P x P cores. */
export interface LayerOnRegion {
  readonly target: Target;
  readonly shape: LayerShape;
  /** cores along a side */
  readonly grid: number;
  /** tokens that attention looks back on (decode), or that come at once (prefill) */
  readonly context: number;
  readonly constants?: LayerConstants;
}

/** 16-bit elements. */
const elementBytes = 2;
const words = (elements: number): number => (elements * elementBytes) / wordBytes;

/** Elements of each dim in a core. */
interface Pieces {
  readonly hidden: number;
  readonly query: number;
  readonly keys: number;
  readonly ffn: number;
  readonly context: number;
}

/** `whole`: as the fullest core holds them; `even`: as dealt out evenly. Times show no steps where a side stops to divide a size, memory does. */
function piecesOf(
  { shape, grid, context }: Pick<LayerOnRegion, "shape" | "grid" | "context">,
  dealt: "whole" | "even",
): Pieces {
  const { hidden, heads, kvHeads, ffn, headSize = hidden / heads } = shape;
  const piece = (size: number): number => (dealt === "whole" ? Math.ceil(size / grid) : size / grid);
  return {
    hidden: piece(hidden),
    query: piece(heads * headSize),
    keys: piece(kvHeads * headSize),
    ffn: piece(ffn),
    context: piece(context),
  };
}

/** The products of a layer, k and n of each: query, keys, values, scores, their use, output, gate, up, down. */
const productsOf = ({ hidden, query, keys, ffn, context }: Pieces): readonly (readonly [k: number, n: number])[] => [
  [hidden, query],
  [hidden, keys],
  [hidden, keys],
  [query, context],
  [context, query],
  [query, hidden],
  [hidden, ffn],
  [hidden, ffn],
  [ffn, hidden],
];

/** Elements of each vector that is summed over a side of the region: the products' results, two norms, and the maximum and sum of a softmax. */
const sumsOf = (pieces: Pieces): readonly number[] => [...productsOf(pieces).map(([, n]) => n), 1, 1, 1, 1];

/**
 * Cycles of an exponential by squarings in a loop over scalars: four operations that wait for each other 2 cycles each, a load and a store with 3
 * from decoding to execution, and the loop's 10 (FABRICA's measurements, sections 8 and 10h).
 */
const exponentialCycles = 4 * 2 + 2 * 3 + 10;

/** Divisions and roots of a token: three in each norm, one in the softmax. */
const divisionsOfToken = 7;

/** Cycles of what is no product: exponentials of the scores, those and a division of each gate element. */
const functionCycles = ({ core }: Target, scores: number, gated: number, tokens: number): number =>
  exponentialCycles * (scores + gated) + core.slowOpCycles * (gated + divisionsOfToken * tokens);

/** Cycles of a layer by what takes them. */
export interface LayerCycles {
  readonly products: number;
  readonly sums: number;
  readonly functions: number;
  readonly overhead: number;
}

export const totalCycles = ({ products, sums, functions, overhead }: LayerCycles): number =>
  products + sums + functions + overhead;

/** Cycles of a layer for one token: products of the tiles with a vector, each summed up over a side of the region. */
export function decodeLayerCycles(layer: LayerOnRegion): LayerCycles {
  const { target, grid, constants = layerConstants } = layer;
  const pieces = piecesOf(layer, "even");
  const mapped = withVectorStartup(target, constants.vectorIssue);
  const product = ([k, n]: readonly [number, number]): number =>
    tileProductCycles(mapped, { m: 1, k, n, dtype: "f16", vector: "n", right: "stays" });
  const sum = (elements: number): number => treeAllReduceCycles({ target, cores: grid, words: words(elements) });
  return {
    products: productsOf(pieces).reduce((total, sizes) => total + product(sizes), 0),
    sums: sumsOf(pieces).reduce((total, elements) => total + sum(elements), 0),
    functions: functionCycles(target, pieces.context, pieces.hidden, 1),
    overhead: constants.layer,
  };
}

/** Products that first turn their left operand into place, in half as many steps as the region has cores along a side. */
const turnedProducts = 5;

/** Cycles of a layer for a whole context: every product takes P steps, in which both operands go on by a core. */
export function prefillLayerCycles(layer: LayerOnRegion): LayerCycles {
  const { target, grid, constants = layerConstants } = layer;
  const pieces = piecesOf(layer, "even");
  const mapped = withVectorStartup(target, constants.vectorIssue);
  const { context: m } = pieces;
  const products = productsOf(pieces);
  const step = ([k, n]: readonly [number, number]): number =>
    tileProductCycles(mapped, { m, k, n, dtype: "f16", vector: "m", right: "moves" });
  return {
    products: grid * products.reduce((total, sizes) => total + step(sizes), 0),
    // the scores of a step are summed along the row as they come, a word at a time
    sums: grid * words(m * m) * target.link.cyclesPerWord,
    functions: functionCycles(target, m * m, m * pieces.ffn, m),
    overhead: grid * (products.length + turnedProducts / 2) * constants.step,
  };
}

/** A layer on P x P cores, of whatever machine. */
type LayerOnGrid = Pick<LayerOnRegion, "shape" | "grid">;

/** Bytes of a layer's weights in the fullest core: tiles of the matrices, its parts of the norms of tokens, queries and keys, and of the rotations. */
export function layerWeightBytes({ shape, grid }: LayerOnGrid): number {
  const { hidden, query, keys, ffn } = piecesOf({ shape, grid, context: 1 }, "whole");
  const matrices = [
    [hidden, query],
    [hidden, keys],
    [hidden, keys],
    [query, hidden],
    [hidden, ffn],
    [hidden, ffn],
    [ffn, hidden],
  ] as const;
  const tiles = matrices.reduce(
    (sum, [k, n]) => sum + tileWeightBytes({ m: 1, k, n, dtype: "f16", vector: "n", right: "stays" }),
    0,
  );
  return tiles + elementBytes * (2 * hidden + query + keys + query);
}

/** Bytes of the cache of keys and values of a layer in the fullest core for a row of tokens: as many as the region has rows. */
export const cacheRowBytes = ({ shape, grid }: LayerOnGrid): number =>
  2 * elementBytes * piecesOf({ shape, grid, context: 1 }, "whole").keys;

/** Tokens whose keys and values fit into `bytes` of a core that holds `layers`: whole rows of tokens, one token a row of cores. */
export const longestContext = (layer: LayerOnGrid, layers: number, bytes: number): number =>
  Math.max(0, Math.floor(bytes / (layers * cacheRowBytes(layer)))) * layer.grid;
