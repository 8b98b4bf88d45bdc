/**
 * Softmax along one axis, in three passes over a lane: the maximum; exponentials and their sum; the scaling. A lane along the innermost axis is
 * a row, taken four elements at a time; otherwise four neighbouring lanes are taken at once. Works in place.
 */
import { defined, nth } from "../../../ir/access.ts";
import { arg, binary, unary } from "../../../ir/expr.ts";
import type { SoftmaxOp } from "../../../ir/graph.ts";
import { elementCount } from "../../../ir/tensor.ts";
import { type KernelArg, type KernelCode, type KernelEmitter, kernelKey, kernelType } from "../kernel.ts";
import { algebra, apply, type Push, pushLocal } from "../math/algebra.ts";
import { hoistSplats } from "../math/constants.ts";
import { expOfNegativeF32x4 } from "../math/f32x4.ts";
import { type FunctionBuilder, increment, type Local, loopRange, type ModuleBuilder } from "../wasm/index.ts";
import { type Axis, pushOffset } from "./index-space.ts";
import { alongLane, laneBytes, laneExpr, type LaneShape, laneValType, loadLane, storeLane } from "./lane-loops.ts";
import { forEachRow, rowCount } from "./rows-loop.ts";

const args: readonly KernelArg[] = [
  { kind: "input", index: 0 },
  { kind: "output", index: 0 },
];

const shifted = binary("sub", arg(0), arg(1));
const exponential = unary("exp", shifted);

/** Puts the constants of the vector exponential into locals. */
export function hoistExponential(f: FunctionBuilder): void {
  hoistSplats(f, (probe) => {
    probe.splatConst("i32x4", 0);
    expOfNegativeF32x4(probe);
    probe.drop();
  });
}

/** e^(x - most) of four elements. */
const vectorExponential =
  (f: FunctionBuilder, x: Push, most: Local): Push =>
  () => {
    apply(f, "f32x4.sub", x, pushLocal(f, most))();
    expOfNegativeF32x4(f);
  };
const logarithm = unary("log", arg(0));

/** Lanes of one shape: where they begin, and how their elements follow. */
interface LanePlan {
  readonly shape: LaneShape;
  /** bytes; one stride, the same in input and output */
  readonly axes: readonly Axis[];
  readonly offset: number;
  readonly size: number;
  readonly step: number;
  readonly log: boolean;
}

export const emitSoftmax: KernelEmitter<SoftmaxOp> = (op, { inputs }) => {
  const x = nth(inputs, 0);
  const size = nth(x.shape, op.axis);
  const outer = elementCount(x.shape.slice(0, op.axis));
  const inner = elementCount(x.shape.slice(op.axis + 1));
  const work = elementCount(x.shape) * 20;
  if (inner === 1 && x.dtype === "f32" && size >= 4) return [rowStage(outer, size, op.log, work)];
  const scalar = x.dtype === "f64" ? "f64" : "f32";
  const bytes = laneBytes[scalar];
  const vectors = scalar === "f32" ? Math.floor(inner / 4) : 0;
  const lanes = (shape: LaneShape, first: number, count: number): LanePlan => ({
    shape,
    axes: [axis(outer, size * inner * bytes), axis(count, laneBytes[shape])],
    offset: first * bytes,
    size,
    step: inner * bytes,
    log: op.log,
  });
  const plans = [lanes("f32x4", 0, vectors), lanes(scalar, vectors * 4, inner - vectors * 4)];
  return plans.filter((plan) => rowCount(plan.axes) > 0 && size > 0).map((plan) => laneStage(plan, work));
};

const axis = (size: number, stride: number): Axis => ({ size, strides: [stride, stride] });

// ---- lanes ------------------------------------------------------------------------------------------------------------------------

function laneStage(plan: LanePlan, work: number): KernelCode {
  return {
    key: kernelKey("softmax", plan),
    units: rowCount(plan.axes),
    args,
    work,
    emit: (module) =>
      module.function("softmax", kernelType(2), (f) => {
        const [from, to, begin, end] = f.params as [Local, Local, Local, Local];
        increment(f, from, plan.offset);
        increment(f, to, plan.offset);
        forEachRow(f, begin, end, plan.axes, [from, to], ([source, target]) => {
          emitLane(f, plan, defined(source), defined(target));
        });
      }),
  };
}

