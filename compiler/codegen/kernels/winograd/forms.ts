/**
 * Minimal filtering F(m, r) along one dim, after Winograd, Toom and Cook: m neighbouring results of a filter of r taps from m + r - 1
 * products.
 *
 *     results = output( weights(g) * input(d) )          d: m + r - 1 elements of the image, g: r weights
 *
 * Image and filter are seen as polynomials, which are evaluated at points, multiplied there, and interpolated. Points are 0, pairs ±p and
 * infinity; a pair shares the even and the odd half of its sums. The pairs here are those that lose least precision, with powers that are
 * exact floats: over random images and 256 channels, relative to the largest result, F(4, 3) has an error of 1.4e-6 (at the usual points
 * 0, ±1, ±2: 5.8e-6), where a direct sum has 1.0e-6.
 */
import { type Algebra, algebra, type Push } from "../../math/algebra.ts";
import type { FunctionBuilder, Local } from "../../wasm/index.ts";

/** Emits a linear map of vectors; operands are pushed more than once, `temporaries` collects the locals that it takes. */
export type Transform = (f: FunctionBuilder, operands: readonly Push[], temporaries: Local[]) => readonly Push[];

export interface Form {
  readonly name: string;
  /** results in a tile */
  readonly outputs: number;
  readonly taps: number;
  /** elements of the image in a tile, and products; the last product is the one at infinity */
  readonly size: number;
  /** rows of the matrix that transforms the weights */
  readonly weights: readonly (readonly number[])[];
  /**
   * The transformed image elements of a tile. Only the product at infinity needs the last element: where that is not given, the product is
   * left out.
   */
  readonly input: Transform;
  /** the results of a tile */
  readonly output: Transform;
  /** integers only: what the results are multiplied by when they come out of `output` */
  readonly scale?: readonly number[];
}

/** Points other than infinity: 0, and pairs ±p. */
export interface Points {
  readonly zero: boolean;
  readonly pairs: readonly number[];
}

/** Points other than infinity by the number of products. */
const pointsOf: ReadonlyMap<number, Points> = new Map([
  [3, { zero: false, pairs: [1] }],
  [4, { zero: true, pairs: [1] }],
  [5, { zero: false, pairs: [1 / 2, 5 / 4] }],
  [6, { zero: true, pairs: [3 / 4, 3 / 2] }],
]);

/** Coefficients of the product of x² - p² over some points, ascending powers of x². */
export const evenPolynomial = (points: readonly number[]): readonly number[] =>
  points.reduce<readonly number[]>(
    (polynomial, p) => [...polynomial, 0].map((_, i) => (polynomial[i - 1] ?? 0) - p * p * (polynomial[i] ?? 0)),
    [1],
  );

/** The points but one. */
export const others = (points: readonly number[], but: number): readonly number[] =>
  points.filter((point) => point !== but);

/** Factor times operand, without a multiplication where the factor is ±1. */
function plus(a: Algebra, sum: Push, factor: number, x: Push): Push {
  if (factor === 1) return a.add(sum, x);
  if (factor === -1) return a.sub(sum, x);
  return a.madd(x, a.constant(factor), sum);
}

/** The sum of every second element from `first` on times coefficients, the last of which is 1. */
function dot(a: Algebra, coefficients: readonly number[], d: readonly Push[], first: number): Push {
  const operand = (i: number): Push => d[first + 2 * i] as Push;
  const [, ...rest] = coefficients.toReversed();
  const highest = operand(rest.length);
  return rest.reduce((sum, factor, i) => plus(a, sum, factor, operand(rest.length - 1 - i)), highest);
}

