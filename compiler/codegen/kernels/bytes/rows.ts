/**
 * Rows of small integers as byte products read them. The instruction that multiplies bytes by bytes (`i16x8.relaxed_dot_i8x16_i7x16_s`) adds
 * two products in 16 bits; it is exact, and the same on every machine, when one side has 7 bits. An element of 0 … 255 has 8, but behind a
 * ReLU few elements are in the upper half of what the quantization allows for. So the eighth bits stand apart:
 *
 *     x = low + 128 * high        Σ x w = Σ low w + 128 Σ high w
 *
 * The first sum goes over all elements; the second one over a list, for each group of rows (a tile of the product), of the steps in which any of
 * the rows has a high bit. How many there are decides the time, never the result.
 *
 * Modules without relaxed SIMD multiply pairs of 16 bits: for them the elements are widened.
 */
import { storageBytes } from "../../../../ir/dtype.ts";
import { type KernelArg, type KernelCode, kernelKey, kernelType, type ScratchArg } from "../../kernel.ts";
import { hoistSplats, pushSplat } from "../../math/constants.ts";
import { type FunctionBuilder, increment, type Local, loopRange, type ModuleBuilder } from "../../wasm/index.ts";
import { decodeIndex, pushOffset, roundUp } from "../index-space.ts";
import { byteTileRows } from "../product/arith.ts";

/** Elements of the reduction in a step of a byte product. */
export const stepElements = 4;
/** Elements that are prepared at once. */
export const vectorBytes = 16;
/** An entry: the step's first element, then four bytes of high bits (0 or 1) for each row. */
export const entryBytes: number = 4 + 4 * byteTileRows;
/** A list begins with the bytes of its entries; with one for each step it is shorter than its rows in 16 bits. */
export const listHeadBytes = 4;

/** A matrix of integers 0 … 255; its rows consist of pieces of neighbouring elements. */
export interface SourceRows {
  readonly dtype: "u8" | "i16";
  /** axes whose indices make the row's number, row-major; strides in bytes */
  readonly axes: readonly { readonly size: number; readonly stride: number }[];
  /** pieces of a row, and bytes from one to the next */
  readonly pieces: { readonly count: number; readonly stride: number };
  /** elements of a piece; whole vectors where there are several */
  readonly elements: number;
}

/** Where the prepared rows lie, in bytes from the start of their memory. */
export interface RowsLayout {
  readonly rows: number;
  /** from row to row: room for elements of 16 bits */
  readonly rowStride: number;
  /** the first list; those of other groups follow as their rows do */
  readonly lists: number;
  readonly byteLength: number;
}

export function layoutOf({ axes, pieces, elements }: SourceRows): RowsLayout {
  const rows = axes.reduce((count, { size }) => count * size, 1);
  const rowStride = 2 * roundUp(pieces.count * elements, vectorBytes);
  const lists = roundUp(rows, byteTileRows) * rowStride;
  return { rows, rowStride, lists, byteLength: 2 * lists };
}

/** The stage that prepares rows for a product; a unit is a group of rows. */
export function rowsStage(source: SourceRows, input: KernelArg, scratch: ScratchArg): KernelCode {
  const { rows, byteLength } = layoutOf(source);
  return {
    key: kernelKey("byte_rows", source),
    units: Math.ceil(rows / byteTileRows),
    args: [input, scratch],
    work: byteLength,
    emit: (module) => emitRows(module, source),
  };
}

interface Context {
  readonly f: FunctionBuilder;
  readonly source: SourceRows;
  readonly layout: RowsLayout;
  /** number of the group */
  readonly group: Local;
  /** next elements of each row; move on */
  readonly from: readonly Local[];
  /** the first row's next prepared elements; moves on */
  readonly to: Local;
  /** next entry of the list; moves on */
  readonly entry: Local;
  /** elements of a row that are done */
  readonly done: Local;
}

