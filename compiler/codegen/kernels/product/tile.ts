/**
 * The register tile: rows x vectors of accumulators, a loop nest over the reduction, and the store. The innermost loop body is one step:
 * all of B's vectors, then for each row one element of A in all lanes. It is not unrolled: V8 schedules the loads of a block first, and
 * with two steps in a block the accumulators spill (measured: half the speed).
 */
import { storageBytes } from "../../../../ir/dtype.ts";
import { argUses } from "../../../../ir/expr.ts";
import { nth } from "../../../../ir/access.ts";
import { type FunctionBuilder, increment, type Local, loopRange } from "../../wasm/index.ts";
import { addHighBits } from "../bytes/high-bits.ts";
import { isByte, loadHalves, loadLanes, storePacked } from "./access.ts";
import {
  applyEpilogue,
  emitStore,
  type Epilogue,
  type ExtraAt,
  noEpilogue,
  packsRuns,
  storesVectors,
} from "./epilogue.ts";
import { epilogueStages } from "./epilogue-stages.ts";
import { extraType, type Level, type Product } from "./product.ts";

/** The addresses that a tile's offsets count from. */
export interface Cursors {
  readonly a: Local;
  readonly out: Local;
  readonly extras: readonly Local[];
}

/** Byte offsets of each row of a tile. */
export interface TileRows {
  readonly a: readonly number[];
  readonly out: readonly number[];
  /** by extra operand, then row */
  readonly extras: readonly (readonly number[])[];
}

/** The columns of a tile: a whole panel or the ragged one. */
export interface TilePanel {
  /** address of the panel's first step that this tile reads */
  readonly b: Local;
  readonly columns: number;
  readonly vectors: number;
  /** rows of a tile */
  readonly rows: number;
  /** bytes of B from step to step */
  readonly bStep: number;
  /** bytes of B from vector to vector */
  readonly bVector: number;
}

/** Where the run is cut into blocks: what this block covers. */
export interface RunBlock {
  /** bytes of A that the run covers */
  readonly aBytes: Local;
  /** not zero: accumulators start from zero, else from the stored result */
  readonly isFirst: Local;
  /** not zero: the epilogue is applied, else the accumulators are stored as they are */
  readonly isLast: Local;
}

/** Emits one tile. */
export function emitTile(
  f: FunctionBuilder,
  product: Product,
  cursors: Cursors,
  rows: TileRows,
  panel: TilePanel,
  block: RunBlock | null,
): void {
  const accs = rows.a.map(() => f.localArray("v128", panel.vectors));
  const site: Tile = { f, product, cursors, rows, panel, accs };
  if (block === null) {
    clear(site);
    if (product.byteRows !== undefined) addHighBits(site, product.byteRows);
    reduce(site, null);
    store(site);
  } else {
    start(site, block);
    reduce(site, block);
    finish(site, block);
  }
  for (const row of accs) f.release(...row);
}

export interface Tile {
  readonly f: FunctionBuilder;
  readonly product: Product;
  readonly cursors: Cursors;
  readonly rows: TileRows;
  readonly panel: TilePanel;
  /** by row, then vector */
  readonly accs: readonly (readonly Local[])[];
}

function eachAcc(tile: Tile, visit: (acc: Local, row: number, vector: number) => void): void {
  for (const [row, accs] of tile.accs.entries()) for (const [vector, acc] of accs.entries()) visit(acc, row, vector);
}

function clear(tile: Tile): void {
  const { f } = tile;
  eachAcc(tile, (acc) => {
    f.splatConst("i32x4", 0);
    f.set(acc);
  });
}

function start(tile: Tile, block: RunBlock): void {
  const { f } = tile;
  f.get(block.isFirst);
  f.if(
    () => {
      clear(tile);
    },
    () => {
      partialResults(tile, "load");
    },
  );
}

function finish(tile: Tile, block: RunBlock): void {
  const { f } = tile;
  f.get(block.isLast);
  f.if(
    () => {
      store(tile);
    },
    () => {
      partialResults(tile, "store");
    },
  );
}

