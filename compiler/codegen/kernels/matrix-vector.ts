/** result = bias + matrix · vector for a row-major matrix, as part of a larger kernel: four rows at a time share the loads of the vector. */
import { nth } from "../../../ir/access.ts";
import { madd, type FunctionBuilder, increment, type Local, loopRange } from "../wasm/index.ts";
import { laneBytes } from "./lane-loops.ts";

export interface MatrixVector {
  readonly dtype: "f32" | "f64";
  readonly rows: number;
  readonly columns: number;
  readonly matrix: Local;
  readonly vector: Local;
  readonly bias: Local;
  readonly result: Local;
}

export function emitMatrixVector(f: FunctionBuilder, product: MatrixVector): void {
  const { dtype, rows, columns } = product;
  const bytes = laneBytes[dtype];
  const block = dtype === "f32" && columns >= 4 ? 4 : 1;
  const blocks = Math.floor(rows / block);
  const cursors = [product.matrix, product.bias, product.result].map((pointer) => {
    const cursor = f.local("i32");
    f.get(pointer);
    f.set(cursor);
    return cursor;
  });
  const [matrix, bias, result] = cursors as [Local, Local, Local];
  const counter = f.local("i32");
  const at = { ...product, matrix, bias, result };
  const run = (count: number, height: number): void => {
    loopRange(f, counter, 0, count, 1, () => {
      emitRows(f, at, height);
      increment(f, matrix, height * columns * bytes);
      increment(f, bias, height * bytes);
      increment(f, result, height * bytes);
    });
  };
  run(blocks, block);
  if (block > 1) run(rows - blocks * block, 1);
  f.release(counter, ...cursors);
}

/** The products of `height` neighbouring rows. */
function emitRows(f: FunctionBuilder, product: MatrixVector, height: number): void {
  const { dtype, columns, matrix, vector, bias, result } = product;
  const bytes = laneBytes[dtype];
  const sums = f.localArray(dtype, height);
  const vectors = dtype === "f32" ? Math.floor(columns / 4) : 0;
  for (const [row, sum] of sums.entries()) {
    f.get(bias);
    f.load(`${dtype}.load`, row * bytes);
    f.set(sum);
  }
  const [across, along] = [f.local("i32"), f.local("i32")];
  f.get(matrix);
  f.set(across);
  f.get(vector);
  f.set(along);
  if (vectors > 0) addVectors(f, sums, vectors, columns * bytes, across, along);
  const counter = f.local("i32");
  loopRange(f, counter, 0, columns - 4 * vectors, 1, () => {
    for (const [row, sum] of sums.entries()) {
      f.get(sum);
      f.get(across);
      f.load(`${dtype}.load`, row * columns * bytes);
      f.get(along);
      f.load(`${dtype}.load`);
      f.op(`${dtype}.mul`);
      f.op(`${dtype}.add`);
      f.set(sum);
    }
    increment(f, across, bytes);
    increment(f, along, bytes);
  });
  for (const [row, sum] of sums.entries()) {
    f.get(result);
    f.get(sum);
    f.store(`${dtype}.store`, row * bytes);
  }
  f.release(across, along, counter, ...sums);
}

/** Adds the products of the leading vectors; the cursors end behind them. */
function addVectors(
  f: FunctionBuilder,
  sums: readonly Local[],
  vectors: number,
  rowBytes: number,
  across: Local,
  along: Local,
): void {
  const partial = f.localArray("v128", sums.length);
  const [x, counter] = [f.local("v128"), f.local("i32")];
  for (const local of partial) {
    f.splatConst("f32x4", 0);
    f.set(local);
  }
  loopRange(f, counter, 0, vectors, 1, () => {
    f.get(along);
    f.load("v128.load");
    f.set(x);
    for (const [row, local] of partial.entries()) {
      f.get(across);
      f.load("v128.load", row * rowBytes);
      f.get(x);
      madd(f, "f32x4", local);
    }
    increment(f, across, 16);
    increment(f, along, 16);
  });
  for (const [row, local] of partial.entries()) {
    f.get(nth(sums, row));
    for (let lane = 0; lane < 4; lane++) {
      f.get(local);
      f.lane("f32x4.extract_lane", lane);
      f.op("f32.add");
    }
    f.set(nth(sums, row));
  }
  f.release(x, counter, ...partial);
}
