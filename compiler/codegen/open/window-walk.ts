/**
 * Walks windows over a channels-last image of open size, vectors of channels at a time: the open twin of kernels/window-walk.ts, whose bodies it
 * runs. Nothing is padded. In the middle of a row all taps are inside the image, and tiles of several columns share what they load; columns at the
 * border are done one by one, with loops over the taps that are inside.
 *
 *     for each row of the result (a unit):  clip the window's rows
 *       columns at the left border;  tiles of columns, then of fewer, then single ones;  columns at the right border
 */
import { nth } from "../../../ir/access.ts";
import { addDims, type Dim, floorDiv, mulDims } from "../../../ir/dim.ts";
import { storageBytes } from "../../../ir/dtype.ts";
import type { Tap, TileColumn, TileSite, WalkBody } from "../kernels/window-walk.ts";
import { type Bound, type FunctionBuilder, increment, type Local, loopRange, pushBound } from "../wasm/index.ts";
import type { ConvPlane } from "./conv-plane.ts";
import type { OpenImage } from "./image.ts";
import type { OpenFunction, Size, SizeParams } from "./kernel.ts";
import { addBound, copyOf } from "./rows.ts";
import { addScaled, type ExtraStrides } from "./window-product.ts";

/** A walk in a kernel's terms. */
export interface OpenWalk {
  readonly channels: number;
  readonly plane: Pick<ConvPlane, "kernel" | "strides" | "dilations" | "before">;
  /** bytes of packed weights that a vector of channels takes for one tap; 0 for none */
  readonly tapBytes: number;
  /** columns of a tile, ascending from 1 */
  readonly tiles: readonly number[];
  readonly image: WalkPlane;
  /** result, then extra operands */
  readonly operands: readonly WalkPlane[];
  readonly inRows: Size;
  readonly inColumns: Size;
  readonly outRows: Size;
  readonly outColumns: Size;
  /** columns before the first whose window ends behind the image; may be negative */
  readonly innerEnd: Size;
}

/** Bytes from image to image, row to row, pixel to pixel, channel to channel. */
interface WalkPlane {
  readonly image: Size;
  readonly row: Size;
  readonly pixel: number;
  readonly channel: number;
}

const lanes = 4;

export interface WalkSpec {
  readonly plane: OpenWalk["plane"];
  readonly tapBytes: number;
  readonly tileColumns: number;
  readonly image: OpenImage;
  readonly result: OpenImage;
  readonly extras: readonly ExtraStrides[];
}

/** Plans a walk over images of f32; its sizes join the kernel's parameters. */
export function openWalkOf(
  { plane, tapBytes, tileColumns, image, result, extras }: WalkSpec,
  params: SizeParams,
): OpenWalk {
  const pixel = image.channels * storageBytes("f32");
  const dense = ({ rows, columns }: OpenImage): WalkPlane => ({
    image: params.of(mulDims(rows, columns, pixel)),
    row: params.of(mulDims(columns, pixel)),
    pixel,
    channel: storageBytes("f32"),
  });
  const reach = (plane.kernel[1] - 1) * plane.dilations[1];
  const inner = addDims(floorDiv(addDims(image.columns, plane.before[1] - reach - 1), plane.strides[1]), 1);
  return {
    channels: image.channels,
    plane,
    tapBytes,
    tiles: [...new Set([1, Math.ceil(tileColumns / 2), tileColumns])],
    image: dense(image),
    operands: [
      dense(result),
      ...extras.map((extra) => ({
        image: params.of(extra.image),
        row: params.of(extra.row),
        pixel: extra.pixel,
        channel: extra.column,
      })),
    ],
    inRows: params.of(image.rows),
    inColumns: params.of(image.columns),
    outRows: params.of(result.rows),
    outColumns: params.of(result.columns),
    innerEnd: params.of(inner),
  };
}

/** Rows of the result. */
export const openWalkUnits = ({ batch, rows }: OpenImage): Dim => mulDims(batch, rows);

