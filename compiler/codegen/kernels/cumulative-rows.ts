/**
 * Running sums and products along an axis that is not the innermost one: row after row of what lies inside the axis, all columns of a block
 * at once. Sums of f32 stand in private memory as doubles, as for single lanes; others are the row before.
 *
 *     for each row:  sums[block] += x[row, block];  y[row, block] = sums[block]     (exclusive: y before the addition)
 *     or             y[row, block] = y[row - 1, block] + x[row, block]              (exclusive: x[row - 1, block])
 */
import { nth } from "../../../ir/access.ts";
import { type DType, storageBytes } from "../../../ir/dtype.ts";
import type { CumulativeOp } from "../../../ir/graph.ts";
import { loadScalar, storeScalar } from "../elements.ts";
import { type KernelArg, type KernelCode, kernelKey, kernelType } from "../kernel.ts";
import { castScalar, scalarRep } from "../math/scalar-casts.ts";
import { scalarBinary } from "../math/scalar-ops.ts";
import { type FunctionBuilder, increment, type Local, loopRange } from "../wasm/index.ts";
import { forEachRow } from "./rows-loop.ts";

export interface RowsPlan {
  readonly fn: CumulativeOp["fn"];
  readonly dtype: DType;
  readonly exclusive: boolean;
  readonly reverse: boolean;
  readonly outer: number;
  /** rows, along the axis */
  readonly size: number;
  /** columns, elements inside the axis */
  readonly inner: number;
}

type VectorShape = "f64x2" | "i32x4" | "i64x2";

/** Types whose sums are held in vectors, and the vectors. */
const vectorShapes: Partial<Record<DType, VectorShape>> = {
  f32: "f64x2",
  f64: "f64x2",
  i32: "i32x4",
  u32: "i32x4",
  i64: "i64x2",
  u64: "i64x2",
};

/** The type in which sums are held. */
export const carrierOf = (dtype: DType): DType => (dtype === "f32" ? "f64" : dtype);

/** Pushes what a sum or a product starts from. */
export function pushIdentity(f: FunctionBuilder, fn: CumulativeOp["fn"], dtype: DType): void {
  const identity = fn === "sum" ? 0 : 1;
  const rep = scalarRep(dtype);
  if (rep === "f64") f.f64(identity);
  else if (rep === "i64") f.i64(BigInt(identity));
  else f.i32(identity);
}

/** Columns of a block: few enough that their sums stay in the first-level cache. */
const blockColumns = 1024;
/** Elements that are read at once: a vector of them. */
const stepOf = (dtype: DType): number => 16 / storageBytes(dtype);

/** Whether there are enough columns for vectors, of a type that has them. */
export const canWalkRows = ({ dtype, inner, size }: RowsPlan): boolean =>
  vectorShapes[dtype] !== undefined && inner >= stepOf(dtype) && size > 0;

/** A stage for whole blocks, and one for what is left of the columns. */
export function rowsStages(plan: RowsPlan): readonly KernelCode[] {
  const blocks = Math.floor(plan.inner / blockColumns);
  const rest = plan.inner % blockColumns;
  return [
    ...(blocks > 0 ? [blockStage(plan, 0, blocks, blockColumns)] : []),
    ...(rest > 0 ? [blockStage(plan, blocks * blockColumns, 1, rest)] : []),
  ];
}

function blockStage(plan: RowsPlan, firstColumn: number, blocks: number, columns: number): KernelCode {
  const { dtype, reverse, outer, size, inner } = plan;
  const bytes = storageBytes(dtype);
  const row = inner * bytes;
  const start = (reverse ? (size - 1) * row : 0) + firstColumn * bytes;
  const axes = [outer, blocks].map((count, axis) => {
    const stride = axis === 0 ? size * row : columns * bytes;
    return { size: count, strides: [stride, stride] };
  });
  const isHeld = carrierOf(dtype) !== dtype;
  const sums: KernelArg = {
    kind: "scratch",
    id: 0,
    byteLength: columns * storageBytes(carrierOf(dtype)),
    isPrivate: true,
  };
  const args: readonly KernelArg[] = [
    { kind: "input", index: 0 },
    { kind: "output", index: 0 },
    ...(isHeld ? [sums] : []),
  ];
  return {
    key: kernelKey("cumulative rows", plan, firstColumn, columns),
    units: outer * blocks,
    args,
    work: outer * size * blocks * columns,
    emit: (module) =>
      module.function("cumulativeRows", kernelType(args.length), (f) => {
        const places = f.params.slice(0, -2);
        const [begin, end] = f.params.slice(-2) as [Local, Local];
        const ends = places.slice(0, 2);
        for (const base of ends) increment(f, base, start);
        forEachRow(f, begin, end, axes, ends, (pointers) => {
          const [from, to] = [nth(pointers, 0), nth(pointers, 1)];
          if (isHeld) emitBlock(f, plan, columns, [from, to], nth(places, 2));
          else emitRowsOnRows(f, plan, columns, from, to);
        });
      }),
  };
}

