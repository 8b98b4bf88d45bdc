/**
 * topK: the best k along an axis, in order, with their places. NaN comes before every number, whether the largest or the smallest is asked for; of
 * equals the first comes first. Other axes than the last are transposed there and back.
 *
 * Few of many are kept in order, in a row of values and a row of indices: a new element that beats the last is put before those that it beats, which
 * move by one. Sixteen elements that beat nothing are passed by at once. Where many are asked for, the row is sorted by its bits (radix-rows.ts).
 */
import { defined } from "../../../ir/access.ts";
import { type DType, storageBytes } from "../../../ir/dtype.ts";
import { tensorType, type TensorType, type TopKOp } from "../../../ir/graph.ts";
import { elementCount } from "../../../ir/tensor.ts";
import { loadScalar, storeScalar } from "../elements.ts";
import { nth } from "../../../ir/access.ts";
import { type KernelArg, type KernelCode, type KernelEmitter, kernelKey, kernelType } from "../kernel.ts";
import { scalarRep } from "../math/scalar-casts.ts";
import {
  addConst,
  type FunctionBuilder,
  increment,
  type Local,
  loopRange,
  mulConst,
  type OpName,
} from "../wasm/index.ts";
import { unitBytes } from "./movement.ts";
import { pushBefore } from "./before.ts";
import { canSortByBits, sortedRowsStage } from "./radix-rows.ts";
import { forEachRow } from "./rows-loop.ts";
import { copyStages } from "./strided-copy.ts";

/** Up to so many the best move one by one when a better one comes, more in one piece. */
const fewest = 64;

/** Whether a row is sorted rather than picked from: in random order k (1 + ln(size / k)) elements are put among the best, each for the time of sorting eight. */
const isSortedSooner = (k: number, size: number): boolean => 8 * k * (1 + Math.log(size / k)) > size && size >= 256;

export const emitTopK: KernelEmitter<TopKOp> = (op, { inputs, outputs }) => {
  const x = nth(inputs, 0);
  const inner = elementCount(x.shape.slice(op.axis + 1));
  const outer = elementCount(x.shape.slice(0, op.axis));
  const size = nth(x.shape, op.axis);
  const rows = outer * inner;
  const results = outputs.map((_, index): KernelArg => ({ kind: "output", index }));
  const [values, indices] = results as [KernelArg, KernelArg];
  const source: KernelArg = { kind: "input", index: 0 };
  const isSorted = canSortByBits(x.dtype) && isSortedSooner(op.k, size);
  const select = (from: KernelArg, to: readonly [KernelArg, KernelArg]): KernelCode =>
    isSorted
      ? sortedRowsStage(op, x.dtype, rows, size, [from, ...to], 3)
      : selectStage(op, x.dtype, rows, size, [from, ...to]);
  if (op.k === 0 || rows === 0) return [];
  if (inner === 1) return [select(source, [values, indices])];
  const scratch = (id: number, dtype: DType, length: number): KernelArg => ({
    kind: "scratch",
    id,
    byteLength: rows * length * storageBytes(dtype),
  });
  const moved = scratch(0, x.dtype, size);
  const best = [scratch(1, x.dtype, op.k), scratch(2, "i64", op.k)] as const;
  return [
    ...swapStages(tensorType(x.dtype, [outer, size, inner]), source, moved),
    select(moved, best),
    ...swapStages(tensorType(x.dtype, [outer, inner, op.k]), best[0], values),
    ...swapStages(tensorType("i64", [outer, inner, op.k]), best[1], indices),
  ];
};

/** Swaps the last two of three dims. */
function swapStages(x: TensorType, from: KernelArg, to: KernelArg): KernelCode[] {
  const [outer, rows, columns] = x.shape as [number, number, number];
  const bytes = unitBytes(x);
  const axes = [
    { size: outer, strides: [rows * columns * bytes, rows * columns * bytes] },
    { size: columns, strides: [bytes, rows * bytes] },
    { size: rows, strides: [columns * bytes, bytes] },
  ];
  return copyStages("transpose", { elementBytes: bytes, axes, sourceOffset: 0, targetOffset: 0 }, from, to);
}

