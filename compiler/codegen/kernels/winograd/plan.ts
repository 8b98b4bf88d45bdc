/**
 * What a Winograd convolution works on. Results are cut into tiles of `outputs` x `outputs` pixels (over all images of the batch); tiles
 * are done in blocks, so that a block's transformed image (V) and products (M) stay in the second-level cache.
 *
 *     work area of a block:   temporaries: one vector per position, for each tile
 *                             V: [position][tile][channels]      M: [position][tile][filters]
 */
import type { Form } from "./forms.ts";

export interface WinogradPlan {
  readonly batch: number;
  readonly channels: number;
  readonly filters: number;
  readonly groups: number;
  /** rows and columns of the image and of the result */
  readonly image: readonly [number, number];
  readonly result: readonly [number, number];
  readonly padsBegin: readonly [number, number];
  readonly forms: readonly [Form, Form];
  /** tiles in a block; the last block may have fewer */
  readonly blockTiles: number;
}

/** Bytes in a cache line: neighbouring positions must not fall into the same set of a cache. */
const lineBytes = 64;
const vectorBytes = 16;

const wholeVectors = (elements: number): number => Math.ceil(elements / 4) * vectorBytes;

/** Tiles along rows and columns of an image. */
export const tileGrid = ({ result, forms }: WinogradPlan): readonly [number, number] => [
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
  const temporary = positions * vectorBytes;
  const [vTile, mTile] = [wholeVectors(plan.channels), wholeVectors(plan.filters)];
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

/** Strides (bytes) of a dense channels-last image over batch, rows, columns. */
export function pixelStrides(
  [rows, columns]: readonly [number, number],
  channels: number,
): readonly [number, number, number] {
  return [rows * columns * channels * 4, columns * channels * 4, channels * 4];
}