/** Which addresses of the function are which. */
export interface OpenWalkParams {
  readonly image: Local;
  readonly weights: Local | null;
  readonly operands: readonly Local[];
}

/** A row of the result: taps [from, to) of the window's rows are inside the image. */
interface Row {
  readonly from: Local;
  readonly to: Local;
  readonly rows: Local;
  /** the window's first row that is inside, where the first column's first tap would be */
  readonly image: Local;
  readonly weights: Local | null;
  readonly operands: readonly Local[];
}

export function emitOpenWalk(site: OpenFunction, walk: OpenWalk, params: OpenWalkParams, body: WalkBody): void {
  const { f, begin, end } = site;
  const unit = f.local("i32");
  loopRange(f, unit, begin, end, 1, () => {
    const row = startRow(site, walk, params, unit);
    emitColumns(site, walk, row, body);
    f.release(row.from, row.to, row.rows, row.image, ...row.operands);
    if (row.weights !== null) f.release(row.weights);
  });
}

function startRow({ f, bound }: OpenFunction, walk: OpenWalk, params: OpenWalkParams, unit: Local): Row {
  const { plane } = walk;
  const [image, y, top] = f.localArray("i32", 3) as [Local, Local, Local];
  f.get(unit);
  pushBound(f, bound(walk.outRows));
  f.op("i32.div_u");
  f.set(image);
  f.get(unit);
  pushBound(f, bound(walk.outRows));
  f.op("i32.rem_u");
  f.set(y);
  pushStart(f, y, plane.strides[0], plane.before[0]);
  f.set(top);
  const { from, to, count } = clip(f, top, plane.kernel[0], plane.dilations[0], bound(walk.inRows));
  // the first row that is inside
  f.get(from);
  f.i32(plane.dilations[0]);
  f.op("i32.mul");
  f.get(top);
  f.op("i32.add");
  f.set(top);
  const source = copyOf(f, params.image);
  addScaled(f, source, image, bound(walk.image.image));
  addScaled(f, source, top, bound(walk.image.row));
  const operands = walk.operands.map((operand, i) => {
    const pointer = copyOf(f, nth(params.operands, i));
    addScaled(f, pointer, image, bound(operand.image));
    addScaled(f, pointer, y, bound(operand.row));
    return pointer;
  });
  const weights = params.weights === null ? null : copyOf(f, params.weights);
  if (weights !== null) addScaled(f, weights, from, plane.kernel[1] * walk.tapBytes);
  f.release(image, y, top);
  return { from, to, rows: count, image: source, weights, operands };
}

/** Pushes index * stride - before. */
function pushStart(f: FunctionBuilder, index: Local, stride: number, before: number): void {
  f.get(index);
  f.i32(stride);
  f.op("i32.mul");
  f.i32(before);
  f.op("i32.sub");
}

/** Taps [from, to) of a window that starts at `start` which are inside `size` elements, and how many they are. */
function clip(
  f: FunctionBuilder,
  start: Local,
  taps: number,
  dilation: number,
  size: Bound,
): { readonly from: Local; readonly to: Local; readonly count: Local } {
  const [from, to, count] = f.localArray("i32", 3) as [Local, Local, Local];
  // ceil((edge - start) / dilation) within 0 and taps; edges before the start count as 0
  const pushTap = (edge: Bound, local: Local): void => {
    pushBound(f, edge);
    f.get(start);
    f.op("i32.sub");
    f.i32(dilation - 1);
    f.op("i32.add");
    f.i32(dilation);
    f.op("i32.div_s");
    f.set(local);
    clampLow(f, local, 0);
    clampHigh(f, local, taps);
  };
  pushTap(0, from);
  pushTap(size, to);
  clampLow(f, to, from);
  f.get(to);
  f.get(from);
  f.op("i32.sub");
  f.set(count);
  return { from, to, count };
}

