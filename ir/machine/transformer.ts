/**
 * A transformer layer with gated feed-forward on a square region of cores that holds it all: its cycles by the laws of layer-cycles.ts, the memory of its
 * fullest core, and the longest context.
 */
import {
  decodeCycles,
  type LayerConstants,
  layerConstants,
  type LayerCycles,
  type LayerWork,
  prefillCycles,
} from "./layer-cycles.ts";
import { tileWeightBytes } from "./products.ts";
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

/** A layer on P x P cores. */
export interface LayerOnRegion {
  readonly target: Target;
  readonly shape: LayerShape;
  /** cores along a side */
  readonly grid: number;
  /** tokens that attention looks back on (decode), or that come at once (prefill) */
  readonly context: number;
  readonly constants?: LayerConstants;
  /** elements that the gate's function is taken of; default `ffn` */
  readonly gated?: number;
}

/** What a layer of these sizes does for a token. */
export function workOfLayer({ hidden, heads, kvHeads, ffn, headSize = hidden / heads }: LayerShape): LayerWork {
  const [query, keys] = [heads * headSize, kvHeads * headSize];
  const product = (k: number, n: number): { readonly k: number; readonly n: number } => ({ k, n });
  return {
    products: [
      product(hidden, query),
      product(hidden, keys),
      product(hidden, keys),
      product(query, hidden),
      product(hidden, ffn),
      product(hidden, ffn),
      product(ffn, hidden),
    ],
    attentions: [{ scored: query, used: query }],
    norms: 2,
    gated: ffn,
  };
}

const onSquare = ({ target, shape, grid, constants = layerConstants, gated = shape.ffn }: LayerOnRegion) => ({
  target,
  work: { ...workOfLayer(shape), gated },
  region: { width: grid, height: grid },
  constants,
});

/** Cycles of a layer for one token. */
export const decodeLayerCycles = (layer: LayerOnRegion): LayerCycles =>
  decodeCycles({ ...onSquare(layer), sequences: 1, seen: layer.context });

/** Cycles of a layer for a whole context. */
export const prefillLayerCycles = (layer: LayerOnRegion): LayerCycles =>
  prefillCycles({ ...onSquare(layer), tokens: layer.context, seen: layer.context });

/** Bytes of a 16-bit element. */
const elementBytes = 2;

/** Elements of each dim in the fullest core. */
function fullestPieces({ shape, grid }: LayerOnGrid) {
  const { hidden, heads, kvHeads, ffn, headSize = hidden / heads } = shape;
  const piece = (size: number): number => Math.ceil(size / grid);
  return {
    hidden: piece(hidden),
    query: piece(heads * headSize),
    keys: piece(kvHeads * headSize),
    ffn: piece(ffn),
  };
}

/** A layer on P x P cores, of whatever machine. */
type LayerOnGrid = Pick<LayerOnRegion, "shape" | "grid">;

/** Bytes of a layer's weights in the fullest core: tiles of the matrices, its parts of the norms of tokens, queries and keys, and of the rotations. */
export function layerWeightBytes(layer: LayerOnGrid): number {
  const { hidden, query, keys, ffn } = fullestPieces(layer);
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
export const cacheRowBytes = (layer: LayerOnGrid): number => 2 * elementBytes * fullestPieces(layer).keys;

/** Tokens whose keys and values fit into `bytes` of a core that holds `layers`: whole rows of tokens, one token a row of cores. */
export const longestContext = (layer: LayerOnGrid, layers: number, bytes: number): number =>
  Math.max(0, Math.floor(bytes / (layers * cacheRowBytes(layer)))) * layer.grid;
