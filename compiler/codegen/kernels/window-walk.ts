/**
 * Walks windows over a channels-last image, vectors of channels at a time, for kernels that do not mix channels: depthwise convolution and
 * pooling. Nothing is padded: taps outside the image are skipped. Along the last spatial dim they are known while compiling, because
 * the columns at the border get tiles of their own; along the others the loop over the window is clipped for each row.
 *
 *     for each row of the result (a unit):  clip the window's rows
 *       for each tile of columns:  for each vector of channels:
 *         start accumulators; for each row of the window: visit(taps of all columns of the tile); finish
 */
import {
  addConst,
  type Bound,
  type FunctionBuilder,
  increment,
  type Local,
  loopRange,
  mulConst,
} from "../wasm/index.ts";
import { decodeIndex, pushOffset } from "./index-space.ts";

export interface WalkDim {
  readonly inSize: number;
  readonly outSize: number;
  readonly taps: number;
  readonly stride: number;
  readonly dilation: number;
  readonly padBegin: number;
}

/** An operand that is walked along with the result: strides in bytes over batch, spatial dims and channels. */
export interface WalkOperand {
  readonly strides: readonly number[];
}

export interface Walk {
  readonly batch: number;
  readonly channels: number;
  /** channels that a body handles at once */
  readonly lanes: 1 | 2 | 4 | 8 | 16;
  readonly dims: readonly WalkDim[];
  readonly image: WalkOperand;
  /** result and extra operands, in the order of the function's parameters `operandParams` */
  readonly operands: readonly WalkOperand[];
  /** bytes of packed weights that a vector of channels takes for one tap; 0 for none */
  readonly tapBytes: number;
  /** columns of a tile */
  readonly tileColumns: number;
}

/** Which parameters of the function hold the addresses. */
export interface WalkParams {
  readonly image: Local;
  readonly weights: Local | null;
  readonly operands: readonly Local[];
  readonly begin: Local;
  readonly end: Local;
}

/** A column of the result takes tap `tap` of the window's current row from `offset` bytes behind the image pointer. */
export interface Tap {
  readonly column: number;
  readonly tap: number;
  readonly offset: number;
}

export interface TileSite {
  readonly f: FunctionBuilder;
  /** channels in this vector: `lanes`, or fewer in the last one */
  readonly count: number;
  readonly columns: readonly TileColumn[];
  /** by operand: address of the tile's first channel in the tile's first column */
  readonly operands: readonly Local[];
  /** rows of the window inside the image (product over all dims but the last) */
  readonly rows: Bound;
  /** index of each dim but the last */
  readonly outIndices: readonly Bound[];
}

export interface TileColumn {
  /** column of the result relative to the tile's first one */
  readonly index: number;
  /** column of the result; null in a tile that is repeated, where all taps are inside */
  readonly position: number | null;
  /** taps of a row that are inside the image */
  readonly taps: Bound;
}

/** What is done in a tile. Accumulators are the body's own. */
export interface WalkBody {
  readonly start: (site: TileSite) => void;
  readonly visit: (site: TileSite, image: Local, weights: Local | null, taps: readonly Tap[]) => void;
  readonly finish: (site: TileSite) => void;
}

/** Row-major strides in bytes of dense elements. */
export const rowMajorBytes = (sizes: readonly number[], elementBytes: number): number[] =>
  sizes.map((_, i) => sizes.slice(i + 1).reduce((a, b) => a * b, elementBytes));

/** Taps of a row that are worth code of their own. */
const maxRowTaps = 16;

/** Turns a last dim with very many taps into a looped one, by a dim of one element behind it. */
export function narrowWalk(walk: Walk): Walk {
  if (lastDim(walk).taps <= maxRowTaps) return walk;
  const widen = ({ strides }: WalkOperand): WalkOperand => ({
    strides: [...strides.slice(0, -1), 0, strides.at(-1) ?? 0],
  });
  const point: WalkDim = { inSize: 1, outSize: 1, taps: 1, stride: 1, dilation: 1, padBegin: 0 };
  return { ...walk, dims: [...walk.dims, point], image: widen(walk.image), operands: walk.operands.map(widen) };
}

