/**
 * Reading and writing by index. Every index is checked where it is read: negative ones count from the end, and one outside its axis stops the
 * kernel (the runtime reports the node), so that nothing outside the tensor is ever touched.
 */
import { defined, nth } from "../../../ir/access.ts";
import { type DType, storageBytes } from "../../../ir/dtype.ts";
import { arg, binary, type BinaryFunction, type Expr } from "../../../ir/expr.ts";
import type {
  GatherElementsOp,
  GatherNDOp,
  GatherOp,
  ScatterElementsOp,
  ScatterNDOp,
  ScatterReduction,
  TensorType,
} from "../../../ir/graph.ts";
import type { IndexRead } from "../../../ir/program.ts";
import { elementCount, rowMajorStrides } from "../../../ir/tensor.ts";
import { loadScalar, storeScalar } from "../elements.ts";
import { emitExpr } from "../expr-emit.ts";
import { type KernelArg, type KernelCode, type KernelEmitter, kernelKey, kernelType } from "../kernel.ts";
import { type FunctionBuilder, increment, type Local, loopRange, mulConst } from "../wasm/index.ts";
import { copyRun, loadUnit, storeUnit } from "./byte-runs.ts";
import type { Axis } from "./index-space.ts";
import { broadcastStages, unitBytes } from "./movement.ts";
import { forEachRow, rowCount } from "./rows-loop.ts";

const input = (index: number): KernelArg => ({ kind: "input", index });
const output: KernelArg = { kind: "output", index: 0 };

/** Pushes the checked index at an address as an i32 in [0, size). */
function pushIndex(f: FunctionBuilder, dtype: DType, pointer: Local, offset: number, size: number): void {
  const rep = dtype === "i64" ? "i64" : "i32";
  const index = f.local(rep);
  const literal = (value: number): void => {
    if (rep === "i64") f.i64(BigInt(value));
    else f.i32(value);
  };
  f.get(pointer);
  f.load(`${rep}.load`, offset);
  f.tee(index);
  literal(size);
  literal(0);
  f.get(index);
  literal(0);
  f.op(`${rep}.lt_s`);
  f.select(rep);
  f.op(`${rep}.add`);
  f.tee(index);
  literal(size);
  f.op(`${rep}.ge_u`);
  f.if(() => {
    f.unreachable();
  });
  f.get(index);
  if (rep === "i64") f.op("i32.wrap_i64");
  f.release(index);
}

/** Indices in the second argument that belong to some axes in turn. */
const indicesAlong = (index: TensorType, axes: readonly number[], sizes: readonly number[]): IndexRead => ({
  arg: 1,
  dtype: index.dtype === "i64" ? "i64" : "i32",
  count: elementCount(index.shape),
  axes,
  sizes,
});

interface RowKernel {
  readonly kind: string;
  readonly axes: readonly Axis[];
  readonly args: readonly KernelArg[];
  readonly work: number;
  /** whatever else the code depends on */
  readonly key: readonly unknown[];
  /** updates that may fall on one place must be applied by one thread */
  readonly isSerial?: boolean;
  readonly indices: IndexRead;
  readonly body: (f: FunctionBuilder, pointers: readonly Local[]) => void;
}

/** A stage whose rows walk all its arguments together. */
function rowKernel({ kind, axes, args, work, key, isSerial, indices, body }: RowKernel): KernelCode {
  const rows = axes.some(({ size }) => size === 0) ? 0 : rowCount(axes);
  const isOne = isSerial === true && rows > 0;
  return {
    key: kernelKey(kind, axes, ...key),
    units: isOne ? 1 : rows,
    args,
    work,
    indices,
    emit: (module) =>
      module.function(kind, kernelType(args.length), (f) => {
        const [begin, end] = f.params.slice(-2) as [Local, Local];
        if (isOne) {
          f.i32(rows);
          f.set(end);
        }
        forEachRow(f, begin, end, axes, f.params.slice(0, -2), (pointers) => {
          body(f, pointers);
        });
      }),
  };
}

// ---- gather -----------------------------------------------------------------------------------------------------------------------