function weightRows({ zero, pairs }: Points, taps: number): readonly (readonly number[])[] {
  const powers = (point: number, scale: number): number[] => Array.from({ length: taps }, (_, k) => point ** k / scale);
  const between = (p: number): number => others(pairs, p).reduce((product, q) => product * (p * p - q * q), 1);
  const atZero = zero ? [powers(0, pairs.reduce((product, p) => product * -p * p, 1))] : [];
  const atPairs = pairs.flatMap((p) =>
    [p, -p].map((point) => powers(point, 2 * point * (zero ? point : 1) * between(p))),
  );
  const atInfinity = Array.from({ length: taps }, (_, k) => (k === taps - 1 ? 1 : 0));
  return [...atZero, ...atPairs, atInfinity];
} // prettier-ignore

function transformInput({ zero, pairs }: Points, size: number, a: Algebra, d: readonly Push[]): readonly Push[] {
  const all = evenPolynomial(pairs);
  const shift = zero ? 1 : 0;
  const atPairs = pairs.flatMap((p) => {
    const polynomial = evenPolynomial(others(pairs, p));
    const [low, high] = [a.let(dot(a, polynomial, d, shift)), a.let(dot(a, polynomial, d, shift + 1))];
    return [plus(a, high, p, low), plus(a, high, -p, low)];
  });
  const atInfinity = d.length === size ? [dot(a, all, d, shift)] : [];
  return [...(zero ? [dot(a, all, d, 0)] : []), ...atPairs, ...atInfinity];
}

function transformOutput({ zero, pairs }: Points, outputs: number, a: Algebra, m: readonly Push[]): readonly Push[] {
  const shift = zero ? 1 : 0;
  const halves = pairs.map((_, i) => {
    const [plusP, minusP] = [m[shift + 2 * i] as Push, m[shift + 2 * i + 1] as Push];
    const [even, odd] = [a.add(plusP, minusP), a.sub(plusP, minusP)];
    return { even: outputs > 2 ? a.let(even) : even, odd: outputs > 3 ? a.let(odd) : odd };
  });
  return Array.from({ length: outputs }, (_, k) => {
    const ends = [...(k === 0 && zero ? [m[0] as Push] : []), ...(k === outputs - 1 ? [m.at(-1) as Push] : [])];
    const terms = [
      ...ends.map((x): Term => ({ factor: 1, x })),
      ...halves.map(({ even, odd }, i): Term => ({ factor: (pairs[i] as number) ** k, x: k % 2 === 0 ? even : odd })),
    ];
    const [first, ...rest] = terms as [Term, ...Term[]];
    return rest.reduce((sum, { factor, x }) => plus(a, sum, factor, x), scaled(a, first));
  });
} // prettier-ignore

interface Term {
  readonly factor: number;
  readonly x: Push;
}

const scaled = (a: Algebra, { factor, x }: Term): Push => (factor === 1 ? x : a.mul(x, a.constant(factor)));

/** A dim without a filter. */
const identity: Form = {
  name: "F(1,1)",
  outputs: 1,
  taps: 1,
  size: 1,
  weights: [[1]],
  input: (_, d) => d,
  output: (_, products) => products,
};

function minimalFilter(outputs: number, taps: number): Form | undefined {
  const size = outputs + taps - 1;
  const points = pointsOf.get(size);
  if (points === undefined || outputs < 2) return undefined;
  return {
    name: `F(${outputs},${taps})`,
    outputs,
    taps,
    size,
    weights: weightRows(points, taps),
    input: (f, d, temporaries) => transformInput(points, size, algebra(f, "f32x4", temporaries), d),
    output: (f, products, temporaries) => transformOutput(points, outputs, algebra(f, "f32x4", temporaries), products),
  };
}

/** The forms for filters of so many taps, the one with the largest tiles first; none for filters that are too long. */
export function formsOf(taps: number): readonly Form[] {
  if (taps === 1) return [identity];
  return [5, 4, 3, 2].flatMap((outputs) => minimalFilter(outputs, taps) ?? []);
}

/** One of `formsOf`. */
export function formOf(outputs: number, taps: number): Form {
  const form = formsOf(taps).find((one) => one.outputs === outputs);
  if (form === undefined) throw new Error(`internal: no minimal filter F(${outputs},${taps})`);
  return form;
}
