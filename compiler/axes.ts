/** Axes of design spaces: values written out or as ranges, and every combination of them by its number. */

/** A value of an axis, an option or a figure. */
export type Scalar = string | number | boolean | null;

/** Values that one range may stand for. */
export const mostRangeValues = 100_000;

const number = String.raw`(\d+(?:\.\d+)?)`;
const rangeForm = new RegExp(`^${number}\\.\\.${number}(?:([/*])${number})?$`);

/** Digits that are left of a sum of decimal steps: 0.1 + 0.2 is 0.3. */
const exactDigits = 12;

/**
 * The values of `from..to`, `from..to/step` or `from..to*factor`, both ends included where they are met; null for text that is no range, none for
 * a range without values or with too many.
 */
export function rangeValues(text: string): readonly number[] | null {
  const [, first, last, sign, by] = rangeForm.exec(text) ?? [];
  if (first === undefined || last === undefined) return null;
  const [from, to, step] = [Number(first), Number(last), Number(by ?? "1")];
  const isGeometric = sign === "*";
  const steps = isGeometric ? Math.log(to / from) / Math.log(step) : (to - from) / step;
  // a last step that rounding has made a trifle too long is one
  const count = Math.floor(steps + 1e-9) + 1;
  if (!(count > 0 && count <= mostRangeValues)) return [];
  return Array.from({ length: count }, (_, i) =>
    Number((isGeometric ? from * step ** i : from + i * step).toPrecision(exactDigits)),
  );
}

/** Combinations of axes with so many values each. */
export const combinationCount = (lengths: readonly number[]): number =>
  lengths.reduce((product, length) => product * length, 1);

/** The positions on each axis of a combination by its number; the last axis changes fastest. */
export function combinationAt(lengths: readonly number[], index: number): readonly number[] {
  let rest = index;
  return lengths
    .toReversed()
    .map((length) => {
      const position = rest % length;
      rest = Math.floor(rest / length);
      return position;
    })
    .toReversed();
}

/** The number of a combination: the inverse of `combinationAt`. */
export const combinationIndex = (lengths: readonly number[], positions: readonly number[]): number =>
  lengths.reduce((index, length, axis) => index * length + (positions[axis] ?? Number.NaN), 0);
