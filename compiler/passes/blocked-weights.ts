/**
 * Dequantized constants as matrices by column and block: the form in which products and gathers of few bits take them. Axes are those of
 * dequantized-constant.ts.
 */
import { allocateElements, elementCount, type TensorData } from "../../ir/tensor.ts";
import { isAtHand, madeTensor, withShape } from "../../ir/tensor-source.ts";
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
    const load = (): Float32Array => {
      const along = offsetsOf(k, at);
      const starts = Float64Array.from({ length: blocks }, (_, block) => along[block * blockSize] ?? 0);
      return Float32Array.from(picked(numbersOf(tensor), offsetsOf(n, at).subarray(0, columns), starts));
    };
    const recipe = `parameters ${JSON.stringify([n, k, at, columns, blocks, blockSize])}`;
    return madeTensor("f32", [columns, blocks], { recipe, from: [tensor], load });
  };
  return {
    blockSize,
    integers: integerMatrix({ k, n }, constants.integers),
    scales: parameter(constants.scales, scalesAt),
    zeros: parameter(constants.zeros, zerosAt),
  };
}

/** values[row + column] for all rows and columns. */
function picked(values: NumberArray, rows: Float64Array, columns: Float64Array): Float64Array {
  const out = new Float64Array(rows.length * columns.length);
  let at = 0;
  for (const row of rows) for (const column of columns) out[at++] = values[row + column] as number;
  return out;
}

/** The integers as [columns, inner]: as they are, where they lie so. */
function integerMatrix({ k, n }: Matrix, integers: TensorData): TensorData {
  const [rows, columns] = [offsetsOf(n, integersAt), offsetsOf(k, integersAt)];
  const shape = [rows.length, columns.length];
  const count = rows.length * columns.length;
  const inOrder = (offsets: Float64Array, step: number): boolean => offsets.every((offset, i) => offset === i * step);
  const isDense = inOrder(rows, columns.length) && inOrder(columns, 1) && elementCount(integers.shape) === count;
  if (isDense) return withShape(integers, shape);
  const load = (): NumberArray => {
    const out = allocateElements(integers.dtype, count) as NumberArray;
    const source = integers.elements as NumberArray;
    let at = 0;
    for (const row of rows) for (const column of columns) out[at++] = source[row + column] as number;
    return out;
  };
  return madeTensor(integers.dtype, shape, { recipe: `matrix ${JSON.stringify([n, k])}`, from: [integers], load });
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

/**
 * The longest blocks in which scales and zero points stay the same: what they are when a last, shorter block was filled up. Only looked for in
 * what is at hand.
 */
function dataBlock({ k, n }: Matrix, { scales, zeros }: DequantizedConstant): number {
  if (!isAtHand(scales) || !isAtHand(zeros)) return 1;
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
