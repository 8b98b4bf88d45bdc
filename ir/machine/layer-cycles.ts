/**
 * Cycles of a layer of whatever products on a rectangle of cores that holds its weights: a token of each sequence at a time (decode), or a part of a
 * prompt at once (prefill). Matrices are cut over both sides. The laws follow the published programs (MeshInfra/WaferLLM, Decode/ and Prefill/): products
 * of tiles, sums over a side, divisions and exponentials; what these cost comes from the machine (products.ts, collectives.ts). Three constants
 * are the programs' own and fitted to their measurements (`layerConstants`). On a square the laws are those that were measured; on a rectangle products
 * take both sides in turn, which is derived.
 */
import { wordBytes } from "../kernel-graph.ts";
import { treeAllReduceCycles } from "./collectives.ts";
import { mappedVectorStart, tileProductCycles, withVectorStartup } from "./products.ts";
import type { Target } from "./target.ts";

/** A product of a token's vector of k elements with [k, n]. */
export interface LayerProduct {
  readonly k: number;
  readonly n: number;
}

/** An attention over tokens whose keys and values lie in the cache; elements of all heads together. */
export interface LayerAttention {
  /** elements of a query that scores sum over */
  readonly scored: number;
  /** elements that the weighed values have */
  readonly used: number;
}

/** What a layer does for a token. */
export interface LayerWork {
  /** products with weights */
  readonly products: readonly LayerProduct[];
  readonly attentions: readonly LayerAttention[];
  /** norms of a token's whole vector */
  readonly norms: number;
  /** elements that a gate's function is taken of; 0: no feed-forward */
  readonly gated: number;
}

/** Cores that hold a layer. */
export interface Region {
  readonly width: number;
  readonly height: number;
}

/** What the programs add to what the machine takes. */
export interface LayerConstants {
  /** cycles between two vector instructions of a mapped loop beyond those of their elements */
  readonly vectorIssue: number;
  /** cycles of each step of a product whose operands go round: tasks that start it, and words that arrive late */
  readonly step: number;
  /** cycles of a layer of nine products, one token: what stands between its products and sums */
  readonly layer: number;
}

/**
 * Fitted by `npm run validate -- --fit`: `vectorIssue` and `step` on the eight prefill rows of arXiv 2502.04563, table 3, `layer` on the
 * eight decode rows of table 4.
 */
export const layerConstants: LayerConstants = { vectorIssue: mappedVectorStart, step: 281, layer: 2933 };

/**
 * Cycles of a region that its layers do not explain: a token's vector goes on to the next region. Fitted by `npm run validate -- --fit` on the rows
 * of WaferEngine's two deployments on WSE-3 with a prefix of 256.
 */
export const handOffCycles = 4_873;

/** Products of the measured layer, seven with weights and two with the cache; `layerConstants.layer` is shared out among them. */
const measuredProducts = 9;

/** Cycles that stand between a product and its sum, and behind them, in a program whose layers take turns. */
export const productOverhead: number = layerConstants.layer / measuredProducts;

/** 16-bit elements. */
const elementBytes = 2;
const words = (elements: number): number => (elements * elementBytes) / wordBytes;

/**
 * Cycles of an exponential by squarings in a loop over scalars: four operations that wait for each other 2 cycles each, a load and a store with 3
 * from decoding to execution, and the loop's 10 (FABRICA's measurements, sections 8 and 10h).
 */
const exponentialCycles = 4 * 2 + 2 * 3 + 10;

/** Cycles of what is no product: exponentials of the scores, those and a division of each gate element, other divisions and roots. */
const functionCycles = ({ core }: Target, scores: number, gated: number, divisions: number): number =>
  exponentialCycles * (scores + gated) + core.slowOpCycles * (gated + divisions);

/** Divisions and roots of a token: three in each norm, one in each softmax. */
const divisionsOf = ({ norms, attentions }: LayerWork): number => 3 * norms + attentions.length;

/** Cycles of a layer by what takes them. */
export interface LayerCycles {
  readonly products: number;
  readonly sums: number;
  readonly functions: number;
  readonly overhead: number;
}

export const noCycles: LayerCycles = { products: 0, sums: 0, functions: 0, overhead: 0 };

export const totalCycles = ({ products, sums, functions, overhead }: LayerCycles): number =>
  products + sums + functions + overhead;

export const addedCycles = (a: LayerCycles, b: LayerCycles): LayerCycles => ({
  products: a.products + b.products,
  sums: a.sums + b.sums,
  functions: a.functions + b.functions,
  overhead: a.overhead + b.overhead,
});