/** Keeps unfinished accumulators in the result's own place; only where accumulators and result have one dtype. */
function partialResults(tile: Tile, direction: "load" | "store"): void {
  const { f, product, cursors, rows, panel } = tile;
  const { lanes, acc: dtype } = product.arith;
  eachAcc(tile, (acc, row, vector) => {
    const count = Math.min(lanes, panel.columns - vector * lanes);
    const site = { pointer: cursors.out, offset: (rows.out[row] ?? 0) + vector * 16, extras: [] };
    if (direction === "store") {
      emitStore(f, noEpilogue(dtype), lanes, acc, count, site);
    } else {
      loadLanes(f, dtype, site.pointer, site.offset, lanes, count);
      f.set(acc);
    }
  });
}

function store(tile: Tile): void {
  const { product, panel } = tile;
  const isInPairs = panel.columns % (2 * product.arith.lanes) === 0;
  if (product.isJoined === true && isInPairs) storeJoined(tile);
  else storeResults(tile);
}

/**
 * Engines join the vectors of a tile from its stores backwards, where nothing stands between two stores, and only if they can join all on the
 * way: so all results are there before the first store.
 */
function storeJoined(tile: Tile): void {
  const { epilogue } = tile.product;
  for (const [row, vectors] of tile.accs.entries()) applyToRow(tile, epilogue, row, vectors);
  partialResults(tile, "store");
}

function storeResults(tile: Tile): void {
  const { f, product, cursors, rows, panel } = tile;
  const { lanes } = product.arith;
  const outBytes = storageBytes(product.epilogue.output);
  const [last = product.epilogue, ...others] = stagesOf(tile).toReversed();
  for (const stage of others.toReversed()) applyStage(tile, stage);
  if (isWhole(tile) && packsRuns(last, panel.vectors)) {
    storeRuns(tile, last);
    return;
  }
  eachAcc(tile, (acc, row, vector) => {
    const column = vector * lanes;
    const extras = extrasAt(tile, row, column);
    const site = { pointer: cursors.out, offset: (rows.out[row] ?? 0) + column * outBytes, extras };
    emitStore(f, last, lanes, acc, Math.min(lanes, panel.columns - column), site);
  });
}

/** Where the extra operands of a vector lie. */
const extrasAt = ({ product, cursors, rows }: Tile, row: number, column: number): readonly ExtraAt[] =>
  cursors.extras.map((pointer, i) => {
    const perColumn = product.extraPerColumn[i] ?? false;
    const columnBytes = perColumn ? column * storageBytes(extraType(product, i)) : 0;
    return { pointer, offset: (rows.extras[i]?.[row] ?? 0) + columnBytes, perColumn };
  });

/** Vectors are whole, and the epilogue works on them. */
const isWhole = ({ product: { arith, epilogue }, panel }: Tile): boolean =>
  panel.columns % arith.lanes === 0 && storesVectors(epilogue, arith.lanes, arith.lanes);

/** The epilogue's stages; one where vectors are ragged. */
const stagesOf = (tile: Tile): readonly Epilogue[] =>
  isWhole(tile) ? epilogueStages(tile.product.epilogue) : [tile.product.epilogue];

/** Stores narrow results a row at a time. */
function storeRuns(tile: Tile, epilogue: Epilogue): void {
  const { f, cursors, rows, accs } = tile;
  for (const [row, vectors] of accs.entries()) {
    applyToRow(tile, epilogue, row, vectors);
    storePacked(f, epilogue.output, cursors.out, rows.out[row] ?? 0, vectors);
  }
}

/** Applies an epilogue to the accumulators of a row. */
function applyToRow(tile: Tile, epilogue: Epilogue, row: number, accs: readonly Local[]): void {
  const { f, product } = tile;
  const loaded = loadBytes(tile, epilogue, row, accs.length);
  for (const [vector, acc] of accs.entries()) {
    const extras = extrasAt(tile, row, vector * product.arith.lanes).map((at, i): ExtraAt => {
      const halves = loaded[i] ?? null;
      return halves === null ? at : { ...at, loaded: { half: nth(halves, vector >> 1), isUpper: vector % 2 === 1 } };
    });
    applyEpilogue(f, epilogue, acc, extras);
  }
  f.release(...loaded.flatMap((halves) => halves ?? []));
}

/** Extra operands of bytes, where a row has sixteen and the epilogue reads them: both halves, widened; null for others. */
function loadBytes(tile: Tile, { expr }: Epilogue, row: number, vectors: number): readonly (readonly Local[] | null)[] {
  const { f, product } = tile;
  const uses = expr === null ? [] : argUses(expr, 1 + product.epilogue.extras.length);
  return extrasAt(tile, row, 0).map(({ pointer, offset, perColumn }, i) => {
    const dtype = extraType(product, i);
    const isRow = vectors === 4 && perColumn && isByte(dtype) && (uses[i + 1] ?? 0) > 0;
    return isRow ? loadHalves(f, dtype, pointer, offset) : null;
  });
}

