/**
 * Products of few rows with weights in strips: what they wait for is memory, and the weights are all that comes from there. A unit does
 * some neighbouring strips at once, each a stream of its own. In a block the integers are summed as they are, and what has come together is scaled:
 *
 *     out[m, n] = sum over blocks of  scale * (sum over k of a[m, k] * q[k, n]) + offset * (sum over k of a[m, k])
 */
import { storageBytes } from "../../../../ir/dtype.ts";
import { type KernelArg, type KernelCode, kernelKey, kernelType } from "../../kernel.ts";
import { type FunctionBuilder, increment, type Local, loopRange, madd, type ModuleBuilder } from "../../wasm/index.ts";
import { pushOffset } from "../index-space.ts";
import { emitStore, type Epilogue, hoistConstants } from "../product/epilogue.ts";
import { hoistTopBytes, pushHalves, pushWidened, type TopBytes } from "./bytes.ts";
import { blockCount, lastBlock, parameterBytes, perRow, type StripLayout, stripBytes } from "./strips.ts";

/** A product of `rows` dense rows. */
export interface FewRows {
  readonly layout: StripLayout;
  readonly rows: number;
  /** rows that are done together */
  readonly tileRows: number;
  /** strips that are done together */
  readonly streams: number;
  readonly epilogue: Epilogue;
  /** for each extra operand: bytes to its element of each row, and whether it has one for each column */
  readonly extras: readonly ExtraRows[];
}

export interface ExtraRows {
  readonly rows: readonly number[];
  readonly perColumn: boolean;
}

/** Columns of a unit. */
const unitColumns = ({ layout, streams }: FewRows): number => layout.width * streams;

/** The stage; `args` are A, the strips, the sums of blocks if there are offsets, the extra operands, then the result. */
export const fewRowsStage = (product: FewRows, args: readonly KernelArg[]): KernelCode => ({
  key: kernelKey("few rows", product),
  units: product.rows === 0 ? 0 : Math.ceil(product.layout.columns / unitColumns(product)),
  args,
  work: 2 * product.rows * product.layout.columns * product.layout.inner,
  emit: (module) => emitFewRows(module, product, args.length),
});

interface Context {
  readonly f: FunctionBuilder;
  readonly product: FewRows;
  readonly top: TopBytes;
  /** addresses of the unit's first column */
  readonly strips: Local;
  readonly out: Local;
  readonly extras: readonly Local[];
}

function emitFewRows(module: ModuleBuilder, product: FewRows, args: number): number {
  const { layout, rows, epilogue } = product;
  return module.function(`weights${layout.bits}_${rows}x${layout.inner}x${layout.columns}`, kernelType(args), (f) => {
    const context: Context = {
      f,
      product,
      top: hoistTopBytes(f, layout.width),
      strips: f.local("i32"),
      out: f.local("i32"),
      extras: f.localArray("i32", epilogue.extras.length),
    };
    hoistConstants(f, epilogue);
    const unit = f.local("i32");
    loopRange(f, unit, f.param(args), f.param(args + 1), 1, () => {
      startUnit(context, unit, args);
      emitUnit(context, unit);
    });
  });
}

function startUnit({ f, product, strips, out, extras }: Context, unit: Local, args: number): void {
  const { layout, streams, epilogue } = product;
  const columns = unitColumns(product);
  const start = (local: Local, param: number, bytes: number): void => {
    f.get(f.param(param));
    pushOffset(f, unit, bytes);
    f.set(local);
  };
  start(strips, 1, streams * stripBytes(layout));
  start(out, args - 1, columns * storageBytes(epilogue.output));
  for (const [i, extra] of extras.entries()) {
    const bytes = product.extras[i]?.perColumn === true ? storageBytes(epilogue.extras[i] ?? "f32") : 0;
    start(extra, args - 1 - extras.length + i, columns * bytes);
  }
}