/** Rows that are sums of the row before and an operand's: nothing else has to be kept. */
function emitRowsOnRows(f: FunctionBuilder, plan: RowsPlan, columns: number, from: Local, to: Local): void {
  const step = (plan.reverse ? -plan.inner : plan.inner) * storageBytes(plan.dtype);
  const [source, target, row] = [f.local("i32"), f.local("i32"), f.local("i32")];
  for (const [cursor, base, distance] of [
    [source, from, plan.exclusive ? 0 : step],
    [target, to, step],
  ] as const) {
    f.get(base);
    f.set(cursor);
    increment(f, cursor, distance);
  }
  emitFirstRow(f, plan, columns, from, to);
  loopRange(f, row, 1, plan.size, 1, () => {
    emitSumRow(f, plan, columns, source, target, -step);
    for (const cursor of [source, target]) increment(f, cursor, step);
  });
  f.release(source, target, row);
}

/** The first row as it is, or what sums start from. */
function emitFirstRow(
  f: FunctionBuilder,
  { dtype, fn, exclusive }: RowsPlan,
  columns: number,
  from: Local,
  to: Local,
): void {
  const bytes = columns * storageBytes(dtype);
  if (!exclusive) {
    f.get(to);
    f.get(from);
    f.i32(bytes);
    f.memoryCopy();
    return;
  }
  const [target, counter] = [f.local("i32"), f.local("i32")];
  f.get(to);
  f.set(target);
  loopRange(f, counter, 0, columns, 1, () => {
    f.get(target);
    pushIdentity(f, fn, dtype);
    storeScalar(f, dtype);
    increment(f, target, storageBytes(dtype));
  });
  f.release(target, counter);
}

/** One row: `before` is how far the row of sums before lies from it, in bytes. */
function emitSumRow(
  f: FunctionBuilder,
  { dtype, fn }: RowsPlan,
  columns: number,
  source: Local,
  target: Local,
  before: number,
): void {
  const [bytes, step] = [storageBytes(dtype), stepOf(dtype)];
  const operation = fn === "sum" ? "add" : "mul";
  const shape = vectorShapes[dtype];
  if (shape === undefined) throw new Error(`internal: vectors of ${dtype}`);
  const cursors = [source, target, target].map((base) => {
    const cursor = f.local("i32");
    f.get(base);
    f.set(cursor);
    return cursor;
  });
  const [x, y, sum] = cursors as [Local, Local, Local];
  increment(f, sum, before);
  const vectors = Math.floor(columns / step);
  const unroll = vectors % 4 === 0 ? 4 : vectors % 2 === 0 ? 2 : 1;
  const counter = f.local("i32");
  loopRange(f, counter, 0, vectors, unroll, () => {
    for (let i = 0; i < unroll; i++) {
      f.get(y);
      for (const operand of [sum, x]) {
        f.get(operand);
        f.load("v128.load", 16 * i);
      }
      f.op(`${shape}.${operation}`);
      f.store("v128.store", 16 * i);
    }
    for (const cursor of cursors) increment(f, cursor, unroll * 16);
  });
  for (let i = 0; i < columns % step; i++) {
    f.get(y);
    for (const operand of [sum, x]) {
      f.get(operand);
      loadScalar(f, dtype, i * bytes);
    }
    scalarBinary(f, operation, dtype);
    storeScalar(f, dtype, i * bytes);
  }
  f.release(counter, ...cursors);
}

