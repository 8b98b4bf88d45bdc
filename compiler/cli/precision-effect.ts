/** `wsc run --precision`: what operands of 16 bits do to the outputs of a model, against the same run in the model's own types. */
import { isSmallFloat, toFloat32 } from "../../ir/small-float.ts";
import type { SessionValue } from "../../runtime/ports.ts";
import { Tensor, toTensorData } from "../../runtime/tensor.ts";

/** How far an output is from what it is without rounding. */
export interface OutputEffect {
  readonly name: string;
  /** largest difference of two elements */
  readonly largest: number;
  /** the same as a share of the largest magnitude in the output without rounding; null where that is 0 */
  readonly share: number | null;
  /** elements along the last axis whose largest stands elsewhere, of so many rows: classes that change */
  readonly changedMaxima: number;
  readonly rows: number;
}

/** Elements as numbers; null for what is no tensor of numbers. */
export function numbersOf(value: SessionValue | undefined): Float64Array | null {
  if (!(value instanceof Tensor)) return null;
  const { dtype, elements } = toTensorData(value);
  if (!ArrayBuffer.isView(elements)) return null;
  if (isSmallFloat(dtype)) return Float64Array.from(toFloat32(dtype, elements as Uint16Array));
  return Float64Array.from(elements as ArrayLike<number | bigint>, Number);
}

/** Compares an output with what it is without rounding; null for outputs that are no numbers, or of other sizes. */
export function effectOn(
  name: string,
  exact: SessionValue | undefined,
  rounded: SessionValue | undefined,
): OutputEffect | null {
  const [before, after] = [numbersOf(exact), numbersOf(rounded)];
  if (before === null || after?.length !== before.length) return null;
  const length = (exact as Tensor).dims.at(-1) ?? 1;
  const rows = length === 0 ? 0 : before.length / length;
  let largest = 0;
  let magnitude = 0;
  let changedMaxima = 0;
  for (let row = 0; row < rows; row++) {
    const [a, b] = [before, after].map((all) => all.subarray(row * length, (row + 1) * length));
    if (a === undefined || b === undefined) continue;
    for (const [index, value] of a.entries()) {
      magnitude = Math.max(magnitude, Math.abs(value));
      const difference = Math.abs(value - (b[index] as number));
      largest = Number.isNaN(difference) && !Object.is(value, b[index]) ? Infinity : Math.max(largest, difference || 0);
    }
    if (argmax(a) !== argmax(b)) changedMaxima++;
  }
  return { name, largest, share: magnitude === 0 ? null : largest / magnitude, changedMaxima, rows };
}

const argmax = (values: Float64Array): number =>
  values.reduce((best, value, index) => (value > (values[best] as number) ? index : best), 0);

/** A line for people. */
export function describeEffect(precision: string, { name, largest, share, changedMaxima, rows }: OutputEffect): string {
  const relative = share === null ? "" : ` (${(100 * share).toPrecision(2)} % of the largest magnitude)`;
  return `${precision}: ${name} differs by ${largest.toPrecision(3)} at most${relative}; the largest element stands elsewhere in ${changedMaxima} of ${rows} rows`;
}
