/**
 * Minimal filters over integers, without a fraction anywhere: the points are integers, weights are not divided, and each row that makes results
 * of products is multiplied until it has no fraction, so that a result comes out times `scale`. All sums are made modulo 2^32, where an
 * odd factor divides out by its inverse; a power of two does where that power times the result is an i32 (exactness.ts proves it for the weights
 * at hand). Results are those of a direct sum, to the last bit.
 */
import { nth } from "../../../../ir/access.ts";
import { apply, type Push, pushLocal } from "../../math/algebra.ts";
import { pushSplat } from "../../math/constants.ts";
import type { FunctionBuilder, Local } from "../../wasm/index.ts";
import { evenPolynomial, type Form, others, type Points, type Transform } from "./forms.ts";

type Row = readonly number[];

export interface IntegerForm extends Form {
  readonly inputRows: readonly Row[];
  readonly outputRows: readonly Row[];
  readonly scale: readonly number[];
}

/** Points other than infinity by the number of products. */
const pointsOf: ReadonlyMap<number, Points> = new Map([
  [3, { zero: false, pairs: [1] }],
  [4, { zero: true, pairs: [1] }],
  [5, { zero: false, pairs: [1, 2] }],
  [6, { zero: true, pairs: [1, 2] }],
]);

/** 0 where it is one, then p and -p for each pair. */
const finitePoints = ({ zero, pairs }: Points): readonly number[] => [
  ...(zero ? [0] : []),
  ...pairs.flatMap((p) => [p, -p]),
];

/** The product of x - q over all points but `point`, by ascending powers of x; over all of them for infinity. */
function polynomial({ zero, pairs }: Points, point: number): Row {
  const whole = (even: readonly number[], length: number): number[] =>
    Array.from({ length }, (_, k) => (k % 2 === 0 ? (even[k / 2] ?? 0) : 0));
  const times = (row: readonly number[], constant: number): number[] =>
    [...row, 0].map((c, k) => constant * c + (row[k - 1] ?? 0));
  const length = 2 * pairs.length + 1;
  if (point === 0) return whole(evenPolynomial(pairs), length);
  const isInfinite = point === Infinity;
  const even = evenPolynomial(isInfinite ? pairs : others(pairs, Math.abs(point)));
  const row = whole(even, isInfinite ? length : length - 2);
  const withPoint = isInfinite ? row : times(row, point);
  return zero ? times(withPoint, 0) : withPoint;
}

/** What that polynomial is at the point itself. */
const valueAt = (row: Row, point: number): number => row.reduce((sum, c, k) => sum + c * point ** k, 0);

function integerFilter(outputs: number, taps: number): IntegerForm | undefined {
  const size = outputs + taps - 1;
  const points = pointsOf.get(size);
  if (points === undefined || outputs < 2) return undefined;
  const finite = finitePoints(points);
  const padded = (row: Row): Row => Array.from({ length: size }, (_, k) => row[k] ?? 0);
  const inputRows = [...finite, Infinity].map((point) => padded(polynomial(points, point)));
  const ends = (count: number): Row => Array.from({ length: count }, (_, k) => (k === count - 1 ? 1 : 0));
  const divisors = finite.map((point, i) => valueAt(nth(inputRows, i), point));
  const results = Array.from({ length: outputs }, (_, k) => {
    const scale = finite.map((point, i) => reducedDivisor(point ** k, nth(divisors, i))).reduce(commonMultiple, 1);
    const row = finite.map((point, i) => (point ** k === 0 ? 0 : (scale * point ** k) / nth(divisors, i)));
    return { scale, row: [...row, k === outputs - 1 ? scale : 0] };
  });
  return integerForm(`I(${outputs},${taps})`, taps, {
    inputRows,
    weights: [...finite.map((point) => Array.from({ length: taps }, (_, k) => point ** k)), ends(taps)],
    outputRows: results.map(({ row }) => row),
    scale: results.map(({ scale }) => scale),
  });
}

const commonDivisor = (a: number, b: number): number => (b === 0 ? Math.abs(a) : commonDivisor(b, a % b));
const commonMultiple = (a: number, b: number): number => Math.abs(a * b) / commonDivisor(a, b);
/** The divisor that is left of a fraction. */
const reducedDivisor = (dividend: number, divisor: number): number =>
  Math.abs(divisor) / commonDivisor(dividend, divisor);

interface Tables {
  readonly inputRows: readonly Row[];
  readonly weights: readonly Row[];
  readonly outputRows: readonly Row[];
  readonly scale: readonly number[];
}

const integerForm = (name: string, taps: number, tables: Tables): IntegerForm => ({
  ...tables,
  name,
  taps,
  outputs: tables.outputRows.length,
  size: tables.inputRows.length,
  input: linearMap("i16x8", tables.inputRows),
  output: linearMap("i32x4", tables.outputRows),
});

/** A dim without a filter. */
const identity = integerForm("I(1,1)", 1, { inputRows: [[1]], weights: [[1]], outputRows: [[1]], scale: [1] });

/** The forms for filters of so many taps, the one with the largest tiles first; none for filters that are too long. */
export function integerFormsOf(taps: number): readonly IntegerForm[] {
  if (taps === 1) return [identity];
  return [5, 4, 3, 2].flatMap((outputs) => integerFilter(outputs, taps) ?? []);
}

// ---- linear maps of vectors ---------------------------------------------------------------------------------------------------------

type Shape = "i16x8" | "i32x4";

interface Terms {
  readonly f: FunctionBuilder;
  readonly shape: Shape;
  readonly temporaries: Local[];
}

/**
 * Emits rows times operands, modulo 2^16 or 2^32. What two points ±p share is computed once. Without the last operand the last row, which alone
 * needs it, is left out.
 */