function emitRows(module: ModuleBuilder, source: SourceRows): number {
  return module.function("byte_rows", kernelType(2), (f) => {
    const layout = layoutOf(source);
    hoistSplats(f, (probe) => {
      pushLowBits(probe);
      probe.drop();
    });
    const group = f.local("i32");
    const context: Context = {
      f,
      source,
      layout,
      group,
      from: f.localArray("i32", byteTileRows),
      to: f.local("i32"),
      entry: f.local("i32"),
      done: f.local("i32"),
    };
    const whole = Math.floor(layout.rows / byteTileRows);
    const rest = layout.rows % byteTileRows;
    loopRange(f, group, f.param(2), f.param(3), 1, () => {
      if (rest === 0) emitGroup(context, byteTileRows);
      else {
        f.get(group);
        f.i32(whole);
        f.op("i32.lt_u");
        f.if(
          () => {
            emitGroup(context, byteTileRows);
          },
          () => {
            emitGroup(context, rest);
          },
        );
      }
    });
  });
}

const pushLowBits = (f: FunctionBuilder): void => {
  pushSplat(f, "i8x16", 127);
};

function emitGroup(context: Context, rows: number): void {
  const { f, source, layout, group, to, entry, done } = context;
  for (let row = 0; row < rows; row++) setSource(context, row);
  f.get(f.param(1));
  pushOffset(f, group, byteTileRows * layout.rowStride);
  f.set(to);
  const list = f.local("i32");
  f.get(to);
  pushOffset(f, 1, layout.lists);
  f.tee(list);
  f.i32(listHeadBytes);
  f.op("i32.add");
  f.set(entry);
  f.i32(0);
  f.set(done);
  const piece = f.local("i32");
  loopRange(f, piece, 0, source.pieces.count, 1, () => {
    emitPiece(context, rows);
  });
  if (f.module.features.relaxedSimd) {
    f.get(list);
    f.get(entry);
    f.get(list);
    f.op("i32.sub");
    f.i32(listHeadBytes);
    f.op("i32.sub");
    f.store("i32.store");
  }
  f.release(list, piece);
}

/** One piece of each row; `from` goes on to the next. */
function emitPiece(context: Context, rows: number): void {
  const { f, source, from } = context;
  const counter = f.local("i32");
  const rest = source.elements % vectorBytes;
  loopRange(f, counter, 0, source.elements - rest, vectorBytes, () => {
    emitVectors(context, rows, vectorBytes);
  });
  if (rest > 0) emitVectors(context, rows, rest);
  const between = source.pieces.stride - source.elements * storageBytes(source.dtype);
  if (source.pieces.count > 1) for (const row of from.slice(0, rows)) increment(f, row, between);
  f.release(counter);
}

/** from[row] = address of the group's row */
function setSource({ f, source, group, from }: Context, row: number): void {
  const index = f.local("i32");
  f.get(group);
  f.i32(byteTileRows);
  f.op("i32.mul");
  f.i32(row);
  f.op("i32.add");
  f.set(index);
  const indices = decodeIndex(f, index, source.axes.map(({ size }) => size)); // prettier-ignore
  f.get(f.param(0));
  for (const [i, { stride }] of source.axes.entries()) pushOffset(f, indices[i] ?? 0, stride);
  f.set(from[row] as Local);
  f.release(index, ...indices.filter((at) => typeof at !== "number"));
}

/** `count` elements (at most 16) of each row. */
function emitVectors(context: Context, rows: number, count: number): void {
  const { f, source, layout, from, to, done } = context;
  const vectors = f.localArray("v128", rows);
  for (const [row, vector] of vectors.entries()) {
    pushElements(f, source.dtype, from[row] as Local, count);
    f.set(vector);
    increment(f, from[row] as Local, count * storageBytes(source.dtype));
  }
  const { relaxedSimd } = f.module.features;
  for (const [row, vector] of vectors.entries()) {
    if (relaxedSimd) storeLow(f, vector, to, row * layout.rowStride);
    else storeWide(f, vector, to, row * layout.rowStride);
  }
  if (relaxedSimd) listSteps(context, vectors);
  increment(f, to, relaxedSimd ? vectorBytes : 2 * vectorBytes);
  increment(f, done, count);
  f.release(...vectors);
}