const clampWith = (f: FunctionBuilder, local: Local, limit: Bound, keeps: "i32.gt_s" | "i32.lt_s"): void => {
  f.get(local);
  pushBound(f, limit);
  f.get(local);
  pushBound(f, limit);
  f.op(keeps);
  f.select("i32");
  f.set(local);
};
/** local = max(local, least) */
function clampLow(f: FunctionBuilder, local: Local, least: Bound): void {
  clampWith(f, local, least, "i32.gt_s");
}
/** local = min(local, most) */
function clampHigh(f: FunctionBuilder, local: Local, most: Bound): void {
  clampWith(f, local, most, "i32.lt_s");
}

function emitColumns(site: OpenFunction, walk: OpenWalk, row: Row, body: WalkBody): void {
  const { f, bound } = site;
  const { plane } = walk;
  const columns = bound(walk.outColumns);
  const [x, left, right] = f.localArray("i32", 3) as [Local, Local, Local];
  f.i32(Math.ceil(plane.before[1] / plane.strides[1]));
  f.set(left);
  clampHigh(f, left, columns);
  pushBound(f, bound(walk.innerEnd));
  f.set(right);
  clampLow(f, right, left);
  clampHigh(f, right, columns);
  f.i32(0);
  f.set(x);
  const border = (end: Bound): void => {
    whileAtMost(f, x, 1, end, () => {
      emitBorderColumn(site, walk, row, x, body);
    });
  };
  border(left);
  for (const count of walk.tiles.toSorted((a, b) => b - a)) {
    whileAtMost(f, x, count, right, () => {
      emitInnerTile(site, walk, row, x, count, body);
    });
  }
  border(columns);
  f.release(x, left, right);
}

/** while (x + step <= end) { body(); x += step } */
function whileAtMost(f: FunctionBuilder, x: Local, step: number, end: Bound, body: () => void): void {
  const fits = (): void => {
    f.get(x);
    f.i32(step);
    f.op("i32.add");
    pushBound(f, end);
    f.op("i32.le_s");
  };
  fits();
  f.if(() => {
    f.loop((again) => {
      body();
      increment(f, x, step);
      fits();
      f.brIf(again);
    });
  });
}

/** Pointers of a tile: the first tap of its first column, and where its results and extra operands lie. */
function tilePointers(f: FunctionBuilder, walk: OpenWalk, row: Row, x: Local): Row {
  const image = f.local("i32");
  pushStart(f, x, walk.plane.strides[1], walk.plane.before[1]);
  f.i32(walk.image.pixel);
  f.op("i32.mul");
  f.get(row.image);
  f.op("i32.add");
  f.set(image);
  const operands = row.operands.map((operand, i) => {
    const pointer = copyOf(f, operand);
    addScaled(f, pointer, x, nth(walk.operands, i).pixel);
    return pointer;
  });
  return { ...row, image, operands };
}

/** Vectors of channels of a tile: whole ones in a loop, then the ragged one. */
function overChannels(f: FunctionBuilder, walk: OpenWalk, tile: Row, body: (at: Row, count: number) => void): void {
  const { channels, plane, tapBytes } = walk;
  const moving: Row = {
    ...tile,
    image: copyOf(f, tile.image),
    weights: tile.weights === null ? null : copyOf(f, tile.weights),
    operands: tile.operands.map((operand) => copyOf(f, operand)),
  };
  const counter = f.local("i32");
  loopRange(f, counter, 0, Math.floor(channels / lanes), 1, () => {
    body(moving, lanes);
    increment(f, moving.image, lanes * walk.image.channel);
    if (moving.weights !== null) increment(f, moving.weights, plane.kernel[0] * plane.kernel[1] * tapBytes);
    for (const [i, operand] of moving.operands.entries()) increment(f, operand, lanes * nth(walk.operands, i).channel);
  });
  if (channels % lanes > 0) body(moving, channels % lanes);
  f.release(counter, moving.image, ...moving.operands);
  if (moving.weights !== null) f.release(moving.weights);
}

