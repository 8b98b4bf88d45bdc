/** The product of row-major matrices whose rows, columns and inner dim are known when it runs: tiles of 4 rows and 8 columns. */
import { nth } from "../../../ir/access.ts";
import { ceilDiv, type Dim } from "../../../ir/dim.ts";
import { kernelKey } from "../kernel.ts";
import { type Bound, type FunctionBuilder, type Local, madd, pushBound } from "../wasm/index.ts";
import {
  type OpenFunction,
  openFunction,
  type OpenKernelArg,
  type OpenKernelCode,
  type Size,
  type SizeParams,
} from "./kernel.ts";
import { addBound, clampTo, copyOf, forEachOpenRow, type OpenAxis, openRowCount, sizedAxes } from "./rows.ts";

export interface TilesPlan {
  readonly rows: Size;
  readonly inner: Size;
  readonly columns: Size;
  /** bytes from row to row */
  readonly aRow: Size;
  readonly bRow: Size;
}

const tileRows = 4;
const tileColumns = 8;

/** The stage; units are blocks of rows of each matrix. `batch` has the strides of [a, b, result] in bytes. */
export function emitOpenTiles(
  plan: TilesPlan,
  batch: readonly OpenAxis[],
  rows: Dim,
  params: SizeParams,
  args: readonly OpenKernelArg[],
  work: Dim,
): OpenKernelCode {
  const blocks: OpenAxis = { size: ceilDiv(rows, tileRows), strides: [0, 0, 0] };
  const space = [...batch, blocks];
  const axes = sizedAxes(space, params);
  const blockCount = params.of(blocks.size);
  return {
    key: kernelKey("open product", plan, axes, blockCount),
    units: openRowCount(space),
    args,
    sizes: params.dims,
    work,
    emit: (module) =>
      openFunction(module, "product", 3, params.dims.length, (site) => {
        forEachOpenRow(site, axes, site.addresses, (pointers, unit) => {
          emitBlock(site, plan, pointers, unit, site.bound(blockCount));
        });
      }),
  };
}

function emitBlock(site: OpenFunction, plan: TilesPlan, bases: readonly Local[], unit: Local, blocks: Bound): void {
  const { f, bound } = site;
  const rows = bound(plan.rows);
  const row = f.local("i32");
  const atLeast = (size: Bound, least: number): void => {
    pushBound(f, size);
    f.i32(least);
    f.op("i32.ge_u");
  };
  atLeast(rows, tileRows);
  f.if(
    () => {
      // the last rows are done with those before them once more, so that every tile is whole
      f.get(unit);
      pushBound(f, blocks);
      f.op("i32.rem_u");
      f.i32(tileRows);
      f.op("i32.mul");
      f.set(row);
      clampTo(f, row, rows, tileRows);
      emitTileRows(site, plan, bases, row, tileRows);
    },
    () => {
      f.i32(0);
      f.set(row);
      f.loop((again) => {
        emitTileRows(site, plan, bases, row, 1);
        addBound(f, row, 1);
        f.get(row);
        pushBound(f, rows);
        f.op("i32.lt_u");
        f.brIf(again);
      });
    },
  );
  f.release(row);
}

/** `count` rows from `row` on, over all columns. */
function emitTileRows(site: OpenFunction, plan: TilesPlan, bases: readonly Local[], row: Local, count: number): void {
  const { f, bound } = site;
  const [a, out] = [copyOf(f, nth(bases, 0)), copyOf(f, nth(bases, 2))];
  const toRow = (pointer: Local, stride: Bound): void => {
    f.get(pointer);
    f.get(row);
    pushBound(f, stride);
    f.op("i32.mul");
    f.op("i32.add");
    f.set(pointer);
  };
  toRow(a, bound(plan.aRow));
  toRow(out, bound(plan.bRow));
  const columns = bound(plan.columns);
  const column = f.local("i32");
  f.i32(0);
  f.set(column);
  pushBound(f, columns);
  f.i32(tileColumns);
  f.op("i32.ge_u");
  f.if(
    () => {
      f.loop((again) => {
        clampTo(f, column, columns, tileColumns);
        emitTile(site, plan, { a, b: nth(bases, 1), out, column, count });
        addBound(f, column, tileColumns);
        f.get(column);
        pushBound(f, columns);
        f.op("i32.lt_u");
        f.brIf(again);
      });
    },
    () => {
      f.loop((again) => {
        emitColumn(site, plan, { a, b: nth(bases, 1), out, column, count });
        addBound(f, column, 1);
        f.get(column);
        pushBound(f, columns);
        f.op("i32.lt_u");
        f.brIf(again);
      });
    },
  );
  f.release(a, out, column);
}

