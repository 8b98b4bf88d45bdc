/**
 * What a Winograd convolution works on. Results are cut into tiles of `outputs` x `outputs` pixels (over all images of the batch); tiles
 * are done in blocks, so that a block's transformed image (V) and products (M) stay in the second-level cache.
 *
 * A convolution with stride s is the sum of s convolutions without, of every s-th pixel with every s-th tap: phases. Their transformed images
 * stand side by side like further channels, so that one product adds them up, and results are transformed back once.
 *
 *     work area of a block:   temporaries: one vector per position (two where they may be joined), for each tile
 *                             V: [position][tile][phase, channels]      M: [position][tile][filters]
 */
import { type DType, storageBytes } from "../../../../ir/dtype.ts";
import type { Bound } from "../../wasm/index.ts";
import { type Arith, arithFor } from "../product/arith.ts";
import type { Form } from "./forms.ts";

type Pair = readonly [number, number];

export interface WinogradPlan {
  /** dtype of the transformed image and weights: floats, or integers with exact sums in i32 */
  readonly elements: "f32" | "i16";
  /** dtype of the image */
  readonly source: DType;
  readonly batch: number;
  readonly channels: number;
  readonly filters: number;
  readonly groups: number;
  /** rows and columns of the image, of the result, of the filter */
  readonly image: Pair;
  readonly result: Pair;
  readonly kernel: Pair;
  readonly strides: Pair;
  readonly padsBegin: Pair;
  /** for the taps of a phase */
  readonly forms: readonly [Form, Form];
  /** tiles in a block; the last block may have fewer */
  readonly blockTiles: number;
  /** vectors of channels that a tile's temporaries have room for; 1 if not set */
  readonly transformVectors?: 2;
}

/** Bytes in a cache line: neighbouring positions must not fall into the same set of a cache. */
const lineBytes = 64;
const vectorBytes = 16;

const wholeVectors = (elements: number, bytes: number): number =>
  Math.ceil((elements * bytes) / vectorBytes) * vectorBytes;

/** How products of transformed elements are made. */
export const tileArith = ({ elements }: Pick<WinogradPlan, "elements">): Arith =>
  arithFor(elements, elements, elements === "i16");

/** Taps along a dim that the first phase has: the others have as many, or one less. */
export const phaseTaps = (kernel: number, stride: number): number => Math.ceil(kernel / stride);

/** Tiles along rows and columns of an image. */
export const tileGrid = ({ result, forms }: WinogradPlan): Pair => [
  Math.ceil(result[0] / forms[0].outputs),
  Math.ceil(result[1] / forms[1].outputs),
];

export function tileCount(plan: WinogradPlan): number {
  const [rows, columns] = tileGrid(plan);
  return plan.batch * rows * columns;
}

/** Products of a tile: elements of its transformed image. */
export const positionCount = ({ forms }: Pick<WinogradPlan, "forms">): number => forms[0].size * forms[1].size;

export const blockCount = (plan: WinogradPlan): number => Math.ceil(tileCount(plan) / plan.blockTiles);

/** Some of the indices along a dim. */
export interface Span {
  readonly first: number;
  readonly count: number;
}

/** Positions whose products add up the same phases: the first `phases` along each dim. */
export interface Part {
  readonly positions: readonly [Span, Span];
  readonly phases: Pair;
}

/** Phases along a dim that have as many taps as the form. */
export const fullPhases = ({ kernel, strides, forms }: WinogradPlan, dim: 0 | 1): number =>
  kernel[dim] - (forms[dim].taps - 1) * strides[dim];

/** The last weight of a filter is its value at infinity: phases with a tap less have nothing to add there. */
function partsAlong(plan: WinogradPlan, dim: 0 | 1): readonly { readonly span: Span; readonly phases: number }[] {
  const [phases, full, { size }] = [plan.strides[dim], fullPhases(plan, dim), plan.forms[dim]];
  if (full === phases) return [{ span: { first: 0, count: size }, phases }];
  return [
    { span: { first: 0, count: size - 1 }, phases },
    { span: { first: size - 1, count: 1 }, phases: full },
  ];
}

/** The positions, grouped by what their products add up. */
export const partsOf = (plan: WinogradPlan): readonly Part[] =>
  partsAlong(plan, 0).flatMap((rows) =>
    partsAlong(plan, 1).map((columns): Part => ({
      positions: [rows.span, columns.span],
      phases: [rows.phases, columns.phases],
    })),
  );

export const partPositions = ({ positions: [rows, columns] }: Part): number => rows.count * columns.count;

/** Elements of the transformed image that each product of a part adds up, in one group. */
export const partChannels = ({ channels, groups }: WinogradPlan, { phases: [y, x] }: Part): number =>
  (y * x * channels) / groups;

/** Layout of a block's work area, in bytes. */
export interface WorkArea {
  /** of one tile's temporaries */
  readonly temporary: number;
  /** where V begins, from tile to tile, and from position to position */
  readonly v: { readonly offset: number; readonly tile: number; readonly position: number };
  readonly m: { readonly offset: number; readonly tile: number; readonly position: number };
  readonly byteLength: number;
}

const alignLine = (bytes: number): number => Math.ceil(bytes / lineBytes) * lineBytes;
/** An odd number of lines. */
const oddLines = (bytes: number): number =>
  alignLine(bytes) + (alignLine(bytes) % (2 * lineBytes) === 0 ? lineBytes : 0);

export function workAreaOf(plan: WinogradPlan): WorkArea {
  const positions = positionCount(plan);
  const temporary = positions * vectorBytes * (plan.transformVectors ?? 1);
  const vTile = wholeVectors(plan.strides[0] * plan.strides[1] * plan.channels, storageBytes(plan.elements));
  const mTile = wholeVectors(plan.filters, 4);
  const [vPosition, mPosition] = [oddLines(plan.blockTiles * vTile), oddLines(plan.blockTiles * mTile)];
  const vOffset = alignLine(plan.blockTiles * temporary);
  const mOffset = vOffset + positions * vPosition;
  return {
    temporary,
    v: { offset: vOffset, tile: vTile, position: vPosition },
    m: { offset: mOffset, tile: mTile, position: mPosition },
    byteLength: mOffset + positions * mPosition,
  };
}

/** What the place of a tile hangs on, as code knows it: numbers, or locals where sizes are open. */
export interface TileGeometry {
  readonly batch: Bound;
  /** tiles along rows and columns of an image */
  readonly grid: readonly [Bound, Bound];
  /** rows and columns of the image and of the result */
  readonly image: readonly [Bound, Bound];
  readonly result: readonly [Bound, Bound];
  /** bytes from image to image, row to row, pixel to pixel */
  readonly imageStrides: readonly [Bound, Bound, number];
  readonly resultStrides: readonly [Bound, Bound, number];
}

/** The geometry of a plan's own sizes; `output` is the dtype of the result. */
export const geometryOf = (plan: WinogradPlan, output: DType): TileGeometry => ({
  batch: plan.batch,
  grid: tileGrid(plan),
  image: plan.image,
  result: plan.result,
  imageStrides: pixelStrides(plan.image, plan.channels, plan.source),
  resultStrides: pixelStrides(plan.result, plan.filters, output),
});

/** Strides (bytes) of a dense channels-last image over batch, rows, columns. */
export function pixelStrides([rows, columns]: Pair, channels: number, dtype: DType): readonly [number, number, number] {
  const pixel = channels * storageBytes(dtype);
  return [rows * columns * pixel, columns * pixel, pixel];
}