const rowDims = (walk: Walk): readonly WalkDim[] => walk.dims.slice(0, -1);
const lastDim = (walk: Walk): WalkDim => walk.dims.at(-1) as WalkDim;

/** Rows of the result: the units of a walk. */
export const walkUnits = (walk: Walk): number =>
  lastDim(walk).outSize === 0 || walk.channels === 0
    ? 0
    : rowDims(walk).reduce((count, dim) => count * dim.outSize, walk.batch);

interface Clipped {
  readonly from: Bound;
  readonly to: Bound;
}

interface Row {
  readonly clipped: readonly Clipped[];
  readonly image: Local;
  readonly weights: Local | null;
  readonly operands: readonly Local[];
  readonly rows: Bound;
  readonly outIndices: readonly Bound[];
}

/** Emits the loops over units; `body` is called for each kind of tile. */
export function emitWalk(f: FunctionBuilder, walk: Walk, params: WalkParams, body: WalkBody): void {
  const unit = f.local("i32");
  const groups = columnGroups(walk);
  loopRange(f, unit, params.begin, params.end, 1, () => {
    const sizes = [walk.batch, ...rowDims(walk).map((dim) => dim.outSize)];
    const row = startRow(f, walk, params, decodeIndex(f, unit, sizes));
    for (const group of groups) emitGroup(f, walk, row, group, body);
  });
}

function startRow(f: FunctionBuilder, walk: Walk, params: WalkParams, indices: readonly Bound[]): Row {
  const outIndices = indices.slice(1);
  const clipped = rowDims(walk).map((dim, i) => clip(f, dim, outIndices[i] ?? 0));
  const image = f.local("i32");
  f.get(params.image);
  pushOffset(f, indices[0] ?? 0, walk.image.strides[0] ?? 0);
  for (const [i, dim] of rowDims(walk).entries()) {
    const stride = walk.image.strides[i + 1] ?? 0;
    pushOffset(f, outIndices[i] ?? 0, dim.stride * stride);
    addConst(f, -dim.padBegin * stride);
    pushOffset(f, clipped[i]?.from ?? 0, dim.dilation * stride);
  }
  f.set(image);
  const operands = walk.operands.map((operand, o) => {
    const pointer = f.local("i32");
    f.get(params.operands[o] as Local);
    for (const [i, index] of indices.entries()) pushOffset(f, index, operand.strides[i] ?? 0);
    f.set(pointer);
    return pointer;
  });
  const weights = startWeights(f, walk, params.weights, clipped);
  return { clipped, image, weights, operands, rows: countRows(f, clipped), outIndices };
}

/** Bytes of packed weights from one tap to the next along each dim but the last. */
const weightStrides = (walk: Walk): number[] =>
  rowDims(walk).map((_, i) => walk.dims.slice(i + 1).reduce((bytes, dim) => bytes * dim.taps, walk.tapBytes));

function startWeights(f: FunctionBuilder, walk: Walk, param: Local | null, clipped: readonly Clipped[]): Local | null {
  if (param === null) return null;
  const weights = f.local("i32");
  f.get(param);
  for (const [i, stride] of weightStrides(walk).entries()) pushOffset(f, clipped[i]?.from ?? 0, stride);
  f.set(weights);
  return weights;
}

function countRows(f: FunctionBuilder, clipped: readonly Clipped[]): Bound {
  const variable = clipped.filter(({ from, to }) => typeof from !== "number" || typeof to !== "number");
  const fixed = clipped.reduce(
    (n, { from, to }) => (typeof from === "number" && typeof to === "number" ? n * (to - from) : n),
    1,
  );
  if (variable.length === 0) return fixed;
  const rows = f.local("i32");
  f.i32(fixed);
  for (const { from, to } of variable) {
    pushRange(f, from, to);
    f.op("i32.mul");
  }
  f.set(rows);
  return rows;
}

/** Pushes to - from; `to` is never below `from`. */
function pushRange(f: FunctionBuilder, from: Bound, to: Bound): void {
  if (typeof to === "number") f.i32(to);
  else f.get(to);
  if (typeof from === "number") f.i32(from);
  else f.get(from);
  f.op("i32.sub");
}