function emitBlock(
  f: FunctionBuilder,
  plan: RowsPlan,
  columns: number,
  ends: readonly [Local, Local],
  sums: Local,
): void {
  const step = (plan.reverse ? -plan.inner : plan.inner) * storageBytes(plan.dtype);
  const [source, target, row] = [f.local("i32"), f.local("i32"), f.local("i32")];
  for (const [i, cursor] of [source, target].entries()) {
    f.get(nth(ends, i));
    f.set(cursor);
  }
  const next = (): void => {
    for (const cursor of [source, target]) increment(f, cursor, step);
  };
  emitRow(f, plan, columns, source, target, sums, true);
  next();
  loopRange(f, row, 1, plan.size, 1, () => {
    emitRow(f, plan, columns, source, target, sums, false);
    next();
  });
  f.release(source, target, row);
}

/** One row of a block; the first one starts the sums. */
function emitRow(
  f: FunctionBuilder,
  plan: RowsPlan,
  columns: number,
  source: Local,
  target: Local,
  sums: Local,
  isFirst: boolean,
): void {
  const { dtype } = plan;
  const [bytes, sumBytes] = [storageBytes(dtype), storageBytes(carrierOf(dtype))];
  const step = stepOf(dtype);
  const vectors = Math.floor(columns / step);
  const cursors = [source, target, sums].map((base) => {
    const cursor = f.local("i32");
    f.get(base);
    f.set(cursor);
    return cursor;
  });
  const [x, y, sum] = cursors as [Local, Local, Local];
  const move = (elements: number): void => {
    increment(f, x, elements * bytes);
    increment(f, y, elements * bytes);
    increment(f, sum, elements * sumBytes);
  };
  const unroll = vectors % 4 === 0 ? 4 : vectors % 2 === 0 ? 2 : 1;
  const counter = f.local("i32");
  loopRange(f, counter, 0, vectors, unroll, () => {
    for (let i = 0; i < unroll; i++) emitVector(f, plan, x, y, sum, i, isFirst);
    move(unroll * step);
  });
  for (let i = 0; i < columns % step; i++) emitElement(f, plan, x, y, sum, i, isFirst);
  f.release(counter, ...cursors);
}

/** A vector of elements, and the two of sums, which are twice as wide. */
function emitVector(
  f: FunctionBuilder,
  { fn, exclusive }: RowsPlan,
  x: Local,
  y: Local,
  sum: Local,
  at: number,
  isFirst: boolean,
): void {
  const element = f.local("v128");
  f.get(x);
  f.load("v128.load", 16 * at);
  f.set(element);
  const shown = [0, 1].map((half) => {
    const offset = 32 * at + 16 * half;
    const [before, after] = [f.local("v128"), f.local("v128")];
    if (isFirst) f.splatConst("f64x2", fn === "sum" ? 0 : 1);
    else {
      f.get(sum);
      f.load("v128.load", offset);
    }
    f.tee(before);
    f.get(element);
    if (half === 1) {
      f.get(element);
      f.shuffle([8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15]);
    }
    f.op("f64x2.promote_low_f32x4");
    f.op(`f64x2.${fn === "sum" ? "add" : "mul"}`);
    f.set(after);
    f.get(sum);
    f.get(after);
    f.store("v128.store", offset);
    f.release(exclusive ? after : before);
    return exclusive ? before : after;
  });
  f.get(y);
  for (const value of shown) {
    f.get(value);
    f.op("f32x4.demote_f64x2_zero");
  }
  f.shuffle([0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23]);
  f.store("v128.store", 16 * at);
  f.release(element, ...shown);
}

function emitElement(
  f: FunctionBuilder,
  plan: RowsPlan,
  x: Local,
  y: Local,
  sum: Local,
  at: number,
  isFirst: boolean,
): void {
  const { dtype, fn, exclusive } = plan;
  const carrier = carrierOf(dtype);
  const rep = scalarRep(carrier);
  const [before, after] = [f.local(rep), f.local(rep)];
  if (isFirst) pushIdentity(f, fn, carrier);
  else {
    f.get(sum);
    loadScalar(f, carrier, at * storageBytes(carrier));
  }
  f.tee(before);
  f.get(x);
  loadScalar(f, dtype, at * storageBytes(dtype));
  castScalar(f, dtype, carrier, false);
  scalarBinary(f, fn === "sum" ? "add" : "mul", carrier);
  f.set(after);
  f.get(sum);
  f.get(after);
  storeScalar(f, carrier, at * storageBytes(carrier));
  f.get(y);
  f.get(exclusive ? before : after);
  castScalar(f, carrier, dtype, false);
  storeScalar(f, dtype, at * storageBytes(dtype));
  f.release(before, after);
}
