/**
 * Products of few rows with weights in strips: what they wait for is memory, and the weights are all that comes from there. A unit does
 * some neighbouring strips at once, each a stream of its own. In a block the integers are summed as they are, and what has come together is scaled:
 *
 *     out[m, n] = sum over blocks of  scale * (sum over k of a[m, k] * q[k, n]) + offset * (sum over k of a[m, k])
 */
import { storageBytes } from "../../../../ir/dtype.ts";
import { type KernelArg, type KernelCode, kernelKey, kernelType } from "../../kernel.ts";
import {
  addConst,
  type FunctionBuilder,
  increment,
  type Local,
  loopRange,
  madd,
  type ModuleBuilder,
} from "../../wasm/index.ts";
import { pushOffset } from "../index-space.ts";
import { emitStore, type Epilogue, hoistConstants } from "../product/epilogue.ts";
import { hoistTopBytes, pushHalves, pushWidened, type TopBytes } from "./bytes.ts";
import { blockBytes, blockCount, lastBlock, rowsOf, type StripLayout, stripBytes } from "./strips.ts";

/** A product of `rows` dense rows, at most four: all are done together. */
export interface FewRows {
  readonly layout: StripLayout;
  readonly rows: number;
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
    emitTile(context, columns);
  };
  const ragged = (): void => {
    emitTile(context, rest);
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
  /** by row, then vector: of the block, and of all blocks before */
  readonly accs: readonly (readonly Local[])[];
  readonly totals: readonly (readonly Local[])[];
  /** cursors: A, the first strip (both at a block's start), sums of blocks */
  readonly a: Local;
  readonly b: Local;
  readonly sums: Local;
}