/** Taps [from, to) of a window at output `index` that lie inside the image; constants where no window of the dim is clipped. */
export function clip(f: FunctionBuilder, dim: WalkDim, index: Bound): Clipped {
  if (typeof index === "number") return clipConstant(dim, index);
  const first = clipConstant(dim, 0);
  const last = clipConstant(dim, Math.max(0, dim.outSize - 1));
  const [from, to] = [f.local("i32"), f.local("i32")];
  if (first.from === 0 && last.from === 0 && first.to === dim.taps && last.to === dim.taps)
    return { from: 0, to: dim.taps };
  pushClipped(f, dim, index, dim.padBegin);
  f.set(from);
  pushClipped(f, dim, index, dim.padBegin + dim.inSize);
  f.tee(to);
  f.get(from);
  f.get(to);
  f.get(from);
  f.op("i32.gt_s");
  f.select("i32");
  f.set(to);
  return { from, to };
}

function clipConstant(dim: WalkDim, index: number): { from: number; to: number } {
  const tapAt = (edge: number): number =>
    Math.min(dim.taps, Math.max(0, Math.ceil((edge - index * dim.stride) / dim.dilation)));
  const from = tapAt(dim.padBegin);
  return { from, to: Math.max(from, tapAt(dim.padBegin + dim.inSize)) };
}

/** Pushes min(taps, max(0, ceil((edge - index * stride) / dilation))). */
function pushClipped(f: FunctionBuilder, dim: WalkDim, index: Local, edge: number): void {
  const tap = f.local("i32");
  f.i32(edge + dim.dilation - 1);
  f.get(index);
  mulConst(f, dim.stride);
  f.op("i32.sub");
  if (dim.dilation > 1) {
    f.i32(dim.dilation);
    f.op("i32.div_s");
  }
  f.tee(tap);
  f.i32(0);
  f.get(tap);
  f.i32(0);
  f.op("i32.gt_s");
  f.select("i32");
  f.tee(tap);
  f.i32(dim.taps);
  f.get(tap);
  f.i32(dim.taps);
  f.op("i32.lt_s");
  f.select("i32");
  f.release(tap);
}

interface ColumnGroup {
  readonly first: number;
  readonly columns: readonly TileColumn[];
  readonly repeat: number;
}

/** Tiles of columns from left to right; neighbours whose taps are all inside the image are repeats of one. */
function columnGroups(walk: Walk): ColumnGroup[] {
  const dim = lastDim(walk);
  const isInner = (column: number): boolean => {
    const { from, to } = clipConstant(dim, column);
    return from === 0 && to === dim.taps;
  };
  const groups: ColumnGroup[] = [];
  let first = 0;
  while (first < dim.outSize) {
    const count = Math.min(walk.tileColumns, dim.outSize - first);
    let repeat = 0;
    while (first + (repeat + 1) * count <= dim.outSize && isInner(first) && isInner(first + (repeat + 1) * count - 1))
      repeat++;
    const columns = Array.from({ length: count }, (_, index): TileColumn => {
      const { from, to } = clipConstant(dim, first + index);
      return { index, position: repeat > 1 ? null : first + index, taps: to - from };
    });
    groups.push({ first, columns, repeat: Math.max(1, repeat) });
    first += count * Math.max(1, repeat);
  }
  return groups;
}

/** Offsets of a tile's taps from the image's column 0, or, in a repeated tile, from its own first column. */
function tapsOf(walk: Walk, group: ColumnGroup): Tap[] {
  const dim = lastDim(walk);
  const columnBytes = walk.image.strides.at(-2) ?? 0;
  const taps: Tap[] = [];
  for (const { index } of group.columns) {
    const column = group.first + index;
    const { from, to } = clipConstant(dim, column);
    for (let tap = from; tap < to; tap++) {
      const at = column * dim.stride - dim.padBegin + tap * dim.dilation;
      taps.push({ column: index, tap, offset: at * columnBytes });
    }
  }
  return taps;
}

