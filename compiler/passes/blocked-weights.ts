/**
 * Dequantized constants as matrices by column and block: the form in which products and gathers of few bits take them. Axes are those of
 * dequantized-constant.ts.
 */
import { allocateElements, makeTensor, type TensorData } from "../../ir/tensor.ts";
import { type NumberArray, numbersOf } from "../../runtime/reference/numbers.ts";
import type { DequantizedConstant } from "./dequantized-constant.ts";
import { type Axes, axisSize, type Loop, offsetsOf } from "./strided-axes.ts";

/** Elements that must share a scale. */
const leastBlock = 8;

/** A matrix whose columns (n) are dot products of the inner axis (k). */
export interface Matrix {
  readonly k: readonly Loop[];
  readonly n: readonly Loop[];
}

/** The last two axes; null when there is more than one matrix, or nothing. */
export function matrixAxes(axes: Axes, isTransposed: boolean): Matrix | null {
  const [k = [], n = []] = isTransposed ? axes.slice(-2).reverse() : axes.slice(-2);
  const isOne = axes.slice(0, -2).every((loops) => axisSize(loops) === 1);
  return isOne && axisSize(k) > 0 && axisSize(n) > 0 ? { k, n } : null;
}

/** Integers with a scale and a zero point for each block of a column. */
export interface BlockedWeights {
  readonly blockSize: number;
  /** [columns, inner] */
  readonly integers: TensorData;
  /** [columns, blocks] or less */
  readonly scales: TensorData;
  readonly zeros: TensorData;
}

/** Order in which axes count their strides. */
const [integersAt, scalesAt, zerosAt] = [0, 1, 2] as const;
const isSame = ({ strides }: Loop): boolean => strides[scalesAt] === 0 && strides[zerosAt] === 0;

/** Weights by column and block; null where blocks would be too short. */
export function blockedWeights({ k, n }: Matrix, constants: DequantizedConstant): BlockedWeights | null {
  const inner = k.slice(k.findLastIndex((loop) => !isSame(loop)) + 1);
  const outer = k.slice(0, k.length - inner.length);
  const regular = axisSize(inner);
  const blockSize = regular > 1 || outer.length === 0 ? regular : dataBlock({ k, n }, constants);
  const length = axisSize(k);
  if (blockSize < Math.min(leastBlock, length)) return null;
  const parameter = (tensor: TensorData, at: number): TensorData => {
    // one entry stands for all where all are the same element
    const blocks = k.every(({ strides }) => strides[at] === 0) ? 1 : Math.ceil(length / blockSize);
    const columns = n.every(({ strides }) => strides[at] === 0) ? 1 : axisSize(n);
    const along = offsetsOf(k, at);
    const starts = Int32Array.from({ length: blocks }, (_, block) => along[block * blockSize] ?? 0);
    const values = numbersOf(tensor);
    return makeTensor("f32", [columns, blocks], Float32Array.from(picked(values, offsetsOf(n, at).subarray(0, columns), starts))); // prettier-ignore
  };
  return {
    blockSize,
    integers: integerMatrix({ k, n }, constants.integers),
    scales: parameter(constants.scales, scalesAt),
    zeros: parameter(constants.zeros, zerosAt),
  };
}

/** values[row + column] for all rows and columns. */
function picked(values: NumberArray, rows: Int32Array, columns: Int32Array): Float64Array {
  const out = new Float64Array(rows.length * columns.length);
  let at = 0;
  for (const row of rows) for (const column of columns) out[at++] = values[row + column] as number;
  return out;
}

/** The integers as [columns, inner]: as they are, where they lie so. */
function integerMatrix({ k, n }: Matrix, { dtype, elements }: TensorData): TensorData {
  const [rows, columns] = [offsetsOf(n, integersAt), offsetsOf(k, integersAt)];
  const shape = [rows.length, columns.length];
  const inOrder = (offsets: Int32Array, step: number): boolean => offsets.every((offset, i) => offset === i * step);
  const isDense = inOrder(rows, columns.length) && inOrder(columns, 1) && elements.length === rows.length * columns.length;
  if (isDense) return makeTensor(dtype, shape, elements);
  const out = allocateElements(dtype, rows.length * columns.length) as NumberArray;
  const source = elements as NumberArray;
  let at = 0;
  for (const row of rows) for (const column of columns) out[at++] = source[row + column] as number;
  return makeTensor(dtype, shape, out);
} // prettier-ignore

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

/** The longest blocks in which scales and zero points stay the same: what they are when a last, shorter block was filled up. */
function dataBlock({ k, n }: Matrix, { scales, zeros }: DequantizedConstant): number {
  const length = axisSize(k);
  let block = length;
  for (const [tensor, at] of [[scales, scalesAt], [zeros, zerosAt]] as const) {
    const [values, along] = [numbersOf(tensor), offsetsOf(k, at)];
    for (const column of offsetsOf(n, at)) {
      for (let i = 1; i < length && block > 1; i++) {
        const isChange = values[column + (along[i] as number)] !== values[column + (along[i - 1] as number)];
        if (isChange) block = gcd(block === length ? i : block, i);
      }
    }
  }
  return block;
} // prettier-ignore