function selectStage(
  { k, largest }: Pick<TopKOp, "k" | "largest">,
  dtype: DType,
  rows: number,
  size: number,
  args: readonly KernelArg[],
): KernelCode {
  const bytes = storageBytes(dtype);
  const axes = [{ size: rows, strides: [size * bytes, k * bytes, k * 8] }];
  return {
    key: kernelKey("topK", dtype, largest, k, size, rows),
    units: rows,
    args,
    work: rows * size * 4,
    emit: (module) =>
      module.function("topK", kernelType(3), (f) => {
        const [begin, end] = f.params.slice(-2) as [Local, Local];
        forEachRow(f, begin, end, axes, f.params.slice(0, -2), ([from, values, indices]) => {
          emitSelection(f, {
            dtype,
            largest,
            k,
            size,
            from: defined(from),
            values: defined(values),
            indices: defined(indices),
          });
        });
      }),
  };
}

interface Selection {
  readonly dtype: DType;
  readonly largest: boolean;
  readonly k: number;
  readonly size: number;
  readonly from: Local;
  readonly values: Local;
  readonly indices: Local;
}

function emitSelection(f: FunctionBuilder, selection: Selection): void {
  const { dtype, k, size } = selection;
  const [index, count] = [f.local("i32"), f.local("i32")];
  f.i32(0);
  f.set(count);
  const one = (): void => {
    emitCandidate(f, selection, index, count);
  };
  if (passes[dtype] === undefined || size < k + 4 * block) {
    loopRange(f, index, 0, size, 1, one);
    f.release(index, count);
    return;
  }
  // until there are k, and what is left of the last block, one by one
  const blocks = Math.floor((size - k) / block);
  const start = size - blocks * block;
  loopRange(f, index, 0, start, 1, one);
  const [begin, end] = [f.local("i32"), f.local("i32")];
  loopRange(f, begin, start, size, block, () => {
    pushMayBeat(f, selection, begin);
    f.if(() => {
      f.get(begin);
      addConst(f, block);
      f.set(end);
      loopRange(f, index, begin, end, 1, one);
    });
  });
  f.release(index, count, begin, end);
}

/** Elements that are compared with the last of the best at once. */
const block = 16;

/** Types of which vectors are compared, and how an element that is not better than the last of the best compares with it. */
const passes: Partial<Record<DType, { readonly largest: OpName; readonly smallest: OpName }>> = {
  f32: { largest: "f32x4.le", smallest: "f32x4.ge" },
  f64: { largest: "f64x2.le", smallest: "f64x2.ge" },
  i32: { largest: "i32x4.le_s", smallest: "i32x4.ge_s" },
  u32: { largest: "i32x4.le_u", smallest: "i32x4.ge_u" },
  i64: { largest: "i64x2.le_s", smallest: "i64x2.ge_s" },
};

/** Pushes whether one of the elements from `begin` on may come before the last of the best: it is beyond it, or one of the two is NaN. */
function pushMayBeat(f: FunctionBuilder, { dtype, largest, k, from, values }: Selection, begin: Local): void {
  const [last, address] = [f.local("v128"), f.local("i32")];
  const bytes = storageBytes(dtype);
  f.get(values);
  f.load(bytes === 4 ? "v128.load32_splat" : "v128.load64_splat", (k - 1) * bytes);
  f.set(last);
  pushElementAddress(f, from, begin, bytes);
  f.set(address);
  for (let vector = 0; vector < (block * bytes) / 16; vector++) {
    f.get(address);
    f.load("v128.load", 16 * vector);
    f.get(last);
    f.op(defined(passes[dtype])[largest ? "largest" : "smallest"]);
    if (vector > 0) f.op("v128.and");
  }
  f.op("v128.not");
  f.op("v128.any_true");
  f.release(last, address);
}

/** Takes the element at `index` among the best, of which there are `count` so far, if it is one. */
function emitCandidate(f: FunctionBuilder, selection: Selection, index: Local, count: Local): void {
  const { dtype, largest, k, from, values } = selection;
  const bytes = storageBytes(dtype);
  const [value, other] = [f.local(scalarRep(dtype)), f.local(scalarRep(dtype))];
  const place = f.local("i32");
  f.block((skip) => {
    pushElementAddress(f, from, index, bytes);
    loadScalar(f, dtype);
    f.set(value);
    f.get(count);
    f.i32(k);
    f.op("i32.eq");
    f.if(() => {
      f.get(values);
      loadScalar(f, dtype, (k - 1) * bytes);
      f.set(other);
      pushBefore(f, dtype, largest, value, other);
      f.op("i32.eqz");
      f.brIf(skip);
      f.i32(k - 1);
      f.set(count);
    });
    if (k > fewest) {
      emitSearch(f, dtype, largest, values, count, value, place);
      emitPlacedInsertion(f, selection, value, index, count, place);
    } else emitInsertion(f, selection, value, other, index, count);
    increment(f, count, 1);
  });
  f.release(value, other, place);
}

