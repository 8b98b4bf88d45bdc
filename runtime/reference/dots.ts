/**
 * The inner loop of all products: out[i, j] = sum over l of a[i, l] * b[j, l], rows of both lying together. Floats and integers of up to 16
 * bits sum in double (exact for the integers), 32-bit integers modulo 2^32, 64-bit ones modulo 2^64.
 */
import { type DType, dtypeInfo, isBig, isInteger } from "../../ir/dtype.ts";
import { makeTensor, type TensorData } from "../../ir/tensor.ts";
import { allocateBigs, type BigArray, bigintsOf, type NumberArray, numbersOf, tensorOfNumbers } from "./numbers.ts";

/** One product: its sizes, and where operands and result begin. */
export interface DotRange {
  /** rows of a, of b, and elements of each */
  readonly rows: number;
  readonly columns: number;
  readonly length: number;
  readonly a: number;
  readonly b: number;
  readonly out: number;
  /** elements between the rows of the result */
  readonly outStride: number;
}

export interface Products {
  /** out = a times the rows of b */
  readonly multiply: (b: NumberArray | BigArray, range: DotRange) => void;
  /** the same with b as [length, columns]: for few rows, where turning b around costs more than it saves; null for integers */
  readonly multiplyPlain: ((b: NumberArray | BigArray, range: DotRange) => void) | null;
  readonly finish: (shape: readonly number[]) => TensorData;
}

/** What products of a type are summed in and come out as. */
export function accumulatorType(dtype: DType): DType {
  return isInteger(dtype) && dtypeInfo(dtype).bits < 32 ? "i32" : dtype;
}

/** Elements of a tensor as its products take them. */
export const factorsOf = (x: TensorData): NumberArray | BigArray => (isBig(x.dtype) ? bigintsOf(x) : numbersOf(x));

/** Zeroed factors, to be filled by the caller. */
export function allocateFactors(dtype: DType, count: number): Float64Array | BigArray {
  return isBig(dtype) ? allocateBigs(dtype, count) : new Float64Array(count);
}

/** Room for `count` products with the elements of `a`. */
export function makeProducts(a: TensorData, count: number): Products {
  if (isBig(a.dtype)) return bigProducts(a, count);
  const dtype = accumulatorType(a.dtype);
  const factors = numbersOf(a);
  const is32Bit = isInteger(a.dtype) && dtypeInfo(a.dtype).bits === 32;
  const out = is32Bit ? new Int32Array(count) : new Float64Array(count);
  return {
    multiply: (b, range) => {
      if (out instanceof Int32Array) integerDots(factors, b as NumberArray, out, range);
      else floatDots(factors, b as NumberArray, out, range);
    },
    multiplyPlain:
      out instanceof Int32Array
        ? null
        : (b, range) => {
            addRows(factors, b as NumberArray, out, range);
          },
    finish: (shape) => tensorOfNumbers(dtype, shape, out),
  };
}

/** Four rows of a at a time: each element of b is read once for four products. */
function floatDots(a: NumberArray, b: NumberArray, out: Float64Array, range: DotRange): void {
  const { rows, columns, length } = range;
  const whole = rows - (rows % 4);
  for (let i = 0; i < whole; i += 4) {
    for (let j = 0; j < columns; j++) fourDots(a, b, out, range, i, j);
  }
  for (let i = whole; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const sum = dot(a, range.a + i * length, b, range.b + j * length, length);
      out[range.out + i * range.outStride + j] = sum;
    }
  }
}

function dot(a: NumberArray, aStart: number, b: NumberArray, bStart: number, length: number): number {
  let sum = 0;
  for (let l = 0; l < length; l++) sum += (a[aStart + l] as number) * (b[bStart + l] as number);
  return sum;
}

function fourDots(a: NumberArray, b: NumberArray, out: Float64Array, range: DotRange, i: number, j: number): void {
  const { length, outStride } = range;
  const a0 = range.a + i * length;
  const [a1, a2, a3] = [a0 + length, a0 + 2 * length, a0 + 3 * length];
  const b0 = range.b + j * length;
  let [sum0, sum1, sum2, sum3] = [0, 0, 0, 0];
  for (let l = 0; l < length; l++) {
    const factor = b[b0 + l] as number;
    sum0 += (a[a0 + l] as number) * factor;
    sum1 += (a[a1 + l] as number) * factor;
    sum2 += (a[a2 + l] as number) * factor;
    sum3 += (a[a3 + l] as number) * factor;
  }
  const at = range.out + i * outStride + j;
  out[at] = sum0;
  out[at + outStride] = sum1;
  out[at + 2 * outStride] = sum2;
  out[at + 3 * outStride] = sum3;
}

/** out[i, :] += a[i, l] * b[l, :] */
function addRows(a: NumberArray, b: NumberArray, out: Float64Array, range: DotRange): void {
  const { rows, columns, length } = range;
  for (let i = 0; i < rows; i++) {
    const to = range.out + i * range.outStride;
    for (let l = 0; l < length; l++) {
      const factor = a[range.a + i * length + l] as number;
      const from = range.b + l * columns;
      for (let j = 0; j < columns; j++) out[to + j] = (out[to + j] as number) + factor * (b[from + j] as number);
    }
  }
}

function integerDots(a: NumberArray, b: NumberArray, out: Int32Array, range: DotRange): void {
  const { rows, columns, length } = range;
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const [a0, b0] = [range.a + i * length, range.b + j * length];
      let sum = 0;
      for (let l = 0; l < length; l++) sum = (sum + Math.imul(a[a0 + l] as number, b[b0 + l] as number)) | 0;
      out[range.out + i * range.outStride + j] = sum;
    }
  }
}

function bigProducts(a: TensorData, count: number): Products {
  const out = allocateBigs(a.dtype, count);
  const factors = bigintsOf(a);
  return {
    multiply: (b, range) => {
      bigDots(factors, b as BigArray, out, range);
    },
    multiplyPlain: null,
    finish: (shape) => makeTensor(a.dtype, shape, out),
  };
}

/** Sums grow without bound and wrap when they are stored. */
function bigDots(a: BigArray, b: BigArray, out: BigArray, range: DotRange): void {
  const { rows, columns, length } = range;
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const [a0, b0] = [range.a + i * length, range.b + j * length];
      let sum = 0n;
      for (let l = 0; l < length; l++) sum += (a[a0 + l] as bigint) * (b[b0 + l] as bigint);
      out[range.out + i * range.outStride + j] = sum;
    }
  }
}
