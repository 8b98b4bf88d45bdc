/**
 * Kinds that compare along an axis: argReduce, topK. NaN comes before every number, whether the largest or the smallest is asked for; of
 * equals the first comes first.
 *
 * topK keeps the best k so far in order, in a row of values and a row of indices: a new element that beats the last is put where a binary
 * search says, what follows moves by one (memory.copy). Other axes than the last are transposed there and back.
 */
import { defined, nth } from "../access.ts";
import { type DType, isFloat, storageBytes } from "../../../ir/dtype.ts";
import { type ArgReduceOp, tensorType, type TensorType, type TopKOp } from "../../../ir/graph.ts";
import { elementCount } from "../../../ir/tensor.ts";
import { loadScalar, storeScalar } from "../elements.ts";
import { type KernelArg, type KernelCode, type KernelEmitter, kernelKey, kernelType } from "../kernel.ts";
import { scalarRep } from "../math/scalar-casts.ts";
import { scalarBinary } from "../math/scalar-ops.ts";
import { addConst, type FunctionBuilder, type Local, loopRange, mulConst } from "../wasm/index.ts";
import { alongLane } from "./lane-loops.ts";
import { unitBytes } from "./movement.ts";
import { forEachRow } from "./rows-loop.ts";
import { copyStages } from "./strided-copy.ts";

/** Pushes whether x comes strictly before y. */
function pushBefore(f: FunctionBuilder, dtype: DType, largest: boolean, x: Local, y: Local): void {
  f.get(x);
  f.get(y);
  scalarBinary(f, largest ? "gt" : "lt", dtype);
  if (!isFloat(dtype)) return;
  const rep = scalarRep(dtype) as "f32" | "f64";
  f.get(x);
  f.get(x);
  f.op(`${rep}.ne`);
  f.get(y);
  f.get(y);
  f.op(`${rep}.eq`);
  f.op("i32.and");
  f.op("i32.or");
}

export const emitArgReduce: KernelEmitter<ArgReduceOp> = (op, { inputs }) => {
  const x = nth(inputs, 0);
  const bytes = unitBytes(x);
  const size = nth(x.shape, op.axis);
  const outer = elementCount(x.shape.slice(0, op.axis));
  const inner = elementCount(x.shape.slice(op.axis + 1));
  const axes = [
    { size: outer, strides: [size * inner * bytes, inner * 8] },
    { size: inner, strides: [bytes, 8] },
  ];
  const isMax = op.fn === "max";
  const stage: KernelCode = {
    key: kernelKey("argReduce", x.dtype, isMax, op.selectLast, size, axes),
    units: outer * inner,
    args: [
      { kind: "input", index: 0 },
      { kind: "output", index: 0 },
    ],
    work: elementCount(x.shape),
    emit: (module) =>
      module.function("argReduce", kernelType(2), (f) => {
        const [from, to, begin, end] = f.params as [Local, Local, Local, Local];
        forEachRow(f, begin, end, axes, [from, to], ([source, target]) => {
          emitWinner(f, x.dtype, isMax, op.selectLast, size, inner * bytes, defined(source), defined(target));
        });
      }),
  };
  return [stage];
};

function emitWinner(
  f: FunctionBuilder,
  dtype: DType,
  largest: boolean,
  selectLast: boolean,
  size: number,
  step: number,
  from: Local,
  to: Local,
): void {
  const rep = scalarRep(dtype);
  const [best, value] = [f.local(rep), f.local(rep)];
  const [winner, index] = [f.local("i32"), f.local("i32")];
  f.get(from);
  loadScalar(f, dtype);
  f.set(best);
  for (const local of [winner, index]) {
    f.i32(0);
    f.set(local);
  }
  alongLane(f, size, [from], [step], ([cursor]) => {
    f.get(defined(cursor));
    loadScalar(f, dtype);
    f.set(value);
    if (selectLast) {
      pushBefore(f, dtype, largest, best, value);
      f.op("i32.eqz");
    } else pushBefore(f, dtype, largest, value, best);
    f.if(() => {
      f.get(value);
      f.set(best);
      f.get(index);
      f.set(winner);
    });
    f.get(index);
    addConst(f, 1);
    f.set(index);
  });
  f.get(to);
  f.get(winner);
  f.op("i64.extend_i32_u");
  f.store("i64.store");
  f.release(best, value, winner, index);
}

// ---- topK -------------------------------------------------------------------------------------------------------------------------

export const emitTopK: KernelEmitter<TopKOp> = (op, { inputs, outputs }) => {
  const x = nth(inputs, 0);
  const inner = elementCount(x.shape.slice(op.axis + 1));
  const outer = elementCount(x.shape.slice(0, op.axis));
  const size = nth(x.shape, op.axis);
  const rows = outer * inner;
  const results = outputs.map((_, index): KernelArg => ({ kind: "output", index }));
  const [values, indices] = results as [KernelArg, KernelArg];
  const source: KernelArg = { kind: "input", index: 0 };
  const select = (from: KernelArg, to: readonly KernelArg[]): KernelCode =>
    selectStage(op, x.dtype, rows, size, [from, ...to]);
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
  const { dtype, largest, k, size, from, values } = selection;
  const bytes = storageBytes(dtype);
  const [value, other] = [f.local(scalarRep(dtype)), f.local(scalarRep(dtype))];
  const [index, count, place] = [f.local("i32"), f.local("i32"), f.local("i32")];
  f.i32(0);
  f.set(count);
  loopRange(f, index, 0, size, 1, () => {
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
      emitSearch(f, dtype, largest, values, count, value, place);
      emitInsertion(f, selection, value, index, count, place);
      f.get(count);
      addConst(f, 1);
      f.set(count);
    });
  });
  f.release(value, other, index, count, place);
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
function emitInsertion(
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
