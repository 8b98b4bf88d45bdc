/**
 * The inner loop of products: acc += factor * x over strided runs. Floats accumulate in double, integers of up to 32 bits modulo 2^32,
 * 64-bit ones modulo 2^64.
 */
import { type DType, dtypeInfo, isBig, isInteger } from "../../ir/dtype.ts";
import { makeTensor, type TensorData } from "../../ir/tensor.ts";
import { allocateBigs, type BigArray, bigintsOf, type NumberArray, numbersOf, tensorOfNumbers } from "./numbers.ts";

/** A strided run of accumulators and the run of x that it takes; offsets are relative to the two bases that `add` gets. */
export interface Run {
  readonly count: number;
  readonly accumulator: number;
  readonly accumulatorStride: number;
  readonly x: number;
  readonly xStride: number;
}

export interface Accumulator {
  /** acc[accumulatorBase + run] += w[factor] * x[xBase + run] */
  readonly add: (factor: number, run: Run, accumulatorBase: number, xBase: number) => void;
  /** Takes the accumulators as a tensor. */
  readonly finish: (shape: readonly number[]) => TensorData;
}

/** Accumulators for the products of elements of `w` and `x`, `count` of them, of type `dtype`. */
export function makeAccumulator(dtype: DType, count: number, w: TensorData, x: TensorData): Accumulator {
  if (isBig(dtype)) return bigAccumulator(dtype, count, bigintsOf(w), bigintsOf(x));
  if (isInteger(dtype)) return integerAccumulator(dtype, count, numbersOf(w), numbersOf(x));
  return floatAccumulator(dtype, count, numbersOf(w), numbersOf(x));
}

/** What products of a type accumulate and come out in. */
export function accumulatorType(dtype: DType): DType {
  return isInteger(dtype) && dtypeInfo(dtype).bits < 32 ? "i32" : dtype;
}

function floatAccumulator(dtype: DType, count: number, w: NumberArray, x: NumberArray): Accumulator {
  const sums = new Float64Array(count);
  return {
    add: (factor, run, accumulatorBase, xBase) => {
      const { accumulatorStride, xStride } = run;
      const value = w[factor] as number;
      let to = accumulatorBase + run.accumulator;
      let from = xBase + run.x;
      for (let i = 0; i < run.count; i++) {
        sums[to] = (sums[to] as number) + value * (x[from] as number);
        to += accumulatorStride;
        from += xStride;
      }
    },
    finish: (shape) => tensorOfNumbers(dtype, shape, sums),
  };
}

function integerAccumulator(dtype: DType, count: number, w: NumberArray, x: NumberArray): Accumulator {
  const sums = new Int32Array(count);
  return {
    add: (factor, run, accumulatorBase, xBase) => {
      const { accumulatorStride, xStride } = run;
      const value = w[factor] as number;
      let to = accumulatorBase + run.accumulator;
      let from = xBase + run.x;
      for (let i = 0; i < run.count; i++) {
        sums[to] = (sums[to] as number) + Math.imul(value, x[from] as number);
        to += accumulatorStride;
        from += xStride;
      }
    },
    finish: (shape) => tensorOfNumbers(dtype, shape, sums),
  };
}

function bigAccumulator(dtype: DType, count: number, w: BigArray, x: BigArray): Accumulator {
  const sums = allocateBigs(dtype, count);
  return {
    add: (factor, run, accumulatorBase, xBase) => {
      const value = w[factor] as bigint;
      for (let i = 0; i < run.count; i++) {
        const to = accumulatorBase + run.accumulator + i * run.accumulatorStride;
        sums[to] = (sums[to] as bigint) + value * (x[xBase + run.x + i * run.xStride] as bigint);
      }
    },
    finish: (shape) => makeTensor(dtype, shape, sums),
  };
}