interface TileSite {
  /** addresses of the first row of A and of the result, and of B */
  readonly a: Local;
  readonly b: Local;
  readonly out: Local;
  readonly column: Local;
  readonly count: number;
}

/** Pointers to each of the tile's rows. */
function rowPointers(f: FunctionBuilder, first: Local, count: number, stride: Bound): readonly Local[] {
  const pointers: Local[] = [];
  for (let row = 0; row < count; row++) {
    const pointer = copyOf(f, pointers.at(-1) ?? first);
    if (row > 0) addBound(f, pointer, stride);
    pointers.push(pointer);
  }
  return pointers;
}

/** pointer + column * 4 */
function atColumn(f: FunctionBuilder, base: Local, column: Local): Local {
  const pointer = f.local("i32");
  f.get(base);
  f.get(column);
  f.i32(2);
  f.op("i32.shl");
  f.op("i32.add");
  f.set(pointer);
  return pointer;
}

/** Repeats over the inner dim. */
function alongInner(f: FunctionBuilder, inner: Bound, body: () => void): void {
  const left = f.local("i32");
  pushBound(f, inner);
  f.tee(left);
  f.if(() => {
    f.loop((again) => {
      body();
      addBound(f, left, 1, -1);
      f.get(left);
      f.brIf(again);
    });
  });
  f.release(left);
}

function emitTile(site: OpenFunction, plan: TilesPlan, { a, b, out, column, count }: TileSite): void {
  const { f, bound } = site;
  const rows = rowPointers(f, a, count, bound(plan.aRow));
  const pointer = atColumn(f, b, column);
  const vectors = tileColumns / 4;
  const accs = rows.map(() => f.localArray("v128", vectors));
  for (const acc of accs.flat()) {
    f.splatConst("f32x4", 0);
    f.set(acc);
  }
  const [columns, element] = [f.localArray("v128", vectors), f.local("v128")];
  alongInner(f, bound(plan.inner), () => {
    for (const [vector, local] of columns.entries()) {
      f.get(pointer);
      f.load("v128.load", 16 * vector);
      f.set(local);
    }
    addBound(f, pointer, bound(plan.bRow));
    for (const [index, row] of rows.entries()) {
      f.get(row);
      f.load("v128.load32_splat");
      f.set(element);
      for (const [vector, local] of columns.entries()) {
        f.get(element);
        f.get(local);
        madd(f, "f32x4", nth(nth(accs, index), vector));
      }
      addBound(f, row, 4);
    }
  });
  const target = atColumn(f, out, column);
  for (const [index, row] of accs.entries()) {
    if (index > 0) addBound(f, target, bound(plan.bRow));
    for (const [vector, acc] of row.entries()) {
      f.get(target);
      f.get(acc);
      f.store("v128.store", 16 * vector);
    }
  }
  f.release(target, pointer, element, ...columns, ...rows, ...accs.flat());
}

function emitColumn(site: OpenFunction, plan: TilesPlan, { a, b, out, column, count }: TileSite): void {
  const { f, bound } = site;
  const rows = rowPointers(f, a, count, bound(plan.aRow));
  const pointer = atColumn(f, b, column);
  const [sums, value] = [rows.map(() => f.local("f32")), f.local("f32")];
  for (const sum of sums) {
    f.f32(0);
    f.set(sum);
  }
  alongInner(f, bound(plan.inner), () => {
    f.get(pointer);
    f.load("f32.load");
    f.set(value);
    addBound(f, pointer, bound(plan.bRow));
    for (const [index, row] of rows.entries()) {
      f.get(nth(sums, index));
      f.get(row);
      f.load("f32.load");
      f.get(value);
      f.op("f32.mul");
      f.op("f32.add");
      f.set(nth(sums, index));
      addBound(f, row, 4);
    }
  });
  const target = atColumn(f, out, column);
  for (const [index, sum] of sums.entries()) {
    if (index > 0) addBound(f, target, bound(plan.bRow));
    f.get(target);
    f.get(sum);
    f.store("f32.store");
  }
  f.release(target, pointer, value, ...sums, ...rows);
}