function pushElementAddress(f: FunctionBuilder, base: Local, index: Local, bytes: number): void {
  f.get(base);
  f.get(index);
  mulConst(f, bytes);
  f.op("i32.add");
}

/** place = how many of the first `count` values are not beaten by `value`. */
function emitSearch(
  f: FunctionBuilder,
  dtype: DType,
  largest: boolean,
  values: Local,
  count: Local,
  value: Local,
  place: Local,
): void {
  const [high, middle] = [f.local("i32"), f.local("i32")];
  const other = f.local(scalarRep(dtype));
  f.i32(0);
  f.set(place);
  f.get(count);
  f.set(high);
  f.block((done) => {
    f.loop((again) => {
      f.get(place);
      f.get(high);
      f.op("i32.ge_u");
      f.brIf(done);
      f.get(place);
      f.get(high);
      f.op("i32.add");
      f.i32(1);
      f.op("i32.shr_u");
      f.set(middle);
      pushElementAddress(f, values, middle, storageBytes(dtype));
      loadScalar(f, dtype);
      f.set(other);
      pushBefore(f, dtype, largest, value, other);
      f.if(
        () => {
          f.get(middle);
          f.set(high);
        },
        () => {
          f.get(middle);
          addConst(f, 1);
          f.set(place);
        },
      );
      f.br(again);
    });
  });
  f.release(high, middle, other);
}

/** Makes room at `place` among the first `count` and puts the value and its index there. */
function emitPlacedInsertion(
  f: FunctionBuilder,
  { dtype, values, indices }: Selection,
  value: Local,
  index: Local,
  count: Local,
  place: Local,
): void {
  for (const [base, bytes] of [
    [values, storageBytes(dtype)],
    [indices, 8],
  ] as const) {
    pushElementAddress(f, base, place, bytes);
    addConst(f, bytes);
    pushElementAddress(f, base, place, bytes);
    f.get(count);
    f.get(place);
    f.op("i32.sub");
    mulConst(f, bytes);
    f.memoryCopy();
  }
  pushElementAddress(f, values, place, storageBytes(dtype));
  f.get(value);
  storeScalar(f, dtype);
  pushElementAddress(f, indices, place, 8);
  f.get(index);
  f.op("i64.extend_i32_u");
  f.store("i64.store");
}

/** Moves those of the first `count` that the value beats by one place, and puts it and its index before them. */
function emitInsertion(
  f: FunctionBuilder,
  { dtype, largest, values, indices }: Selection,
  value: Local,
  other: Local,
  index: Local,
  count: Local,
): void {
  const bytes = storageBytes(dtype);
  const [toValue, toIndex] = [f.local("i32"), f.local("i32")];
  pushElementAddress(f, values, count, bytes);
  f.set(toValue);
  pushElementAddress(f, indices, count, 8);
  f.set(toIndex);
  f.block((done) => {
    f.loop((again) => {
      f.get(toValue);
      f.get(values);
      f.op("i32.eq");
      f.brIf(done);
      f.get(toValue);
      f.i32(bytes);
      f.op("i32.sub");
      loadScalar(f, dtype);
      f.set(other);
      pushBefore(f, dtype, largest, value, other);
      f.op("i32.eqz");
      f.brIf(done);
      f.get(toValue);
      f.get(other);
      storeScalar(f, dtype);
      f.get(toIndex);
      f.get(toIndex);
      f.i32(8);
      f.op("i32.sub");
      f.load("i64.load");
      f.store("i64.store");
      increment(f, toValue, -bytes);
      increment(f, toIndex, -8);
      f.br(again);
    });
  });
  f.get(toValue);
  f.get(value);
  storeScalar(f, dtype);
  f.get(toIndex);
  f.get(index);
  f.op("i64.extend_i32_u");
  f.store("i64.store");
  f.release(toValue, toIndex);
}
