/**
 * Winograd's minimal filtering F(m, 3) along one dim: m neighbouring results of a filter of three taps from m + 2 products.
 *
 *     results = output( weights(g) * input(d) )          d: m + 2 elements of the image, g: three weights
 *
 * F(4, 3) interpolates at 0, ±a, ±b and infinity. The usual ±1, ±2 lose more than four times as much precision as ±3/4, ±3/2, whose
 * powers are exact floats too: over random images and 256 channels the largest error, relative to the largest result, is 1.4e-6 instead
 * of 5.8e-6, where a direct sum has 1.0e-6.
 */
import type { Algebra, Push } from "../../math/algebra.ts";

export interface Form {
  readonly name: string;
  /** results in a tile */
  readonly outputs: number;
  /** elements of the image in a tile, and products */
  readonly size: number;
  /** rows of the matrix that transforms the three weights */
  readonly weights: readonly (readonly [number, number, number])[];
  /** the transformed image elements of a tile; operands are pushed more than once */
  readonly input: (a: Algebra, d: readonly Push[]) => readonly Push[];
  /** the results of a tile */
  readonly output: (a: Algebra, products: readonly Push[]) => readonly Push[];
}

type Four = readonly [Push, Push, Push, Push];
type Six = readonly [Push, Push, Push, Push, Push, Push];

const two: Form = {
  name: "F2",
  outputs: 2,
  size: 4,
  weights: [
    [1, 0, 0],
    [0.5, 0.5, 0.5],
    [0.5, -0.5, 0.5],
    [0, 0, 1],
  ],
  input: (a, d) => {
    const [d0, d1, d2, d3] = d as Four;
    return [a.sub(d0, d2), a.add(d1, d2), a.sub(d2, d1), a.sub(d3, d1)];
  },
  output: (a, products) => {
    const [m0, m1, m2, m3] = products as Four;
    return [a.add(m0, a.add(m1, m2)), a.add(a.sub(m1, m2), m3)];
  },
};

/** F(4, 3) over the points 0, ±p, ±q and infinity. */
function fourAt(p: number, q: number): Form {
  const [pp, qq] = [p * p, q * q];
  const [atP, atQ] = [2 * pp * (pp - qq), 2 * qq * (qq - pp)];
  return {
    name: "F4",
    outputs: 4,
    size: 6,
    weights: [
      [1 / (pp * qq), 0, 0],
      [1 / atP, p / atP, pp / atP],
      [1 / atP, -p / atP, pp / atP],
      [1 / atQ, q / atQ, qq / atQ],
      [1 / atQ, -q / atQ, qq / atQ],
      [0, 0, 1],
    ],
    input: (a, d) => {
      const [d0, d1, d2, d3, d4, d5] = d as Six;
      const ends = (first: Push, middle: Push, last: Push): Push =>
        a.madd(first, a.constant(pp * qq), a.madd(middle, a.constant(-(pp + qq)), last));
      const pair = (point: number, other: number): readonly [Push, Push] => {
        const even = a.let(a.madd(d2, a.constant(-other), d4));
        const odd = a.let(a.madd(d1, a.constant(-other), d3));
        return [a.madd(odd, a.constant(point), even), a.madd(odd, a.constant(-point), even)];
      };
      return [ends(d0, d2, d4), ...pair(p, qq), ...pair(q, pp), ends(d1, d3, d5)];
    },
    output: (a, products) => {
      const [m0, m1, m2, m3, m4, m5] = products as Six;
      const [sumP, differenceP] = [a.let(a.add(m1, m2)), a.let(a.sub(m1, m2))];
      const [sumQ, differenceQ] = [a.let(a.add(m3, m4)), a.let(a.sub(m3, m4))];
      return [
        a.add(m0, a.add(sumP, sumQ)),
        a.madd(differenceQ, a.constant(q), a.mul(differenceP, a.constant(p))),
        a.madd(sumQ, a.constant(qq), a.mul(sumP, a.constant(pp))),
        a.madd(differenceQ, a.constant(qq * q), a.madd(differenceP, a.constant(pp * p), m5)),
      ];
    },
  };
}

/** The forms that schedules choose from. */
export const forms: { readonly two: Form; readonly four: Form } = { two, four: fourAt(3 / 4, 3 / 2) };