/** All rows of neighbouring columns, from the unit's first one on. */
function emitTile(context: Context, columns: number): void {
  const { f, product, strips } = context;
  const { layout, rows } = product;
  const vectors = vectorsOf(product, columns);
  const matrix = (): Local[][] => Array.from({ length: rows }, () => f.localArray("v128", vectors.length));
  const tile: Tile = {
    context,
    vectors,
    streams: Math.ceil(columns / layout.width),
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

/** A walk over rows of a block: how many, and which elements of A the parts of a row belong to, counted from the block's first. */
interface Pass {
  readonly row: number;
  readonly rows: number;
  readonly parts: readonly Part[];
}

interface Part {
  /** which half bytes; null: whole bytes */
  readonly half: 0 | 1 | null;
  /** that of the pass's first row */
  readonly element: number;
}

/**
 * Whole bytes in one pass. Halves of a byte in two: with both in one step V8 runs out of registers (measured with two rows and more: 0.75 of the
 * speed). One row has few operands, and does both.
 */
function passesOf(layout: StripLayout, elements: number, tileRows: number): readonly Pass[] {
  if (layout.bits === 8) return [{ row: 0, rows: elements, parts: [{ half: null, element: 0 }] }];
  const rows = rowsOf(layout, elements);
  const [lower, upper]: [Part, Part] = [
    { half: 0, element: 0 },
    { half: 1, element: rows },
  ];
  const both = elements - rows;
  if (tileRows > 1) return [{ row: 0, rows, parts: [lower] }, { row: 0, rows: both, parts: [upper] }];
  const single: Pass = { row: both, rows: rows - both, parts: [{ half: 0, element: both }] };
  return [{ row: 0, rows: both, parts: [lower, upper] }, single];
} // prettier-ignore

/** One block of `elements`; the cursors end behind it. */
function emitBlock(tile: Tile, elements: number): void {
  const { f, product } = tile.context;
  const { layout } = product;
  clear(f, tile.accs);
  for (const pass of passesOf(layout, elements, tile.accs.length)) if (pass.rows > 0) emitPass(tile, pass);
  addScaled(tile, rowsOf(layout, elements) * layout.width);
  increment(f, tile.a, 4 * elements);
  increment(f, tile.b, blockBytes(layout, elements));
}

function emitPass(tile: Tile, { row, rows, parts }: Pass): void {
  const { f, product } = tile.context;
  const { width } = product.layout;
  const [a, b, end] = [f.local("i32"), f.local("i32"), f.local("i32")];
  f.get(tile.a);
  f.set(a);
  f.get(tile.b);
  addConst(f, row * width);
  f.tee(b);
  f.i32(rows * width);
  f.op("i32.add");
  f.set(end);
  f.loop((again) => {
    emitRow({ ...tile, a, b }, parts);
    increment(f, a, 4);
    increment(f, b, width);
    f.get(b);
    f.get(end);
    f.op("i32.ne");
    f.brIf(again);
  });
  f.release(a, b, end);
}

/** One row of each strip. */
function emitRow(tile: Tile, parts: readonly Part[]): void {
  const { f } = tile.context;
  const factors = tile.accs.length <= mostKeptRows ? factorsOf(tile, parts) : null;
  for (let stream = 0; stream < tile.streams; stream++) addStream(tile, stream, parts, factors);
  f.release(...(factors ?? []).flat());
}

/** Rows whose elements of A stay in registers while the strips go by; with more rows the weights do. */
const mostKeptRows = 2;

/** Elements of A in all lanes: by part, then row. */
function factorsOf(tile: Tile, parts: readonly Part[]): readonly (readonly Local[])[] {
  const { f } = tile.context;
  return parts.map(({ element }) =>
    tile.accs.map((_, row) => {
      const factor = f.local("v128");
      pushFactor(tile, row, element);
      f.set(factor);
      return factor;
    }),
  );
}

function pushFactor({ context, a }: Tile, row: number, element: number): void {
  const { f, product } = context;
  f.get(a);
  f.load("v128.load32_splat", 4 * (row * product.layout.inner + element));
}

/** accs += a[rows, elements] * one strip's row */
function addStream(
  tile: Tile,
  stream: number,
  parts: readonly Part[],
  factors: ReturnType<typeof factorsOf> | null,
): void {
  const { f, product, top } = tile.context;
  const { layout } = product;
  const own = [...tile.vectors.entries()].filter(([, vector]) => vector.stream === stream);
  const [row, bytes] = [f.local("v128"), f.local("v128")];
  f.get(tile.b);
  f.load("v128.load", stream * stripBytes(layout));
  f.set(row);
  for (const [part, { half, element }] of parts.entries()) {
    if (half === null) f.get(row);
    else pushHalves(f, top, row, half);
    f.set(bytes);
    const indices = own.map(([i]) => i);
    const pushWeights = (i: number): void => {
      pushWidened(f, top, bytes, (tile.vectors[i] as Vector).at);
    };
    const kept = factors?.[part];
    if (kept === undefined) addByRow(tile, indices, element, pushWeights);
    else addByVector(tile, indices, kept, pushWeights);
  }
  f.release(row, bytes);
}

function addByVector(
  tile: Tile,
  indices: readonly number[],
  factors: readonly Local[],
  push: (i: number) => void,
): void {
  const { f } = tile.context;
  const weights = f.local("v128");
  for (const i of indices) {
    push(i);
    f.set(weights);
    for (const [row, factor] of factors.entries()) {
      f.get(weights);
      f.get(factor);
      madd(f, "f32x4", tile.accs[row]?.[i] as Local);
    }
  }
  f.release(weights);
}

function addByRow(tile: Tile, indices: readonly number[], element: number, push: (i: number) => void): void {
  const { f } = tile.context;
  const weights = indices.map((i) => {
    const local = f.local("v128");
    push(i);
    f.set(local);
    return local;
  });
  const factor = f.local("v128");
  for (const [row, accs] of tile.accs.entries()) {
    pushFactor(tile, row, element);
    f.set(factor);
    for (const [at, i] of indices.entries()) {
      f.get(weights[at] as Local);
      f.get(factor);
      madd(f, "f32x4", accs[i] as Local);
    }
  }
  f.release(factor, ...weights);
}

/** totals += scale * accs + offset * sum, with scales so many bytes behind the cursor. */
function addScaled({ context, vectors, accs, totals, b, sums }: Tile, scales: number): void {
  const { f, product } = context;
  const { layout } = product;
  const addProduct = (row: number, i: number, offset: number, factor: () => void): void => {
    const { stream, at } = vectors[i] as Vector;
    f.get(b);
    f.load("v128.load", stream * stripBytes(layout) + scales + offset + 16 * at);
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
        f.load("v128.load32_splat", 4 * row * blockCount(layout));
      });
    }
  }
  if (layout.hasOffsets) increment(f, sums, 4);
}

function store({ context, vectors, totals }: Tile): void {
  const { f, product, out, extras } = context;
  const { epilogue, layout } = product;
  const outBytes = storageBytes(epilogue.output);
  for (const [row, rowTotals] of totals.entries()) {
    for (const [i, { column, count }] of vectors.entries()) {
      const site = {
        pointer: out,
        offset: (row * layout.columns + column) * outBytes,
        extras: extras.map((pointer, e) => {
          const { rows = [], perColumn = false } = product.extras[e] ?? {};
          const columnBytes = perColumn ? column * storageBytes(epilogue.extras[e] ?? "f32") : 0;
          return { pointer, offset: (rows[row] ?? 0) + columnBytes, perColumn };
        }),
      };
      emitStore(f, epilogue, 4, rowTotals[i] as Local, count, site);
    }
  }
}