function emitLane(f: FunctionBuilder, { shape, size, step, log }: LanePlan, from: Local, to: Local): void {
  const a = algebra(f, shape);
  const [most, sum] = [f.local(laneValType(shape)), f.local(laneValType(shape))];
  const loadAt =
    (cursor: Local): Push =>
    () => {
      f.get(cursor);
      loadLane(f, shape);
    };
  const assign = (local: Local, value: Push): void => {
    value();
    f.set(local);
  };
  assign(most, a.constant(-Infinity));
  alongLane(f, size, [from], [step], ([source]) => {
    assign(most, apply(f, `${shape}.max`, pushLocal(f, most), loadAt(defined(source))));
  });
  assign(sum, a.constant(0));
  const value = f.local(laneValType(shape));
  alongLane(f, size, [from, to], [step, step], ([source, target]) => {
    const x = loadAt(defined(source));
    const isVector = shape === "f32x4";
    assign(value, isVector ? vectorExponential(f, x, most) : laneExpr(f, shape, exponential, x, pushLocal(f, most)));
    assign(sum, a.add(pushLocal(f, sum), pushLocal(f, value)));
    if (log) return;
    f.get(defined(target));
    f.get(value);
    storeLane(f, shape);
  });
  assign(sum, log ? laneExpr(f, shape, logarithm, pushLocal(f, sum)) : a.div(a.constant(1), pushLocal(f, sum)));
  alongLane(f, size, [from, to], [step, step], ([source, target]) => {
    f.get(defined(target));
    const difference = laneExpr(f, shape, shifted, loadAt(defined(source)), pushLocal(f, most));
    if (log) a.sub(difference, pushLocal(f, sum))();
    else a.mul(loadAt(defined(target)), pushLocal(f, sum))();
    storeLane(f, shape);
  });
  f.release(most, sum, value);
}

// ---- rows -------------------------------------------------------------------------------------------------------------------------

/** Adds a function (rows, begin, end): the softmax of `size` elements (at least 4) of each row, in place. `stride` in bytes. */
export const softmaxRows = (module: ModuleBuilder, size: number, stride: number): number =>
  module.function("softmax_rows", { params: ["i32", "i32", "i32"], results: [] }, (f) => {
    const [rows, begin, end] = f.params as [Local, Local, Local];
    hoistExponential(f);
    const [row, pointer] = [f.local("i32"), f.local("i32")];
    loopRange(f, row, begin, end, 1, () => {
      f.get(rows);
      pushOffset(f, row, stride);
      f.set(pointer);
      emitSoftmaxRow(f, size, false, pointer, pointer);
    });
  });

function rowStage(rows: number, size: number, log: boolean, work: number): KernelCode {
  return {
    key: kernelKey("softmax", "row", rows, size, log),
    units: rows,
    args,
    work,
    emit: (module) =>
      module.function("softmax", kernelType(2), (f) => {
        const [from, to, begin, end] = f.params as [Local, Local, Local, Local];
        hoistExponential(f);
        forEachRow(f, begin, end, [axis(rows, size * 4)], [from, to], ([source, target]) => {
          emitSoftmaxRow(f, size, log, defined(source), defined(target));
        });
      }),
  };
}

/** Lanes of a vector, combined into all of its lanes. */
export function foldLanes(f: FunctionBuilder, op: "f32x4.add" | "f32x4.max", vector: Local): void {
  for (const lanes of [
    [8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7],
    [4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11],
  ]) {
    f.get(vector);
    f.get(vector);
    f.get(vector);
    f.shuffle(lanes);
    f.op(op);
    f.set(vector);
  }
}

/** Four elements of a row, at `offset` bytes from the cursors; ways alternate, so that no accumulator waits for the one before. */
interface RowVisit {
  readonly cursors: readonly Local[];
  readonly offset: number;
  readonly way: number;
}

/** Whole vectors of a row; the elements that are left begin at the pointers + 4 * (size - size % 4). */
function overVectors(
  f: FunctionBuilder,
  size: number,
  pointers: readonly Local[],
  ways: number,
  visit: (at: RowVisit) => void,
): void {
  const vectors = Math.floor(size / 4);
  const rounds = Math.floor(vectors / ways);
  const step = 16 * ways;
  alongLane(f, rounds, pointers, pointers.map(() => step), (cursors) => {
    for (let way = 0; way < ways; way++) visit({ cursors, offset: 16 * way, way });
  }); // prettier-ignore
  for (let vector = rounds * ways; vector < vectors; vector++) {
    visit({ cursors: pointers, offset: 16 * vector, way: vector % ways });
  }
}

