/** How far a result is from what it should be. */
import { showShape } from "../../ir/types.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import { numbersOf } from "./precision-effect.ts";

export type Deviation =
  | {
      readonly kind: "numbers";
      /** largest difference of two elements */
      readonly largest: number;
      /** the same as a share of the largest magnitude that is expected; of zeros, the difference itself */
      readonly share: number;
      /** place of that element, row-major */
      readonly at: number;
    }
  /** another type, shape, or other strings */
  | { readonly kind: "other"; readonly what: string };

export function deviationOf(actual: Tensor, expected: Tensor): Deviation {
  if (actual.type !== expected.type) return other(`is ${actual.type}, should be ${expected.type}`);
  if (actual.dims.join() !== expected.dims.join())
    return other(`has the shape ${showShape(actual.dims)}, should have ${showShape(expected.dims)}`);
  const [got, wanted] = [numbersOf(actual), numbersOf(expected)];
  if (got === null || wanted === null) {
    const same = JSON.stringify(actual.data) === JSON.stringify(expected.data);
    return same ? { kind: "numbers", largest: 0, share: 0, at: 0 } : other("has other strings");
  }
  let [largest, magnitude, at] = [0, 0, 0];
  for (const [index, value] of wanted.entries()) {
    if (Number.isFinite(value)) magnitude = Math.max(magnitude, Math.abs(value));
    const difference = apart(Number(got[index]), value);
    if (difference > largest) [largest, at] = [difference, index];
  }
  return { kind: "numbers", largest, share: magnitude === 0 ? largest : largest / magnitude, at };
}

/** The distance of two numbers; equal infinities and two NaNs are as one. */
function apart(a: number, b: number): number {
  if (Object.is(a, b) || a === b) return 0;
  const difference = Math.abs(a - b);
  return Number.isNaN(difference) ? Infinity : difference;
}

const other = (what: string): Deviation => ({ kind: "other", what });

export const isWithin = (deviation: Deviation, tolerance: number): boolean =>
  deviation.kind === "numbers" && deviation.share <= tolerance;

export const showDeviation = (deviation: Deviation): string =>
  deviation.kind === "other"
    ? deviation.what
    : `${deviation.largest.toPrecision(3)} (${deviation.share.toPrecision(2)} of the largest)`;