export const emitGather: KernelEmitter<GatherOp> = (op, { inputs, outputs }) => {
  const [x, index] = inputs as readonly [TensorType, TensorType];
  const bytes = storageBytes(x.dtype);
  const size = nth(x.shape, op.axis);
  const run = elementCount(x.shape.slice(op.axis + 1)) * bytes;
  const outer = elementCount(x.shape.slice(0, op.axis));
  const count = elementCount(index.shape);
  const indexBytes = storageBytes(index.dtype);
  const axes = [
    { size: outer, strides: [size * run, 0, count * run] },
    { size: count, strides: [0, indexBytes, run] },
  ];
  const stage = rowKernel({
    kind: "gather",
    axes,
    args: [input(0), input(1), output],
    work: elementCount(nth(outputs, 0).shape),
    key: [index.dtype, size, run],
    indices: indicesAlong(index, [op.axis], [size]),
    body: (f, [from, at, to]) => {
      const source = f.local("i32");
      f.get(defined(from));
      pushIndex(f, index.dtype, defined(at), 0, size);
      mulConst(f, run);
      f.op("i32.add");
      f.set(source);
      copyRun(f, source, defined(to), run);
      f.release(source);
    },
  });
  return [stage];
};

/** Strides (bytes) of x under the positions of an index tensor, the indexed axis left out. */
function positionAxes(x: TensorType, index: TensorType, axis: number): Axis[] {
  const bytes = storageBytes(x.dtype);
  const within = rowMajorStrides(x.shape).map((stride, i) => (i === axis ? 0 : stride * bytes));
  const dense = rowMajorStrides(index.shape);
  return index.shape.map((size, i) => ({
    size,
    strides: [nth(within, i), nth(dense, i) * storageBytes(index.dtype), nth(dense, i) * bytes],
  }));
}

/** Leaves the address of the element that an index points to in a local. */
function elementAddress(
  f: FunctionBuilder,
  x: TensorType,
  index: TensorType,
  axis: number,
  base: Local,
  at: Local,
): Local {
  const address = f.local("i32");
  f.get(base);
  pushIndex(f, index.dtype, at, 0, nth(x.shape, axis));
  mulConst(f, elementCount(x.shape.slice(axis + 1)) * storageBytes(x.dtype));
  f.op("i32.add");
  f.set(address);
  return address;
}

export const emitGatherElements: KernelEmitter<GatherElementsOp> = (op, { inputs }) => {
  const [x, index] = inputs as readonly [TensorType, TensorType];
  const stage = rowKernel({
    kind: "gatherElements",
    axes: positionAxes(x, index, op.axis),
    args: [input(0), input(1), output],
    work: elementCount(index.shape),
    key: [x.dtype, index.dtype, x.shape[op.axis], op.axis],
    indices: indicesAlong(index, [op.axis], [nth(x.shape, op.axis)]),
    body: (f, [base, at, to]) => {
      const source = elementAddress(f, x, index, op.axis, defined(base), defined(at));
      f.get(defined(to));
      f.get(source);
      loadUnit(f, unitBytes(x));
      storeUnit(f, unitBytes(x));
      f.release(source);
    },
  });
  return [stage];
};

/** The blocks that index tuples address: sizes of the indexed dims, their strides in bytes, bytes of a block. */
interface Tuples {
  readonly sizes: readonly number[];
  readonly strides: readonly number[];
  readonly block: number;
  readonly count: number;
  readonly tupleBytes: number;
}

function tuplesOf(x: TensorType, index: TensorType, batchDims: number): Tuples {
  const width = defined(index.shape.at(-1));
  const strides = rowMajorStrides(x.shape).map((stride) => stride * storageBytes(x.dtype));
  return {
    sizes: x.shape.slice(batchDims, batchDims + width),
    strides: strides.slice(batchDims, batchDims + width),
    block: elementCount(x.shape.slice(batchDims + width)) * storageBytes(x.dtype),
    count: elementCount(index.shape.slice(batchDims, -1)),
    tupleBytes: width * storageBytes(index.dtype),
  };
}

const tupleIndices = (index: TensorType, { sizes }: Tuples, batchDims: number): IndexRead =>
  indicesAlong(
    index,
    sizes.map((_, position) => batchDims + position),
    sizes,
  );

/** Leaves the address of the block that the tuple at `at` points to in a local. */
function blockAddress(f: FunctionBuilder, dtype: DType, { sizes, strides }: Tuples, base: Local, at: Local): Local {
  const address = f.local("i32");
  f.get(base);
  for (const [position, size] of sizes.entries()) {
    pushIndex(f, dtype, at, position * storageBytes(dtype), size);
    mulConst(f, nth(strides, position));
    f.op("i32.add");
  }
  f.set(address);
  return address;
}

