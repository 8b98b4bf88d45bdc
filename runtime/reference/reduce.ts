/** Reductions over axes. */
import { type DType, dtypeInfo, isBig, isInteger } from "../../ir/dtype.ts";
import type { ReduceOp } from "../../ir/graph.ts";
import { elementCount, makeTensor, rowMajorStrides, type TensorData } from "../../ir/tensor.ts";
import { nth } from "./access.ts";
import { collapseAxes, forEachPosition } from "./axes.ts";
import { integerRange, normalizer } from "./casts.ts";
import type { Evaluate } from "./evaluate.ts";
import { allocateBigs, bigintsOf, numbersOf, tensorOfNumbers } from "./numbers.ts";
import { bigBinary, numberBinary } from "./scalar-functions.ts";

type ReduceFunction = ReduceOp["fn"];

export const evaluateReduce: Evaluate<"reduce"> = (op, [x], [result]) => {
  const kept = x.shape.map((size, axis) => (op.axes.includes(axis) ? 1 : size));
  return [isBig(x.dtype) ? reduceBigs(op.fn, x, kept, result.shape) : reduceNumbers(op.fn, x, kept, result.shape)];
};

/**
 * Calls `visit` for every run of x along its last (joined) axis: where it starts, how long it is, and the result that it goes to, which
 * steps by `step` (0 when the run is reduced, 1 when it is kept).
 */
function forEachRun(
  shape: readonly number[],
  kept: readonly number[],
  visit: (from: number, count: number, to: number, step: number) => void,
): void {
  if (shape.includes(0)) return;
  const strides = rowMajorStrides(kept).map((stride, axis) => (kept[axis] === 1 ? 0 : stride));
  const axes = collapseAxes(shape, [rowMajorStrides(shape), strides]);
  const outer = axes.strides.map((own) => own.slice(0, -1));
  const count = nth(axes.shape, -1);
  const step = nth(nth(axes.strides, 1), -1);
  forEachPosition(axes.shape.slice(0, -1), outer, (from, to) => {
    visit(from, count, to, step);
  });
}

function reduceNumbers(
  fn: ReduceFunction,
  x: TensorData,
  kept: readonly number[],
  shape: readonly number[],
): TensorData {
  const values = numbersOf(x);
  const results = new Float64Array(elementCount(kept)).fill(numberStart(fn, x.dtype));
  const combine = numberCombiner(fn, x.dtype);
  forEachRun(x.shape, kept, (from, count, to, step) => {
    for (let i = 0; i < count; i++) {
      const at = to + i * step;
      results[at] = combine(results[at] as number, values[from + i] as number);
    }
  });
  if (fn === "mean") divideAll(results, elementCount(x.shape) / results.length);
  return tensorOfNumbers(x.dtype, shape, results);
}

function divideAll(sums: Float64Array, count: number): void {
  for (let i = 0; i < sums.length; i++) sums[i] = (sums[i] as number) / count;
}

/** Integers wrap as they go, but for the sum of a mean, which fits a double. */
function numberCombiner(fn: ReduceFunction, dtype: DType): (x: number, y: number) => number {
  if (fn === "mean" || fn === "sum") return fn === "sum" && isInteger(dtype) ? wrapping("add", dtype) : (x, y) => x + y;
  if (fn === "prod") return isInteger(dtype) ? wrapping("mul", dtype) : (x, y) => x * y;
  return fn === "max" ? Math.max : Math.min;
}

function wrapping(fn: "add" | "mul", dtype: DType): (x: number, y: number) => number {
  const combine = numberBinary(fn, dtype);
  const wrap = normalizer(dtype) ?? Number;
  return (x, y) => wrap(combine(x, y));
}

/** The result of reducing nothing. */
function numberStart(fn: ReduceFunction, dtype: DType): number {
  if (fn === "sum" || fn === "mean") return 0;
  if (fn === "prod") return 1;
  const { least, most } = numberRange(dtype);
  return fn === "max" ? least : most;
}

function numberRange(dtype: DType): { readonly least: number; readonly most: number } {
  if (dtype === "bool") return { least: 0, most: 1 };
  return isInteger(dtype) ? integerRange(dtype) : { least: -Infinity, most: Infinity };
}

function reduceBigs(fn: ReduceFunction, x: TensorData, kept: readonly number[], shape: readonly number[]): TensorData {
  const values = bigintsOf(x);
  const results = allocateBigs(x.dtype, elementCount(kept)).fill(bigStart(fn, x.dtype));
  const combine = bigBinary(bigCombiner[fn]);
  forEachRun(x.shape, kept, (from, count, to, step) => {
    for (let i = 0; i < count; i++) {
      const at = to + i * step;
      results[at] = combine(results[at] as bigint, values[from + i] as bigint);
    }
  });
  if (fn === "mean" && results.length > 0) {
    const count = BigInt(elementCount(x.shape) / results.length);
    for (let i = 0; i < results.length; i++) results[i] = count === 0n ? 0n : (results[i] as bigint) / count;
  }
  return makeTensor(x.dtype, shape, results);
}

const bigCombiner = { sum: "add", mean: "add", prod: "mul", max: "max", min: "min" } as const;

function bigStart(fn: ReduceFunction, dtype: DType): bigint {
  if (fn === "sum" || fn === "mean") return 0n;
  if (fn === "prod") return 1n;
  const signed = dtypeInfo(dtype).class === "signed";
  if (fn === "max") return signed ? -(2n ** 63n) : 0n;
  return signed ? 2n ** 63n - 1n : 2n ** 64n - 1n;
}
