/**
 * Reductions over any axes. Axes are merged into kept and reduced ones; two loops over them:
 *
 *     inner reduced    a result is a sum over runs: four vectors of partial results, combined at the end
 *     inner kept       a stripe of up to 16 neighbouring results is carried in vectors through all reduced positions
 *
 * Types without a vector form (f64, 64-bit integers) use the same loops with scalars. A single scalar carries sums of f32 in f64, and sums for
 * the mean of integers in 64 bits.
 */
import { defined, nth } from "../../../ir/access.ts";
import { type DType, dtypeInfo, isFloat, isInteger } from "../../../ir/dtype.ts";
import type { ReduceOp, TensorType } from "../../../ir/graph.ts";
import { elementCount, rowMajorStrides } from "../../../ir/tensor.ts";
import { loadScalar, loadVector, storeScalar, storeVector } from "../elements.ts";
import { type KernelArg, type KernelCode, type KernelEmitter, kernelKey, kernelType } from "../kernel.ts";
import { castScalar, type ScalarRep, scalarRep } from "../math/scalar-casts.ts";
import { scalarBinary } from "../math/scalar-ops.ts";
import { hasLaneForm, vectorBinary } from "../math/vector-ops.ts";
import { type FunctionBuilder, increment, type Local, loopRange } from "../wasm/index.ts";
import type { Axis } from "./index-space.ts";
import { unitBytes } from "./movement.ts";
import { forEachRow, rowCount } from "./rows-loop.ts";

type Fn = ReduceOp["fn"];

const combiners = { sum: "add", mean: "add", prod: "mul", max: "max", min: "min" } as const;

export interface ReducePlan {
  readonly fn: Fn;
  readonly dtype: DType;
  readonly lanes: 1 | 4;
  /** elements that each result is made of */
  readonly count: number;
  /** the loop over results (or stripes of results); strides in bytes of input and output */
  readonly rows: readonly Axis[];
  /** the reduced axes, outermost first; strides in bytes of the input */
  readonly reduced: readonly Axis[];
  /** results in a stripe; 1 when the innermost axis is reduced */
  readonly stripe: number;
}

export const emitReduce: KernelEmitter<Pick<ReduceOp, "fn" | "axes">> = (op, { inputs, outputs }) => {
  const plan = planReduce(op.fn, op.axes, nth(inputs, 0));
  return reduceStages(plan, nth(inputs, 0), nth(outputs, 0), { kind: "input", index: 0 }, { kind: "output", index: 0 });
};

/** The stages of a reduction between any two places. */
export function reduceStages(
  plan: ReducePlan,
  x: TensorType,
  y: TensorType,
  source: KernelArg,
  target: KernelArg,
): KernelCode[] {
  const stage: KernelCode = {
    key: kernelKey("reduce", plan),
    units: elementCount(y.shape) === 0 ? 0 : rowCount(plan.rows),
    args: [source, target],
    work: elementCount(x.shape),
    emit: (module) =>
      module.function("reduce", kernelType(2), (f) => {
        const [from, to, begin, end] = f.params as [Local, Local, Local, Local];
        forEachRow(f, begin, end, plan.rows, [from, to], ([rowFrom, rowTo]) => {
          emitReduced(f, plan, defined(rowFrom), defined(rowTo));
        });
      }),
  };
  return [stage];
}

/** Kept axes carry [input, output] strides, reduced ones [input, 0]. */
export function planReduce(fn: Fn, axes: readonly number[], x: TensorType): ReducePlan {
  const { dtype } = x;
  const bytes = unitBytes(x);
  const strides = rowMajorStrides(x.shape);
  const kept = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
  const results = rowMajorStrides(kept);
  const merged = mergeByRole(
    x.shape.map((size, axis) => {
      const isReduced = axes.includes(axis);
      return { size, isReduced, strides: [nth(strides, axis) * bytes, isReduced ? 0 : nth(results, axis) * bytes] };
    }),
  );
  const canVector = hasLaneForm(dtype) && !(fn === "mean" && isInteger(dtype));
  const reduced = merged.filter(({ isReduced }) => isReduced).map(plainAxis);
  const rows = merged.filter(({ isReduced }) => !isReduced).map(plainAxis);
  const count = axes.reduce((product, axis) => product * nth(x.shape, axis), 1);
  const last = merged.at(-1);
  const plan = { fn, dtype, count, reduced };
  if (last === undefined || last.isReduced) return { ...plan, lanes: canVector ? 4 : 1, rows, stripe: 1 };
  const stripe = canVector ? stripeOf(last.size) : 1;
  const stripes = { size: last.size / stripe, strides: last.strides.map((stride) => stride * stripe) };
  return { ...plan, lanes: stripe > 1 ? 4 : 1, rows: [...rows.slice(0, -1), stripes], stripe };
}

interface RoleAxis extends Axis {
  readonly isReduced: boolean;
}
const plainAxis = ({ size, strides }: Axis): Axis => ({ size, strides });