/** Applies a stage to all accumulators. The condition holds wherever a tile is: the end of the units, the last parameter, lies above 0. */
function applyStage(tile: Tile, stage: Epilogue): void {
  const { f } = tile;
  f.get(f.params.at(-1) as Local);
  f.if(() => {
    for (const [row, vectors] of tile.accs.entries()) applyToRow(tile, stage, row, vectors);
  });
}

/** The loop nest over the reduction. `a` walks; B streams. */
function reduce(tile: Tile, block: RunBlock | null): void {
  const { f, product, cursors, panel } = tile;
  const [a, b] = [f.local("i32"), f.local("i32")];
  f.get(cursors.a);
  f.set(a);
  f.get(panel.b);
  f.set(b);
  reduceLevels(tile, product.levels, a, b, block);
  f.release(a, b);
}

function reduceLevels(tile: Tile, levels: readonly Level[], a: Local, b: Local, block: RunBlock | null): void {
  const [level, ...inner] = levels;
  if (level === undefined) {
    reduceRun(tile, a, b, block);
    return;
  }
  const { f } = tile;
  const counter = f.local("i32");
  loopRange(f, counter, 0, level.count, 1, () => {
    reduceLevels(tile, inner, a, b, block);
    if (typeof level.a === "number") increment(f, a, level.a - advance(tile.product, inner));
    else addParam(f, a, level.a.param);
  });
  f.release(counter);
}

function addParam(f: FunctionBuilder, local: Local, param: number): void {
  f.get(local);
  f.get(f.param(param));
  f.op("i32.add");
  f.set(local);
}

/** Bytes that `a` has moved after the given inner levels. */
function advance(product: Product, levels: readonly Level[]): number {
  const [level] = levels;
  if (level === undefined) return product.run * product.aStep;
  if (typeof level.a !== "number") throw new Error("internal: a level of open size inside one of known size");
  return level.count * level.a;
}

function reduceRun(tile: Tile, a: Local, b: Local, block: RunBlock | null): void {
  const { f, product, panel } = tile;
  if (product.run === 0) return;
  const round = (): void => {
    emitStep(tile, a, b);
    increment(f, b, panel.bStep);
    increment(f, a, product.aStep);
  };
  if (product.run === 1) {
    round();
    return;
  }
  const end = f.local("i32");
  f.get(a);
  if (block === null) f.i32((product.run / runParts(product)) * product.aStep);
  else f.get(block.aBytes);
  f.op("i32.add");
  f.set(end);
  f.loop((again) => {
    round();
    f.get(a);
    f.get(end);
    f.op("i32.ne");
    f.brIf(again);
  });
  f.release(end);
}

/** Parts of the run that are done side by side. */
const runParts = ({ b }: Product): 1 | 2 => (b.kind === "packed" && b.halves === true ? 2 : 1);

/** One step, in each part of the run. */
function emitStep(tile: Tile, a: Local, b: Local): void {
  const { f, product, panel } = tile;
  const { arith } = product;
  const parts = runParts(product);
  const bs = Array.from({ length: parts }, () => f.localArray("v128", panel.vectors));
  for (const [part, vectors] of bs.entries()) {
    const start = part * (product.run / parts) * panel.bStep;
    for (const [vector, local] of vectors.entries()) {
      f.get(b);
      arith.loadB(f, start + vector * panel.bVector);
      f.set(local);
    }
  }
  for (const [part, vectors] of bs.entries()) addRows(tile, a, part * (product.run / parts) * product.aStep, vectors);
  f.release(...bs.flat());
}

/** For each row one element of A, times the vectors of B. */
function addRows({ f, product, rows, accs }: Tile, a: Local, start: number, bs: readonly Local[]): void {
  const { arith } = product;
  const splat = f.local("v128");
  for (const [row, offset] of rows.a.entries()) {
    f.get(a);
    arith.loadA(f, start + offset);
    f.set(splat);
    for (const [vector, local] of bs.entries()) {
      f.get(arith.isBFirst === true ? local : splat);
      f.get(arith.isBFirst === true ? splat : local);
      arith.accumulate(f, accs[row]?.[vector] as Local);
    }
  }
  f.release(splat);
}