export const scaledCycles = (factor: number, { products, sums, functions, overhead }: LayerCycles): LayerCycles => ({
  products: factor * products,
  sums: factor * sums,
  functions: factor * functions,
  overhead: factor * overhead,
});

/** A layer where it is worked on. */
export interface WorkOnRegion {
  readonly target: Target;
  readonly work: LayerWork;
  readonly region: Region;
  readonly constants?: LayerConstants;
}

export interface DecodeWork extends WorkOnRegion {
  /** sequences that have a token each */
  readonly sequences: number;
  /** tokens that attention looks back on */
  readonly seen: number;
}

/**
 * Cycles of a layer for one token of each sequence: products of the tiles with its vectors, each summed up over a side of the region. Pieces are as dealt
 * out evenly: times show no steps where a side stops to divide a size.
 */
export function decodeCycles({
  target,
  work,
  region,
  sequences,
  seen,
  constants = layerConstants,
}: DecodeWork): LayerCycles {
  const { width, height } = region;
  const mapped = withVectorStartup(target, constants.vectorIssue);
  const isSquare = width === height;
  const tile = (m: number, k: number, n: number): number =>
    tileProductCycles(mapped, { m, k, n, dtype: "f16", vector: "n", right: "stays" });
  // what one product sums over the width, the next one sums over the height
  const product = (m: number, { k, n }: LayerProduct): number =>
    isSquare ? tile(m, k / width, n / width) : (tile(m, k / width, n / height) + tile(m, k / height, n / width)) / 2;
  const reduced = (cores: number, elements: number): number =>
    treeAllReduceCycles({ target, cores, words: words(elements) });
  const sum = (elements: number): number =>
    isSquare
      ? reduced(width, elements / width)
      : (reduced(width, elements / height) + reduced(height, elements / width)) / 2;
  // the published programs sum one element of each core for a norm, a maximum and the sum of a softmax
  const agreed = (elements: number): number => (reduced(width, elements) + reduced(height, elements)) / 2;
  const side = (width + height) / 2;
  const { products, attentions, norms, gated } = work;
  const cached = attentions.flatMap(({ scored, used }) => [
    { k: scored, n: seen },
    { k: seen, n: used },
  ]);
  const agreements = norms + 2 * attentions.length;
  return {
    products:
      products.reduce((total, each) => total + product(sequences, each), 0) +
      sequences * cached.reduce((total, each) => total + product(1, each), 0),
    sums:
      [...products, ...cached].reduce((total, { n }) => total + sum(sequences * n), 0) + agreements * agreed(sequences),
    functions: sequences * functionCycles(target, (attentions.length * seen) / side, gated / side, divisionsOf(work)),
    overhead: ((products.length + cached.length) / measuredProducts) * constants.layer,
  };
}

/** Share of the products that first turn their left operand into place, in half as many steps as the region has cores along a side. */
const turnedShare = 5 / measuredProducts;

export interface PrefillWork extends WorkOnRegion {
  /** tokens that come at once */
  readonly tokens: number;
  /** tokens that each of them is scored with */
  readonly seen: number;
}

/**
 * Cycles of a layer for all the tokens: every product takes as many steps as the shorter side of the region has cores, in which both operands go on by a
 * core; tokens are dealt out over the longer side.
 */
export function prefillCycles({
  target,
  work,
  region,
  tokens,
  seen,
  constants = layerConstants,
}: PrefillWork): LayerCycles {
  const side = Math.min(region.width, region.height);
  const other = Math.max(region.width, region.height);
  const mapped = withVectorStartup(target, constants.vectorIssue);
  const { products, attentions, gated } = work;
  const all = [
    ...products,
    ...attentions.flatMap(({ scored, used }) => [
      { k: scored, n: seen },
      { k: seen, n: used },
    ]),
  ];
  const m = tokens / other;
  const step = ({ k, n }: LayerProduct): number =>
    tileProductCycles(mapped, { m, k: k / side, n: n / side, dtype: "f16", vector: "m", right: "moves" });
  const scores = attentions.length * m * (seen / side);
  return {
    products: side * all.reduce((total, each) => total + step(each), 0),
    // the scores of a step are summed along the row as they come, a word at a time
    sums: side * words(scores) * target.link.cyclesPerWord,
    functions: functionCycles(target, scores, m * (gated / side), m * divisionsOf(work)),
    overhead: side * all.length * (1 + turnedShare / 2) * constants.step,
  };
}