/** Runs `visit` for each of the window's rows that are inside, with its image and weights. */
function overRows(
  { f, bound }: OpenFunction,
  walk: OpenWalk,
  at: Row,
  visit: (image: Local, weights: Local | null) => void,
): void {
  const { plane, tapBytes } = walk;
  const image = copyOf(f, at.image);
  const weights = at.weights === null ? null : copyOf(f, at.weights);
  const [counter, rowBytes] = [f.local("i32"), f.local("i32")];
  pushBound(f, bound(walk.image.row));
  f.i32(plane.dilations[0]);
  f.op("i32.mul");
  f.set(rowBytes);
  loopRange(f, counter, at.from, at.to, 1, () => {
    visit(image, weights);
    addBound(f, image, rowBytes);
    if (weights !== null) increment(f, weights, plane.kernel[1] * tapBytes);
  });
  f.release(counter, rowBytes, image);
  if (weights !== null) f.release(weights);
}

const siteOf = (f: FunctionBuilder, at: Row, count: number, columns: readonly TileColumn[]): TileSite => ({
  f,
  count,
  columns,
  operands: at.operands,
  rows: at.rows,
  outIndices: [],
});

/** `count` columns whose taps are all inside. */
function emitInnerTile(site: OpenFunction, walk: OpenWalk, row: Row, x: Local, count: number, body: WalkBody): void {
  const { f } = site;
  const { kernel, strides, dilations } = walk.plane;
  const columns = Array.from({ length: count }, (_, index): TileColumn => ({ index, position: null, taps: kernel[1] }));
  const taps = columns.flatMap(({ index }) =>
    Array.from({ length: kernel[1] }, (_, tap): Tap => ({
      column: index,
      tap,
      offset: (index * strides[1] + tap * dilations[1]) * walk.image.pixel,
    })),
  );
  const tile = tilePointers(f, walk, row, x);
  overChannels(f, walk, tile, (at, vector) => {
    const tileSite = siteOf(f, at, vector, columns);
    body.start(tileSite);
    overRows(site, walk, at, (image, weights) => {
      body.visit(tileSite, image, weights, taps);
    });
    body.finish(tileSite);
  });
  f.release(tile.image, ...tile.operands);
}

/** A column some of whose taps are outside. */
function emitBorderColumn(site: OpenFunction, walk: OpenWalk, row: Row, x: Local, body: WalkBody): void {
  const { f, bound } = site;
  const { kernel, strides, dilations, before } = walk.plane;
  const start = f.local("i32");
  pushStart(f, x, strides[1], before[1]);
  f.set(start);
  const { from, to, count } = clip(f, start, kernel[1], dilations[1], bound(walk.inColumns));
  const tile = tilePointers(f, walk, row, x);
  addScaled(f, tile.image, from, dilations[1] * walk.image.pixel);
  const weights = tile.weights === null ? null : copyOf(f, tile.weights);
  if (weights !== null) addScaled(f, weights, from, walk.tapBytes);
  overChannels(f, walk, { ...tile, weights }, (at, vector) => {
    const tileSite = siteOf(f, at, vector, [{ index: 0, position: null, taps: count }]);
    body.start(tileSite);
    overRows(site, walk, at, (image, rowWeights) => {
      const pixel = copyOf(f, image);
      const own = rowWeights === null ? null : copyOf(f, rowWeights);
      const counter = f.local("i32");
      loopRange(f, counter, from, to, 1, () => {
        body.visit(tileSite, pixel, own, [{ column: 0, tap: 0, offset: 0 }]);
        increment(f, pixel, dilations[1] * walk.image.pixel);
        if (own !== null) increment(f, own, walk.tapBytes);
      });
      f.release(counter, pixel);
      if (own !== null) f.release(own);
    });
    body.finish(tileSite);
  });
  f.release(start, from, to, count, tile.image, ...tile.operands);
  if (weights !== null) f.release(weights);
}