/** The softmax of `size` elements (at least 4), or its logarithm. */
export function emitSoftmaxRow(f: FunctionBuilder, size: number, log: boolean, from: Local, to: Local): void {
  const tail = size - (size % 4);
  const tailOffsets = Array.from({ length: size - tail }, (_, i) => 4 * (tail + i));
  const most = rowMaximum(f, size, tailOffsets, from);
  const mostScalar = f.local("f32");
  f.get(most);
  f.lane("f32x4.extract_lane", 0);
  f.set(mostScalar);
  const sum = f.local("f32");
  const sums = f.localArray("v128", 2);
  for (const s of sums) {
    f.splatConst("f32x4", 0);
    f.set(s);
  }
  const value = f.local("v128");
  overVectors(f, size, [from, to], 2, ({ cursors, offset, way }) => {
    const [source, target] = cursors as [Local, Local];
    vectorExponential(f, loadVectorAt(f, source, offset), most)();
    f.set(value);
    apply(f, "f32x4.add", pushLocal(f, nth(sums, way)), pushLocal(f, value))();
    f.set(nth(sums, way));
    if (log) return;
    f.get(target);
    f.get(value);
    f.store("v128.store", offset);
  });
  apply(f, "f32x4.add", pushLocal(f, nth(sums, 0)), pushLocal(f, nth(sums, 1)))();
  f.set(value);
  foldLanes(f, "f32x4.add", value);
  f.get(value);
  f.lane("f32x4.extract_lane", 0);
  f.set(sum);
  emitTailExponentials(f, tailOffsets, log, from, to, most, sum);
  const a = algebra(f, "f32");
  (log ? laneExpr(f, "f32", logarithm, pushLocal(f, sum)) : a.div(a.constant(1), pushLocal(f, sum)))();
  f.tee(sum);
  f.op("f32x4.splat");
  f.set(value);
  overVectors(f, size, [from, to], 2, ({ cursors, offset }) => {
    const [source, target] = cursors as [Local, Local];
    f.get(target);
    const result = log
      ? apply(
          f,
          "f32x4.sub",
          apply(f, "f32x4.sub", loadVectorAt(f, source, offset), pushLocal(f, most)),
          pushLocal(f, value),
        )
      : apply(f, "f32x4.mul", loadVectorAt(f, target, offset), pushLocal(f, value));
    result();
    f.store("v128.store", offset);
  });
  for (const offset of tailOffsets) {
    f.get(to);
    const difference = a.sub(loadScalarAt(f, from, offset), pushLocal(f, mostScalar));
    (log ? a.sub(difference, pushLocal(f, sum)) : a.mul(loadScalarAt(f, to, offset), pushLocal(f, sum)))();
    f.store("f32.store", offset);
  }
  f.release(most, mostScalar, sum, value, ...sums);
}

const loadVectorAt =
  (f: FunctionBuilder, pointer: Local, offset: number): Push =>
  () => {
    f.get(pointer);
    f.load("v128.load", offset);
  };
const loadScalarAt =
  (f: FunctionBuilder, pointer: Local, offset: number): Push =>
  () => {
    f.get(pointer);
    f.load("f32.load", offset);
  };

const loadSplatAt =
  (f: FunctionBuilder, pointer: Local, offset: number): Push =>
  () => {
    f.get(pointer);
    f.load("v128.load32_splat", offset);
  };

/** The row's maximum in all lanes of a local. A NaN may be passed over: its own exponential brings it into the sum. */
function rowMaximum(f: FunctionBuilder, size: number, tailOffsets: readonly number[], from: Local): Local {
  const [most, other] = [f.local("v128"), f.local("v128")];
  for (const local of [most, other]) {
    f.splatConst("f32x4", -Infinity);
    f.set(local);
  }
  overVectors(f, size, [from], 2, ({ cursors, offset, way }) => {
    const local = way === 0 ? most : other;
    apply(f, "f32x4.pmax", pushLocal(f, local), loadVectorAt(f, nth(cursors, 0), offset))();
    f.set(local);
  });
  for (const offset of tailOffsets) {
    f.get(other);
    f.get(from);
    f.load("v128.load32_splat", offset);
    f.op("f32x4.pmax");
    f.set(other);
  }
  apply(f, "f32x4.max", pushLocal(f, most), pushLocal(f, other))();
  f.set(most);
  foldLanes(f, "f32x4.max", most);
  f.release(other);
  return most;
}

function emitTailExponentials(
  f: FunctionBuilder,
  offsets: readonly number[],
  log: boolean,
  from: Local,
  to: Local,
  most: Local,
  sum: Local,
): void {
  const value = f.local("f32");
  for (const offset of offsets) {
    vectorExponential(f, loadSplatAt(f, from, offset), most)();
    f.lane("f32x4.extract_lane", 0);
    f.set(value);
    f.get(sum);
    f.get(value);
    f.op("f32.add");
    f.set(sum);
    if (log) continue;
    f.get(to);
    f.get(value);
    f.store("f32.store", offset);
  }
  f.release(value);
}