/** Joins neighbours of one role; a dense input always steps through them as through one axis. */
function mergeByRole(axes: readonly RoleAxis[]): RoleAxis[] {
  const merged: RoleAxis[] = [];
  for (const axis of axes) {
    if (axis.size === 1) continue;
    const last = merged.at(-1);
    if (last?.isReduced === axis.isReduced) merged[merged.length - 1] = { ...axis, size: last.size * axis.size };
    else merged.push(axis);
  }
  return merged;
}

function stripeOf(size: number): number {
  for (let stripe = 16; stripe >= 4; stripe -= 4) if (size % stripe === 0) return stripe;
  return 1;
}

// ---- identities -------------------------------------------------------------------------------------------------------------------

/** What reducing nothing gives. */
function identityOf(fn: Fn, dtype: DType): number | bigint {
  if (fn === "sum" || fn === "mean") return 0;
  if (fn === "prod") return 1;
  const isMax = fn === "max";
  if (dtype === "bool") return isMax ? 0 : 1;
  if (isFloat(dtype)) return isMax ? -Infinity : Infinity;
  const { bits, class: cls } = dtypeInfo(dtype);
  const signed = cls === "signed";
  if (isMax) return signed ? -(2n ** BigInt(bits - 1)) : 0n;
  return 2n ** BigInt(signed ? bits - 1 : bits) - 1n;
}

function pushScalar(f: FunctionBuilder, rep: ScalarRep, value: number | bigint): void {
  if (rep === "f32") f.f32(Number(value));
  else if (rep === "f64") f.f64(Number(value));
  else if (rep === "i64") f.i64(BigInt.asIntN(64, BigInt(value)));
  else f.i32(Number(BigInt.asIntN(32, BigInt(value))));
}

function pushVector(f: FunctionBuilder, dtype: DType, value: number | bigint): void {
  if (dtype === "f32") f.splatConst("f32x4", Number(value));
  else if (dtype === "bool") f.splatConst("i32x4", Number(value) === 0 ? 0 : -1);
  else f.splatConst("i32x4", Number(BigInt.asIntN(32, BigInt(value))));
}

// ---- loops ------------------------------------------------------------------------------------------------------------------------

/** Nested loops over axes, with a cursor that starts at `from`. */
function overAxes(f: FunctionBuilder, axes: readonly Axis[], from: Local, body: (cursor: Local) => void): void {
  const [axis, ...inner] = axes;
  if (axis === undefined) {
    body(from);
    return;
  }
  const [cursor, counter] = [f.local("i32"), f.local("i32")];
  f.get(from);
  f.set(cursor);
  loopRange(f, counter, 0, axis.size, 1, () => {
    overAxes(f, inner, cursor, body);
    increment(f, cursor, axis.strides[0] ?? 0);
  });
  f.release(cursor, counter);
}

/** One result, or one stripe of them. */
export function emitReduced(f: FunctionBuilder, plan: ReducePlan, from: Local, to: Local): void {
  if (plan.stripe > 1) emitStripe(f, plan, from, to);
  else emitResult(f, plan, from, to);
}

/** A stripe of neighbouring results, in vectors. */
function emitStripe(f: FunctionBuilder, plan: ReducePlan, from: Local, to: Local): void {
  const { fn, dtype, stripe, reduced } = plan;
  const bytes = unitBytes({ kind: "tensor", dtype, shape: [] });
  const sums = f.localArray("v128", stripe / 4);
  for (const sum of sums) {
    pushVector(f, dtype, identityOf(fn, dtype));
    f.set(sum);
  }
  overAxes(f, reduced, from, (cursor) => {
    for (const [index, sum] of sums.entries()) {
      f.get(sum);
      f.get(cursor);
      loadVector(f, dtype, index * 4 * bytes);
      vectorBinary(f, combiners[fn], dtype);
      f.set(sum);
    }
  });
  for (const [index, sum] of sums.entries()) {
    f.get(to);
    f.get(sum);
    if (fn === "mean") divideVector(f, plan);
    storeVector(f, dtype, index * 4 * bytes);
  }
  f.release(...sums);
}

function divideVector(f: FunctionBuilder, { count }: ReducePlan): void {
  f.splatConst("f32x4", count);
  f.op("f32x4.div");
}

/** Type in which a single result is carried: sums in double, or in 64 bits where an integer's mean must not wrap. */
function carrier({ fn, dtype, lanes }: ReducePlan): DType {
  if (fn === "mean" && isInteger(dtype)) return dtypeInfo(dtype).class === "signed" ? "i64" : "u64";
  return dtype === "f32" && lanes === 1 && (fn === "sum" || fn === "mean" || fn === "prod") ? "f64" : dtype;
}