export const emitGatherND: KernelEmitter<GatherNDOp> = (op, { inputs, outputs }) => {
  const [x, index] = inputs as readonly [TensorType, TensorType];
  const tuples = tuplesOf(x, index, op.batchDims);
  const batches = elementCount(x.shape.slice(0, op.batchDims));
  const { block, count, tupleBytes } = tuples;
  const perBatch = elementCount(x.shape.slice(op.batchDims)) * storageBytes(x.dtype);
  const axes = [
    { size: batches, strides: [perBatch, count * tupleBytes, count * block] },
    { size: count, strides: [0, tupleBytes, block] },
  ];
  const stage = rowKernel({
    kind: "gatherND",
    axes,
    args: [input(0), input(1), output],
    work: elementCount(nth(outputs, 0).shape),
    key: [index.dtype, tuples],
    indices: tupleIndices(index, tuples, op.batchDims),
    body: (f, [base, at, to]) => {
      const source = blockAddress(f, index.dtype, tuples, defined(base), defined(at));
      copyRun(f, source, defined(to), block);
      f.release(source);
    },
  });
  return [stage];
};

// ---- scatter ----------------------------------------------------------------------------------------------------------------------

const combiners = { add: "add", mul: "mul", min: "min", max: "max" } as const satisfies Record<
  Exclude<ScatterReduction, "none">,
  BinaryFunction
>;

/** Combines the element at `from` into the one at `to`; moves it where there is nothing to combine. */
function combineElement(f: FunctionBuilder, x: TensorType, reduction: ScatterReduction, to: Local, from: Local): void {
  const { dtype } = x;
  f.get(to);
  if (reduction === "none") {
    f.get(from);
    loadUnit(f, unitBytes(x));
    storeUnit(f, unitBytes(x));
    return;
  }
  const expr: Expr = binary(combiners[reduction], arg(0), arg(1));
  emitExpr(f, {
    expr,
    argTypes: [dtype, dtype],
    lanes: 1,
    readArg: (index) => {
      f.get(index === 0 ? to : from);
      loadScalar(f, dtype);
    },
  });
  storeScalar(f, dtype);
}

/** x copied to the output, which may lie on it. */
const copied = (x: TensorType): KernelCode[] =>
  broadcastStages(x, x, input(0)).map((stage): KernelCode => ({ ...stage, isCopy: true }));

/** x copied to the output, then the updates one after the other. */
export const emitScatterElements: KernelEmitter<ScatterElementsOp> = (op, { inputs }) => {
  const [x, index] = inputs as readonly [TensorType, TensorType, TensorType];
  const axes = positionAxes(x, index, op.axis);
  const stage = rowKernel({
    kind: "scatterElements",
    axes,
    args: [output, input(1), input(2)],
    work: elementCount(index.shape),
    key: [x.dtype, index.dtype, x.shape[op.axis], op.axis, op.reduction],
    indices: indicesAlong(index, [op.axis], [nth(x.shape, op.axis)]),
    isSerial: true,
    body: (f, [base, at, from]) => {
      const target = elementAddress(f, x, index, op.axis, defined(base), defined(at));
      combineElement(f, x, op.reduction, target, defined(from));
      f.release(target);
    },
  });
  return [...copied(x), { ...stage, inPlace: [0] }];
};

export const emitScatterND: KernelEmitter<ScatterNDOp> = (op, { inputs }) => {
  const [x, index] = inputs as readonly [TensorType, TensorType, TensorType];
  const tuples = tuplesOf(x, index, 0);
  const { block, count, tupleBytes } = tuples;
  const stage = rowKernel({
    kind: "scatterND",
    axes: [{ size: count, strides: [0, tupleBytes, block] }],
    args: [output, input(1), input(2)],
    work: (count * block) / storageBytes(x.dtype),
    key: [x.dtype, index.dtype, tuples, op.reduction],
    indices: tupleIndices(index, tuples, 0),
    isSerial: true,
    body: (f, [base, at, from]) => {
      const target = blockAddress(f, index.dtype, tuples, defined(base), defined(at));
      if (op.reduction === "none") copyRun(f, defined(from), target, block);
      else combineRun(f, x, op.reduction, target, defined(from), block);
      f.release(target);
    },
  });
  return [...copied(x), { ...stage, inPlace: [0] }];
};

/** Combines a block element by element; `to` is moved on. */
function combineRun(
  f: FunctionBuilder,
  x: TensorType,
  reduction: ScatterReduction,
  to: Local,
  from: Local,
  block: number,
): void {
  const bytes = storageBytes(x.dtype);
  const [source, counter] = [f.local("i32"), f.local("i32")];
  f.get(from);
  f.set(source);
  loopRange(f, counter, 0, block / bytes, 1, () => {
    combineElement(f, x, reduction, to, source);
    increment(f, to, bytes);
    increment(f, source, bytes);
  });
  f.release(source, counter);
}