function storeLow(f: FunctionBuilder, vector: Local, to: Local, offset: number): void {
  f.get(to);
  f.get(vector);
  pushLowBits(f);
  f.op("v128.and");
  f.store("v128.store", offset);
}

function storeWide(f: FunctionBuilder, vector: Local, to: Local, offset: number): void {
  for (const [half, extend] of (["i16x8.extend_low_i8x16_u", "i16x8.extend_high_i8x16_u"] as const).entries()) {
    f.get(to);
    f.get(vector);
    f.op(extend);
    f.store("v128.store", offset + half * vectorBytes);
  }
}

/**
 * Adds those of the vectors' steps to the list in which a row has a high bit. They are found by counting zeros: a branch for each step would
 * often be foreseen wrongly.
 */
function listSteps(context: Context, vectors: readonly Local[]): void {
  const { f } = context;
  const mask = f.local("i32");
  for (const [row, vector] of vectors.entries()) {
    f.get(vector);
    if (row > 0) f.op("v128.or");
  }
  f.op("i8x16.bitmask");
  f.tee(mask);
  f.if(() => {
    for (const vector of vectors) {
      f.get(vector);
      f.i32(7);
      f.op("i8x16.shr_u");
      f.set(vector);
    }
    const first = f.local("i32");
    f.loop((again) => {
      f.get(mask);
      f.op("i32.ctz");
      f.i32(-stepElements);
      f.op("i32.and");
      f.set(first);
      addEntry(context, vectors, first);
      f.get(mask);
      f.i32(-1 << stepElements);
      f.get(first);
      f.op("i32.shl");
      f.op("i32.and");
      f.tee(mask);
      f.brIf(again);
    });
    f.release(first);
  });
  f.release(mask);
}

/** Adds the step that begins with element `first` of vectors of high bits. */
function addEntry({ f, entry, done }: Context, highs: readonly Local[], first: Local): void {
  f.get(entry);
  f.get(done);
  f.get(first);
  f.op("i32.add");
  f.store("i32.store");
  const indices = f.local("v128");
  f.get(first);
  f.op("i8x16.splat");
  f.v128(Array.from({ length: vectorBytes }, (_, i) => i % stepElements));
  f.op("i8x16.add");
  f.set(indices);
  for (const [row, high] of highs.entries()) {
    f.get(entry);
    f.get(high);
    f.get(indices);
    f.op("i8x16.relaxed_swizzle");
    f.memoryLane("v128.store32_lane", 0, 4 + 4 * row);
  }
  increment(f, entry, entryBytes);
  f.release(indices);
}

/** Pushes `count` elements as bytes; zeros follow. */
function pushElements(f: FunctionBuilder, dtype: SourceRows["dtype"], pointer: Local, count: number): void {
  if (dtype === "u8") {
    pushBytes(f, pointer, 0, count);
    return;
  }
  const [first, second] = [Math.min(8, count), Math.max(0, count - 8)];
  pushBytes(f, pointer, 0, 2 * first);
  pushBytes(f, pointer, vectorBytes, 2 * second);
  f.op("i8x16.narrow_i16x8_u");
}

const lanePieces = [
  { size: 4, load: "v128.load32_lane" },
  { size: 2, load: "v128.load16_lane" },
  { size: 1, load: "v128.load8_lane" },
] as const;

/** Pushes the `count` bytes at pointer + offset as the low bytes of a vector, zeros above. */
function pushBytes(f: FunctionBuilder, pointer: Local, offset: number, count: number): void {
  if (count === vectorBytes) {
    f.get(pointer);
    f.load("v128.load", offset);
    return;
  }
  let at = 0;
  if (count >= 8) {
    f.get(pointer);
    f.load("v128.load64_zero", offset);
    at = 8;
  } else {
    f.splatConst("i32x4", 0);
  }
  const vector = f.local("v128");
  for (const { size, load } of lanePieces) {
    if (count - at < size) continue;
    f.set(vector);
    f.get(pointer);
    f.get(vector);
    f.memoryLane(load, at / size, offset + at);
    at += size;
  }
  f.release(vector);
}
