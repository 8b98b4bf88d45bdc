/** Which integer forms give the very integers of a direct sum: a proof by intervals, over the weights at hand and what the image may hold. */
import type { TensorData } from "../../../../ir/tensor.ts";
import { type IntegerRange, isWithin, rangeOfType } from "../../value-range.ts";
import { defined } from "../../../../ir/access.ts";
import { type IntegerForm, splitScale } from "./integer-forms.ts";

const halfRange = defined(rangeOfType("i16"));

/** What the proof needs to know of a convolution. */
export interface SumBounds {
  /** values of the image, with the 0 of its padding */
  readonly image: IntegerRange;
  /** largest size of a weight */
  readonly weight: number;
  /** values that a sum of products can have, over all filters */
  readonly sums: IntegerRange;
}

/** Bounds of the sums of a convolution with constant weights [taps…, channels, filters] over an image of values within `range`. */
export function sumBounds({ shape, elements }: TensorData, range: IntegerRange): SumBounds {
  const image = { low: Math.min(0, range.low), high: Math.max(0, range.high) };
  const filters = shape.at(-1) ?? 1;
  const [low, high] = [new Float64Array(filters), new Float64Array(filters)];
  let weight = 0;
  const weights = elements as Int8Array | Int16Array;
  for (let at = 0; at < weights.length; at++) {
    const w = weights[at] as number;
    const filter = at % filters;
    weight = Math.max(weight, Math.abs(w));
    low[filter] = (low[filter] as number) + w * (w > 0 ? image.low : image.high);
    high[filter] = (high[filter] as number) + w * (w > 0 ? image.high : image.low);
  }
  const sums = {
    low: low.reduce((a, b) => Math.min(a, b), 0),
    high: high.reduce((a, b) => Math.max(a, b), 0),
  };
  return { image, weight, sums };
}

/** The values of a row times a row (one along rows, one along columns) of elements within a range. */
function rangeOfProducts(
  rows: readonly (readonly number[])[],
  columns: readonly (readonly number[])[],
  { low, high }: IntegerRange,
): IntegerRange {
  // the sums of a row's positive and negative factors decide
  const sides = (list: readonly (readonly number[])[]): (readonly [number, number])[] =>
    list.map((row) => [
      row.reduce((sum, c) => sum + Math.max(0, c), 0),
      row.reduce((sum, c) => sum + Math.max(0, -c), 0),
    ]);
  let [least, most] = [0, 0];
  for (const [p, n] of sides(rows)) {
    for (const [q, m] of sides(columns)) {
      const [positive, negative] = [p * q + n * m, p * m + n * q];
      least = Math.min(least, positive * low - negative * high);
      most = Math.max(most, positive * high - negative * low);
    }
  }
  return { low: least, high: most };
}

/** Whether transformed elements and weights fit 16 bits, and scaled results 32. */
export function isExact([vertical, horizontal]: readonly [IntegerForm, IntegerForm], bounds: SumBounds): boolean {
  const weights = { low: -bounds.weight, high: bounds.weight };
  if (!isWithin(rangeOfProducts(vertical.inputRows, horizontal.inputRows, bounds.image), halfRange)) return false;
  if (!isWithin(rangeOfProducts(vertical.weights, horizontal.weights, weights), halfRange)) return false;
  const shift = largestShift(vertical) + largestShift(horizontal);
  const limit = 2 ** (31 - shift);
  return bounds.sums.low >= -limit && bounds.sums.high < limit;
}

const largestShift = ({ scale }: IntegerForm): number => Math.max(...scale.map((s) => splitScale(s).shift));