/** All rows of the unit's columns: whole units, or what is left of the columns. */
function emitUnit(context: Context, unit: Local): void {
  const { f, product } = context;
  const columns = unitColumns(product);
  const full = Math.floor(product.layout.columns / columns);
  const rest = product.layout.columns % columns;
  const whole = (): void => {
    emitTiles(context, columns);
  };
  const ragged = (): void => {
    emitTiles(context, rest);
  };
  if (rest === 0) whole();
  else if (full === 0) ragged();
  else {
    f.get(unit);
    f.i32(full);
    f.op("i32.lt_u");
    f.if(whole, ragged);
  }
}

function emitTiles(context: Context, columns: number): void {
  const { rows, tileRows } = context.product;
  for (let row = 0; row < rows; row += tileRows) emitTile(context, columns, row, Math.min(tileRows, rows - row));
}

/** Four neighbouring columns. */
interface Vector {
  readonly stream: number;
  /** in its strip */
  readonly at: number;
  /** in the unit */
  readonly column: number;
  /** not all four where the columns end */
  readonly count: number;
}

function vectorsOf({ layout: { width } }: FewRows, columns: number): Vector[] {
  return Array.from({ length: Math.ceil(columns / 4) }, (_, i) => ({
    stream: Math.floor((4 * i) / width),
    at: ((4 * i) % width) / 4,
    column: 4 * i,
    count: Math.min(4, columns - 4 * i),
  }));
}

interface Tile {
  readonly context: Context;
  readonly vectors: readonly Vector[];
  readonly streams: number;
  readonly firstRow: number;
  /** by row, then vector: of the block, and of all blocks before */
  readonly accs: readonly (readonly Local[])[];
  readonly totals: readonly (readonly Local[])[];
  /** cursors: A, the first strip, sums of blocks */
  readonly a: Local;
  readonly b: Local;
  readonly sums: Local;
}

function emitTile(context: Context, columns: number, firstRow: number, rows: number): void {
  const { f, product, strips } = context;
  const { layout } = product;
  const vectors = vectorsOf(product, columns);
  const matrix = (): Local[][] => Array.from({ length: rows }, () => f.localArray("v128", vectors.length));
  const tile: Tile = {
    context,
    vectors,
    streams: Math.ceil(columns / layout.width),
    firstRow,
    accs: matrix(),
    totals: matrix(),
    a: f.local("i32"),
    b: f.local("i32"),
    sums: f.local("i32"),
  };
  f.get(f.param(0));
  f.set(tile.a);
  f.get(strips);
  f.set(tile.b);
  if (layout.hasOffsets) {
    f.get(f.param(2));
    f.set(tile.sums);
  }
  clear(f, tile.totals);
  const blocks = layout.inner === 0 ? 0 : blockCount(layout) - 1;
  const counter = f.local("i32");
  loopRange(f, counter, 0, blocks, 1, () => {
    emitBlock(tile, layout.block);
  });
  if (layout.inner > 0) emitBlock(tile, lastBlock(layout));
  store(tile);
  f.release(counter, tile.a, tile.b, tile.sums, ...tile.accs.flat(), ...tile.totals.flat());
}

function clear(f: FunctionBuilder, locals: readonly (readonly Local[])[]): void {
  for (const local of locals.flat()) {
    f.splatConst("f32x4", 0);
    f.set(local);
  }
}

/** One block of `elements`; all cursors end behind it. */
function emitBlock(tile: Tile, elements: number): void {
  const { f, product } = tile.context;
  const { layout } = product;
  clear(f, tile.accs);
  const step = perRow(layout);
  const end = f.local("i32");
  const whole = Math.floor(elements / step) * step;
  if (whole > 0) {
    f.get(tile.a);
    f.i32(4 * whole);
    f.op("i32.add");
    f.set(end);
    f.loop((again) => {
      emitRow(tile, step);
      f.get(tile.a);
      f.get(end);
      f.op("i32.ne");
      f.brIf(again);
    });
  }
  if (whole < elements) emitRow(tile, 1);
  f.release(end);
  addScaled(tile);
  increment(f, tile.b, parameterBytes(layout));
}