function linearMap(shape: Shape, rows: readonly Row[]): Transform {
  return (f, operands, temporaries) => {
    const terms: Terms = { f, shape, temporaries };
    const isWhole = operands.length === nth(rows, 0).length;
    const given = isWhole ? rows : rows.slice(0, -1).map((row) => row.slice(0, -1));
    const [folded, vectors] = withSums(terms, given, operands);
    const results: Push[] = [];
    for (let i = 0; i < folded.length; i++) {
      const [row, next] = [nth(folded, i), folded[i + 1]];
      if (next !== undefined && isMirrored(row, next)) {
        const even = keep(terms, sum(terms, row.map((c, at) => (at % 2 === 0 ? c : 0)), vectors)); // prettier-ignore
        const odd = keep(terms, sum(terms, row.map((c, at) => (at % 2 === 0 ? 0 : c)), vectors)); // prettier-ignore
        const isEvenSame = row.every((c, at) => at % 2 === 1 || c === next[at]);
        const [first, second] = isEvenSame ? [even, odd] : [odd, even];
        results.push(apply(f, `${shape}.add`, first, second), apply(f, `${shape}.sub`, first, second));
        i++;
      } else results.push(sum(terms, row, vectors));
    }
    return results;
  };
}

/** The rows of points p and -p: one's even or odd elements are the other's, and the rest is negated. */
const isMirrored = (row: Row, next: Row): boolean =>
  [0, 1].some((same) => row.every((c, at) => c === (at % 2 === same ? 1 : -1) * (next[at] ?? 0))) &&
  [0, 1].every((half) => row.some((c, at) => at % 2 === half && c !== 0));

/** Neighbouring operands that all rows take with equal or opposite factors become their sum and their difference. */
function withSums(
  terms: Terms,
  rows: readonly Row[],
  operands: readonly Push[],
): readonly [readonly Row[], readonly Push[]] {
  const vectors = [...operands];
  const folded = rows.map((row) => [...row]);
  for (let at = 0; at + 1 < vectors.length; at++) {
    const isPair = folded.every((row) => Math.abs(nth(row, at)) === Math.abs(nth(row, at + 1)));
    if (!isPair) continue;
    const [x, y] = [nth(vectors, at), nth(vectors, at + 1)];
    vectors[at] = keep(terms, apply(terms.f, `${terms.shape}.add`, x, y));
    vectors[at + 1] = keep(terms, apply(terms.f, `${terms.shape}.sub`, x, y));
    for (const row of folded) {
      const isSum = row[at] === row[at + 1];
      const factor = nth(row, at);
      [row[at], row[at + 1]] = isSum ? [factor, 0] : [0, factor];
    }
    at++;
  }
  return [folded, vectors];
}

function keep({ f, temporaries }: Terms, push: Push): Push {
  push();
  const local = f.local("v128");
  temporaries.push(local);
  f.set(local);
  return pushLocal(f, local);
}

interface Signed {
  readonly negative: boolean;
  readonly push: Push;
}

/** The sum of row[i] * vectors[i]; terms with factors of one size share the multiplication. */
function sum({ f, shape }: Terms, row: Row, vectors: readonly Push[]): Push {
  const sizes = [...new Set(row.map(Math.abs))].filter((size) => size !== 0).sort((a, b) => b - a);
  const total = (list: readonly Signed[]): Signed => {
    const [first, ...rest] = [...list.filter((term) => !term.negative), ...list.filter((term) => term.negative)];
    if (first === undefined) throw new Error("internal: a row without terms");
    const push = rest.reduce(
      (left, { negative, push: right }) =>
        apply(f, negative !== first.negative ? `${shape}.sub` : `${shape}.add`, left, right),
      first.push,
    );
    return { negative: first.negative, push };
  };
  const groups = sizes.map((size): Signed => {
    const members = row.flatMap((c, at) => (Math.abs(c) === size ? [{ negative: c < 0, push: nth(vectors, at) }] : []));
    const { negative, push } = total(members);
    return { negative, push: multiplied(f, shape, push, size) };
  });
  const { negative, push } = total(groups);
  const zero: Push = () => {
    f.splatConst("i32x4", 0);
  };
  return negative ? apply(f, `${shape}.sub`, zero, push) : push;
}

const multiplied =
  (f: FunctionBuilder, shape: Shape, x: Push, factor: number): Push =>
  () => {
    x();
    if (factor === 1) return;
    if (Number.isInteger(Math.log2(factor))) {
      f.i32(Math.log2(factor));
      f.op(`${shape}.shl`);
    } else {
      pushSplat(f, shape, factor);
      f.op(`${shape}.mul`);
    }
  };

// ---- scales -------------------------------------------------------------------------------------------------------------------------

/** A scale as odd * 2^shift. */
export function splitScale(scale: number): { readonly odd: number; readonly shift: number } {
  const shift = 31 - Math.clz32(scale & -scale);
  return { odd: scale / 2 ** shift, shift };
}

/** The number that undoes a multiplication by an odd number, modulo 2^32. */
export function inverseOfOdd(odd: number): number {
  // x is right in twice as many low bits after each round; odd * odd is 1 in the lowest three
  let x = odd | 0;
  for (let round = 0; round < 4; round++) x = Math.imul(x, 2 - Math.imul(odd, x));
  return x;
}

/** Emits what makes results of a vector that is `scale` times the results: exact where scale times result is an i32. */
export function pushUnscaled(f: FunctionBuilder, push: Push, scale: number): void {
  const { odd, shift } = splitScale(scale);
  push();
  if (odd !== 1) {
    pushSplat(f, "i32x4", inverseOfOdd(odd));
    f.op("i32x4.mul");
  }
  if (shift !== 0) {
    f.i32(shift);
    f.op("i32x4.shr_s");
  }
}