/** One result. */
function emitResult(f: FunctionBuilder, plan: ReducePlan, from: Local, to: Local): void {
  const { dtype, fn } = plan;
  const carry = carrier(plan);
  const rep = scalarRep(carry);
  const result = f.local(rep);
  const identity = carry === dtype ? identityOf(fn, dtype) : fn === "prod" ? 1 : 0;
  pushScalar(f, rep, identity);
  f.set(result);
  const run = plan.reduced.at(-1);
  const isVector = plan.lanes === 4 && carry === dtype && run !== undefined && run.size >= 8;
  const isSplit = !isVector && dtype === "f64" && (fn === "max" || fn === "min") && run !== undefined && run.size >= 16;
  overAxes(f, isVector || isSplit ? plan.reduced.slice(0, -1) : plan.reduced, from, (cursor) => {
    if (isVector) emitRun(f, plan, cursor, run.size, result);
    else if (isSplit) emitSplitRun(f, plan, cursor, run, result);
    else combineElement(f, plan, carry, cursor, 0, result);
  });
  f.get(to);
  f.get(result);
  if (fn === "mean") divideScalar(f, carry, plan.count);
  castScalar(f, carry, dtype, false);
  storeScalar(f, dtype);
  f.release(result);
}

/** Zero for an empty integer mean, NaN for a float one. */
function divideScalar(f: FunctionBuilder, carry: DType, count: number): void {
  const rep = scalarRep(carry);
  pushScalar(f, rep, rep === "f32" || rep === "f64" ? count : BigInt(count));
  scalarBinary(f, "div", carry);
}

function combineElement(
  f: FunctionBuilder,
  { fn, dtype }: ReducePlan,
  carry: DType,
  cursor: Local,
  offset: number,
  result: Local,
): void {
  f.get(result);
  f.get(cursor);
  loadScalar(f, dtype, offset);
  castScalar(f, dtype, carry, false);
  scalarBinary(f, combiners[fn], carry);
  f.set(result);
}

/** Doubles in four chains, none of which waits for the others: for what may be combined in any order. */
function emitSplitRun(f: FunctionBuilder, plan: ReducePlan, from: Local, { size, strides }: Axis, result: Local): void {
  const { fn, dtype } = plan;
  const step = nth(strides, 0);
  const chains = f.localArray("f64", 4);
  const [cursor, counter] = [f.local("i32"), f.local("i32")];
  for (const chain of chains) {
    pushScalar(f, "f64", identityOf(fn, dtype));
    f.set(chain);
  }
  f.get(from);
  f.set(cursor);
  loopRange(f, counter, 0, Math.floor(size / 4), 1, () => {
    for (const [index, chain] of chains.entries()) combineElement(f, plan, dtype, cursor, index * step, chain);
    increment(f, cursor, 4 * step);
  });
  for (let index = 0; index < size % 4; index++) combineElement(f, plan, dtype, cursor, index * step, result);
  for (const chain of chains) {
    f.get(result);
    f.get(chain);
    scalarBinary(f, combiners[fn], dtype);
    f.set(result);
  }
  f.release(cursor, counter, ...chains);
}

/** A contiguous run: up to four vectors at a time, which end in the scalar result. */
function emitRun(f: FunctionBuilder, plan: ReducePlan, from: Local, length: number, result: Local): void {
  const { fn, dtype } = plan;
  const bytes = unitBytes({ kind: "tensor", dtype, shape: [] });
  const width = length >= 32 ? 4 : 1;
  const sums = f.localArray("v128", width);
  for (const sum of sums) {
    pushVector(f, dtype, identityOf(fn, dtype));
    f.set(sum);
  }
  const [cursor, counter] = [f.local("i32"), f.local("i32")];
  f.get(from);
  f.set(cursor);
  const accumulate = (sum: Local, offset: number): void => {
    f.get(sum);
    f.get(cursor);
    loadVector(f, dtype, offset);
    vectorBinary(f, combiners[fn], dtype);
    f.set(sum);
  };
  const round = 4 * width;
  const rounds = Math.floor(length / round);
  loopRange(f, counter, 0, rounds, 1, () => {
    for (const [index, sum] of sums.entries()) accumulate(sum, index * 4 * bytes);
    increment(f, cursor, round * bytes);
  });
  const left = length - rounds * round;
  const vectors = Math.floor(left / 4);
  for (let index = 0; index < vectors; index++) accumulate(nth(sums, index % width), index * 4 * bytes);
  foldVectors(f, plan, sums, result);
  for (let index = vectors * 4; index < left; index++) combineElement(f, plan, dtype, cursor, index * bytes, result);
  f.release(cursor, counter, ...sums);
}

/** Combines vectors pairwise, then their lanes, with the scalar result. */
function foldVectors(f: FunctionBuilder, { fn, dtype }: ReducePlan, sums: readonly Local[], result: Local): void {
  for (let width = sums.length; width > 1; width /= 2) {
    for (let index = 0; index < width / 2; index++) {
      f.get(nth(sums, index));
      f.get(nth(sums, index + width / 2));
      vectorBinary(f, combiners[fn], dtype);
      f.set(nth(sums, index));
    }
  }
  for (let lane = 0; lane < 4; lane++) {
    f.get(result);
    f.get(nth(sums, 0));
    f.lane(dtype === "f32" ? "f32x4.extract_lane" : "i32x4.extract_lane", lane);
    if (dtype === "bool") {
      f.i32(1);
      f.op("i32.and");
    }
    scalarBinary(f, combiners[fn], dtype);
    f.set(result);
  }
}