/** One row of each strip, of which the first `elements` count. */
function emitRow(tile: Tile, elements: number): void {
  const { f, product, top } = tile.context;
  const { layout } = product;
  const rows = Array.from({ length: tile.streams }, (_, stream) => {
    const row = f.local("v128");
    f.get(tile.b);
    f.load("v128.load", stream * stripBytes(layout));
    f.set(row);
    return row;
  });
  for (let element = 0; element < elements; element++) {
    const bytes = rows.map((row) => (layout.bits === 8 ? row : halvesOf(f, top, row, element as 0 | 1)));
    addElement(tile, bytes, element);
    if (layout.bits === 4) f.release(...bytes);
  }
  f.release(...rows);
  increment(f, tile.b, layout.width);
  increment(f, tile.a, 4 * elements);
}

function halvesOf(f: FunctionBuilder, top: TopBytes, row: Local, element: 0 | 1): Local {
  const bytes = f.local("v128");
  pushHalves(f, top, row, element);
  f.set(bytes);
  return bytes;
}

/** accs += a[rows, element] * the strips' bytes */
function addElement({ context, vectors, firstRow, accs, a }: Tile, bytes: readonly Local[], element: number): void {
  const { f, product, top } = context;
  const { inner } = product.layout;
  const factors = accs.map((_, row) => {
    const factor = f.local("v128");
    f.get(a);
    f.load("v128.load32_splat", 4 * ((firstRow + row) * inner + element));
    f.set(factor);
    return factor;
  });
  const weights = f.local("v128");
  for (const [i, { stream, at }] of vectors.entries()) {
    pushWidened(f, top, bytes[stream] as Local, at);
    f.set(weights);
    for (const [row, factor] of factors.entries()) {
      f.get(weights);
      f.get(factor);
      madd(f, "f32x4", accs[row]?.[i] as Local);
    }
  }
  f.release(weights, ...factors);
}

/** totals += scale * accs + offset * sum; the cursor stands on the scales. */
function addScaled({ context, vectors, firstRow, accs, totals, b, sums }: Tile): void {
  const { f, product } = context;
  const { layout } = product;
  const addProduct = (row: number, i: number, offset: number, factor: () => void): void => {
    const { stream, at } = vectors[i] as Vector;
    f.get(b);
    f.load("v128.load", stream * stripBytes(layout) + offset + 16 * at);
    factor();
    madd(f, "f32x4", totals[row]?.[i] as Local);
  };
  for (const [row, rowAccs] of accs.entries()) {
    for (const [i, acc] of rowAccs.entries()) {
      addProduct(row, i, 0, () => {
        f.get(acc);
      });
      if (!layout.hasOffsets) continue;
      addProduct(row, i, 4 * layout.width, () => {
        f.get(sums);
        f.load("v128.load32_splat", 4 * (firstRow + row) * blockCount(layout));
      });
    }
  }
  if (layout.hasOffsets) increment(f, sums, 4);
}

function store({ context, vectors, firstRow, totals }: Tile): void {
  const { f, product, out, extras } = context;
  const { epilogue, layout } = product;
  const outBytes = storageBytes(epilogue.output);
  for (const [row, rowTotals] of totals.entries()) {
    for (const [i, { column, count }] of vectors.entries()) {
      const site = {
        pointer: out,
        offset: ((firstRow + row) * layout.columns + column) * outBytes,
        extras: extras.map((pointer, e) => {
          const { rows = [], perColumn = false } = product.extras[e] ?? {};
          const columnBytes = perColumn ? column * storageBytes(epilogue.extras[e] ?? "f32") : 0;
          return { pointer, offset: (rows[firstRow + row] ?? 0) + columnBytes, perColumn };
        }),
      };
      emitStore(f, epilogue, 4, rowTotals[i] as Local, count, site);
    }
  }
}