function emitGroup(f: FunctionBuilder, walk: Walk, row: Row, group: ColumnGroup, body: WalkBody): void {
  const taps = tapsOf(walk, group);
  const image = f.local("i32");
  const operands = f.localArray("i32", row.operands.length);
  const strideOf = (operand: number): number => walk.operands[operand]?.strides.at(-2) ?? 0;
  f.get(row.image);
  f.set(image);
  for (const [i, pointer] of operands.entries()) {
    f.get(row.operands[i] as Local);
    addConst(f, group.first * strideOf(i));
    f.set(pointer);
  }
  const counter = f.local("i32");
  loopRange(f, counter, 0, group.repeat, 1, () => {
    emitChannels(f, walk, { ...row, image, operands }, group, taps, body);
    const columns = group.columns.length;
    increment(f, image, columns * lastDim(walk).stride * (walk.image.strides.at(-2) ?? 0));
    for (const [i, pointer] of operands.entries()) increment(f, pointer, columns * strideOf(i));
  });
  f.release(counter, image, ...operands);
}

/** Vectors of channels for one tile: whole ones in a loop, then the ragged one. */
function emitChannels(
  f: FunctionBuilder,
  walk: Walk,
  row: Row,
  group: ColumnGroup,
  taps: readonly Tap[],
  body: WalkBody,
): void {
  const { lanes, channels } = walk;
  const image = f.local("i32");
  const weights = row.weights === null ? null : f.local("i32");
  const operands = f.localArray("i32", row.operands.length);
  const pairs: [Local, Local][] = [
    [image, row.image],
    ...operands.map((to, i): [Local, Local] => [to, row.operands[i] as Local]),
  ];
  if (weights !== null && row.weights !== null) pairs.push([weights, row.weights]);
  for (const [to, from] of pairs) {
    f.get(from);
    f.set(to);
  }
  const site = { f, columns: group.columns, operands, rows: row.rows, outIndices: row.outIndices };
  const cursors = { ...row, image, weights, operands };
  const vectorBytes = walk.dims.reduce((bytes, dim) => bytes * dim.taps, walk.tapBytes);
  const counter = f.local("i32");
  loopRange(f, counter, 0, Math.floor(channels / lanes), 1, () => {
    emitTile(walk, { ...site, count: lanes }, cursors, taps, body);
    increment(f, image, lanes * (walk.image.strides.at(-1) ?? 0));
    for (const [i, pointer] of operands.entries())
      increment(f, pointer, lanes * (walk.operands[i]?.strides.at(-1) ?? 0));
    if (weights !== null) increment(f, weights, vectorBytes);
  });
  if (channels % lanes > 0) emitTile(walk, { ...site, count: channels % lanes }, cursors, taps, body);
  f.release(counter, image, ...operands, ...(weights === null ? [] : [weights]));
}

function emitTile(walk: Walk, site: TileSite, row: Row, taps: readonly Tap[], body: WalkBody): void {
  body.start(site);
  emitWindowRows(walk, site, row, 0, taps, body);
  body.finish(site);
}

/** The loops over the window's rows, outermost dim first; pointers are copied where a loop moves them. */
function emitWindowRows(
  walk: Walk,
  site: TileSite,
  row: Row,
  depth: number,
  taps: readonly Tap[],
  body: WalkBody,
): void {
  const { f } = site;
  if (taps.length === 0) return;
  const dim = rowDims(walk)[depth];
  const range = row.clipped[depth];
  if (dim === undefined || range === undefined) {
    body.visit(site, row.image, row.weights, taps);
    return;
  }
  const image = copyOf(f, row.image);
  const weights = row.weights === null ? null : copyOf(f, row.weights);
  const counter = f.local("i32");
  loopRange(f, counter, range.from, range.to, 1, () => {
    emitWindowRows(walk, site, { ...row, image, weights }, depth + 1, taps, body);
    increment(f, image, dim.dilation * (walk.image.strides[depth + 1] ?? 0));
    if (weights !== null) increment(f, weights, weightStrides(walk)[depth] ?? 0);
  });
  f.release(counter, image, ...(weights === null ? [] : [weights]));
}

function copyOf(f: FunctionBuilder, local: Local): Local {
  const copy = f.local("i32");
  f.get(local);
  f.set(copy);
  return copy;
}
